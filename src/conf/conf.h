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

/* One JSON object per setting: name, type, default, range, reloadable, help.  For manuals and checks. */
void conf_describe(const struct conf_table *t, FILE *out);

#endif
