#include "pki/cmd.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"

#include "pki/ca.h"
#include "pki/constraints.h"
#include "pki/fs.h"
#include "pki/issue.h"
#include "pki/result.h"

struct init_opts {
	const char *alg;
	int64_t days, crl_days;
	bool no_pass, two_tier, root;
	struct opt_list permit_dns, permit_ip;
	const char *groups, *networks;
};

static const struct opt opts[] = {
	{ "two-tier", OPT_FLAG, offsetof(struct init_opts, two_tier), NULL,
		"a root, and a CA below it that issues; the root's key can then be taken away", 0,
		0 },
	{ "root", OPT_FLAG, offsetof(struct init_opts, root), NULL,
		"a root only, which signs the CAs of other directories ('ca sign')", 0, 0 },
	{ "permit-dns", OPT_LIST, offsetof(struct init_opts, permit_dns), "DOMAIN",
		"certificates may name only hosts in this domain", 0, 0 },
	{ "permit-ip", OPT_LIST, offsetof(struct init_opts, permit_ip), "PREFIX",
		"certificates may name only addresses in this network", 0, 0 },
	{ "groups", OPT_TEXT, offsetof(struct init_opts, groups), "G,...",
		"certificates may grant only these groups", 0, 0 },
	{ "networks", OPT_TEXT, offsetof(struct init_opts, networks), "P,...",
		"certificates may grant only addresses and networks in these", 0, 0 },
	{ "alg", OPT_TEXT, offsetof(struct init_opts, alg), "ALG",
		"the CA's key: p256 (default), p384, ed25519 or rsa3072", 0, 0 },
	{ "days", OPT_NUMBER, offsetof(struct init_opts, days), "N",
		"validity of the CA certificate (default: 3650)", 1, ISSUE_DAYS_MAX },
	{ "crl-days", OPT_NUMBER, offsetof(struct init_opts, crl_days), "N",
		"days until the first CRL must be renewed (default: 180)", 1, ISSUE_DAYS_MAX },
	{ "no-pass", OPT_FLAG, offsetof(struct init_opts, no_pass), NULL,
		"store the CA's key unencrypted", 0, 0 },
};

/* A list with commas. */
static int add_bounds(const char *option, const char *text, struct grant *g,
	int (*add)(struct grant *g, const char *text))
{
	char item[128];

	while (text != NULL) {
		size_t n = strcspn(text, ",");
		if (n >= sizeof(item))
			return cli_fail(CLI_USAGE, "%s: '%.40s' is too long", option, text);
		memcpy(item, text, n);
		item[n] = '\0';
		if (add(g, item) < 0)
			return cli_fail(
				CLI_USAGE, "%s: '%.80s' cannot be one of them", option, item);
		text = text[n] == ',' ? text + n + 1 : NULL;
	}
	return CLI_OK;
}

static int set_bounds(const struct init_opts *o, struct grant *g, struct constraints *c)
{
	const char *wrong = "";
	int r = add_bounds("--groups", o->groups, g, grant_add_group);

	if (r == CLI_OK)
		r = add_bounds("--networks", o->networks, g, grant_add_network);
	if (r == CLI_OK && constraints_make(o->permit_dns.item, o->permit_dns.n, o->permit_ip.item,
				   o->permit_ip.n, c, &wrong) < 0)
		r = cli_fail(CLI_USAGE,
			"'%.80s' cannot be permitted: --permit-dns takes a domain, --permit-ip a "
			"network like 192.0.2.0/24",
			wrong);
	return r;
}

/* The CA that issues, below the root that was just made. */
static int make_lower(
	const struct cli *cli, struct ca *ca, const struct issue_opts *issue, int64_t days)
{
	struct issue_ca what = { .role = CAS_ACTIVE, .constraints = issue->ca->constraints };
	struct issue_opts lower = *issue;
	const struct cas_ca *root;
	struct ca_other other = { .der = NULL };
	struct issued done;
	struct cas all;
	int r = ca_load_cas(ca, &all);

	if (r != CLI_OK)
		return r;
	root = cas_find(&all, CAS_ROOT);
	if (root == NULL)
		return cli_fail(CLI_FAILED, "the root is missing");
	if (issue->pass != NULL)
		ca->pass = *issue->pass;
	r = ca_load_other(cli, ca, root, &other);
	what.issuer = &other.cert;
	what.issuer_id = root->id;
	what.signer = other.key;
	lower.ca = &what;
	lower.days = days;
	if (r == CLI_OK)
		r = issue_cert(cli, ca, &lower, &done);
	ca_free_other(&other);
	return r;
}

