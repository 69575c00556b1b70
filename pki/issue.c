#include "pki/issue.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "pki/fs.h"
#include "pki/keyfile.h"
#include "pki/pem.h"
#include "pki/stamp.h"

enum { DAY_S = 86400, CA_HASH_DIGITS = 8, CA_NETWORK_LEN = 52 };

/* What is being issued. */
struct job {
	const struct issue_opts *opts;
	struct issued done;
	struct key *own; /* The key made for the holder. */
	uint8_t spki[KEY_SPKI_MAX];
	struct der pub;
	char subject[CERT_CN_MAX + 1];
	uint8_t der[CERT_MAX];
	int der_len;
};

/* A CA's subject is unique without anybody keeping count: "vpn.example.net CA 5f3a9c21". */
static void set_subject(const struct ca *ca, struct job *j)
{
	if (j->opts->kind == CERT_CA)
		(void)snprintf(j->subject, sizeof(j->subject), "%.*s CA %.*s", CA_NETWORK_LEN,
			ca->network, CA_HASH_DIGITS, j->done.serial.text);
	else
		(void)snprintf(j->subject, sizeof(j->subject), "%s", j->opts->name);
}

/* NULL: it signs itself. */
static const struct x509_cert *issuer_of(const struct ca *ca, const struct issue_opts *opts)
{
	return opts->kind == CERT_CA ? opts->ca->issuer : &ca->cert;
}

static int set_dates(const struct cli *cli, const struct ca *ca, struct job *j)
{
	struct issued *d = &j->done;

	const struct x509_cert *up = issuer_of(ca, j->opts);

	d->not_before = cli->now - ISSUE_BACKDATE_S;
	d->not_after = cli->now + j->opts->days * DAY_S;
	if (up == NULL)
		return CLI_OK;
	if (cli->now > up->not_after)
		return cli_fail(CLI_CRITICAL, "the CA has expired: it can issue nothing more");
	d->not_before = MAX(d->not_before, up->not_before);
	if (d->not_before > d->not_after)
		return cli_fail(CLI_FAILED, "the CA is not valid yet: is the clock right?");
	if (d->not_after > up->not_after) {
		d->not_after = up->not_after;
		cli_note(cli, "the certificate ends with its CA, %lld days from now",
			(long long)((d->not_after - cli->now) / DAY_S));
	}
	return CLI_OK;
}

static int set_key(const struct ca *ca, struct job *j)
{
	int n;

	if (j->opts->spki != NULL) {
		j->pub = *j->opts->spki;
		if (j->opts->kind != CERT_CA && der_equal(&j->pub, &ca->cert.spki))
			return cli_fail(CLI_FAILED, "this is the CA's own key");
		return CLI_OK;
	}
	if (key_make(j->opts->alg, &j->own) < 0 || (n = key_spki(j->own, j->spki)) < 0)
		return cli_fail(CLI_FAILED, "making a key failed");
	j->pub = (struct der){ j->spki, (size_t)n };
	return CLI_OK;
}

static int set_identity(const struct ca *ca, struct job *j)
{
	struct ident id = { .role = IDENT_CLIENT };
	char uri[IDENT_URI_MAX + 1];

	if (j->opts->kind == CERT_CA)
		return CLI_OK;
	if (j->opts->kind == CERT_SERVER)
		id.role = IDENT_SERVER;
	(void)snprintf(id.network, sizeof(id.network), "%s", ca->network);
	(void)snprintf(id.name, sizeof(id.name), "%s", j->opts->name);
	if (san_add_uri(j->opts->sans, ident_format(&id, uri)) < 0)
		return cli_fail(CLI_USAGE, "too many alternative names");
	return CLI_OK;
}

/* What the index must know of a CA from the first moment on. */
static int reserve_ca(struct ca *ca, const struct issue_ca *o, const char *serial)
{
	int r = store_set_meta(ca->store, "network", ca->network);

	if (r < 0)
		return r;
	return o->id != NULL ? cas_set_id(ca->store, serial, o->id)
			     : cas_set_role(ca->store, serial, o->role);
}

static const char *issuer_id(const struct ca *ca, const struct job *j)
{
	const struct issue_ca *o = j->opts->ca;

	if (j->opts->kind != CERT_CA)
		return ca->id;
	return o->issuer != NULL ? o->issuer_id : o->id != NULL ? o->id : j->done.serial.text;
}

