#ifndef PKI_PASS_H
#define PKI_PASS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Passphrases: never on the command line.  Raw bytes; one newline at the end is not part of it. */

enum { PASS_MAX = 1024 };

struct pass_opts {
	const char *file;
	int64_t fd; /* -1: not given. */
	const char *env;
	bool from_stdin;
};

struct pass {
	char text[PASS_MAX + 2];
	size_t len;
};

/* Has one of the sources been named? */
bool pass_given(const struct pass_opts *o);

/*
 * Read it from the source named, else by a prompt on the terminal, asked times times (1 or 2) and compared.
 * Returns 0; -EINVAL (more than one source, empty, too long, holds a NUL, the two differ), -ENOKEY (no
 * source and no terminal to ask on), or an error of reading; why says what.
 */
int pass_read(const struct pass_opts *o, const char *prompt, int times, struct pass *out,
	char why[static 256]);
void pass_wipe(struct pass *p);

#endif
