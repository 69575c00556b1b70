#include "pki/leaf.h"

#include <errno.h>
#include <string.h>

#include "pki/ca.h"
#include "pki/result.h"

int leaf_add_names(const struct opt_list *dns, const struct opt_list *ip, struct san_list *sans)
{
	for (size_t i = 0; i < dns->n; i++) {
		if (san_add_dns(sans, dns->item[i]) < 0)
			return cli_fail(CLI_USAGE,
				"--dns '%.80s' is no host name (no wildcards, no addresses)",
				dns->item[i]);
	}
	for (size_t i = 0; i < ip->n; i++) {
		if (san_add_ip(sans, ip->item[i]) < 0)
			return cli_fail(CLI_USAGE, "--ip '%.80s' is no IP address", ip->item[i]);
	}
	return CLI_OK;
}

int leaf_add_emails(const struct opt_list *email, struct san_list *sans)
{
	for (size_t i = 0; i < email->n; i++) {
		if (san_add_email(sans, email->item[i]) < 0)
			return cli_fail(CLI_USAGE, "--email '%.80s' is no mailbox", email->item[i]);
	}
	return CLI_OK;
}

int leaf_add_grants(const struct opt_list *group, const struct opt_list *address,
	const struct opt_list *network, struct grant *g)
{
	const struct {
		const char *name, *what;
		const struct opt_list *list;
		int (*add)(struct grant *g, const char *text);
	} kinds[] = {
		{ "group", "no group: 1 to 32 of A-Z a-z 0-9 . _ -", group, grant_add_group },
		{ "address", "no address that a tunnel can carry", address, grant_add_address },
		{ "network", "no network like 192.0.2.0/24", network, grant_add_network },
	};

	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		const struct opt_list *l = kinds[k].list;
		for (size_t i = 0; i < l->n; i++) {
			int r = kinds[k].add(g, l->item[i]);
			if (r < 0)
				return cli_fail(CLI_USAGE, "--%s '%.80s' is %s", kinds[k].name,
					l->item[i],
					r == -ENOSPC ? "one too many (32)" : kinds[k].what);
		}
	}
	return CLI_OK;
}

int leaf_check(const struct cli *cli, const struct issue_opts *what)
{
	if (!ident_valid_name(what->name))
		return cli_fail(CLI_USAGE,
			"'%.80s' is no name: 1 to 64 of A-Z a-z 0-9 . _ @ -, not starting with - "
			"or .",
			what->name);
	/* Clients compare the host they connect to with these names, and with nothing else. */
	if (what->kind == CERT_SERVER && !san_has(what->sans, X509_SAN_DNS) &&
		!san_has(what->sans, X509_SAN_IP)) {
		if (strchr(what->name, '.') == NULL || san_add_dns(what->sans, what->name) < 0)
			return cli_fail(CLI_USAGE,
				"a server needs at least one --dns HOST or --ip ADDRESS");
		cli_note(cli, "no --dns or --ip given: the certificate is for host %s", what->name);
	}
	return CLI_OK;
}

int leaf_key_pass(const struct cli *cli, enum leaf_pass want, struct pass *out, bool *given)
{
	char why[256];

	*given = want == LEAF_PASS_MUST || cli->ask_key_pass || pass_given(&cli->key_pass);
	if (!*given)
		return CLI_OK;
	if (cli->ask_key_pass && pass_given(&cli->key_pass))
		return cli_fail(CLI_USAGE, "more than one source for the key's passphrase");
	if (pass_read(&cli->key_pass, "New passphrase for the key", 2, out, why) < 0)
		return cli_fail(CLI_USAGE, "the new key's passphrase: %s", why);
	return CLI_OK;
}

struct others {
	const struct cli *cli;
};

static int warn_of_other(const struct store_cert *c, void *arg)
{
	const struct others *o = arg;

	cli_note(o->cli,
		"%s has another valid certificate: %s, to be revoked with 'revoke --serial %s'",
		c->name, c->serial, c->serial);
	return 0;
}

int leaf_issue(const struct cli *cli, const struct issue_opts *what)
{
	const struct store_filter valid = {
		.kind = cert_kind_name(what->kind),
		.name = what->name,
		.not_revoked = true,
		.valid_at = cli->now,
	};
	struct others others = { cli };
	struct issue_opts opts = *what;
	struct pass pass = { .len = 0 };
	struct issued done;
	bool encrypt = false;
	struct ca ca;
	int r = ca_open(cli, CA_SIGN, &ca);

	if (r == CLI_OK) {
		int err = store_each(ca.store, &valid, warn_of_other, &others);
		r = err < 0 ? ca_store_failed(&ca, err) : CLI_OK;
	}
	if (r == CLI_OK && what->spki == NULL)
		r = leaf_key_pass(cli, LEAF_PASS_IF_SAID, &pass, &encrypt);
	opts.pass = encrypt ? &pass : NULL;
	if (r == CLI_OK)
		r = issue_cert(cli, &ca, &opts, &done);
	if (r == CLI_OK)
		r = result_issued(cli, what, &done);
	pass_wipe(&pass);
	ca_close(&ca);
	return r;
}
