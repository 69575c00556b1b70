#include "pki/cmd.h"

#include <stdio.h>

#include "pki/ca.h"
#include "pki/fs.h"
#include "pki/result.h"
#include "pki/stamp.h"

struct list_opts {
	bool valid, expired, revoked;
	const char *name;
};

static const struct opt opts[] = {
	{ "valid", OPT_FLAG, offsetof(struct list_opts, valid), NULL, "only those that are valid",
		0, 0 },
	{ "expired", OPT_FLAG, offsetof(struct list_opts, expired), NULL, "only expired ones", 0,
		0 },
	{ "revoked", OPT_FLAG, offsetof(struct list_opts, revoked), NULL, "only revoked ones", 0,
		0 },
	{ "name", OPT_TEXT, offsetof(struct list_opts, name), "GLOB",
		"only names that match, as in 'bob*'", 0, 0 },
};

struct listing {
	const struct cli *cli;
	size_t n;
};

static int print_json(const struct store_cert *c, void *arg)
{
	struct listing *l = arg;
	json_t *o = result_cert_json(l->cli, c);
	int r;

	(void)fputs(l->n++ > 0 ? ",\n  " : "\n  ", stdout);
	r = o == NULL ? -1 : json_dumpf(o, stdout, 0);
	json_decref(o);
	return r;
}

static int print_row(const struct store_cert *c, void *arg)
{
	struct listing *l = arg;
	char expires[STAMP_LEN];

	if (l->n++ == 0)
		(void)printf("%-14s%-8s%-24s%-22s%-34s%s\n", "STATE", "TYPE", "NAME", "EXPIRES",
			"SERIAL", "HOSTS");
	(void)printf("%-14s%-8s%-23s %-22s%-33s %s\n", result_state(c, l->cli->now), c->kind,
		c->name, stamp_format(c->not_after, expires), c->serial, c->sans);
	return 0;
}

static int list(const struct cli *cli, const struct ca *ca, const struct list_opts *o)
{
	const struct store_filter f = {
		.name_glob = o->name,
		.valid_at = o->valid ? cli->now : 0,
		.expired_at = o->expired ? cli->now : 0,
		.revoked = o->revoked,
		.not_revoked = o->valid || o->expired,
	};
	struct listing l = { .cli = cli };
	int r;

	if (cli->json)
		(void)putchar('[');
	r = store_each(ca->store, &f, cli->json ? print_json : print_row, &l);
	if (cli->json)
		(void)fputs("\n]\n", stdout);
	return r < 0 ? ca_store_failed(ca, r) : CLI_OK;
}

static int run(const struct cli *cli, const void *opts_in, char **args, int n_args)
{
	const struct list_opts *o = opts_in;
	struct ca ca;
	int r;

	(void)args;
	(void)n_args;
	if (o->valid + o->expired + o->revoked > 1)
		return cli_fail(CLI_USAGE, "--valid, --expired and --revoked exclude each other");
	r = ca_open(cli, CA_READ, &ca);
	if (r == CLI_OK)
		r = list(cli, &ca, o);
	if (r == CLI_OK && store_pending(ca.store) > 0)
		r = cli_fail(
			CLI_CRITICAL, "a revocation is not yet in a CRL: run 'sallyport-pki crl'");
	ca_close(&ca);
	return r;
}

const struct cmd pki_cmd_list = {
	.name = "list",
	.args = "",
	.summary = "List certificates",
	.example = "  sallyport-pki list --valid --name 'site-*'",
	.opts = opts,
	.n_opts = sizeof(opts) / sizeof(opts[0]),
	.opts_size = sizeof(struct list_opts),
	.run = run,
};
