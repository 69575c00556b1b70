#include "pki/cmd.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "pki/ca.h"
#include "pki/crlfile.h"
#include "pki/input.h"
#include "pki/report.h"
#include "pki/stamp.h"
#include "tls/tls_verify.h"

/* verify FILE: did this CA issue it, and does it still count? */

enum { DAY_S = 86400, SOON_S = 30 * DAY_S, OUR_CAS_MAX = 16 };

struct verify {
	const struct cli *cli;
	struct ca *ca;
	struct report report;
	char serials[OUR_CAS_MAX][SERIAL_TEXT_LEN]; /* Of the CA's certificates. */
	size_t n_cas;
	size_t certs;
	bool refused; /* Something is not ours at all. */
};

static int keep_ca(const struct store_cert *c, void *arg)
{
	struct verify *v = arg;

	if (v->n_cas < OUR_CAS_MAX)
		(void)snprintf(v->serials[v->n_cas++], SERIAL_TEXT_LEN, "%s", c->serial);
	return 0;
}

static bool signed_by(const struct x509_cert *up, const struct der *issuer, enum x509_sig alg,
	const struct der *tbs, const struct der *sig)
{
	return der_equal(issuer, &up->subject) &&
	       tls_verify_signature(&up->spki, alg, tbs, sig) == 0;
}

/* Has one of our CA certificates, those before a rollover included, signed this? */
static bool ours(const struct verify *v, const struct der *issuer, enum x509_sig alg,
	const struct der *tbs, const struct der *sig)
{
	bool yes = signed_by(&v->ca->cert, issuer, alg, tbs, sig);

	for (size_t i = 0; !yes && i < v->n_cas; i++) {
		struct x509_cert up;
		uint8_t *der = NULL;
		if (ca_read_cert(v->ca, "ca", v->serials[i], &der, &up) == CLI_OK)
			yes = signed_by(&up, issuer, alg, tbs, sig);
		free(der);
	}
	return yes;
}

struct record {
	bool found;
	char name[256], kind[8];
	int64_t revoked_at;
	int reason;
};

static int keep_record(const struct store_cert *c, void *arg)
{
	struct record *r = arg;

	r->found = true;
	(void)snprintf(r->name, sizeof(r->name), "%s", c->name);
	(void)snprintf(r->kind, sizeof(r->kind), "%s", c->kind);
	r->revoked_at = c->revoked_at;
	r->reason = c->reason;
	return 0;
}

static void check_dates(struct verify *v, const struct x509_cert *c, const char *what)
{
	int64_t left = c->not_after - v->cli->now;
	char when[STAMP_LEN];

	stamp_format(c->not_after, when);
	if (left < 0)
		report_add(&v->report, REPORT_CRITICAL, what, "has expired (%s)", when);
	else if (c->not_before > v->cli->now)
		report_add(&v->report, REPORT_CRITICAL, what, "is not valid before %s",
			stamp_format(c->not_before, when));
	else if (left < SOON_S)
		report_add(&v->report, REPORT_WARNING, what, "expires in %" PRId64 " days (%s)",
			left / DAY_S, when);
}

static void refuse(struct verify *v, const char *what, const char *text)
{
	v->refused = true;
	report_add(&v->report, REPORT_CRITICAL, what, "%s", text);
}

