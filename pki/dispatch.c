#include "pki/dispatch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "base/util.h"
#include "pki/cmd.h"
#include "pki/stamp.h"

static const struct cmd *const commands[] = {
	&pki_cmd_init,
	&pki_cmd_server,
	&pki_cmd_client,
	&pki_cmd_batch,
	&pki_cmd_csr,
	&pki_cmd_sign,
	&pki_cmd_renew,
	&pki_cmd_rekey,
	&pki_cmd_revoke,
	&pki_cmd_unhold,
	&pki_cmd_crl,
	&pki_cmd_maintain,
	&pki_cmd_ca,
	&pki_cmd_list,
	&pki_cmd_show,
	&pki_cmd_export,
	&pki_cmd_status,
	&pki_cmd_expiring,
	&pki_cmd_verify,
	&pki_cmd_lint,
	&pki_cmd_log,
	&pki_cmd_doctor,
	&pki_cmd_backup,
	&pki_cmd_restore,
	&pki_cmd_import_easyrsa,
	&pki_cmd_import_openssl,
};

/* Options of every command. */
struct globals {
	struct cli cli;
	const char *now;
	bool help, version;
};

#define G(field) offsetof(struct globals, field)
static const struct opt global_opts[] = {
	{ "dir", OPT_TEXT, G(cli.dir), "DIR",
		"the CA's directory (default: $SALLYPORT_PKI, then ./pki-data)", 0, 0 },
	{ "json", OPT_FLAG, G(cli.json), NULL, "results as JSON", 0, 0 },
	{ "dry-run", OPT_FLAG, G(cli.dry_run), NULL,
		"check everything, say what would be done, change nothing", 0, 0 },
	{ "yes", OPT_FLAG, G(cli.yes), NULL, "do not ask on the terminal whether to go on", 0, 0 },
	{ "quiet", OPT_FLAG, G(cli.quiet), NULL, "no remarks, only errors", 0, 0 },
	{ "wait", OPT_NUMBER, G(cli.wait_s), "SECONDS",
		"how long to wait for another command to finish (default: 10)", 0, 86400 },
	{ "now", OPT_TEXT, G(now), "TIME", "act as if it were this time (for tests)", 0, 0 },
	{ "pass-file", OPT_TEXT, G(cli.pass.file), "FILE",
		"read the CA key's passphrase from a file", 0, 0 },
	{ "pass-fd", OPT_NUMBER, G(cli.pass.fd), "N", "... from a file descriptor", 0, 65535 },
	{ "pass-env", OPT_TEXT, G(cli.pass.env), "NAME", "... from an environment variable", 0, 0 },
	{ "pass-stdin", OPT_FLAG, G(cli.pass.from_stdin), NULL, "... from the first line of stdin",
		0, 0 },
	{ "key-pass-file", OPT_TEXT, G(cli.key_pass.file), "FILE",
		"read the passphrase of a server's or client's key from a file", 0, 0 },
	{ "key-pass-fd", OPT_NUMBER, G(cli.key_pass.fd), "N", "... from a file descriptor", 0,
		65535 },
	{ "key-pass-env", OPT_TEXT, G(cli.key_pass.env), "NAME", "... from an environment variable",
		0, 0 },
	{ "key-pass-stdin", OPT_FLAG, G(cli.key_pass.from_stdin), NULL,
		"... from a line of stdin, after the CA's", 0, 0 },
	{ "key-pass-ask", OPT_FLAG, G(cli.ask_key_pass), NULL, "... by asking on the terminal", 0,
		0 },
	{ "help", OPT_FLAG, G(help), NULL, "this text", 0, 0 },
	{ "version", OPT_FLAG, G(version), NULL, "the program's version", 0, 0 },
};
#undef G

static void print_opts(const struct opt *opts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char left[64];
		(void)snprintf(left, sizeof(left), "--%s%s%s", opts[i].name,
			opts[i].arg != NULL ? " " : "", opts[i].arg != NULL ? opts[i].arg : "");
		(void)printf("  %-24s %s%s\n", left, opts[i].help,
			opts[i].kind == OPT_LIST ? " (may be given again)" : "");
	}
}

