#ifndef CTL_CMD_H
#define CTL_CMD_H

/*
 * The commands of `sallyport`: each is one file, cmd_NAME.c, and one row of the table in main.c.  A command gets its own
 * name as argv[0], prints results to stdout and complaints to stderr, and returns the exit code.
 */
enum {
	CMD_DONE = 0,
	CMD_FAILED = 1,
	CMD_USAGE = 2,
};

int cmd_status(int argc, char **argv);

#endif
