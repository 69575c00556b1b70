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
#include "pki/leaf.h"
#include "pki/parts.h"
#include "pki/pick.h"
#include "pki/pkcs12.h"
#include "pki/profile.h"
#include "pki/qr.h"

/* export WHAT NAME: one file out of what the directory holds. */

struct export_opts {
	struct opt_list remote;
	const char *out, *serial, *type, *qr_png;
	bool qr;
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
	{ "qr", OPT_FLAG, offsetof(struct export_opts, qr), NULL,
		"profile: show it as a QR code on the terminal", 0, 0 },
	{ "qr-png", OPT_TEXT, offsetof(struct export_opts, qr_png), "FILE",
		"profile: write it as a QR code, a PNG picture", 0, 0 },
};

/* What is exported, and what came of it. */
struct job {
	const struct cli *cli;
	const struct export_opts *o;
	const struct ca *ca;
	const struct picked *p;
	struct parts parts;
	struct pass pass; /* PKCS #12: of the file, and of the key where that is encrypted. */
	char *out;
	size_t len;
};

static int set_text(struct job *j, const char *a, const char *b, const char *c)
{
	if (asprintf(&j->out, "%s%s%s", a, b, c) < 0) {
		j->out = NULL;
		return cli_fail(CLI_FAILED, "out of memory");
	}
	j->len = strlen(j->out);
	return CLI_OK;
}

static int make_pem(struct job *j)
{
	return set_text(j, j->parts.cert, "", "");
}

static int make_key(struct job *j)
{
	return set_text(j, j->parts.key, "", "");
}

static int make_bundle(struct job *j)
{
	return set_text(j, j->parts.key, j->parts.cert, j->parts.ca);
}

static int make_profile(struct job *j)
{
	const struct profile profile = {
		.network = j->ca->network,
		.remotes = j->o->remote.item,
		.n_remotes = j->o->remote.n,
		.cert = j->parts.cert,
		.key = j->parts.key,
		.ca = j->parts.ca,
		.crl = j->parts.crl,
	};
	char why[256];
	int r = profile_make(&profile, &j->out, why);

	if (r == -EINVAL)
		return cli_fail(CLI_USAGE, "%s", why);
	if (r < 0)
		return cli_fail(CLI_FAILED, "out of memory");
	j->len = strlen(j->out);
	if (profile_check(j->out, j->ca->network, j->cli->now, why) < 0)
		return cli_fail(CLI_FAILED, "the profile would not work: %s", why);
	return CLI_OK;
}

/* All certificates of ca.crt, after one another; at most PKCS12_CAS_MAX. */
static size_t split_cas(const char *pem, uint8_t *buf, size_t cap, struct der *out)
{
	size_t pos = 0, used = 0, n = 0;
	int len;

	while (n < PKCS12_CAS_MAX && (len = x509_pem_next(pem, strlen(pem), &pos, "CERTIFICATE",
					      buf + used, cap - used)) > 0) {
		out[n++] = (struct der){ buf + used, (size_t)len };
		used += (size_t)len;
	}
	return n;
}

static int seal_p12(struct job *j, uint8_t *buf, size_t cap)
{
	struct der cas[PKCS12_CAS_MAX], cert = { NULL, 0 };
	const size_t n_cas = split_cas(j->parts.ca, buf, cap, cas);
	char name[PKCS12_NAME_MAX + 1];
	uint8_t *der = NULL, *out = NULL;
	size_t pos = 0;
	int r;

	der = malloc(strlen(j->parts.cert));
	r = der == NULL ? -ENOMEM
			: x509_pem_next(j->parts.cert, strlen(j->parts.cert), &pos, "CERTIFICATE",
				  der, strlen(j->parts.cert));
	if (r > 0) {
		cert = (struct der){ der, (size_t)r };
		(void)snprintf(name, sizeof(name), "%.64s@%.180s", j->p->name, j->ca->network);
		const struct pkcs12_spec spec = {
			.name = name,
			.cert = cert,
			.cas = cas,
			.n_cas = n_cas,
			.key = j->parts.loaded,
			.pass = &j->pass,
		};
		r = pkcs12_make(&spec, &out);
	}
	free(der);
	if (r == -EINVAL)
		return cli_fail(CLI_USAGE, "the passphrase of a PKCS #12 file must be UTF-8");
	if (r < 0)
		return cli_fail(CLI_FAILED, "making the PKCS #12 file failed: %s", strerror(-r));
	j->out = (char *)out;
	j->len = (size_t)r;
	return CLI_OK;
}

static int make_p12(struct job *j)
{
	const size_t cap = strlen(j->parts.ca) + 1;
	uint8_t *buf = malloc(cap);
	int r = buf == NULL ? cli_fail(CLI_FAILED, "out of memory") : seal_p12(j, buf, cap);

	free(buf);
	return r;
}

static const struct form {
	const char *name;
	enum parts_key key;
	int (*make)(struct job *j);
} forms[] = {
	{ "pem", PARTS_NO_KEY, make_pem },
	{ "key", PARTS_STORED_KEY, make_key },
	{ "bundle", PARTS_STORED_KEY, make_bundle },
	{ "p12", PARTS_CLEAR_KEY, make_p12 },
	{ "profile", PARTS_CLEAR_KEY, make_profile },
};

