#include "tls/tls_trust.h"

#include "tls/tls_signature.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* More revoked certificates than any VPN has; they take 22 bytes each. */
enum { MAX_REVOKED = 10000000, WHY_CAP = 256 };

struct anchor {
	uint8_t *der;
	struct x509_cert cert;
	int64_t next_update; /* Of its newest CRL; INT64_MIN: it has none. */
};

/* Compared as bytes, hence nothing but bytes. */
struct revoked {
	uint8_t issuer; /* The first CA of that name. */
	uint8_t len;
	uint8_t serial[X509_SERIAL_MAX];
};
_Static_assert(sizeof(struct revoked) == 2 + X509_SERIAL_MAX, "no padding");
_Static_assert(TLS_TRUST_MAX <= UINT8_MAX, "an index fits revoked.issuer");

struct tls_trust {
	struct anchor ca[TLS_TRUST_MAX];
	size_t n;
	struct revoked *revoked; /* Sorted. */
	size_t n_revoked, cap_revoked;
};

/* Why this certificate cannot be a CA of ours; NULL: it can. */
static const char *unfit(const struct x509_cert *c)
{
	if (c->version != 3 || !c->is_ca)
		return "is not a CA certificate (X.509 v3 with CA:TRUE)";
	if (!c->has_ku || (c->ku & X509_KU_KEY_CERT_SIGN) == 0)
		return "may not sign certificates (keyUsage lacks keyCertSign)";
	if (c->key_alg == X509_KEY_OTHER)
		return "has a key of a kind or size that is not accepted";
	if (c->unknown_critical)
		return "has a critical extension that is not understood";
	return NULL;
}

static bool is_known(const struct tls_trust *t, const uint8_t *der, size_t len)
{
	for (size_t i = 0; i < t->n; i++) {
		if (der_is(&t->ca[i].cert.all, der, len))
			return true;
	}
	return false;
}

static int add_ca(struct tls_trust *t, const uint8_t *der, size_t len, char why[static WHY_CAP])
{
	struct x509_cert c;
	char cn[64] = "no common name";

	if (x509_parse(der, len, &c) != 0) {
		(void)snprintf(
			why, WHY_CAP, "certificate %zu of the CA bundle is malformed", t->n + 1);
		return -EINVAL;
	}
	(void)x509_common_name(&c.subject, cn, sizeof(cn));
	const char *reason = unfit(&c);
	if (reason != NULL) {
		(void)snprintf(why, WHY_CAP, "certificate %zu of the CA bundle (%s) %s", t->n + 1,
			cn, reason);
		return -EINVAL;
	}
	if (is_known(t, der, len))
		return 0;
	if (t->n == TLS_TRUST_MAX) {
		(void)snprintf(
			why, WHY_CAP, "the CA bundle has more than %d certificates", TLS_TRUST_MAX);
		return -EINVAL;
	}
	uint8_t *copy = malloc(len);
	if (copy == NULL)
		return -ENOMEM;
	memcpy(copy, der, len);
	struct anchor *a = &t->ca[t->n++];
	*a = (struct anchor){ .der = copy, .next_update = INT64_MIN };
	return x509_parse(copy, len, &a->cert);
}

int tls_trust_create(const char *pem, struct tls_trust **out, char why[static WHY_CAP])
{
	struct tls_trust *t = calloc(1, sizeof(*t));
	size_t len = strlen(pem), pos = 0;
	uint8_t *der = malloc(len + 1);
	int n, rc = -ENOMEM;

	if (t == NULL || der == NULL)
		goto fail;
	while ((n = x509_pem_next(pem, len, &pos, "CERTIFICATE", der, len)) > 0) {
		rc = add_ca(t, der, (size_t)n, why);
		if (rc != 0)
			goto fail;
	}
	rc = -EINVAL;
	if (n < 0 || t->n == 0) {
		(void)snprintf(why, WHY_CAP,
			n < 0 ? "the CA bundle is not well-formed PEM after certificate %zu"
			      : "the CA bundle has no certificate (%zu PEM blocks CERTIFICATE)",
			t->n);
		goto fail;
	}
	free(der);
	*out = t;
	return 0;
fail:
	free(der);
	tls_trust_free(t);
	return rc;
}

void tls_trust_free(struct tls_trust *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->n; i++)
		free(t->ca[i].der);
	free(t->revoked);
	free(t);
}

size_t tls_trust_count(const struct tls_trust *t)
{
	return t->n;
}

const struct x509_cert *tls_trust_ca(const struct tls_trust *t, size_t i)
{
	return &t->ca[i].cert;
}

/* The CA that signed crl; NULL: none of ours.  *named: there is one of that name at least. */
static struct anchor *find_signer(struct tls_trust *t, const struct x509_crl *crl, bool *named)
{
	for (size_t i = 0; i < t->n; i++) {
		struct anchor *a = &t->ca[i];
		if (!der_equal(&a->cert.subject, &crl->issuer))
			continue;
		*named = true;
		if ((a->cert.ku & X509_KU_CRL_SIGN) != 0 &&
			tls_signature_check(&a->cert.spki, crl->sig_alg, &crl->tbs, &crl->sig) == 0)
			return a;
	}
	return NULL;
}

