#include "pki/cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pki/csr.h"
#include "pki/fs.h"
#include "pki/leaf.h"
#include "pki/pem.h"

/* sign CSR: a certificate for a key that its holder keeps. */

struct sign_opts {
	struct opt_list dns, ip, email, group, address, network;
	const char *type, *name;
	bool copy_san;
	int64_t days;
};

static const struct opt opts[] = {
	{ "type", OPT_TEXT, offsetof(struct sign_opts, type), "TYPE", "server or client; required",
		0, 0 },
	{ "name", OPT_TEXT, offsetof(struct sign_opts, name), "NAME",
		"the identity's name (default: the request's common name)", 0, 0 },
	{ "copy-san", OPT_FLAG, offsetof(struct sign_opts, copy_san), NULL,
		"take the DNS names, addresses and mailboxes that the request asks for", 0, 0 },
	{ "dns", OPT_LIST, offsetof(struct sign_opts, dns), "HOST", "a host name of the server", 0,
		0 },
	{ "ip", OPT_LIST, offsetof(struct sign_opts, ip), "ADDRESS", "an address of the server", 0,
		0 },
	LEAF_LIST_ROWS(struct sign_opts),
	LEAF_DAYS_ROW(struct sign_opts),
};

/* The request's DER, from PEM or as it is. */
static int read_csr(const char *path, uint8_t **der, size_t *len)
{
	static const char *const labels[] = { "CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST" };
	char *text = NULL;
	size_t n = 0;
	int r = fs_read(AT_FDCWD, path, &text, &n);

	if (r < 0)
		return cli_fail(r == -ENOENT ? CLI_NOT_FOUND : CLI_FAILED, "cannot read %s: %s",
			path, strerror(-r));
	r = n > CSR_MAX ? -EFBIG : -ENOENT;
	for (size_t i = 0; r == -ENOENT && i < sizeof(labels) / sizeof(labels[0]); i++)
		r = pem_decode(labels[i], text, n, der, len);
	if (r == -ENOENT && n > 0 && (uint8_t)text[0] == DER_SEQUENCE) {
		*der = (uint8_t *)text;
		*len = n;
		return CLI_OK;
	}
	free(text);
	return r == 0 ? CLI_OK : cli_fail(CLI_FAILED, "%s is no certificate signing request", path);
}

static const char *ext_name(const struct der *oid)
{
	static const struct {
		const char *oid, *name;
	} known[] = {
		{ "\x55\x1d\x0e", "subjectKeyIdentifier" },
		{ "\x55\x1d\x0f", "keyUsage" },
		{ "\x55\x1d\x11", "subjectAltName" },
		{ "\x55\x1d\x13", "basicConstraints" },
		{ "\x55\x1d\x25", "extKeyUsage" },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (der_is(oid, known[i].oid, 3))
			return known[i].name;
	}
	return "an unknown extension";
}

/* The identity is ours to give: of the names asked for, URIs are never taken. */
static int copy_sans(const struct cli *cli, const struct csr *csr, struct san_list *sans)
{
	struct der it = csr->san, value;
	enum x509_san kind;

	while (x509_san_next(&it, &kind, &value) == 1) {
		if (kind == X509_SAN_URI) {
			cli_note(cli, "not taken: URI %.*s", (int)value.len, (const char *)value.p);
			continue;
		}
		int r = san_add(sans, kind, &value);
		if (r == -EINVAL && kind != X509_SAN_IP)
			return cli_fail(CLI_FAILED,
				"the request asks for '%.*s', which is no valid name",
				(int)value.len, (const char *)value.p);
		if (r < 0)
			return cli_fail(
				CLI_FAILED, "the request asks for more than %d names", SAN_MAX);
	}
	return CLI_OK;
}

static void show(const struct cli *cli, const struct csr *csr, const struct issue_opts *what,
	const struct sign_opts *o)
{
	char names[SAN_TEXT_LEN];

	san_text(what->sans, names);
	cli_note(cli, "taken: the key (%u bits), name %s%s%s", csr->spki.bits, what->name,
		names[0] != '\0' ? ", names " : "", names);
	for (size_t i = 0; i < csr->n_ext; i++) {
		const char *name = ext_name(&csr->ext[i].oid);
		if (!o->copy_san || strcmp(name, "subjectAltName") != 0)
			cli_note(cli, "not taken: %s", name);
	}
}

static int sign(const struct cli *cli, const struct sign_opts *o, const struct csr *csr)
{
	struct san_list sans = { .n = 0 };
	struct grant grant = { .n_groups = 0 };
	char name[IDENT_NAME_MAX + 2] = "";
	struct issue_opts what = {
		.kind = strcmp(o->type, "server") == 0 ? CERT_SERVER : CERT_CLIENT,
		.name = o->name,
		.sans = &sans,
		.grant = &grant,
		.days = o->days != 0 ? o->days : ISSUE_LEAF_DAYS,
		.spki = &csr->spki.all,
	};
	int r;

	if (what.name == NULL) {
		if (x509_common_name(&csr->subject, name, sizeof(name)) < 0)
			return cli_fail(CLI_USAGE, "the request names nobody: use --name");
		what.name = name;
	}
	r = leaf_add_names(&o->dns, &o->ip, &sans);
	if (r == CLI_OK)
		r = leaf_add_emails(&o->email, &sans);
	if (r == CLI_OK)
		r = leaf_add_grants(&o->group, &o->address, &o->network, &grant);
	if (r == CLI_OK && o->copy_san)
		r = copy_sans(cli, csr, &sans);
	if (r == CLI_OK)
		r = leaf_check(cli, &what);
	if (r != CLI_OK)
		return r;
	show(cli, csr, &what, o);
	if (!cli_confirm(cli, "a %s certificate for %s will be issued", o->type, what.name))
		return cli_fail(CLI_FAILED, "nothing was changed");
	return leaf_issue(cli, &what);
}

static int run(const struct cli *cli, const void *opts_in, char **args, int n_args)
{
	const struct sign_opts *o = opts_in;
	uint8_t *der = NULL;
	struct csr csr;
	char why[256];
	size_t len = 0;
	int r;

	(void)n_args;
	if (o->type == NULL || (strcmp(o->type, "server") != 0 && strcmp(o->type, "client") != 0))
		return cli_fail(CLI_USAGE, "say --type server or --type client");
	r = read_csr(args[0], &der, &len);
	if (r == CLI_OK && csr_parse(der, len, &csr) < 0)
		r = cli_fail(CLI_FAILED, "%s is malformed", args[0]);
	if (r == CLI_OK && csr_verify(&csr, why) < 0)
		r = cli_fail(CLI_FAILED, "%s is refused: %s", args[0], why);
	if (r == CLI_OK)
		r = sign(cli, o, &csr);
	free(der);
	return r;
}

const struct cmd pki_cmd_sign = {
	.name = "sign",
	.args = "CSR",
	.summary = "Issue a certificate for a signing request, whose key its holder keeps",
	.example = "  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \\\n"
		   "      -keyout bob.key -subj /CN=bob -out bob.csr\n"
		   "  sallyport-pki sign bob.csr --type client",
	.opts = opts,
	.n_opts = sizeof(opts) / sizeof(opts[0]),
	.opts_size = sizeof(struct sign_opts),
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