static int reserve(const struct cli *cli, struct ca *ca, const struct job *j)
{
	const char *kind = cert_kind_name(j->opts->kind), *serial = j->done.serial.text;
	char sans[SAN_TEXT_LEN] = "";
	int r;

	if (j->opts->sans != NULL)
		san_text(j->opts->sans, sans);
	const struct store_cert c = {
		.serial = serial,
		.issuer = issuer_id(ca, j),
		.kind = kind,
		.name = j->opts->name,
		.sans = sans,
		.has_key = j->own != NULL || j->opts->key_from != NULL,
		.created = cli->now,
		.not_before = j->done.not_before,
		.not_after = j->done.not_after,
	};
	r = store_begin(ca->store);
	if (r == 0 && j->opts->kind == CERT_CA)
		r = reserve_ca(ca, j->opts->ca, serial);
	if (r == 0)
		r = store_reserve(ca->store, &c);
	if (r == 0)
		r = store_audit(ca->store, cli->now, kind, serial, j->opts->name);
	if (r == 0)
		r = store_commit(ca->store);
	if (r < 0) {
		store_rollback(ca->store);
		return ca_store_failed(ca, r);
	}
	return CLI_OK;
}

static int sign(struct ca *ca, struct job *j)
{
	const struct issue_ca *o = j->opts->ca;
	struct cert_spec spec = {
		.kind = j->opts->kind,
		.serial = &j->done.serial,
		.common_name = j->subject,
		.not_before = j->done.not_before,
		.not_after = j->done.not_after,
		.spki = j->pub,
		.sans = j->opts->sans,
		.issuer = issuer_of(ca, j->opts),
		.grant = j->opts->grant,
	};
	struct key *signer = ca->key;
	char why[256];

	if (spec.kind == CERT_CA) {
		spec.subject = o->subject;
		spec.path_len = o->path_len;
		spec.skid = o->skid;
		spec.constraints = o->constraints;
		signer = o->signer != NULL ? o->signer : j->own;
	}
	j->der_len = cert_make(&spec, signer, j->der, why);
	return j->der_len < 0 ? cli_fail(CLI_FAILED, "%s", why) : CLI_OK;
}

static int write_cert(const struct cli *cli, const struct ca *ca, const struct job *j)
{
	char *text = pem_encode("CERTIFICATE", j->der, (size_t)j->der_len);
	int r = text == NULL ? -ENOMEM
			     : fs_create(ca->dir, j->done.cert_path, FS_PUBLIC, text, strlen(text));

	free(text);
	if (r < 0)
		return cli_fail(CLI_FAILED, "cannot write %s/%s: %s", cli->dir, j->done.cert_path,
			strerror(-r));
	return CLI_OK;
}

static int write_key(const struct cli *cli, const struct ca *ca, struct job *j)
{
	const char *from = j->opts->key_from;
	int r;

	if (j->own == NULL && from == NULL)
		return CLI_OK;
	ca_key_path(cert_kind_name(j->opts->kind), j->done.serial.text, j->done.key_path);
	r = from != NULL ? keyfile_copy(ca->dir, from, j->done.key_path)
			 : keyfile_write(ca->dir, j->done.key_path, j->own, j->opts->pass);
	if (r < 0)
		return cli_fail(CLI_FAILED, "cannot write %s/%s: %s", cli->dir, j->done.key_path,
			strerror(-r));
	return CLI_OK;
}

/* Is the certificate's file there?  Then it counts, whatever failed after. */
static void give_up(const struct cli *cli, struct ca *ca, const struct job *j)
{
	int r;

	if (fs_exists(ca->dir, j->done.cert_path))
		return; /* The next command recovers it. */
	if (j->done.key_path[0] != '\0')
		(void)fs_remove(ca->dir, j->done.key_path);
	r = store_begin(ca->store);
	if (r == 0)
		r = store_set_abandoned(ca->store, j->done.serial.text);
	if (r == 0)
		r = store_audit(ca->store, cli->now, "abandoned", j->done.serial.text, NULL);
	if (r == 0)
		r = store_commit(ca->store);
	if (r < 0)
		store_rollback(ca->store); /* The next command does it. */
}

