#include "pki/cmd.h"

#include <stdio.h>
#include <string.h>

#include "pki/ca.h"
#include "pki/issue.h"
#include "pki/result.h"

/* server NAME and client NAME. */

struct leaf_opts {
	struct opt_list dns, ip;
	const char *alg;
	int64_t days;
};

#define DAYS_ROW                                                                              \
	{                                                                                     \
		"days", OPT_NUMBER, offsetof(struct leaf_opts, days), "N",                    \
			"validity (default: 397; never past the CA's own)", 1, ISSUE_DAYS_MAX \
	}
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
	DAYS_ROW,
	ALG_ROW,
};

static const struct opt client_opts[] = { DAYS_ROW, ALG_ROW };

static int warn_of_others(const struct store_cert *c, void *arg)
{
	cli_note(arg,
		"%s has another valid certificate: %s, to be revoked with 'revoke --serial %s'",
		c->name, c->serial, c->serial);
	return 0;
}

static int issue(const struct cli *cli, struct issue_opts *what)
{
	const struct store_filter others = {
		.kind = cert_kind_name(what->kind),
		.name = what->name,
		.not_revoked = true,
		.valid_at = cli->now,
	};
	struct cli say = *cli;
	struct issued done;
	struct ca ca;
	int r = ca_open(cli, CA_SIGN, &ca);

	if (r == CLI_OK) {
		int err = store_each(ca.store, &others, warn_of_others, &say);
		r = err < 0 ? ca_store_failed(&ca, err) : CLI_OK;
	}
	if (r == CLI_OK)
		r = issue_cert(cli, &ca, what, &done);
	if (r == CLI_OK)
		r = result_issued(cli, what, &done);
	ca_close(&ca);
	return r;
}

static int add_names(const struct leaf_opts *o, struct san_list *sans)
{
	for (size_t i = 0; i < o->dns.n; i++) {
		if (san_add_dns(sans, o->dns.item[i]) < 0)
			return cli_fail(CLI_USAGE,
				"--dns '%.80s' is no host name (no wildcards, no addresses)",
				o->dns.item[i]);
	}
	for (size_t i = 0; i < o->ip.n; i++) {
		if (san_add_ip(sans, o->ip.item[i]) < 0)
			return cli_fail(CLI_USAGE, "--ip '%.80s' is no IP address", o->ip.item[i]);
	}
	return CLI_OK;
}

static int run(
	const struct cli *cli, enum cert_kind kind, const struct leaf_opts *o, const char *name)
{
	struct san_list sans = { .n = 0 };
	struct issue_opts what = {
		.kind = kind,
		.name = name,
		.sans = &sans,
		.days = o->days != 0 ? o->days : ISSUE_LEAF_DAYS,
		.alg = KEY_P256,
	};
	int r;

	if (!ident_valid_name(name))
		return cli_fail(CLI_USAGE,
			"'%.80s' is no name: 1 to 64 of A-Z a-z 0-9 . _ @ -, not starting with - "
			"or .",
			name);
	if (o->alg != NULL && key_alg_parse(o->alg, &what.alg) < 0)
		return cli_fail(CLI_USAGE, "--alg takes p256, p384, ed25519 or rsa3072");
	r = add_names(o, &sans);
	if (r != CLI_OK)
		return r;
	/* Clients compare the host they connect to with these names, and with nothing else. */
	if (kind == CERT_SERVER && sans.n == 0) {
		if (strchr(name, '.') == NULL || san_add_dns(&sans, name) < 0)
			return cli_fail(CLI_USAGE,
				"a server needs at least one --dns HOST or --ip ADDRESS");
		cli_note(cli, "no --dns or --ip given: the certificate is for host %s", name);
	}
	return issue(cli, &what);
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
	.example = "  sallyport-pki client alice\n  sallyport-pki export profile alice --remote "
		   "vpn.example.net:4433 --out alice.conf",
	.opts = client_opts,
	.n_opts = sizeof(client_opts) / sizeof(client_opts[0]),
	.opts_size = sizeof(struct leaf_opts),
	.min_args = 1,
	.max_args = 1,
	.run = run_client,
};