static int check_cert(struct verify *v, const struct der *d, int number)
{
	struct record rec = { .found = false };
	struct x509_cert c;
	struct serial serial;
	struct crlfile crl;
	char what[320], when[STAMP_LEN];

	v->certs++;
	(void)snprintf(what, sizeof(what), "certificate %d", number);
	if (x509_parse(d->p, d->len, &c) < 0 || serial_of(&c.serial, &serial) < 0) {
		refuse(v, what, "malformed");
		return 0;
	}
	if (!ours(v, &c.issuer, c.sig_alg, &c.tbs, &c.sig)) {
		refuse(v, what, "not issued by this CA, or changed since");
		return 0;
	}
	const struct store_filter f = { .serial = serial.text };
	int r = store_each(v->ca->store, &f, keep_record, &rec);
	if (r < 0)
		return ca_store_failed(v->ca, r);
	if (rec.found)
		(void)snprintf(
			what, sizeof(what), "%s %s, serial %s", rec.kind, rec.name, serial.text);
	else
		report_add(&v->report, REPORT_CRITICAL, what,
			"signed by this CA, but serial %s is not in the index: 'doctor'",
			serial.text);
	check_dates(v, &c, what);
	if (rec.revoked_at != 0)
		report_add(&v->report, REPORT_CRITICAL, what, "was revoked %s (%s)",
			stamp_format(rec.revoked_at, when), crl_reason_name(rec.reason));
	else if (crlfile_load(v->ca, NULL, &crl) == 0) {
		if (crlfile_lists(&crl.crl, &c.serial))
			report_add(&v->report, REPORT_CRITICAL, what,
				"is on the CRL, though not revoked in the index: 'doctor'");
		crlfile_free(&crl);
	}
	return 0;
}

static void check_crl(struct verify *v, const struct der *d, int number)
{
	struct x509_crl c;
	char what[64], when[STAMP_LEN];
	struct crlfile newest;

	(void)snprintf(what, sizeof(what), "CRL %d", number);
	if (x509_crl_parse(d->p, d->len, &c) < 0) {
		refuse(v, what, "malformed");
		return;
	}
	if (!ours(v, &c.issuer, c.sig_alg, &c.tbs, &c.sig)) {
		refuse(v, what, "not signed by this CA, or changed since");
		return;
	}
	if (c.next_update < v->cli->now)
		report_add(&v->report, REPORT_CRITICAL, what, "has expired (%s)",
			stamp_format(c.next_update, when));
	if (crlfile_load(v->ca, NULL, &newest) < 0)
		return;
	if (der_equal(&c.issuer, &newest.crl.issuer) && crlfile_number(&c) < newest.number)
		report_add(&v->report, REPORT_WARNING, what,
			"is number %" PRId64 "; the newest is %" PRId64, crlfile_number(&c),
			newest.number);
	crlfile_free(&newest);
}

static int look(enum input_kind kind, const struct der *d, int number, void *arg)
{
	struct verify *v = arg;

	if (kind == INPUT_CERT)
		return check_cert(v, d, number);
	if (kind == INPUT_CRL)
		check_crl(v, d, number);
	else
		refuse(v, "request", "a request is not a certificate: 'sign' or 'lint' it");
	return 0;
}

static int verify(struct verify *v, const char *path)
{
	const struct store_filter cas = { .kind = "ca" };
	int r = store_each(v->ca->store, &cas, keep_ca, v);

	if (r < 0)
		return ca_store_failed(v->ca, r);
	r = input_each(path, look, v);
	if (r == -ENODATA)
		return cli_fail(CLI_FAILED, "%s holds no certificate or CRL", path);
	if (r < 0)
		return cli_fail(r == -ENOENT ? CLI_NOT_FOUND : CLI_FAILED, "cannot read %s: %s",
			path, r == -EBADMSG ? "a damaged PEM block" : strerror(-r));
	if (r > 0)
		return r;
	r = report_print(v->cli, &v->report, "issued by this CA, within its dates, not revoked");
	return v->refused ? CLI_FAILED : r;
}

static int run(const struct cli *cli, const void *opts, char **args, int n_args)
{
	struct ca ca;
	struct verify v = { .cli = cli, .ca = &ca };
	int r;

	(void)opts;
	(void)n_args;
	if (report_init(&v.report) < 0)
		return cli_fail(CLI_FAILED, "out of memory");
	r = ca_open(cli, CA_READ, &ca);
	if (r == CLI_OK)
		r = verify(&v, args[0]);
	ca_close(&ca);
	report_clear(&v.report);
	return r;
}

const struct cmd pki_cmd_verify = {
	.name = "verify",
	.args = "FILE",
	.summary = "Tell whether this CA issued what a file holds, and whether it still counts",
	.example = "  sallyport-pki verify /etc/sallyport/server.crt",
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
