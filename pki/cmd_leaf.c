#include "pki/cmd.h"

#include "pki/leaf.h"

/* server NAME and client NAME. */

#define ALG_ROW                                                                   \
	{                                                                         \
		"alg", OPT_TEXT, offsetof(struct leaf_opts, alg), "ALG",          \
			"the key: p256 (default), p384, ed25519 or rsa3072", 0, 0 \
	}

static const struct opt server_opts[] = {
	{ "dns", OPT_LIST, offsetof(struct leaf_opts, dns), "HOST",
		"a host name that clients connect to", 0, 0 },
	{ "ip", OPT_LIST, offsetof(struct leaf_opts, ip), "ADDRESS",
		"an address that clients connect to", 0, 0 },
	LEAF_LIST_ROWS(struct leaf_opts),
	LEAF_DAYS_ROW(struct leaf_opts),
	ALG_ROW,
};

static const struct opt client_opts[] = {
	{ "dns", OPT_LIST, offsetof(struct leaf_opts, dns), "HOST", "a host name of the client", 0,
		0 },
	LEAF_LIST_ROWS(struct leaf_opts),
	LEAF_DAYS_ROW(struct leaf_opts),
	ALG_ROW,
};

static int run(
	const struct cli *cli, enum cert_kind kind, const struct leaf_opts *o, const char *name)
{
	struct san_list sans = { .n = 0 };
	struct grant grant = { .n_groups = 0 };
	struct issue_opts what = {
		.kind = kind,
		.name = name,
		.sans = &sans,
		.grant = &grant,
		.days = o->days != 0 ? o->days : ISSUE_LEAF_DAYS,
		.alg = KEY_P256,
	};
	int r;

	if (o->alg != NULL && key_alg_parse(o->alg, &what.alg) < 0)
		return cli_fail(CLI_USAGE, "--alg takes p256, p384, ed25519 or rsa3072");
	r = leaf_add_names(&o->dns, &o->ip, &sans);
	if (r == CLI_OK)
		r = leaf_add_emails(&o->email, &sans);
	if (r == CLI_OK)
		r = leaf_add_grants(&o->group, &o->address, &o->network, &grant);
	if (r == CLI_OK)
		r = leaf_check(cli, &what);
	return r == CLI_OK ? leaf_issue(cli, &what) : r;
}

static int run_server(const struct cli *cli, const void *opts, char **args, int n_args)
{
	(void)n_args;
	return run(cli, CERT_SERVER, opts, args[0]);
}

static int run_client(const struct cli *cli, const void *opts, char **args, int n_args)
{
	(void)n_args;
	return run(cli, CERT_CLIENT, opts, args[0]);
}

const struct cmd pki_cmd_server = {
	.name = "server",
	.args = "NAME",
	.summary = "Make a key and a certificate for a server",
	.example = "  sallyport-pki server gw1 --dns vpn.example.net --ip 192.0.2.1",
	.opts = server_opts,
	.n_opts = sizeof(server_opts) / sizeof(server_opts[0]),
	.opts_size = sizeof(struct leaf_opts),
	.min_args = 1,
	.max_args = 1,
	.run = run_server,
};

const struct cmd pki_cmd_client = {
	.name = "client",
	.args = "NAME",
	.summary = "Make a key and a certificate for a client",
	.example = "  sallyport-pki client alice --email alice@example.net --group staff\n  "
		   "sallyport-pki export profile alice --remote "
		   "vpn.example.net:4433 --out alice.conf",
	.opts = client_opts,
	.n_opts = sizeof(client_opts) / sizeof(client_opts[0]),
	.opts_size = sizeof(struct leaf_opts),
	.min_args = 1,
	.max_args = 1,
	.run = run_client,
};