static bool no_name(const char *name)
{
	(void)name;
	return false;
}

static int make_ca(const struct cli *cli, const char *network, const struct issue_opts *issue,
	const struct init_opts *o)
{
	struct store_crl crl;
	struct issued done;
	struct ca ca;
	int r = ca_create(cli, &ca);

	if (r == CLI_OK) {
		(void)snprintf(ca.network, sizeof(ca.network), "%s", network);
		r = issue_cert(cli, &ca, issue, &done);
	}
	if (r == CLI_OK && o->two_tier)
		r = make_lower(cli, &ca, issue, o->days != 0 ? o->days : ISSUE_CA_DAYS);
	if (r == CLI_OK)
		r = ca_load_cert(cli, &ca);
	if (r == CLI_OK)
		r = ca_write_bundle(cli, &ca);
	if (r == CLI_OK)
		r = ca_load_key(cli, &ca, issue->pass);
	if (r == CLI_OK)
		r = issue_crl(cli, &ca, o->crl_days, &crl);
	if (r == CLI_OK)
		r = result_ca(cli, &ca, &crl);
	ca_close(&ca);
	return r;
}

static int would_make(const struct cli *cli, const char *network)
{
	int fd = fs_dir_open(AT_FDCWD, cli->dir);

	if (fd >= 0) {
		bool empty = fs_holds_only(fd, no_name);
		(void)close(fd);
		if (!empty)
			return cli_fail(CLI_FAILED, "%s is not empty", cli->dir);
	}
	cli_note(cli, "would make a CA for %s in %s", network, cli->dir);
	return CLI_OK;
}

static int run(const struct cli *cli, const void *opts_in, char **args, int n_args)
{
	const struct init_opts *o = opts_in;
	struct pass pass = { .len = 0 };
	struct issue_ca what = { .role = CAS_ACTIVE };
	struct grant bounds = { .n_groups = 0 };
	struct constraints constraints;
	struct issue_opts issue = {
		.kind = CERT_CA,
		.name = "ca",
		.days = o->days != 0 ? o->days : ISSUE_CA_DAYS,
		.ca = &what,
		.grant = &bounds,
		.alg = KEY_P256,
	};
	bool encrypt;
	int r;

	(void)n_args;
	if (o->two_tier && o->root)
		return cli_fail(CLI_USAGE, "--root and --two-tier exclude each other");
	if (!ident_valid_network(args[0]))
		return cli_fail(CLI_USAGE,
			"'%.80s' is no network name: a lower-case DNS name like vpn.example.net",
			args[0]);
	if (o->alg != NULL && key_alg_parse(o->alg, &issue.alg) < 0)
		return cli_fail(CLI_USAGE, "--alg takes p256, p384, ed25519 or rsa3072");
	r = set_bounds(o, &bounds, &constraints);
	if (r != CLI_OK)
		return r;
	what.constraints = constraints.value;
	if (o->two_tier || o->root) {
		what.role = o->root ? CAS_ACTIVE : CAS_ROOT;
		what.path_len = 1;
		issue.days = MAX(o->days, ISSUE_ROOT_DAYS);
	}
	r = ca_new_pass(cli, o->no_pass, &pass, &encrypt);
	issue.pass = encrypt ? &pass : NULL;
	if (r == CLI_OK)
		r = cli->dry_run ? would_make(cli, args[0]) : make_ca(cli, args[0], &issue, o);
	pass_wipe(&pass);
	return r;
}

const struct cmd pki_cmd_init = {
	.name = "init",
	.args = "NETWORK",
	.summary = "Make a CA for a network, with its key, its certificate and a first CRL",
	.example = "  sallyport-pki --dir /etc/sallyport/pki init vpn.example.net\n"
		   "  sallyport-pki --dir root init vpn.example.net --root",
	.opts = opts,
	.n_opts = sizeof(opts) / sizeof(opts[0]),
	.opts_size = sizeof(struct init_opts),
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
