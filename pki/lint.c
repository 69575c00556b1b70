#include "pki/lint.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "net/grant.h"
#include "net/ident.h"
#include "pki/key.h"
#include "pki/san.h"
#include "tls/tls_verify.h"

enum { WHY = 256, NAME_PART_MAX = 64 };

/* One rule of a table: broken when it says so. */
struct rule {
	bool broken;
	const char *text;
};

static int report(const struct rule *rules, size_t n, char *why)
{
	for (size_t i = 0; i < n; i++) {
		if (rules[i].broken) {
			(void)snprintf(why, WHY, "refused by the lint: %s", rules[i].text);
			return -EINVAL;
		}
	}
	return 0;
}

#define REPORT(rules, why) report(rules, sizeof(rules) / sizeof((rules)[0]), why)

static bool serial_ok(const struct der *s)
{
	if (s->len == 0 || s->len > X509_SERIAL_MAX || s->p[0] >= 0x80)
		return false;
	return s->p[0] != 0 || (s->len > 1 && s->p[1] >= 0x80);
}

/* Every part of a Name: a PrintableString or UTF8String of 1 to 64 octets without control characters. */
static bool name_ok(const struct der *name)
{
	struct der in = *name, rdns, set, pair, oid, value;
	uint8_t tag;

	if (der_take(&in, DER_SEQUENCE, &rdns) < 0)
		return false;
	while (rdns.len > 0) {
		if (der_take(&rdns, DER_SET, &set) < 0 || der_take(&set, DER_SEQUENCE, &pair) < 0 ||
			der_take(&pair, DER_OID, &oid) < 0 ||
			der_next(&pair, &tag, &value, NULL) < 0)
			return false;
		if ((tag != DER_UTF8_STRING && tag != DER_PRINTABLE_STRING) || value.len == 0 ||
			value.len > NAME_PART_MAX)
			return false;
		for (size_t i = 0; i < value.len; i++) {
			if (value.p[i] < 0x20 || value.p[i] == 0x7f)
				return false;
		}
	}
	return true;
}

static bool sig_fits_key(enum x509_sig sig, enum x509_key key)
{
	switch (key) {
	case X509_KEY_P256:
		return sig == X509_SIG_ECDSA_SHA256;
	case X509_KEY_P384:
		return sig == X509_SIG_ECDSA_SHA384;
	case X509_KEY_ED25519:
		return sig == X509_SIG_ED25519;
	case X509_KEY_RSA:
		return sig == X509_SIG_RSA_SHA256;
	case X509_KEY_OTHER:
		break;
	}
	return false;
}

static bool ext_flags_ok(const struct x509_cert *c)
{
	static const struct {
		const char *oid;
		bool critical;
	} known[] = {
		{ "\x55\x1d\x0e", false }, /* subjectKeyIdentifier */
		{ "\x55\x1d\x0f", true },  /* keyUsage */
		{ "\x55\x1d\x11", false }, /* subjectAltName */
		{ "\x55\x1d\x13", true },  /* basicConstraints */
		{ "\x55\x1d\x1e", true },  /* nameConstraints */
		{ "\x55\x1d\x23", false }, /* authorityKeyIdentifier */
		{ "\x55\x1d\x25", false }, /* extKeyUsage */
	};

	for (size_t i = 0; i < c->n_ext; i++) {
		for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++) {
			if (der_is(&c->ext[i].oid, known[k].oid, 3) &&
				c->ext[i].critical != known[k].critical)
				return false;
		}
	}
	return true;
}

static bool key_id_ok(const struct x509_cert *c)
{
	uint8_t id[KEY_ID_LEN];

	return key_id(&c->spki, id) == 0 && der_is(&c->skid, id, sizeof(id));
}

static bool sans_ok(const struct x509_cert *c)
{
	struct der it = c->san, value;
	enum x509_san kind;
	bool host = false;
	int r;

	while ((r = x509_san_next(&it, &kind, &value)) == 1) {
		if (!san_valid(kind, &value))
			return false;
		host = host || kind == X509_SAN_DNS || kind == X509_SAN_IP;
	}
	return r == 0 && (host || c->eku != X509_EKU_SERVER_AUTH);
}

/* cA is FALSE by not being there (DER leaves out defaults). */
static bool basic_is_empty(const struct x509_cert *c)
{
	for (size_t i = 0; i < c->n_ext; i++) {
		if (der_is(&c->ext[i].oid, "\x55\x1d\x13", 3))
			return der_is(&c->ext[i].value, "\x30\x00", 2);
	}
	return false;
}

/* What is granted, or in a CA may be, is within what the issuer may grant. */
static bool grant_ok(const struct x509_cert *c, const struct x509_cert *up)
{
	struct grant own, bounds;
	char why[128];

	if (grant_of_cert(c, &own) == -EBADMSG || grant_of_cert(up, &bounds) == -EBADMSG)
		return false;
	if (c->is_ca)
		return own.n_addresses == 0 && grant_narrower(&own, &bounds, why) == 0;
	return grant_within(&own, &bounds, why) == 0;
}

/* RFC 5280 4.2.1.9: a path length that the issuer's leaves room for. */
static bool path_ok(const struct x509_cert *c, const struct x509_cert *issuer)
{
	return !c->is_ca || (c->path_len >= 0 && (issuer == NULL || issuer->path_len < 0 ||
							 issuer->path_len > c->path_len));
}

