#include "ctl/cmd.h"

#include "base/util.h"
#include "ctl/ctl_ask.h"
#include "ctl/ctl_view.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Asked in this order when no socket is named; the first that answers is shown. */
static const char *const default_sockets[] = {
	"/run/sallyport/server.sock",
	"/run/sallyport/client.sock",
};

static void print_help(void)
{
	(void)printf("usage: sallyport status [--json] [--socket PATH]\n\n"
		     "Shows what a daemon on this machine is doing: its sessions and counters.\n\n"
		     "  -j, --json         the daemon's whole answer, for programs\n"
		     "  -s, --socket PATH  the daemon's control socket (default: the server's,\n"
		     "                     %s, or else the client's,\n"
		     "                     %s)\n"
		     "  -h, --help         this text\n",
		default_sockets[0], default_sockets[1]);
}

static int usage(const char *what, const char *word)
{
	(void)fprintf(
		stderr, "sallyport: status: %s: '%s'; see 'sallyport status --help'\n", what, word);
	return CMD_USAGE;
}

/* $COLUMNS, else the terminal's width, else 0: no limit. */
static size_t screen_width(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize ws;

	if (columns != NULL && columns[0] != '\0')
		return (size_t)strtoul(columns, NULL, 10);
	if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0)
		return ws.ws_col;
	return 0;
}

static int ask(const char *path, json_t **out)
{
	char why[CTL_ASK_WHY];
	int r = ctl_ask(path, "status", CTL_ASK_TIMEOUT_MS, out, why);

	if (r != 0)
		(void)fprintf(stderr, "sallyport: %s: %s\n", path, why);
	return r;
}

/* The server's socket, or else the client's; complains only when neither answers. */
static int ask_default(json_t **out)
{
	char why[ARRAY_LEN(default_sockets)][CTL_ASK_WHY];
	int r = -ENOENT;

	for (size_t i = 0; i < ARRAY_LEN(default_sockets) && r != 0; i++)
		r = ctl_ask(default_sockets[i], "status", CTL_ASK_TIMEOUT_MS, out, why[i]);
	for (size_t i = 0; i < ARRAY_LEN(default_sockets) && r != 0; i++)
		(void)fprintf(stderr, "sallyport: %s: %s\n", default_sockets[i], why[i]);
	return r;
}

static int print_json(const json_t *status)
{
	int r = json_dumpf(status, stdout, JSON_INDENT(2));

	(void)putchar('\n');
	return r;
}

int cmd_status(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "socket", required_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	const char *path = NULL;
	bool json = false;
	json_t *status = NULL;

	opterr = 0;
	for (int c; (c = getopt_long(argc, argv, "js:h", options, NULL)) != -1;) {
		if (c == 'h') {
			print_help();
			return CMD_DONE;
		}
		if (c == '?')
			return usage("unknown option, or one without its value", argv[optind - 1]);
		json = json || c == 'j';
		path = c == 's' ? optarg : path;
	}
	if (optind < argc)
		return usage("it takes no argument", argv[optind]);
	if ((path != NULL ? ask(path, &status) : ask_default(&status)) != 0)
		return CMD_FAILED;
	int r = json ? print_json(status) : ctl_view_status(status, screen_width(), stdout);
	json_decref(status);
	if (r != 0)
		(void)fprintf(stderr, "sallyport: out of memory\n");
	return r == 0 ? CMD_DONE : CMD_FAILED;
}
