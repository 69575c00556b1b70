#include "pki/cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "pki/ca.h"
#include "pki/fs.h"
#include "pki/issue.h"
#include "pki/notify.h"
#include "pki/result.h"

/* crl, and maintain: the same for a timer. */

struct crl_opts {
	int64_t days;
	bool if_needed;
	const char *out, *install, *notify;
};

#define COMMON_ROWS                                                                              \
	{ "days", OPT_NUMBER, offsetof(struct crl_opts, days), "N",                              \
		"days until it must be renewed (at least 30; default: 180)", ISSUE_CRL_DAYS_MIN, \
		ISSUE_DAYS_MAX },                                                                \
		{ "install", OPT_TEXT, offsetof(struct crl_opts, install), "FILE",               \
			"put it there too, unless that file is the same already", 0, 0 },        \
	{                                                                                        \
		"notify", OPT_TEXT, offsetof(struct crl_opts, notify), "PID|COMMAND",            \
			"then send SIGHUP to a process, or run an executable (by its path, "     \
			"without a shell and without arguments)",                                \
			0, 0                                                                     \
	}

static const struct opt crl_opts[] = {
	COMMON_ROWS,
	{ "if-needed", OPT_FLAG, offsetof(struct crl_opts, if_needed), NULL,
		"only when less than a third of its time is left, or a revocation is not in it", 0,
		0 },
	{ "out", OPT_TEXT, offsetof(struct crl_opts, out), "FILE",
		"write a copy there as well, replaced in one step", 0, 0 },
};

static const struct opt maintain_opts[] = { COMMON_ROWS };

/* 1: yes; 0: no; or an error of the index. */
static int is_needed(const struct cli *cli, const struct ca *ca)
{
	struct store_crl last;
	int64_t pending = store_pending(ca->store);
	int r = store_last_crl(ca->store, &last);

	if (pending < 0)
		return (int)pending;
	if (r < 0)
		return r == -ENOENT ? 1 : r;
	return pending > 0 || !fs_exists(ca->dir, CA_CRL) ||
	       last.next_update - cli->now < (last.next_update - last.this_update) / 3;
}

static int read_crl(const struct cli *cli, const struct ca *ca, char **text, size_t *len)
{
	int r = fs_read(ca->dir, CA_CRL, text, len);

	return r == 0 ? CLI_OK
		      : cli_fail(CLI_FAILED, "cannot read %s/%s: %s", cli->dir, CA_CRL,
				strerror(-r));
}

static int put(const char *path, const char *text, size_t len)
{
	int r = fs_write_path(path, FS_PUBLIC, text, len);

	return r == 0 ? CLI_OK : cli_fail(CLI_FAILED, "cannot write %s: %s", path, strerror(-r));
}

static bool is_same(const char *path, const char *text, size_t len)
{
	char *there = NULL;
	size_t n = 0;
	bool same = fs_read(AT_FDCWD, path, &there, &n) == 0 && n == len &&
		    memcmp(there, text, len) == 0;

	free(there);
	return same;
}

/* Also when no new one was needed: an earlier attempt may have failed here. */
static int publish(const struct cli *cli, const struct ca *ca, const struct crl_opts *o)
{
	char *text = NULL;
	size_t len = 0;
	int r = read_crl(cli, ca, &text, &len);

	if (r == CLI_OK && o->out != NULL)
		r = put(o->out, text, len);
	if (r == CLI_OK && o->install != NULL && !is_same(o->install, text, len)) {
		r = put(o->install, text, len);
		if (r == CLI_OK && o->notify != NULL)
			r = notify_send(o->notify);
	}
	free(text);
	return r;
}

static int run(const struct cli *cli, const struct crl_opts *o)
{
	struct store_crl crl;
	struct ca ca;
	int r, needed = 1;

	if (o->notify != NULL && o->install == NULL)
		return cli_fail(CLI_USAGE, "--notify goes with --install");
	if (o->notify != NULL && !notify_valid(o->notify))
		return cli_fail(CLI_USAGE,
			"--notify takes a process id or the path of an executable, as in /usr/...");
	r = ca_open(cli, CA_WRITE, &ca);
	if (r == CLI_OK && o->if_needed)
		needed = is_needed(cli, &ca);
	if (r == CLI_OK && needed < 0)
		r = ca_store_failed(&ca, needed);
	if (r == CLI_OK && needed == 0)
		cli_note(cli, "the CRL is good for a while");
	if (r == CLI_OK && needed == 1) {
		r = ca_load_key(cli, &ca, NULL);
		if (r == CLI_OK)
			r = issue_crl(cli, &ca, o->days, &crl);
	}
	if (r == CLI_OK && !cli->dry_run && (o->out != NULL || o->install != NULL))
		r = publish(cli, &ca, o);
	if (r == CLI_OK && needed == 1)
		r = result_crl(cli, &crl);
	ca_close(&ca);
	return r;
}

static int run_crl(const struct cli *cli, const void *opts, char **args, int n_args)
{
	(void)args;
	(void)n_args;
	return run(cli, opts);
}

static int run_maintain(const struct cli *cli, const void *opts, char **args, int n_args)
{
	struct crl_opts o = *(const struct crl_opts *)opts;

	(void)args;
	(void)n_args;
	o.if_needed = true;
	return run(cli, &o);
}

const struct cmd pki_cmd_crl = {
	.name = "crl",
	.args = "",
	.summary = "Write a new CRL",
	.example = "  sallyport-pki crl --days 90 --out crl-copy.pem\n"
		   "  sallyport-pki crl --if-needed --install /etc/sallyport/crl.pem --notify 4711",
	.opts = crl_opts,
	.n_opts = sizeof(crl_opts) / sizeof(crl_opts[0]),
	.opts_size = sizeof(struct crl_opts),
	.run = run_crl,
};

const struct cmd pki_cmd_maintain = {
	.name = "maintain",
	.args = "",
	.summary = "Do what time demands, from a timer: renew the CRL before it ends",
	.example = "  sallyport-pki maintain --quiet --pass-file /root/pki-pass \\\n"
		   "      --install /etc/sallyport/crl.pem --notify /usr/local/sbin/reload-vpn",
	.opts = maintain_opts,
	.n_opts = sizeof(maintain_opts) / sizeof(maintain_opts[0]),
	.opts_size = sizeof(struct crl_opts),
	.run = run_maintain,
};
