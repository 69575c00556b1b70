#include "tls/tls_verify.h"

#include "base/util.h"
#include "tls/tls_signature.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* What a hostile chain can make us compute at most; an honest one needs one for each certificate. */
enum { MAX_SIGNATURE_CHECKS = 16, DETAIL_CAP = 256, NAME_CAP = 72 };

struct check {
	const struct tls_trust *trust;
	const struct tls_verify_opts *opts;
	struct x509_cert
		cert[TLS_CHAIN_MAX]; /* The leaf, then the intermediates that can be read. */
	size_t n;
	bool in_path[TLS_CHAIN_MAX];
	unsigned signatures_left;
	enum tls_reason reason; /* Of the path that came furthest. */
	char *detail;
};

__attribute__((format(printf, 3, 4))) static enum tls_reason refuse(
	struct check *k, enum tls_reason reason, const char *fmt, ...)
{
	char text[DETAIL_CAP];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	text_copy(k->detail, DETAIL_CAP, text);
	return reason;
}

/* What to call a certificate in a message. */
static const char *name_of(const struct x509_cert *c, char out[static NAME_CAP])
{
	char cn[NAME_CAP - 2];
	char serial[2 * X509_SERIAL_MAX + 1];

	if (x509_common_name(&c->subject, cn, sizeof(cn)) == 0) {
		(void)snprintf(out, NAME_CAP, "\"%s\"", cn);
	} else {
		hex_encode(c->serial.p, c->serial.len, serial);
		(void)snprintf(out, NAME_CAP, "serial %s", serial);
	}
	return out;
}

static const char *date_text(int64_t t, char out[static 24])
{
	time_t seconds = (time_t)t;
	struct tm tm;

	if (gmtime_r(&seconds, &tm) == NULL || strftime(out, 24, "%Y-%m-%d %H:%M:%SZ", &tm) == 0)
		(void)snprintf(out, 24, "an unknown time");
	return out;
}

static enum tls_reason check_dates(struct check *k, const struct x509_cert *c, const char *what)
{
	char name[NAME_CAP], date[24];

	if (k->opts->now < c->not_before)
		return refuse(k, TLS_REASON_NOT_YET_VALID, "%s %s is valid only from %s", what,
			name_of(c, name), date_text(c->not_before, date));
	if (k->opts->now > c->not_after)
		return refuse(k, TLS_REASON_EXPIRED, "%s %s expired at %s", what, name_of(c, name),
			date_text(c->not_after, date));
	return TLS_REASON_NONE;
}

static enum tls_reason check_revocation(
	struct check *k, const struct x509_cert *c, const char *what)
{
	char name[NAME_CAP], serial[2 * X509_SERIAL_MAX + 1];

	if (!tls_trust_is_revoked(k->trust, &c->issuer, &c->serial))
		return TLS_REASON_NONE;
	hex_encode(c->serial.p, c->serial.len, serial);
	return refuse(k, TLS_REASON_REVOKED, "%s %s (serial %s) has been revoked", what,
		name_of(c, name), serial);
}

/* RFC 5280 6.1.4 (k) to (n): may c be a CA with this many intermediates below it? */
static bool may_issue(const struct x509_cert *c, int below)
{
	return c->version == 3 && c->is_ca && c->has_ku && (c->ku & X509_KU_KEY_CERT_SIGN) != 0 &&
	       c->key_alg != X509_KEY_OTHER && !c->unknown_critical &&
	       (c->path_len < 0 || below <= c->path_len);
}

static bool could_be_issuer(const struct x509_cert *issuer, const struct x509_cert *c)
{
	if (!der_equal(&issuer->subject, &c->issuer))
		return false;
	return issuer->skid.len == 0 || c->akid.len == 0 || der_equal(&issuer->skid, &c->akid);
}

/*
 * A path that fails late says more than one that fails early: "expired" where the signatures are right is of
 * more use than "unknown CA" for another certificate of the same name.
 */
static void note_failure(struct check *k, enum tls_reason reason, const char *detail)
{
	if (k->reason != TLS_REASON_UNKNOWN_CA && k->reason != TLS_REASON_NONE)
		return;
	k->reason = reason;
	text_copy(k->detail, DETAIL_CAP, detail);
}

