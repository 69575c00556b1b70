#include "ctl/cmd.h"

#include "base/util.h"

#include <errno.h>
#include <jansson.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name, *help;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "status", "sessions, counters and state of a daemon", cmd_status },
};

static void print_usage(FILE *out)
{
	(void)fprintf(out, "usage: sallyport COMMAND [OPTIONS]\n\nCommands:\n");
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		(void)fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].help);
	(void)fprintf(out, "\n  --help     this text; 'sallyport COMMAND --help' tells more\n"
			   "  --version  versions of this program and of what it is built with\n");
}

static int run_command(int argc, char **argv)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (strcmp(argv[0], commands[i].name) == 0)
			return commands[i].run(argc, argv);
	(void)fprintf(stderr, "sallyport: unknown command '%s'; 'sallyport --help' lists them\n",
		argv[0]);
	return CMD_USAGE;
}

int main(int argc, char **argv)
{
	int r = CMD_DONE;

	(void)setlocale(LC_CTYPE, "");
	if (argc < 2) {
		print_usage(stderr);
		return CMD_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		print_usage(stdout);
	else if (strcmp(argv[1], "--version") == 0)
		(void)printf(
			"sallyport %s (jansson %s)\n", SALLYPORT_VERSION, jansson_version_str());
	else
		r = run_command(argc - 1, argv + 1);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		(void)fprintf(stderr, "sallyport: cannot write the output: %s\n", strerror(errno));
		r = r == CMD_DONE ? CMD_FAILED : r;
	}
	return r;
}
