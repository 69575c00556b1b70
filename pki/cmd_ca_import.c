#include "pki/cmd_ca.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pki/fs.h"
#include "pki/input.h"
#include "pki/keyfile.h"
#include "pki/pem.h"
#include "pki/pending.h"
#include "pki/result.h"
#include "tls/tls_verify.h"

/* ca import FILE: the certificate that a root elsewhere has made for our key, and the root's. */

enum { CERTS_MAX = 8 };

struct certs {
	uint8_t *der[CERTS_MAX];
	struct x509_cert cert[CERTS_MAX];
	size_t n;
};

struct import {
	struct certs certs;
	struct pending pending;
	bool first; /* There is no CA yet. */
	const struct x509_cert *own, *root;
	struct serial own_serial, root_serial;
};

static int take(enum input_kind kind, const struct der *der, int number, void *arg)
{
	struct certs *c = arg;

	(void)number;
	if (kind != INPUT_CERT)
		return 0;
	if (c->n == CERTS_MAX)
		return -EFBIG;
	c->der[c->n] = malloc(der->len);
	if (c->der[c->n] == NULL)
		return -ENOMEM;
	memcpy(c->der[c->n], der->p, der->len);
	if (x509_parse(c->der[c->n], der->len, &c->cert[c->n]) < 0) {
		free(c->der[c->n]);
		return -EBADMSG;
	}
	c->n++;
	return 0;
}

static bool is_ours(const struct ca *ca, const struct import *m, const struct x509_cert *c)
{
	if (m->first)
		return pending_is(&m->pending, &c->spki);
	return der_equal(&c->spki, &ca->cert.spki) && der_equal(&c->subject, &ca->cert.subject) &&
	       !der_equal(&c->all, &ca->cert.all);
}

/* A root of any origin, and what it has signed, are held to what peers check, not to what we would write. */
static bool is_root(const struct x509_cert *c)
{
	return c->version == 3 && c->is_ca && (c->ku & X509_KU_KEY_CERT_SIGN) != 0 &&
	       c->key_alg != X509_KEY_OTHER && !c->unknown_critical &&
	       der_equal(&c->issuer, &c->subject) &&
	       tls_verify_signature(&c->spki, c->sig_alg, &c->tbs, &c->sig) == 0;
}

static const char *fault(const struct x509_cert *own, const struct x509_cert *root)
{
	if (!own->is_ca || own->path_len != 0)
		return "what was signed is no CA, or its path length is not 0";
	if ((own->ku & X509_KU_KEY_CERT_SIGN) == 0 || (own->ku & X509_KU_CRL_SIGN) == 0)
		return "what was signed may not sign certificates and CRLs (keyUsage)";
	if (own->unknown_critical)
		return "what was signed has a critical extension that peers do not know";
	if (own->skid.len == 0)
		return "what was signed has no subjectKeyIdentifier";
	if (own->akid.len > 0 && root->skid.len > 0 && !der_equal(&own->akid, &root->skid))
		return "the authorityKeyIdentifier is not the root's key";
	if (root->path_len == 0)
		return "the root may not certify other CAs";
	if (tls_verify_signature(&root->spki, own->sig_alg, &own->tbs, &own->sig) != 0)
		return "the root's signature does not verify";
	return NULL;
}

static int choose(const struct cli *cli, const struct ca *ca, const char *path, struct import *m)
{
	const char *wrong;

	for (size_t i = 0; i < m->certs.n; i++) {
		if (is_ours(ca, m, &m->certs.cert[i]))
			m->own = &m->certs.cert[i];
	}
	if (m->own == NULL)
		return cli_fail(CLI_FAILED, "%s has no (new) certificate for the key of this CA%s",
			path, m->first ? "" : ", under its name");
	for (size_t i = 0; i < m->certs.n; i++) {
		const struct x509_cert *c = &m->certs.cert[i];
		if (der_equal(&c->subject, &m->own->issuer) && is_root(c))
			m->root = c;
	}
	if (m->root == NULL)
		return cli_fail(CLI_FAILED, "%s lacks the root that has signed it", path);
	wrong = fault(m->own, m->root);
	if (wrong != NULL)
		return cli_fail(CLI_FAILED, "%s: %s", path, wrong);
	if (cli->now > m->own->not_after || cli->now > m->root->not_after)
		return cli_fail(CLI_FAILED, "%s has expired", path);
	if (serial_of(&m->own->serial, &m->own_serial) < 0 ||
		serial_of(&m->root->serial, &m->root_serial) < 0)
		return cli_fail(CLI_FAILED, "%s: a serial number is too long", path);
	return CLI_OK;
}

/* Written before it is recorded: a run that was cut short has left the same bytes. */
static int put_cert(const struct ca *ca, const struct x509_cert *c, const char *serial)
{
	char path[CA_PATH_LEN], *text = pem_encode("CERTIFICATE", c->all.p, c->all.len);
	char *there = NULL;
	size_t len = 0;
	int r = text == NULL ? -ENOMEM
			     : fs_create(ca->dir, ca_cert_path("ca", serial, path), FS_PUBLIC, text,
				       strlen(text));

	if (r == -EEXIST && fs_read(ca->dir, path, &there, &len) == 0 && strcmp(there, text) == 0)
		r = 0;
	free(there);
	free(text);
	return r;
}