static int lint_leaf(const struct x509_cert *c, char *why)
{
	struct ident id = { .role = IDENT_CLIENT };
	bool has_ident = ident_of_cert(c, &id) == 0;
	bool server = c->eku == X509_EKU_SERVER_AUTH;
	const struct rule rules[] = {
		{ c->ku != X509_KU_DIGITAL_SIGNATURE, "keyUsage is not just digitalSignature" },
		{ !basic_is_empty(c), "basicConstraints of a leaf are not empty" },
		{ !c->has_eku, "no extKeyUsage" },
		{ c->eku != X509_EKU_SERVER_AUTH && c->eku != X509_EKU_CLIENT_AUTH,
			"extKeyUsage is not just serverAuth or clientAuth" },
		{ c->san.len == 0, "no subjectAltName" },
		{ !sans_ok(c), "a malformed subjectAltName, or a server without a host name" },
		{ !has_ident, "not exactly one identity (spiffe URI)" },
		{ server != (id.role == IDENT_SERVER), "identity and extKeyUsage disagree" },
	};

	return REPORT(rules, why);
}

static int lint_ca(const struct x509_cert *c, char *why)
{
	const struct rule rules[] = {
		{ c->ku != (X509_KU_KEY_CERT_SIGN | X509_KU_CRL_SIGN),
			"a CA's keyUsage is not keyCertSign and cRLSign" },
		{ c->has_eku, "a CA with extKeyUsage" },
		{ c->key_alg == X509_KEY_RSA && c->key_bits < 3072, "an RSA CA below 3072 bits" },
	};

	return REPORT(rules, why);
}

int lint_cert(const uint8_t *der, size_t len, const struct x509_cert *issuer, char why[static 256])
{
	struct x509_cert c;

	if (x509_parse(der, len, &c) < 0) {
		(void)snprintf(why, WHY, "refused by the lint: it cannot be parsed");
		return -EINVAL;
	}
	const struct x509_cert *up = issuer != NULL ? issuer : &c;
	const struct rule rules[] = {
		{ c.version != 3, "not version 3" },
		{ !serial_ok(&c.serial),
			"serial number not positive, minimal and of 1 to 20 octets" },
		{ !der_equal(&c.issuer, &up->subject), "issuer is not the CA's subject" },
		{ c.not_before > c.not_after, "notBefore after notAfter" },
		{ c.not_before < up->not_before || c.not_after > up->not_after,
			"not within the issuer's validity" },
		{ c.subject.len <= 2 && (c.is_ca || !c.san_critical), "empty subject" },
		{ !name_ok(&c.subject), "a name part that is empty, too long or not plain text" },
		{ c.key_alg == X509_KEY_OTHER, "a key of unknown kind or too weak" },
		{ !sig_fits_key(c.sig_alg, up->key_alg), "signature algorithm and key disagree" },
		{ c.unknown_critical, "an unknown critical extension" },
		{ !ext_flags_ok(&c), "an extension is critical that may not be, or the reverse" },
		{ !c.has_basic, "no basicConstraints" },
		{ !c.has_ku || c.ku == 0, "no keyUsage" },
		{ c.is_ca ? c.skid.len == 0 : !key_id_ok(&c),
			"subjectKeyIdentifier is not the key's" },
		{ !der_equal(&c.akid, &up->skid),
			"authorityKeyIdentifier is not the issuer's key" },
		{ !path_ok(&c, issuer), "the path length, or the lack of one, of a CA" },
		{ !grant_ok(&c, up), "a grant that is malformed or outside the CA's bounds" },
		{ issuer != NULL && x509_permits(issuer, &c) != 0,
			"a name outside the CA's name constraints" },
		{ tls_verify_signature(&up->spki, c.sig_alg, &c.tbs, &c.sig) != 0,
			"the signature does not verify" },
	};
	int r = REPORT(rules, why);

	return r < 0 ? r : c.is_ca ? lint_ca(&c, why) : lint_leaf(&c, why);
}

static bool entries_ok(const struct x509_crl *c)
{
	struct der it = c->entries, last = { NULL, 0 };
	struct x509_revoked e;
	int r;

	while ((r = x509_crl_next(&it, &e)) == 1) {
		bool later = last.len == 0 || e.serial.len > last.len ||
			     (e.serial.len == last.len && memcmp(e.serial.p, last.p, last.len) > 0);
		if (!serial_ok(&e.serial) || !later || e.reason == 0 || e.reason == 7 ||
			e.reason == 8 || e.reason > 10)
			return false;
		last = e.serial;
	}
	return r == 0;
}

int lint_crl(const uint8_t *der, size_t len, const struct x509_cert *issuer, char why[static 256])
{
	struct x509_crl c;

	if (x509_crl_parse(der, len, &c) < 0) {
		(void)snprintf(why, WHY, "refused by the lint: the CRL cannot be parsed");
		return -EINVAL;
	}
	const struct rule rules[] = {
		{ !der_equal(&c.issuer, &issuer->subject), "issuer is not the CA's subject" },
		{ c.next_update == INT64_MAX, "no nextUpdate" },
		{ c.this_update >= c.next_update, "thisUpdate not before nextUpdate" },
		{ !sig_fits_key(c.sig_alg, issuer->key_alg),
			"signature algorithm and key disagree" },
		{ c.unknown_critical, "an unknown critical extension" },
		{ !serial_ok(&c.number), "no cRLNumber, or one that is not positive" },
		{ !der_equal(&c.akid, &issuer->skid),
			"authorityKeyIdentifier is not the CA's key" },
		{ !entries_ok(&c), "entries malformed, not in order or not unique" },
		{ tls_verify_signature(&issuer->spki, c.sig_alg, &c.tbs, &c.sig) != 0,
			"the signature does not verify" },
	};

	return REPORT(rules, why);
}
