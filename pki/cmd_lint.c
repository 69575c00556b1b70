#include "pki/cmd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pki/ca.h"
#include "pki/csr.h"
#include "pki/input.h"
#include "pki/report.h"
#include "pki/rules.h"

/* lint FILE: no CA is needed, but one that is there lends its certificate. */

struct lint_opts {
	const char *issuer;
};

static const struct opt opts[] = {
	{ "issuer", OPT_TEXT, offsetof(struct lint_opts, issuer), "FILE",
		"the certificate of the CA that has signed (default: ca.crt in --dir, if it has)",
		0, 0 },
};

enum { ISSUERS_MAX = 8 };

struct lint {
	const struct cli *cli;
	struct report report;
	struct x509_cert issuers[ISSUERS_MAX]; /* Each points into its der. */
	uint8_t *der[ISSUERS_MAX];
	size_t n_issuers;
	size_t n;
	bool unknown_issuer;
};

static int keep_issuer(enum input_kind kind, const struct der *der, int number, void *arg)
{
	struct lint *l = arg;
	uint8_t *copy;

	(void)number;
	if (kind != INPUT_CERT || l->n_issuers == ISSUERS_MAX)
		return 0;
	copy = malloc(der->len);
	if (copy == NULL)
		return -ENOMEM;
	memcpy(copy, der->p, der->len);
	if (x509_parse(copy, der->len, &l->issuers[l->n_issuers]) == 0)
		l->der[l->n_issuers++] = copy;
	else
		free(copy);
	return 0;
}

static void free_issuers(struct lint *l)
{
	while (l->n_issuers > 0)
		free(l->der[--l->n_issuers]);
}

static int load_issuers(struct lint *l, const char *named)
{
	char *path = NULL;
	int r;

	if (named == NULL && asprintf(&path, "%s/" CA_BUNDLE, l->cli->dir) < 0)
		return cli_fail(CLI_FAILED, "out of memory");
	r = input_each(named != NULL ? named : path, keep_issuer, l);
	free(path);
	if (named != NULL && (r < 0 || l->n_issuers == 0))
		return cli_fail(r == -ENOENT ? CLI_NOT_FOUND : CLI_FAILED, "--issuer %s: %s", named,
			r < 0 ? strerror(-r) : "no certificate in it");
	return CLI_OK;
}

static const struct x509_cert *issuer_of(
	struct lint *l, const struct der *name, const struct der *akid)
{
	for (size_t i = 0; i < l->n_issuers; i++) {
		if (der_equal(&l->issuers[i].subject, name) &&
			(akid->len == 0 || der_equal(akid, &l->issuers[i].skid)))
			return &l->issuers[i];
	}
	l->unknown_issuer = true;
	return NULL;
}

static int look(enum input_kind kind, const struct der *d, int number, void *arg)
{
	struct lint *l = arg;
	struct x509_cert cert;
	struct x509_crl crl;
	struct csr csr;
	char what[64];
	bool parsed;

	l->n++;
	(void)snprintf(what, sizeof(what), "%s %d", input_name(kind), number);
	if (kind == INPUT_CERT) {
		parsed = x509_parse(d->p, d->len, &cert) == 0;
		if (parsed) {
			bool self = der_equal(&cert.issuer, &cert.subject);
			rules_cert(&cert, self ? &cert : issuer_of(l, &cert.issuer, &cert.akid),
				what, &l->report);
		}
	} else if (kind == INPUT_CRL) {
		parsed = x509_crl_parse(d->p, d->len, &crl) == 0;
		if (parsed)
			rules_crl(&crl, issuer_of(l, &crl.issuer, &crl.akid), l->cli->now, what,
				&l->report);
	} else {
		parsed = csr_parse(d->p, d->len, &csr) == 0;
		if (parsed)
			rules_csr(&csr, what, &l->report);
	}
	if (!parsed)
		report_add(&l->report, REPORT_CRITICAL, what, "not well-formed DER");
	return 0;
}

static int lint(struct lint *l, const char *path, const char *issuer)
{
	char good[64];
	int r = load_issuers(l, issuer);

	if (r != CLI_OK)
		return r;
	r = input_each(path, look, l);
	if (r == -ENODATA)
		return cli_fail(CLI_FAILED, "%s holds no certificate, CRL or request", path);
	if (r < 0)
		return cli_fail(r == -ENOENT ? CLI_NOT_FOUND : CLI_FAILED, "cannot read %s: %s",
			path, r == -EBADMSG ? "a damaged PEM block" : strerror(-r));
	if (l->unknown_issuer)
		cli_note(l->cli, "the issuer's certificate is not at hand (--issuer): signatures "
				 "were not checked");
	(void)snprintf(good, sizeof(good), "%zu looked at, nothing found", l->n);
	r = report_print(l->cli, &l->report, good);
	return r == CLI_CRITICAL ? CLI_FAILED : r;
}

static int run(const struct cli *cli, const void *opts_in, char **args, int n_args)
{
	const struct lint_opts *o = opts_in;
	struct lint *l = calloc(1, sizeof(*l));
	int r;

	(void)n_args;
	if (l == NULL || report_init(&l->report) < 0) {
		free(l);
		return cli_fail(CLI_FAILED, "out of memory");
	}
	l->cli = cli;
	r = lint(l, args[0], o->issuer);
	free_issuers(l);
	report_clear(&l->report);
	free(l);
	return r;
}

const struct cmd pki_cmd_lint = {
	.name = "lint",
	.args = "FILE",
	.summary = "Hold certificates, CRLs or requests of any origin against RFC 5280",
	.example = "  sallyport-pki lint /etc/ssl/corporate-ca.pem",
	.opts = opts,
	.n_opts = sizeof(opts) / sizeof(opts[0]),
	.opts_size = sizeof(struct lint_opts),
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