static int put_files(const struct cli *cli, const struct ca *ca, const struct import *m)
{
	char from[CA_PATH_LEN], to[CA_PATH_LEN];
	int r = put_cert(ca, m->root, m->root_serial.text);

	if (r == 0)
		r = put_cert(ca, m->own, m->own_serial.text);
	if (r == 0 && m->first) {
		ca_key_path("ca", m->pending.id, from);
		ca_key_path("ca", m->own_serial.text, to);
		r = fs_remove(ca->dir, to);
		if (r == 0)
			r = keyfile_copy(ca->dir, from, to);
	}
	return r == 0 ? CLI_OK
		      : cli_fail(CLI_FAILED, "cannot write to %s/ca: %s", cli->dir, strerror(-r));
}

static bool is_known(const struct cas *all, const char *serial)
{
	for (size_t i = 0; i < all->n; i++) {
		if (strcmp(all->ca[i].serial, serial) == 0)
			return true;
	}
	return false;
}

static int add_row(const struct cli *cli, struct store *s, const struct x509_cert *c,
	const struct store_cert *row)
{
	int r = store_reserve(s, row);

	if (r == 0)
		r = store_set_issued(s, row->serial, c->not_before, c->not_after);
	return r == 0 ? store_audit(s, cli->now, "ca import", row->serial, row->name) : r;
}

static int add_rows(const struct cli *cli, struct ca *ca, const struct import *m, bool new_root)
{
	const char *own = m->own_serial.text, *root = m->root_serial.text;
	struct store_cert row = { .serial = root, .issuer = root, .kind = "ca", .name = "root" };
	int r = 0;

	row.sans = "";
	row.created = cli->now;
	if (new_root) {
		r = add_row(cli, ca->store, m->root, &row);
		if (r == 0)
			r = cas_set_role(ca->store, root, CAS_ROOT);
	}
	row.serial = own;
	row.name = "ca";
	row.has_key = m->first;
	if (r == 0)
		r = add_row(cli, ca->store, m->own, &row);
	if (r == 0)
		r = m->first ? cas_set_role(ca->store, own, CAS_ACTIVE)
			     : cas_set_id(ca->store, own, ca->id);
	if (r == 0 && m->first)
		r = pending_end(ca->store);
	return r;
}

static int record(const struct cli *cli, struct ca *ca, const struct import *m)
{
	char path[CA_PATH_LEN];
	struct cas all;
	int r = ca_load_cas(ca, &all);

	if (r != CLI_OK)
		return r;
	r = store_begin(ca->store);
	if (r == 0)
		r = add_rows(cli, ca, m, !is_known(&all, m->root_serial.text));
	if (r == 0)
		r = store_commit(ca->store);
	if (r < 0) {
		store_rollback(ca->store);
		return r == -EEXIST ? cli_fail(CLI_FAILED, "this certificate is here already")
				    : ca_store_failed(ca, r);
	}
	if (m->first)
		(void)fs_remove(ca->dir, ca_key_path("ca", m->pending.id, path));
	return CLI_OK;
}

static int finish(const struct cli *cli, struct ca *ca)
{
	struct store_crl crl;
	int r = ca_load_cert(cli, ca);

	if (r == CLI_OK)
		r = ca_write_bundle(cli, ca);
	if (r == CLI_OK && ca->key == NULL)
		r = ca_load_key(cli, ca, ca->pass.len > 0 ? &ca->pass : NULL);
	if (r == CLI_OK && issue_crl(cli, ca, 0, &crl) != CLI_OK)
		r = cli_fail(CLI_CRITICAL, "imported, but the CRL could not be made: run 'crl'");
	return r == CLI_OK ? result_ca(cli, ca, &crl) : r;
}

static int import(const struct cli *cli, struct ca *ca, const char *path, struct import *m)
{
	int r = input_each(path, take, &m->certs);

	if (r < 0)
		return cli_fail(r == -ENOENT ? CLI_NOT_FOUND : CLI_FAILED, "cannot read %s: %s",
			path, strerror(-r));
	r = choose(cli, ca, path, m);
	/* The passphrase before anything is written: the CRL will need it. */
	if (r == CLI_OK)
		r = m->first ? pending_load(cli, ca, &m->pending) : ca_load_key(cli, ca, NULL);
	if (r == CLI_OK && cli->dry_run) {
		cli_note(cli, "would import CA certificate %s", m->own_serial.text);
		return CLI_OK;
	}
	if (r == CLI_OK)
		r = put_files(cli, ca, m);
	if (r == CLI_OK)
		r = record(cli, ca, m);
	return r == CLI_OK ? finish(cli, ca) : r;
}

int cmd_ca_import(const struct cli *cli, const struct ca_opts *o, const char *arg)
{
	struct import *m;
	struct ca ca;
	int r;

	(void)o;
	if (arg == NULL)
		return cli_fail(CLI_USAGE, "usage: sallyport-pki ca import FILE");
	m = calloc(1, sizeof(*m));
	if (m == NULL)
		return cli_fail(CLI_FAILED, "out of memory");
	r = ca_open(cli, CA_BARE, &ca);
	if (r == CLI_OK && ca.der == NULL) {
		m->first = true;
		r = pending_find(&ca, &m->pending);
		if (r == CLI_NOT_FOUND)
			r = cli_fail(CLI_NOT_FOUND,
				"%s waits for no certificate: 'ca csr NETWORK' first", cli->dir);
	}
	if (r == CLI_OK)
		r = import(cli, &ca, arg, m);
	for (size_t i = 0; i < m->certs.n; i++)
		free(m->certs.der[i]);
	pending_clear(&m->pending);
	free(m);
	ca_close(&ca);
	return r;
}