/* Is issuer, by its signature, its powers, its dates and its standing, the issuer of c?  Notes why not. */
static bool is_issuer(
	struct check *k, const struct x509_cert *issuer, const struct x509_cert *c, int below)
{
	char detail[DETAIL_CAP], name[NAME_CAP], *kept = k->detail;
	enum tls_reason reason;

	if (!could_be_issuer(issuer, c) || k->signatures_left == 0)
		return false;
	k->signatures_left--;
	k->detail = detail;
	if (tls_signature_check(&issuer->spki, c->sig_alg, &c->tbs, &c->sig) != 0) {
		reason = refuse(k, TLS_REASON_UNKNOWN_CA,
			"the signature on %s is not that of the CA it names", name_of(c, name));
	} else if (!may_issue(issuer, below)) {
		reason = refuse(k, TLS_REASON_UNKNOWN_CA,
			"%s is no CA, or its path length is exceeded", name_of(issuer, name));
	} else if (x509_permits(issuer, &k->cert[0]) != 0) {
		reason = refuse(k, TLS_REASON_BAD_CERTIFICATE,
			"its names are outside the name constraints of %s", name_of(issuer, name));
	} else {
		reason = check_dates(k, issuer, "the CA");
		if (reason == TLS_REASON_NONE)
			reason = check_revocation(k, issuer, "the CA");
	}
	k->detail = kept;
	if (reason != TLS_REASON_NONE)
		note_failure(k, reason, detail);
	return reason == TLS_REASON_NONE;
}

/* Depth first from k->cert[at] up to a CA of the bundle; below: intermediates passed so far. */
static bool find_path(struct check *k, size_t at, int below)
{
	const struct x509_cert *c = &k->cert[at];

	for (size_t i = 0; i < tls_trust_count(k->trust); i++) {
		if (is_issuer(k, tls_trust_ca(k->trust, i), c, below))
			return true;
	}
	for (size_t i = 1; i < k->n; i++) {
		const struct x509_cert *next = &k->cert[i];
		if (k->in_path[i] || !is_issuer(k, next, c, below))
			continue;
		/* Self-issued ones (a CA's new key certified by its old one) do not count: RFC 5280 6.1.4 (l). */
		int counts = der_equal(&next->subject, &next->issuer) ? 0 : 1;
		k->in_path[i] = true;
		if (find_path(k, i, below + counts))
			return true;
		k->in_path[i] = false;
	}
	return false;
}

static enum tls_reason check_form(struct check *k)
{
	const struct x509_cert *c = &k->cert[0];
	const char *what = NULL;

	if (c->version != 3)
		what = "is not X.509 v3";
	else if (c->is_ca || (c->ku & X509_KU_KEY_CERT_SIGN) != 0)
		what = "is a CA certificate";
	else if (c->key_alg == X509_KEY_OTHER)
		what = "has a key of a kind or size that is not accepted";
	else if (c->sig_alg == X509_SIG_OTHER)
		what = "is signed with an algorithm that is not accepted";
	else if (c->unknown_critical)
		what = "has a critical extension that is not understood";
	else if (c->has_ku && (c->ku & X509_KU_DIGITAL_SIGNATURE) == 0)
		what = "may not sign (keyUsage lacks digitalSignature)";
	char name[NAME_CAP];
	return what == NULL ? TLS_REASON_NONE
			    : refuse(k, TLS_REASON_BAD_CERTIFICATE, "the certificate %s %s",
				      name_of(c, name), what);
}

static enum tls_reason check_usage(struct check *k)
{
	const struct x509_cert *c = &k->cert[0];
	bool server = k->opts->role == IDENT_SERVER;
	unsigned wanted = server ? X509_EKU_SERVER_AUTH : X509_EKU_CLIENT_AUTH;
	char name[NAME_CAP];

	if (c->has_eku && (c->eku & wanted) != 0)
		return TLS_REASON_NONE;
	return refuse(k, TLS_REASON_WRONG_USAGE,
		"the certificate %s is not for a %s (extendedKeyUsage lacks %s)", name_of(c, name),
		server ? "server" : "client", server ? "serverAuth" : "clientAuth");
}