static void print_help(const struct cmd *cmd)
{
	if (cmd != NULL) {
		(void)printf("Usage: sallyport-pki %s%s%s [OPTIONS]\n\n%s.\n", cmd->name,
			cmd->args[0] != '\0' ? " " : "", cmd->args, cmd->summary);
		if (cmd->n_opts > 0)
			(void)printf("\nOptions:\n");
		print_opts(cmd->opts, cmd->n_opts);
		(void)printf("\nExample:\n%s\n", cmd->example);
	} else {
		(void)printf("Usage: sallyport-pki COMMAND ... [OPTIONS]\n\n"
			     "The certificate authority of a sallyport network.\n\nCommands:\n");
		for (size_t i = 0; i < ARRAY_LEN(commands); i++)
			(void)printf("  %-16s %s\n", commands[i]->name, commands[i]->summary);
		(void)printf("\n'sallyport-pki COMMAND --help' tells more.\n");
	}
	(void)printf("\nOptions of every command:\n");
	print_opts(global_opts, ARRAY_LEN(global_opts));
	(void)printf("\nExit codes: 0 done, 1 failed, 2 usage, 3 warning, 4 critical, 5 "
		     "wrong passphrase, 6 locked, 7 not found.\n");
}

static const struct cmd *find(const char *name)
{
	for (size_t i = 0; name != NULL && i < ARRAY_LEN(commands); i++) {
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	}
	return NULL;
}

/* The first argument that is no option: options with values may stand before the command. */
static const char *command_name(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (argv[i][0] != '-')
			return argv[i];
		const char *name = argv[i] + 2;
		for (size_t k = 0; argv[i][1] == '-' && k < ARRAY_LEN(global_opts); k++) {
			if (global_opts[k].kind != OPT_FLAG &&
				strcmp(global_opts[k].name, name) == 0)
				i++;
		}
	}
	return NULL;
}

static int set_defaults(struct globals *g)
{
	if (g->cli.dir == NULL)
		g->cli.dir = getenv("SALLYPORT_PKI");
	if (g->cli.dir == NULL || g->cli.dir[0] == '\0')
		g->cli.dir = "pki-data";
	g->cli.now = (int64_t)time(NULL);
	if (g->now != NULL && stamp_parse(g->now, &g->cli.now) < 0)
		return cli_fail(CLI_USAGE, "--now takes a time like 2027-01-31T12:00:00Z");
	return CLI_OK;
}

/* Keys pass through our memory: no core dumps, no files that others can read. */
static void harden(void)
{
	const struct rlimit none = { 0, 0 };

	(void)setrlimit(RLIMIT_CORE, &none);
#ifndef __SANITIZE_ADDRESS__
	(void)prctl(PR_SET_DUMPABLE, 0);
#endif
	(void)umask(077);
}

static int run(const struct cmd *cmd, int argc, char **argv)
{
	struct globals g = {
		.cli = { .wait_s = 10, .pass = { .fd = -1 }, .key_pass = { .fd = -1 } }
	};
	void *opts = cmd != NULL ? calloc(1, cmd->opts_size + 1) : NULL;
	const struct opt_set sets[] = {
		{ global_opts, ARRAY_LEN(global_opts), &g },
		{ cmd != NULL ? cmd->opts : NULL, cmd != NULL ? cmd->n_opts : 0, opts },
	};
	char why[256];
	int r, n = argc - 1;

	if (cmd != NULL && opts == NULL)
		return cli_fail(CLI_FAILED, "out of memory");
	r = opt_parse(sets, ARRAY_LEN(sets), &n, argv + 1, why);
	if (r < 0) {
		r = cli_fail(CLI_USAGE, "%s (--help tells more)", why);
	} else if (g.version) {
		(void)printf("sallyport-pki " SALLYPORT_VERSION "\n");
	} else if (g.help) {
		print_help(cmd);
	} else if (cmd == NULL) {
		r = n > 0 ? cli_fail(CLI_USAGE, "unknown command '%.60s' (--help tells more)",
				    argv[1])
			  : cli_fail(CLI_USAGE, "no command given (--help tells more)");
	} else if (n - 1 < cmd->min_args || n - 1 > cmd->max_args) {
		r = cli_fail(CLI_USAGE, "usage: sallyport-pki %s %s (--help tells more)", cmd->name,
			cmd->args);
	} else {
		r = set_defaults(&g);
		if (r == CLI_OK)
			r = cmd->run(&g.cli, opts, argv + 2, n - 1);
	}
	free(opts);
	return r;
}

int dispatch_run(int argc, char **argv)
{
	int r;

	harden();
	r = run(find(command_name(argc, argv)), argc, argv);
	if (fflush(stdout) != 0 && r == CLI_OK)
		r = cli_fail(CLI_FAILED, "cannot write the result: %s", strerror(errno));
	return r;
}
