#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "net/ident.h"
#include "pki/cas.h"
#include "pki/doctor.h"
#include "pki/fs.h"
#include "pki/keyfile.h"
#include "pki/pem.h"
#include "pki/san.h"
#include "tls/tls_verify.h"

/* Certificates and keys against the index, both ways. */

/* The CAs, those before a rollover too. */
struct signers {
	struct x509_cert cert[CAS_MAX];
	uint8_t *der[CAS_MAX];
	char id[CAS_MAX][SERIAL_TEXT_LEN];
	size_t n;
};

struct files {
	struct doctor *d;
	struct signers signers;
	const char *folder, *kind;
	int err;
};

/* -errno; *der is to be freed. */
static int load(int dir, const char *path, uint8_t **der, struct x509_cert *cert)
{
	char *text = NULL;
	size_t len = 0, n = 0;
	int r = fs_read(dir, path, &text, &len);

	if (r == 0 && pem_decode("CERTIFICATE", text, len, der, &n) < 0)
		r = -EBADMSG;
	free(text);
	if (r == 0 && x509_parse(*der, n, cert) < 0) {
		free(*der);
		*der = NULL;
		r = -EBADMSG;
	}
	return r;
}

/* The newest certificate of each CA: those before it had the same key and name. */
static int load_signers(struct files *f)
{
	struct signers *s = &f->signers;
	struct cas all;
	char path[CA_PATH_LEN];
	int r = cas_load(f->d->ca->store, &all);

	for (size_t i = 0; r == 0 && i < all.n; i++) {
		if (load(f->d->ca->dir, ca_cert_path("ca", all.ca[i].serial, path), &s->der[s->n],
			    &s->cert[s->n]) == 0)
			(void)snprintf(s->id[s->n++], SERIAL_TEXT_LEN, "%s", all.ca[i].id);
	}
	return r;
}

/* The id of the CA that has signed c, or NULL. */
static const char *signer_of(const struct signers *s, const struct x509_cert *c)
{
	for (size_t i = 0; i < s->n; i++) {
		if (der_equal(&c->issuer, &s->cert[i].subject) &&
			tls_verify_signature(&s->cert[i].spki, c->sig_alg, &c->tbs, &c->sig) == 0)
			return s->id[i];
	}
	return NULL;
}

static void check_key(struct files *f, const struct store_cert *c, const struct x509_cert *cert)
{
	char path[CA_PATH_LEN];
	struct key *key = NULL;
	int r = keyfile_load(
		f->d->ca->dir, ca_key_path(c->kind, c->serial, path), &cert->spki, NULL, &key);

	key_free(key);
	/* A CA's later certificates share the key of its first. */
	if (r == 0 || r == -ENOKEY || r == -EPERM || (r == -ENOENT && strcmp(c->kind, "ca") == 0))
		return;
	report_add(f->d->report, REPORT_CRITICAL, path, "%s",
		r == -ENOENT    ? "is lost: 'rekey' its holder, and revoke this certificate"
		: r == -EBADMSG ? "does not hold the key of its certificate"
				: strerror(-r));
}

static int repair_dates(struct files *f, const struct store_cert *c, const struct x509_cert *cert)
{
	int r = store_set_dates(f->d->ca->store, c->serial, cert->not_before, cert->not_after);

	return r < 0 ? r : doctor_note(f->d, "dates of", c->serial);
}

static int check_record(const struct store_cert *c, void *arg)
{
	struct files *f = arg;
	char path[CA_PATH_LEN];
	struct x509_cert cert;
	struct serial serial;
	uint8_t *der = NULL;
	int r = load(f->d->ca->dir, ca_cert_path(c->kind, c->serial, path), &der, &cert), err = 0;
	bool dates = r == 0 && (cert.not_before != c->not_before || cert.not_after != c->not_after);

	if (f->d->repair) {
		if (dates)
			err = repair_dates(f, c, &cert);
		free(der);
		return err;
	}
	if (r < 0)
		report_add(f->d->report, REPORT_CRITICAL, path,
			"%s; the record of %s %s remains, and it can be revoked",
			r == -ENOENT ? "is lost" : "cannot be read as a certificate", c->kind,
			c->name);
	else if (serial_of(&cert.serial, &serial) < 0 || strcmp(serial.text, c->serial) != 0)
		report_add(f->d->report, REPORT_CRITICAL, path,
			"holds another certificate than its name says");
	else if (signer_of(&f->signers, &cert) == NULL && !der_equal(&cert.issuer, &cert.subject) &&
		 strcmp(c->kind, "ca") != 0)
		report_add(f->d->report, REPORT_CRITICAL, path, "is not signed by this CA");
	else if (dates)
		report_add(f->d->report, REPORT_WARNING, path,
			"has other dates than the index: --repair corrects that");
	if (r == 0 && c->has_key)
		check_key(f, c, &cert);
	free(der);
	return 0;
}

