#include "pki/cmd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pki/ca.h"
#include "pki/constraints.h"
#include "pki/pem.h"
#include "pki/pick.h"
#include "pki/result.h"
#include "pki/san.h"
#include "pki/stamp.h"

struct show_opts {
	const char *serial, *type;
	bool pem;
};

static const struct opt opts[] = {
	{ "serial", OPT_TEXT, offsetof(struct show_opts, serial), "S",
		"the certificate with this serial number", 0, 0 },
	{ "type", OPT_TEXT, offsetof(struct show_opts, type), "TYPE",
		"server, client or ca, where several bear the name", 0, 0 },
	{ "pem", OPT_FLAG, offsetof(struct show_opts, pem), NULL, "the certificate itself", 0, 0 },
};

static void line(const char *what, const char *value)
{
	(void)printf("%-12s %s\n", what, value);
}

static const char *key_name(const struct x509_cert *c, char out[static 32])
{
	static const char *const names[] = {
		[X509_KEY_OTHER] = "other",
		[X509_KEY_P256] = "ECDSA P-256",
		[X509_KEY_P384] = "ECDSA P-384",
		[X509_KEY_ED25519] = "Ed25519",
		[X509_KEY_RSA] = "RSA",
	};

	if (c->key_alg == X509_KEY_RSA)
		(void)snprintf(out, 32, "RSA %u", c->key_bits);
	else
		(void)snprintf(out, 32, "%s", names[c->key_alg]);
	return out;
}

/* The alternative names, identity and hosts. */
static void get_names(
	const struct x509_cert *c, char uri[static SAN_VALUE_MAX], char hosts[static SAN_TEXT_LEN])
{
	struct san_list list = { .n = 0 };
	struct der it = c->san, value;
	enum x509_san kind;

	uri[0] = '\0';
	while (x509_san_next(&it, &kind, &value) == 1) {
		(void)san_add(&list, kind, &value);
		if (kind == X509_SAN_URI)
			(void)snprintf(
				uri, SAN_VALUE_MAX, "%.*s", (int)value.len, (const char *)value.p);
	}
	san_text(&list, hosts);
}

/* Groups, addresses and networks, of a CA those it may grant; and what names it may vouch for. */
static void print_grant(const struct x509_cert *cert)
{
	char text[CONSTRAINTS_TEXT_LEN], address[ADDR_STRLEN], prefix[PREFIX_STRLEN];
	struct grant g;

	if (constraints_text(cert, text)[0] != '\0')
		line("permitted", text);
	if (grant_of_cert(cert, &g) == -EBADMSG)
		line("grant", "malformed");
	for (size_t i = 0; i < g.n_groups; i++)
		line("group", g.group[i]);
	for (size_t i = 0; i < g.n_addresses; i++)
		line("address", addr_format(&g.address[i], address));
	for (size_t i = 0; i < g.n_networks; i++)
		line("network", prefix_format(&g.network[i], prefix));
}

static void grant_json(const struct x509_cert *cert, json_t *o)
{
	char text[CONSTRAINTS_TEXT_LEN], address[ADDR_STRLEN], prefix[PREFIX_STRLEN];
	json_t *groups = json_array(), *addresses = json_array(), *networks = json_array();
	struct grant g;

	(void)grant_of_cert(cert, &g);
	for (size_t i = 0; i < g.n_groups; i++)
		(void)json_array_append_new(groups, json_string(g.group[i]));
	for (size_t i = 0; i < g.n_addresses; i++)
		(void)json_array_append_new(
			addresses, json_string(addr_format(&g.address[i], address)));
	for (size_t i = 0; i < g.n_networks; i++)
		(void)json_array_append_new(
			networks, json_string(prefix_format(&g.network[i], prefix)));
	(void)json_object_set_new(o, "groups", groups);
	(void)json_object_set_new(o, "addresses", addresses);
	(void)json_object_set_new(o, "networks", networks);
	if (cert->is_ca)
		(void)json_object_set_new(
			o, "permitted", json_string(constraints_text(cert, text)));
}

static int show(const struct cli *cli, const struct picked *p, const struct x509_cert *cert)
{
	char hosts[SAN_TEXT_LEN], uri[SAN_VALUE_MAX], key[32], from[STAMP_LEN], to[STAMP_LEN];
	char path[CA_PATH_LEN], revoked[STAMP_LEN];
	struct store_cert c = p->c;

	get_names(cert, uri, hosts);
	c.sans = hosts;
	if (cli->json) {
		json_t *o = result_cert_json(cli, &c);
		(void)json_object_set_new(o, "identity", json_string(uri));
		(void)json_object_set_new(o, "key_type", json_string(key_name(cert, key)));
		grant_json(cert, o);
		return result_json(o);
	}
	line("state", result_state(&c, cli->now));
	line("type", c.kind);
	line("name", c.name);
	if (uri[0] != '\0')
		line("identity", uri);
	if (hosts[0] != '\0')
		line("hosts", hosts);
	print_grant(cert);
	line("serial", c.serial);
	line("issuer", c.issuer);
	line("valid from", stamp_format(c.not_before, from));
	line("expires", stamp_format(c.not_after, to));
	line("key type", key_name(cert, key));
	if (c.revoked_at != 0) {
		line("revoked", stamp_format(c.revoked_at, revoked));
		line("reason", crl_reason_name(c.reason));
		line("in crl", c.crl_number != 0 ? "yes" : "no");
	}
	(void)printf(
		"%-12s %s/%s\n", "certificate", cli->dir, ca_cert_path(c.kind, c.serial, path));
	if (c.has_key)
		(void)printf("%-12s %s/%s\n", "key", cli->dir, ca_key_path(c.kind, c.serial, path));
	return CLI_OK;
}

static int print_pem(const struct x509_cert *cert)
{
	char *text = pem_encode("CERTIFICATE", cert->all.p, cert->all.len);

	if (text == NULL)
		return cli_fail(CLI_FAILED, "out of memory");
	(void)fputs(text, stdout);
	free(text);
	return CLI_OK;
}

static int run(const struct cli *cli, const void *opts_in, char **args, int n_args)
{
	const struct show_opts *o = opts_in;
	const struct pick_opts pick = {
		.name = n_args > 0 ? args[0] : NULL,
		.serial = o->serial,
		.type = o->type,
	};
	struct picked *list = NULL;
	struct x509_cert cert;
	uint8_t *der = NULL;
	struct ca ca;
	size_t n = 0;
	int r = ca_open(cli, CA_READ, &ca);

	if (r == CLI_OK)
		r = pick_certs(cli, &ca, &pick, PICK_NEWEST, &list, &n);
	if (r == CLI_OK)
		r = ca_read_cert(&ca, list->kind, list->serial, &der, &cert);
	if (r == CLI_OK)
		r = o->pem ? print_pem(&cert) : show(cli, list, &cert);
	free(der);
	free(list);
	ca_close(&ca);
	return r;
}

const struct cmd pki_cmd_show = {
	.name = "show",
	.args = "NAME | --serial S",
	.summary =
		"Show a certificate: the newest valid one of a name, or one by its serial number",
	.example = "  sallyport-pki show alice\n  sallyport-pki show ca",
	.opts = opts,
	.n_opts = sizeof(opts) / sizeof(opts[0]),
	.opts_size = sizeof(struct show_opts),
	.min_args = 0,
	.max_args = 1,
	.run = run,
};
