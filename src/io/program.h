#ifndef IO_PROGRAM_H
#define IO_PROGRAM_H

#include "conf/conf.h"

/* What both daemons' main() have in common: the command line, the start of the process, the exit code. */
enum {
	PROGRAM_OK = 0,
	PROGRAM_FAILED = 1,
	PROGRAM_USAGE = 2, /* Wrong usage or configuration. */
};

struct program {
	const char *name;         /* "sallyport-server" */
	const char *default_conf; /* Path. */
	const char *summary;      /* One line for --help. */
	const struct conf_table *settings;
	void *conf; /* The program's own struct, for the functions below. */
	int (*load)(const char *path, void *conf,
		struct conf_error *err); /* Sets the log's level too. */
	int (*check)(const void *conf);  /* --check: say what would happen.  An exit code. */
	int (*run)(const void *conf);    /* An exit code. */
	void (*clear)(void *conf);
};

int program_main(const struct program *p, int argc, char **argv);

#endif