static int record(const struct cli *cli, struct ca *ca, const struct job *j)
{
	const struct issued *d = &j->done;
	int r = store_begin(ca->store);

	if (r == 0)
		r = store_set_issued(ca->store, d->serial.text, d->not_before, d->not_after);
	if (r == 0)
		r = store_audit(ca->store, cli->now, "issued", d->serial.text, j->opts->name);
	if (r == 0)
		r = store_commit(ca->store);
	if (r < 0) {
		store_rollback(ca->store);
		return ca_store_failed(ca, r);
	}
	return CLI_OK;
}

/* Said before anything is done; the lint would say it after. */
static int check_bounds(const struct ca *ca, const struct job *j)
{
	const struct grant none = { .n_groups = 0 };
	const struct grant *g = j->opts->grant != NULL ? j->opts->grant : &none;
	struct x509_cert names = { .version = 3 };
	uint8_t buf[SAN_TEXT_LEN * 2];
	struct grant bounds;
	struct der_out o;
	char why[128];

	if (j->opts->kind == CERT_CA)
		return CLI_OK;
	if (ca->cert.path_len > 0)
		return cli_fail(CLI_USAGE,
			"this is a root: it signs other CAs, with 'ca sign', and nothing else");
	if (grant_of_cert(&ca->cert, &bounds) == -EBADMSG)
		return cli_fail(CLI_FAILED, "the CA's bounds cannot be read");
	if (grant_within(g, &bounds, why) < 0)
		return cli_fail(CLI_FAILED, "%s is outside the bounds of this CA ('show ca')", why);
	der_out_init(&o, buf, sizeof(buf));
	san_put(j->opts->sans, &o);
	names.san = (struct der){ der_out_bytes(&o), der_out_len(&o) };
	if (o.failed || x509_permits(&ca->cert, &names) != 0)
		return cli_fail(CLI_FAILED,
			"a name is outside the name constraints of this CA ('show ca')");
	return CLI_OK;
}

static int prepare(const struct cli *cli, const struct ca *ca, struct job *j)
{
	int r;

	if (serial_make(&j->done.serial) < 0)
		return cli_fail(CLI_FAILED, "the system gives no random numbers");
	ca_cert_path(cert_kind_name(j->opts->kind), j->done.serial.text, j->done.cert_path);
	set_subject(ca, j);
	r = set_dates(cli, ca, j);
	if (r == CLI_OK)
		r = set_identity(ca, j);
	if (r == CLI_OK)
		r = check_bounds(ca, j);
	if (r == CLI_OK)
		r = set_key(ca, j);
	return r;
}

/* Reserve, write and sign; whatever fails, nothing is left behind. */
static int make_cert(const struct cli *cli, struct ca *ca, struct job *j)
{
	int r = reserve(cli, ca, j);

	if (r != CLI_OK)
		return r;
	r = write_key(cli, ca, j);
	if (r == CLI_OK)
		r = sign(ca, j);
	if (r == CLI_OK)
		r = write_cert(cli, ca, j);
	if (r != CLI_OK) {
		give_up(cli, ca, j);
		return r;
	}
	return record(cli, ca, j);
}

static int try_cert(const struct cli *cli, struct ca *ca, struct job *j)
{
	char end[STAMP_LEN];
	int r = sign(ca, j);

	if (r == CLI_OK)
		cli_note(cli, "would issue a %s certificate for %s, valid until %s",
			cert_kind_name(j->opts->kind), j->opts->name,
			stamp_format(j->done.not_after, end));
	return r;
}

int issue_cert(
	const struct cli *cli, struct ca *ca, const struct issue_opts *opts, struct issued *out)
{
	struct job *j = calloc(1, sizeof(*j));
	int r;

	if (j == NULL)
		return cli_fail(CLI_FAILED, "out of memory");
	j->opts = opts;
	r = prepare(cli, ca, j);
	/* An init that was killed at its end has left none. */
	if (r == CLI_OK && opts->kind != CERT_CA && !cli->dry_run && !fs_exists(ca->dir, CA_CRL))
		r = issue_crl(cli, ca, 0, NULL);
	if (r == CLI_OK)
		r = cli->dry_run ? try_cert(cli, ca, j) : make_cert(cli, ca, j);
	if (r == CLI_OK)
		*out = j->done;
	key_free(j->own);
	free(j);
	return r;
}
