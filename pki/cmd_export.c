#include "pki/cmd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "base/util.h"
#include "net/addr.h"
#include "pki/ca.h"
#include "pki/fs.h"
#include "pki/keyfile.h"
#include "pki/pem.h"
#include "pki/pick.h"
#include "pki/profile.h"

/* export WHAT NAME: one file out of what the directory holds. */

struct export_opts {
	struct opt_list remote;
	const char *out, *serial, *type;
};

static const struct opt opts[] = {
	{ "remote", OPT_LIST, offsetof(struct export_opts, remote), "HOST:PORT",
		"profile: the server to connect to", 0, 0 },
	{ "out", OPT_TEXT, offsetof(struct export_opts, out), "FILE",
		"write to a file (0600 when it holds a key) instead of stdout", 0, 0 },
	{ "serial", OPT_TEXT, offsetof(struct export_opts, serial), "S",
		"the certificate with this serial number instead of a NAME", 0, 0 },
	{ "type", OPT_TEXT, offsetof(struct export_opts, type), "TYPE",
		"server or client, where both bear the name", 0, 0 },
};

/* What there is to put together. */
struct parts {
	char *cert, *key, *ca, *crl;
};

static void free_parts(struct parts *p)
{
	secret_free(p->key, p->key != NULL ? strlen(p->key) : 0);
	free(p->cert);
	free(p->ca);
	free(p->crl);
}

static int read_part(const struct cli *cli, const struct ca *ca, const char *path, char **out)
{
	size_t len = 0;
	int r = fs_read(ca->dir, path, out, &len);

	if (r < 0)
		return cli_fail(CLI_FAILED, "cannot read %s/%s: %s", cli->dir, path, strerror(-r));
	return CLI_OK;
}

/* The certificate, and its key if that is wanted: read, checked, and the two held together. */
static int read_pair(const struct cli *cli, const struct ca *ca, const struct picked *p, bool key,
	struct parts *parts)
{
	char path[CA_PATH_LEN];
	struct x509_cert cert;
	struct key *loaded = NULL;
	uint8_t *der = NULL;
	int r = ca_read_cert(ca, p->kind, p->serial, &der, &cert);

	if (r != CLI_OK)
		return r;
	parts->cert = pem_encode("CERTIFICATE", der, cert.all.len);
	if (parts->cert == NULL)
		r = cli_fail(CLI_FAILED, "out of memory");
	if (r == CLI_OK && key) {
		ca_key_path(p->kind, p->serial, path);
		r = keyfile_load(ca->dir, path, &cert.spki, NULL, &loaded);
		if (r == -EPERM)
			r = cli_fail(CLI_FAILED, "%s/%s can be touched by others: 'chmod 600' it",
				cli->dir, path);
		else if (r < 0)
			r = cli_fail(CLI_FAILED, "%s/%s does not hold the key of %s: %s", cli->dir,
				path, p->name, strerror(-r));
		key_free(loaded);
		if (r == CLI_OK)
			r = read_part(cli, ca, path, &parts->key);
	}
	free(der);
	return r;
}

static char *join(const char *a, const char *b, const char *c)
{
	char *text = NULL;

	return asprintf(&text, "%s%s%s", a, b, c) < 0 ? NULL : text;
}

static int make_pem(
	const struct export_opts *o, const struct ca *ca, const struct parts *p, char **out)
{
	(void)o;
	(void)ca;
	*out = join(p->cert, "", "");
	return CLI_OK;
}

static int make_key(
	const struct export_opts *o, const struct ca *ca, const struct parts *p, char **out)
{
	(void)o;
	(void)ca;
	*out = join(p->key, "", "");
	return CLI_OK;
}

static int make_bundle(
	const struct export_opts *o, const struct ca *ca, const struct parts *p, char **out)
{
	(void)o;
	(void)ca;
	*out = join(p->key, p->cert, p->ca);
	return CLI_OK;
}

static int make_profile(
	const struct export_opts *o, const struct ca *ca, const struct parts *p, char **out)
{
	const struct profile profile = {
		.network = ca->network,
		.remotes = o->remote.item,
		.n_remotes = o->remote.n,
		.cert = p->cert,
		.key = p->key,
		.ca = p->ca,
		.crl = p->crl,
	};
	char why[256];
	int r = profile_make(&profile, out, why);

	return r == -EINVAL ? cli_fail(CLI_USAGE, "%s", why) : CLI_OK;
}