static int write_out(const struct job *j, const struct form *form)
{
	const char *out = j->o->out != NULL ? j->o->out : "-";
	unsigned mode = form->key != PARTS_NO_KEY ? FS_SECRET : FS_PUBLIC;
	int r = fs_write_path(out, mode, j->out, j->len);

	return r < 0 ? cli_fail(CLI_FAILED, "cannot write %s: %s", out, strerror(-r)) : CLI_OK;
}

static int draw(const struct job *j, const struct qr *qr)
{
	char *text = j->o->qr ? qr_text(qr) : NULL;
	uint8_t *png = NULL;
	int n = j->o->qr_png != NULL ? qr_png(qr, &png) : 0, r = CLI_OK;

	if (n < 0 || (j->o->qr && text == NULL))
		r = cli_fail(CLI_FAILED, "out of memory");
	else if (n > 0)
		n = fs_write_path(j->o->qr_png, FS_SECRET, png, (size_t)n);
	if (r == CLI_OK && n < 0)
		r = cli_fail(CLI_FAILED, "cannot write %s: %s", j->o->qr_png, strerror(-n));
	if (r == CLI_OK && text != NULL)
		(void)fputs(text, stdout);
	secret_free(text, text != NULL ? strlen(text) : 0);
	free(png);
	return r;
}

static int write_qr(const struct job *j)
{
	struct qr *qr = NULL;
	size_t need = 0;
	int r = qr_make(j->out, &qr, &need);

	if (r == -EFBIG)
		return cli_fail(CLI_FAILED,
			"the profile does not fit into a QR code: %zu characters even when "
			"compressed, and 4296 are the most; a p256 or ed25519 key and CA and a "
			"short CRL do",
			need);
	if (r < 0)
		return cli_fail(CLI_FAILED, "making the QR code failed: %s", strerror(-r));
	if (qr_is_compressed(qr))
		cli_note(j->cli, "the code holds the profile compressed: what reads it is in "
				 "sallyport-pki(1)");
	r = j->cli->dry_run ? CLI_OK : draw(j, qr);
	qr_free(qr);
	return r;
}

static int export(struct job *j, const struct form *form)
{
	const struct picked *p = j->p;
	bool given = false;
	int r = CLI_OK;

	if (p->c.revoked_at != 0 || j->cli->now > p->c.not_after)
		r = cli_fail(CLI_FAILED, "the certificate of %s is %s", p->name,
			p->c.revoked_at != 0 ? "revoked" : "expired");
	if (r == CLI_OK && form->make == make_p12)
		r = leaf_key_pass(j->cli, LEAF_PASS_MUST, &j->pass, &given);
	if (r == CLI_OK)
		r = parts_gather(j->cli, j->ca, p, form->key, given ? &j->pass : NULL, &j->parts);
	if (r == CLI_OK)
		r = form->make(j);
	bool qr = j->o->qr || j->o->qr_png != NULL;
	if (r == CLI_OK && qr)
		r = write_qr(j);
	if (r == CLI_OK && !j->cli->dry_run && (!qr || j->o->out != NULL))
		r = write_out(j, form);
	secret_free(j->out, j->len);
	parts_free(&j->parts);
	pass_wipe(&j->pass);
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
	if (!profile && (o->qr || o->qr_png != NULL))
		return cli_fail(CLI_USAGE, "--qr belongs to 'export profile'");
	if (!profile && o->remote.n > 0)
		return cli_fail(CLI_USAGE, "--remote belongs to 'export profile'");
	return CLI_OK;
}

static const struct form *find_form(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		if (strcmp(forms[i].name, name) == 0)
			return &forms[i];
	}
	return NULL;
}

static int run(const struct cli *cli, const void *opts_in, char **args, int n_args)
{
	const struct export_opts *o = opts_in;
	const struct pick_opts pick = {
		.name = n_args > 1 ? args[1] : NULL,
		.serial = o->serial,
		.type = o->type,
	};
	const struct form *form = find_form(args[0]);
	struct picked *list = NULL;
	struct ca ca;
	size_t n = 0;
	int r;

	if (form == NULL)
		return cli_fail(CLI_USAGE,
			"'export %.40s': there is pem, key, bundle, p12 and profile", args[0]);
	r = ca_open(cli, CA_READ, &ca);
	if (r == CLI_OK)
		r = pick_certs(cli, &ca, &pick, PICK_NEWEST, &list, &n);
	if (r == CLI_OK)
		r = check(form, o, list);
	if (r == CLI_OK) {
		struct job j = { .cli = cli, .o = o, .ca = &ca, .p = list };
		r = export(&j, form);
	}
	free(list);
	ca_close(&ca);
	return r;
}

const struct cmd pki_cmd_export = {
	.name = "export",
	.args = "pem|key|bundle|p12|profile NAME",
	.summary = "Write a certificate, key, both with the CA, or a client's whole configuration",
	.example = "  sallyport-pki export profile alice --remote vpn.example.net:4433 --out "
		   "alice.conf\n"
		   "  sallyport-pki export p12 alice --key-pass-file p12.pass --out alice.p12",
	.opts = opts,
	.n_opts = sizeof(opts) / sizeof(opts[0]),
	.opts_size = sizeof(struct export_opts),
	.min_args = 1,
	.max_args = 2,
	.run = run,
};
