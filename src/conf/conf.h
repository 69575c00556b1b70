#ifndef CONF_CONF_H
#define CONF_CONF_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* What server and client configuration share: one table of settings for each program, read with libconfig. */

struct conf_error {
	char file[256]; /* "" when read from a string. */
	int line;       /* 0: not tied to a line. */
	char text[256]; /* What is wrong and what was expected. */
};

struct conf_table;

/* A value of `certificate`, `key`, `ca`, `crl` that is PEM text itself and not a path. */
bool conf_is_pem(const char *value);

/* "1.7.3": the version of libconfig in use. */
const char *conf_library_version(void);

/* "FILE:LINE: text", as compilers print it. */
void conf_print_error(const struct conf_error *err, FILE *out);

/*
 * A JSON array with an object for each setting, one on each line, in the table's order: name, type, default (as a
 * file would have it, or null), required, reloadable, help, and where they apply range (of, min, max) and choices.
 * scripts/check-docs.py reads it.
 */
void conf_describe(const struct conf_table *t, FILE *out);

#endif
