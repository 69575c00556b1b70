#ifndef IO_PROGRAM_H
#define IO_PROGRAM_H

#include "conf/conf.h"

/* What the command lines of both daemons have in common. */
struct program {
	const char *name;         /* "sallyport-server" */
	const char *default_conf; /* Path. */
	const char *summary;      /* One line for --help. */
	const struct conf_table *settings;
};

enum program_action {
	PROGRAM_RUN,
	PROGRAM_CHECK, /* --check: parse, validate, say what would happen, exit. */
	PROGRAM_DONE,  /* --help, --version, --settings: printed; exit with 0. */
	PROGRAM_USAGE, /* Wrong usage, said so; exit with 2. */
};

enum program_action program_parse(
	const struct program *p, int argc, char **argv, const char **conf_path);

#endif
