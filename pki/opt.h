#ifndef PKI_OPT_H
#define PKI_OPT_H

#include <stddef.h>
#include <stdint.h>

/* Command-line options as tables: one row is the parser, the help and the reference. */

enum opt_kind {
	OPT_FLAG,   /* bool */
	OPT_TEXT,   /* const char * */
	OPT_NUMBER, /* int64_t from min to max */
	OPT_LIST,   /* struct opt_list; may be given several times */
};

enum { OPT_LIST_MAX = 64 };

struct opt_list {
	const char *item[OPT_LIST_MAX];
	size_t n;
};

struct opt {
	const char *name; /* Without the dashes. */
	enum opt_kind kind;
	size_t off;      /* Of the value in the struct that base points to. */
	const char *arg; /* What the value is called in the help; NULL for a flag. */
	const char *help;
	int64_t min, max;
};

struct opt_set {
	const struct opt *opts;
	size_t n;
	void *base; /* Where values go; untouched by options that are not given. */
};

/*
 * Take the options of all sets out of argv[0..*argc) and leave the other arguments, in order.  "--" ends the
 * options.  Returns 0, or -EINVAL with the reason in why.  Values point into argv.
 */
int opt_parse(
	const struct opt_set *sets, size_t n_sets, int *argc, char **argv, char why[static 256]);

#endif