static enum tls_reason check_crl_age(struct check *k)
{
	int64_t next = tls_trust_crl_next_update(k->trust);
	char date[24];

	if (!k->opts->crl_stale_deny || next > INT64_MAX - k->opts->crl_grace_s ||
		k->opts->now <= next + k->opts->crl_grace_s)
		return TLS_REASON_NONE;
	return refuse(k, TLS_REASON_CRL_STALE, "the CRL should have been replaced by %s",
		date_text(next, date));
}

static enum tls_reason check_identity(struct check *k, struct ident *id)
{
	const struct x509_cert *c = &k->cert[0];
	const char *wanted = k->opts->role == IDENT_SERVER ? "server" : "client";
	char name[NAME_CAP];

	if (ident_of_cert(c, id) != 0)
		return refuse(k, TLS_REASON_BAD_IDENTITY,
			"the certificate %s does not have exactly one well-formed spiffe:// "
			"identity",
			name_of(c, name));
	if (strcmp(id->network, k->opts->network) != 0)
		return refuse(k, TLS_REASON_BAD_IDENTITY,
			"the certificate %s is for the network %.80s, not for %.80s",
			name_of(c, name), id->network, k->opts->network);
	if (id->role != k->opts->role)
		return refuse(k, TLS_REASON_BAD_IDENTITY,
			"the certificate %s does not belong to a %s", name_of(c, name), wanted);
	if (k->opts->server_name != NULL && !ident_cert_names_host(c, k->opts->server_name))
		return refuse(k, TLS_REASON_WRONG_NAME,
			"the certificate %s is not for the host %.100s", name_of(c, name),
			k->opts->server_name);
	return TLS_REASON_NONE;
}

/* What cannot be read cannot vouch for anybody: such intermediates are left out. */
static void read_intermediates(struct check *k, const struct der *chain, size_t n)
{
	k->n = 1;
	for (size_t i = 1; i < n; i++) {
		if (x509_parse(chain[i].p, chain[i].len, &k->cert[k->n]) == 0)
			k->n++;
	}
}

static enum tls_reason check_path(struct check *k)
{
	if (find_path(k, 0, 0))
		return TLS_REASON_NONE;
	if (k->reason == TLS_REASON_NONE) {
		char name[NAME_CAP];
		return refuse(k, TLS_REASON_UNKNOWN_CA,
			"the certificate %s was not issued by a CA that we trust",
			name_of(&k->cert[0], name));
	}
	return k->reason;
}

enum tls_reason tls_verify_chain(const struct tls_trust *t, const struct der *chain, size_t n,
	const struct tls_verify_opts *opts, struct ident *id, char detail[static DETAIL_CAP])
{
	struct check k = {
		.trust = t, .opts = opts, .signatures_left = MAX_SIGNATURE_CHECKS, .detail = detail
	};
	enum tls_reason r;
	struct ident found;

	if (n == 0)
		return refuse(&k, TLS_REASON_NO_CERTIFICATE, "no certificate was sent");
	if (n > TLS_CHAIN_MAX)
		return refuse(&k, TLS_REASON_BAD_CERTIFICATE, "more than %d certificates were sent",
			TLS_CHAIN_MAX);
	if (x509_parse(chain[0].p, chain[0].len, &k.cert[0]) != 0)
		return refuse(&k, TLS_REASON_BAD_CERTIFICATE, "the certificate is malformed");
	read_intermediates(&k, chain, n);
	if ((r = check_form(&k)) != TLS_REASON_NONE || (r = check_path(&k)) != TLS_REASON_NONE ||
		(r = check_dates(&k, &k.cert[0], "the certificate")) != TLS_REASON_NONE ||
		(r = check_usage(&k)) != TLS_REASON_NONE ||
		(r = check_revocation(&k, &k.cert[0], "the certificate")) != TLS_REASON_NONE ||
		(r = check_crl_age(&k)) != TLS_REASON_NONE ||
		(r = check_identity(&k, &found)) != TLS_REASON_NONE)
		return r;
	*id = found;
	detail[0] = '\0';
	return TLS_REASON_NONE;
}

int tls_verify_signature(
	const struct der *spki, enum x509_sig alg, const struct der *tbs, const struct der *sig)
{
	return tls_signature_check(spki, alg, tbs, sig);
}