/* Record a certificate that we have signed and forgotten. */
static int adopt(
	struct files *f, const char *serial, const char *issuer, const struct x509_cert *cert)
{
	struct san_list list = { .n = 0 };
	struct ident id = { .role = IDENT_CLIENT };
	char name[256] = "unknown", sans[SAN_TEXT_LEN], key[CA_PATH_LEN];
	struct der it = cert->san, value;
	enum x509_san kind;
	int r;

	while (x509_san_next(&it, &kind, &value) == 1)
		(void)san_add(&list, kind, &value);
	if (ident_of_cert(cert, &id) == 0)
		(void)snprintf(name, sizeof(name), "%s", id.name);
	else
		(void)x509_common_name(&cert->subject, name, sizeof(name));
	bool server = (cert->eku & X509_EKU_SERVER_AUTH) != 0;
	const struct store_cert c = {
		.serial = serial,
		.issuer = issuer,
		.kind = server ? "server" : "client",
		.name = name,
		.sans = san_text(&list, sans),
		.has_key = fs_exists(f->d->ca->dir, ca_key_path("client", serial, key)),
		.created = f->d->cli->now,
		.not_before = cert->not_before,
		.not_after = cert->not_after,
	};
	r = store_adopt(f->d->ca->store, &c);
	return r < 0 ? r : doctor_note(f->d, "record of", serial);
}

static int check_cert_file(struct files *f, const char *path, const char *serial)
{
	struct x509_cert cert;
	struct serial found;
	uint8_t *der = NULL;
	const char *issuer = NULL;
	int r = load(f->d->ca->dir, path, &der, &cert), err = 0;
	bool good = r == 0 && strcmp(f->kind, "ca") != 0 && serial_of(&cert.serial, &found) == 0 &&
		    strcmp(found.text, serial) == 0 &&
		    (issuer = signer_of(&f->signers, &cert)) != NULL;

	if (good && f->d->repair)
		err = adopt(f, serial, issuer, &cert);
	else if (!f->d->repair)
		report_add(f->d->report, good ? REPORT_CRITICAL : REPORT_WARNING, path, "%s",
			good ? "is a certificate of ours without a record: --repair records it"
			     : "is no certificate of this CA: remove it");
	free(der);
	return err;
}

static int check_key_file(struct files *f, const char *path, const char *serial, const char *state)
{
	char cert[CA_PATH_LEN];

	if (fs_exists(f->d->ca->dir, ca_cert_path(f->kind, serial, cert)))
		return 0; /* Named with its certificate. */
	bool dead = strcmp(state, "abandoned") == 0;
	if (!f->d->repair)
		report_add(f->d->report, REPORT_WARNING, path, "is a key without a certificate: %s",
			dead ? "--repair removes it" : "remove it unless you know what it is");
	if (!f->d->repair || !dead)
		return 0;
	int r = fs_remove(f->d->ca->dir, path);
	return r < 0 ? r : doctor_note(f->d, "removed the unused key of", serial);
}

static int check_file(const char *name, void *arg)
{
	struct files *f = arg;
	const char *dot = strrchr(name, '.');
	char path[512], stem[64], state[16];
	struct serial serial;
	int r;

	if (name[0] == '.')
		return 0;
	(void)snprintf(path, sizeof(path), "%s/%s", f->folder, name);
	(void)snprintf(stem, sizeof(stem), "%.*s", dot != NULL ? (int)(dot - name) : 0, name);
	if (dot == NULL || serial_parse(stem, &serial) < 0 || strcmp(stem, serial.text) != 0) {
		if (!f->d->repair)
			report_add(f->d->report, REPORT_WARNING, path, "does not belong here");
		return 0;
	}
	r = store_state(f->d->ca->store, serial.text, state);
	if (r < 0 || strcmp(state, "issued") == 0 || strcmp(state, "reserved") == 0)
		return r;
	if (strcmp(dot, ".crt") == 0)
		return check_cert_file(f, path, serial.text);
	return strcmp(dot, ".key") == 0 ? check_key_file(f, path, serial.text, state) : 0;
}

int doctor_look_files(struct doctor *d)
{
	static const struct {
		const char *folder, *kind;
	} places[] = { { "ca", "ca" }, { "certs", "client" }, { "keys", "client" } };
	const struct store_filter all = { .kind = NULL };
	struct files *f = calloc(1, sizeof(*f));
	int r = f == NULL ? -ENOMEM : 0;

	if (f != NULL) {
		f->d = d;
		r = load_signers(f);
	}
	if (r == 0)
		r = store_each(d->ca->store, &all, check_record, f);
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(places); i++) {
		f->folder = places[i].folder;
		f->kind = places[i].kind;
		r = fs_each(d->ca->dir, f->folder, check_file, f);
	}
	for (size_t i = 0; f != NULL && i < f->signers.n; i++)
		free(f->signers.der[i]);
	free(f);
	return r < 0 ? ca_store_failed(d->ca, r) : CLI_OK;
}
