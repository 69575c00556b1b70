#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "pki/cas.h"
#include "pki/doctor.h"

/* The CRL in place against the index: a revocation that either has is never lost. */

enum { REASON_HOLD = 6 };

static int by_serial(const void *a, const void *b)
{
	const struct serial *x = &((const struct crl_entry *)a)->serial;
	const struct serial *y = &((const struct crl_entry *)b)->serial;

	return x->len != y->len ? (x->len < y->len ? -1 : 1) : memcmp(x->bytes, y->bytes, x->len);
}

static bool holds(const struct crl_entry *list, size_t n, const struct crl_entry *e)
{
	return n > 0 && bsearch(e, list, n, sizeof(*list), by_serial) != NULL;
}

/* The entries of a CRL, in order; *out is to be freed. */
static int take_entries(const struct x509_crl *crl, struct crl_entry **out, size_t *n)
{
	struct der it = crl->entries;
	struct x509_revoked e;
	size_t count = 0;

	/* Each takes at least a header, a serial number and a date. */
	struct crl_entry *list = calloc(crl->entries.len / 16 + 1, sizeof(*list));
	if (list == NULL)
		return -ENOMEM;
	while (x509_crl_next(&it, &e) == 1 && count <= crl->entries.len / 16) {
		if (serial_of(&e.serial, &list[count].serial) < 0)
			continue;
		list[count].date = e.date;
		list[count].reason = e.reason > 0 ? e.reason : CRL_UNSPECIFIED;
		count++;
	}
	qsort(list, count, sizeof(*list), by_serial);
	*out = list;
	*n = count;
	return 0;
}

static int restore_one(
	struct doctor *d, const char *issuer, const struct crl_entry *e, int64_t number)
{
	const struct store_cert c = {
		.serial = e->serial.text,
		.issuer = issuer,
		.kind = "client",
		.name = "unknown",
		.sans = "",
		.created = d->cli->now,
		.not_after = d->ca->cert.not_after,
		.revoked_at = e->date,
		.reason = e->reason,
		.crl_number = number,
	};
	int r = store_set_lost_revoked(d->ca->store, &c);

	return r < 0 ? r : doctor_note(d, "revocation of", e->serial.text);
}

/* An entry of the CRL that the index does not list as revoked: expired since, a hold just taken back, or forgotten. */
static int check_entry(
	struct doctor *d, const char *issuer, const struct crl_entry *e, int64_t number)
{
	char unheld[SERIAL_TEXT_LEN];
	int r = store_is_revoked(d->ca->store, e->serial.text);

	if (r != 0)
		return r < 0 ? r : 0;
	if (e->reason == REASON_HOLD &&
		store_meta(d->ca->store, "crl.unheld", unheld, sizeof(unheld)) == 0)
		return 0;
	if (d->repair)
		return restore_one(d, issuer, e, number);
	report_add(d->report, REPORT_CRITICAL, e->serial.text,
		"is on the CRL, and the index has forgotten that it was revoked: --repair "
		"records it");
	return 0;
}

static void need(struct doctor *d, enum doctor_crl what)
{
	d->crl = MAX(d->crl, what);
}

static void found(struct doctor *d, enum report_level level, const char *text)
{
	if (!d->repair)
		report_add(d->report, level, "crl", "%s", text);
}

/* A CRL against what the index has of its issuer. */
static int compare(struct doctor *d, const char *issuer, const struct crlfile *f)
{
	struct crl_entry *listed = NULL, *revoked = NULL;
	size_t n_listed = 0, n_revoked = 0, missing = 0;
	int r = take_entries(&f->crl, &listed, &n_listed);

	if (r == 0)
		r = store_revoked(d->ca->store, issuer, &revoked, &n_revoked);
	for (size_t i = 0; r == 0 && i < n_listed; i++) {
		if (!holds(revoked, n_revoked, &listed[i]))
			r = check_entry(d, issuer, &listed[i], f->number);
	}
	for (size_t i = 0; r == 0 && i < n_revoked; i++)
		missing += !holds(listed, n_listed, &revoked[i]);
	if (r == 0 && missing > 0) {
		found(d, REPORT_CRITICAL,
			"lacks what the index has as revoked: --repair makes a new one");
		need(d, DOCTOR_CRL_MAKE);
	}
	free(listed);
	free(revoked);
	return r;
}

/* Those of other CAs whose certificates are still in use. */
static int compare_others(struct doctor *d, const struct cas *all, size_t *n)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < all->n; i++) {
		const struct cas_ca *c = &all->ca[i];
		struct x509_cert cert;
		struct crlfile f;
		uint8_t *der = NULL;
		if (c->role == CAS_ACTIVE || !cas_signs_crls(c))
			continue;
		if (ca_read_cert(d->ca, "ca", c->serial, &der, &cert) == CLI_OK &&
			crlfile_load(d->ca, &cert, &f) == 0) {
			(*n)++;
			r = compare(d, c->id, &f);
			crlfile_free(&f);
		}
		free(der);
	}
	return r;
}

static int compare_all(struct doctor *d, const struct crlfile *f, const struct store_crl *last)
{
	struct cas all;
	size_t others = 0;
	int r = cas_load(d->ca->store, &all);

	if (r == 0)
		r = compare(d, d->ca->id, f);
	if (r == 0)
		r = compare_others(d, &all, &others);
	if (f->top > last->number) {
		found(d, REPORT_WARNING, "is newer than the index knows: --repair records it");
		need(d, others > 0 ? DOCTOR_CRL_MAKE : DOCTOR_CRL_RECORD);
	}
	return r;
}

int doctor_look_crl(struct doctor *d)
{
	struct store_crl last = { .number = 0 };
	int64_t pending = store_pending(d->ca->store);
	struct crlfile f;
	int r = store_last_crl(d->ca->store, &last);

	if (pending < 0 || (r < 0 && r != -ENOENT))
		return ca_store_failed(d->ca, pending < 0 ? (int)pending : r);
	r = crlfile_load(d->ca, NULL, &f);
	if (r < 0) {
		found(d, REPORT_CRITICAL,
			r == -ENOENT ? CA_CRL " is not there: --repair makes a new one"
				     : CA_CRL " is no CRL of this CA: --repair makes a new one");
		need(d, DOCTOR_CRL_MAKE);
		return CLI_OK;
	}
	if (f.top < last.number) {
		found(d, REPORT_CRITICAL,
			CA_CRL " is older than the newest one made: --repair makes a new one");
		need(d, DOCTOR_CRL_MAKE);
	}
	r = compare_all(d, &f, &last);
	if (pending > 0 && d->crl == DOCTOR_CRL_FINE) {
		found(d, REPORT_CRITICAL,
			"a revocation is recorded as in no CRL: --repair makes a new one");
		need(d, DOCTOR_CRL_MAKE);
	}
	crlfile_free(&f);
	return r < 0 ? ca_store_failed(d->ca, r) : CLI_OK;
}