static const struct form {
	const char *name;
	bool secret; /* Holds the key. */
	int (*make)(const struct export_opts *o, const struct ca *ca, const struct parts *p,
		char **out);
} forms[] = {
	{ "pem", false, make_pem },
	{ "key", true, make_key },
	{ "bundle", true, make_bundle },
	{ "profile", true, make_profile },
};

static int gather(const struct cli *cli, const struct ca *ca, const struct form *form,
	const struct picked *p, struct parts *parts)
{
	int r;

	if (form->secret && !p->c.has_key)
		return cli_fail(CLI_NOT_FOUND,
			"the key of %s was not made here: only its holder has it", p->name);
	r = read_pair(cli, ca, p, form->secret, parts);
	if (r == CLI_OK)
		r = read_part(cli, ca, CA_BUNDLE, &parts->ca);
	if (r == CLI_OK)
		r = read_part(cli, ca, CA_CRL, &parts->crl);
	return r;
}

static int write_out(const struct form *form, const char *out, const char *text)
{
	int r;

	if (text == NULL)
		return cli_fail(CLI_FAILED, "out of memory");
	r = fs_write_path(out, form->secret ? FS_SECRET : FS_PUBLIC, text, strlen(text));
	if (r < 0)
		return cli_fail(CLI_FAILED, "cannot write %s: %s", out, strerror(-r));
	return CLI_OK;
}

static int export(const struct cli *cli, const struct ca *ca, const struct form *form,
	const struct export_opts *o, const struct picked *p)
{
	struct parts parts = { .key = NULL };
	char *text = NULL;
	int r = CLI_OK;

	if (p->c.revoked_at != 0 || cli->now > p->c.not_after)
		r = cli_fail(CLI_FAILED, "the certificate of %s is %s", p->name,
			p->c.revoked_at != 0 ? "revoked" : "expired");
	if (r == CLI_OK)
		r = gather(cli, ca, form, p, &parts);
	if (r == CLI_OK)
		r = form->make(o, ca, &parts, &text);
	if (r == CLI_OK)
		r = write_out(form, o->out != NULL ? o->out : "-", text);
	secret_free(text, text != NULL ? strlen(text) : 0);
	free_parts(&parts);
	return r;
}

static int check(const struct form *form, const struct export_opts *o, const struct picked *p)
{
	bool profile = form->make == make_profile;

	if (strcmp(p->kind, "ca") == 0)
		return cli_fail(CLI_USAGE, "the CA's own files are not exported; ca.crt is what "
					   "others need");
	if (profile && strcmp(p->kind, "client") != 0)
		return cli_fail(
			CLI_USAGE, "a profile is for a client, and %s is a server", p->name);
	if (profile && o->remote.n == 0)
		return cli_fail(CLI_USAGE, "a profile needs --remote HOST:PORT");
	if (!profile && o->remote.n > 0)
		return cli_fail(CLI_USAGE, "--remote belongs to 'export profile'");
	return CLI_OK;
}

static int run(const struct cli *cli, const void *opts_in, char **args, int n_args)
{
	const struct export_opts *o = opts_in;
	const struct pick_opts pick = {
		.name = n_args > 1 ? args[1] : NULL,
		.serial = o->serial,
		.type = o->type,
	};
	const struct form *form = NULL;
	struct picked *list = NULL;
	struct ca ca;
	size_t n = 0;
	int r;

	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		if (strcmp(forms[i].name, args[0]) == 0)
			form = &forms[i];
	}
	if (form == NULL)
		return cli_fail(CLI_USAGE, "'export %.40s': there is pem, key, bundle and profile",
			args[0]);
	r = ca_open(cli, CA_READ, &ca);
	if (r == CLI_OK)
		r = pick_certs(cli, &ca, &pick, PICK_NEWEST, &list, &n);
	if (r == CLI_OK)
		r = check(form, o, list);
	if (r == CLI_OK)
		r = export(cli, &ca, form, o, list);
	free(list);
	ca_close(&ca);
	return r;
}

const struct cmd pki_cmd_export = {
	.name = "export",
	.args = "pem|key|bundle|profile NAME",
	.summary = "Write a certificate, key, both with the CA, or a client's whole configuration",
	.example = "  sallyport-pki export profile alice --remote vpn.example.net:4433 --out "
		   "alice.conf",
	.opts = opts,
	.n_opts = sizeof(opts) / sizeof(opts[0]),
	.opts_size = sizeof(struct export_opts),
	.min_args = 1,
	.max_args = 2,
	.run = run,
};