/* A renewed CA has the name of the old one, and what either revoked stays revoked. */
static size_t name_index(const struct tls_trust *t, const struct der *issuer)
{
	size_t i = 0;

	while (i < t->n && !der_equal(&t->ca[i].cert.subject, issuer))
		i++;
	return i;
}

static int compare_revoked(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct revoked));
}

static struct revoked make_revoked(size_t issuer, const struct der *serial)
{
	struct revoked r = { .issuer = (uint8_t)issuer, .len = (uint8_t)serial->len };

	memcpy(r.serial, serial->p, serial->len);
	return r;
}

static int add_revoked(struct tls_trust *t, size_t issuer, const struct der *serial)
{
	/* No certificate with a longer one is accepted. */
	if (serial->len > X509_SERIAL_MAX)
		return 0;
	if (t->n_revoked == t->cap_revoked) {
		size_t cap = t->cap_revoked == 0 ? 64 : 2 * t->cap_revoked;
		if (cap > MAX_REVOKED)
			return -ENOSPC;
		struct revoked *r = realloc(t->revoked, cap * sizeof(*r));
		if (r == NULL)
			return -ENOMEM;
		t->revoked = r;
		t->cap_revoked = cap;
	}
	t->revoked[t->n_revoked++] = make_revoked(issuer, serial);
	return 0;
}

static int add_crl(struct tls_trust *t, const struct x509_crl *crl, const char **reason)
{
	struct der it = crl->entries;
	struct x509_revoked entry;
	bool named = false;
	int rc = 0;

	if (crl->unknown_critical) {
		*reason = "has a critical extension that is not understood";
		return -EINVAL;
	}
	struct anchor *a = find_signer(t, crl, &named);
	if (a == NULL) {
		*reason = named ? "has a bad signature, or its CA may not sign CRLs"
				: "was issued by a CA that is not in the CA bundle";
		return -EINVAL;
	}
	size_t issuer = name_index(t, &crl->issuer);
	while (rc == 0 && x509_crl_next(&it, &entry) == 1)
		rc = add_revoked(t, issuer, &entry.serial);
	if (rc == -ENOSPC) {
		*reason = "has too many entries";
		return -EINVAL;
	}
	if (crl->next_update > a->next_update)
		a->next_update = crl->next_update;
	return rc;
}

/* Sort, and leave out what is there twice. */
static void settle(struct tls_trust *t)
{
	size_t n = 0;

	if (t->n_revoked == 0)
		return;
	qsort(t->revoked, t->n_revoked, sizeof(*t->revoked), compare_revoked);
	for (size_t i = 1; i < t->n_revoked; i++) {
		if (compare_revoked(&t->revoked[n], &t->revoked[i]) != 0)
			t->revoked[++n] = t->revoked[i];
	}
	t->n_revoked = n + 1;
}

int tls_trust_add_crls(struct tls_trust *t, const char *pem, char why[static WHY_CAP])
{
	size_t len = strlen(pem), pos = 0, count = 0;
	uint8_t *der = malloc(len + 1);
	const char *reason = "is malformed";
	int n, rc = -ENOMEM;

	if (der == NULL)
		goto fail;
	rc = 0;
	while (rc == 0 && (n = x509_pem_next(pem, len, &pos, "X509 CRL", der, len)) != 0) {
		struct x509_crl crl;
		count++;
		rc = -EINVAL;
		if (n > 0 && x509_crl_parse(der, (size_t)n, &crl) == 0)
			rc = add_crl(t, &crl, &reason);
		if (rc == -EINVAL)
			(void)snprintf(why, WHY_CAP, "CRL %zu %s", count, reason);
	}
	if (rc == 0 && count == 0) {
		(void)snprintf(why, WHY_CAP, "there is no CRL (PEM block X509 CRL) in it");
		rc = -EINVAL;
	}
fail:
	settle(t);
	free(der);
	return rc;
}

size_t tls_trust_revoked_count(const struct tls_trust *t)
{
	return t->n_revoked;
}

int64_t tls_trust_crl_next_update(const struct tls_trust *t)
{
	int64_t earliest = INT64_MAX;

	for (size_t i = 0; i < t->n; i++) {
		int64_t next = t->ca[i].next_update;
		if (next != INT64_MIN && next < earliest)
			earliest = next;
	}
	return earliest;
}

int64_t tls_trust_ca_expiry(const struct tls_trust *t)
{
	int64_t earliest = INT64_MAX;

	for (size_t i = 0; i < t->n; i++) {
		if (t->ca[i].cert.not_after < earliest)
			earliest = t->ca[i].cert.not_after;
	}
	return earliest;
}

bool tls_trust_is_revoked(
	const struct tls_trust *t, const struct der *issuer, const struct der *serial)
{
	size_t i = name_index(t, issuer);

	if (i == t->n || serial->len > X509_SERIAL_MAX || t->n_revoked == 0)
		return false;
	struct revoked key = make_revoked(i, serial);
	return bsearch(&key, t->revoked, t->n_revoked, sizeof(key), compare_revoked) != NULL;
}
