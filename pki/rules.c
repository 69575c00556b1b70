#include "pki/rules.h"

#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "net/grant.h"
#include "net/ident.h"
#include "pki/key.h"
#include "pki/san.h"
#include "tls/tls_verify.h"

enum { NAME_PART_MAX = 64, EMAIL_MAX = 255, COUNTRY_LEN = 2 };

#define OID_BASIC            "\x55\x1d\x13"
#define OID_NAME_CONSTRAINTS "\x55\x1d\x1e"
#define OID_COUNTRY          "\x55\x04\x06"
#define OID_EMAIL            "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01"

struct rule {
	bool broken;
	enum report_level level;
	const char *text;
};

static void apply(const struct rule *rules, size_t n, const char *what, struct report *out)
{
	for (size_t i = 0; i < n; i++) {
		if (rules[i].broken)
			report_add(out, rules[i].level, what, "%s", rules[i].text);
	}
}

#define APPLY(rules, what, out) apply(rules, ARRAY_LEN(rules), what, out)

static bool serial_ok(const struct der *s)
{
	if (s->len == 0 || s->len > X509_SERIAL_MAX || s->p[0] >= 0x80)
		return false;
	return s->p[0] != 0 || (s->len > 1 && s->p[1] >= 0x80);
}

static bool text_ok(const struct der *oid, uint8_t tag, const struct der *v)
{
	bool email = der_is(oid, OID_EMAIL, sizeof(OID_EMAIL) - 1);

	if (v->len == 0 || v->len > (email ? (size_t)EMAIL_MAX : (size_t)NAME_PART_MAX))
		return false;
	if (email && tag != DER_IA5_STRING)
		return false;
	if (der_is(oid, OID_COUNTRY, sizeof(OID_COUNTRY) - 1) &&
		(tag != DER_PRINTABLE_STRING || v->len != COUNTRY_LEN))
		return false;
	for (size_t i = 0; i < v->len; i++) {
		if (tag != DER_BMP_STRING && (v->p[i] < 0x20 || v->p[i] == 0x7f))
			return false;
	}
	return true;
}

/* Of a Name with its header. */
static bool name_ok(const struct der *name)
{
	struct der in = *name, rdns, set, pair, oid, value;
	uint8_t tag;

	if (der_take(&in, DER_SEQUENCE, &rdns) < 0)
		return false;
	while (rdns.len > 0) {
		if (der_take(&rdns, DER_SET, &set) < 0)
			return false;
		while (set.len > 0) {
			if (der_take(&set, DER_SEQUENCE, &pair) < 0 ||
				der_take(&pair, DER_OID, &oid) < 0 ||
				der_next(&pair, &tag, &value, NULL) < 0 ||
				!text_ok(&oid, tag, &value))
				return false;
		}
	}
	return true;
}

static const struct x509_ext *find(const struct x509_cert *c, const char *oid)
{
	for (size_t i = 0; i < c->n_ext; i++) {
		if (der_is(&c->ext[i].oid, oid, strlen(oid)))
			return &c->ext[i];
	}
	return NULL;
}

static bool critical(const struct x509_cert *c, const char *oid)
{
	const struct x509_ext *e = find(c, oid);

	return e != NULL && e->critical;
}

/* cA FALSE is the default, which DER leaves out. */
static bool writes_false(const struct x509_cert *c)
{
	const struct x509_ext *e = find(c, OID_BASIC);

	return e != NULL && !c->is_ca && !der_is(&e->value, "\x30\x00", 2);
}

static void san_rules(const struct x509_cert *c, const char *what, struct report *out)
{
	struct der it = c->san, value;
	enum x509_san kind;
	struct ident id;
	bool bad = false, host = false;
	int r;

	while ((r = x509_san_next(&it, &kind, &value)) == 1) {
		bad = bad || !san_valid(kind, &value);
		host = host || kind == X509_SAN_DNS || kind == X509_SAN_IP;
	}
	const struct rule rules[] = {
		{ r < 0 || bad, REPORT_CRITICAL, "a malformed subjectAltName" },
		{ !c->is_ca && c->san.len == 0, REPORT_CRITICAL, "no subjectAltName" },
		{ !c->is_ca && (c->eku & X509_EKU_SERVER_AUTH) != 0 && !host, REPORT_CRITICAL,
			"a server without a DNS name or address" },
		{ !c->is_ca && ident_of_cert(c, &id) != 0, REPORT_WARNING,
			"no sallyport identity (spiffe URI): peers need the setting 'identity'" },
	};
	APPLY(rules, what, out);
}

static void usage_rules(const struct x509_cert *c, const char *what, struct report *out)
{
	bool ec = c->key_alg == X509_KEY_P256 || c->key_alg == X509_KEY_P384 ||
		  c->key_alg == X509_KEY_ED25519;
	bool signs = (c->ku & X509_KU_KEY_CERT_SIGN) != 0;
	const struct x509_ext *constraints = find(c, OID_NAME_CONSTRAINTS);
	const struct rule rules[] = {
		{ !c->has_basic, c->is_ca ? REPORT_CRITICAL : REPORT_WARNING,
			"no basicConstraints" },
		{ c->is_ca && !c->basic_critical, REPORT_CRITICAL,
			"a CA's basicConstraints are not critical" },
		{ writes_false(c), REPORT_CRITICAL,
			"basicConstraints of a leaf are not empty (DER leaves out defaults)" },
		{ c->path_len >= 0 && !(c->is_ca && signs), REPORT_CRITICAL,
			"a path length without being a CA" },
		{ !c->has_ku, c->is_ca ? REPORT_CRITICAL : REPORT_WARNING, "no keyUsage" },
		{ c->has_ku && c->ku == 0, REPORT_CRITICAL, "keyUsage is empty" },
		{ c->has_ku && !c->ku_critical, REPORT_WARNING, "keyUsage is not critical" },
		{ c->has_ku && signs != c->is_ca, REPORT_CRITICAL,
			"keyCertSign and the CA flag disagree" },
		{ c->is_ca && (c->ku & X509_KU_CRL_SIGN) == 0, REPORT_WARNING,
			"a CA that may not sign CRLs" },
		{ ec && (c->ku & X509_KU_KEY_ENCIPHERMENT) != 0, REPORT_CRITICAL,
			"keyEncipherment with an elliptic curve key (RFC 8813)" },
		{ !c->is_ca && !c->has_eku, REPORT_CRITICAL, "no extKeyUsage: peers refuse it" },
		{ c->has_eku && critical(c, "\x55\x1d\x25"), REPORT_WARNING,
			"extKeyUsage is critical" },
		{ !c->is_ca && c->has_eku && c->eku != X509_EKU_SERVER_AUTH &&
				c->eku != X509_EKU_CLIENT_AUTH,
			REPORT_WARNING, "extKeyUsage is not just serverAuth or clientAuth" },
		{ constraints != NULL && (!c->is_ca || !constraints->critical), REPORT_CRITICAL,
			"nameConstraints that are not critical, or not a CA's" },
		{ critical(c, "\x55\x1d\x1f"), REPORT_CRITICAL,
			"cRLDistributionPoints is critical" },
		{ critical(c, "\x55\x1d\x0e") || critical(c, "\x55\x1d\x23"), REPORT_CRITICAL,
			"a key identifier is critical" },
		{ c->unknown_critical, REPORT_CRITICAL,
			"a critical extension that peers do not know" },
	};
	APPLY(rules, what, out);
}

/* What it grants (PROTOCOL 2.6), within what issuer may grant; issuer NULL: its form only. */
static bool grant_ok(const struct x509_cert *c, const struct x509_cert *issuer)
{
	struct grant own, bounds;
	char why[128];

	if (grant_of_cert(c, &own) == -EBADMSG)
		return false;
	if (issuer == NULL || grant_of_cert(issuer, &bounds) < 0)
		return true;
	return c->is_ca ? grant_narrower(&own, &bounds, why) == 0
			: grant_within(&own, &bounds, why) == 0;
}

static void issuer_rules(const struct x509_cert *c, const struct x509_cert *issuer,
	const char *what, struct report *out)
{
	bool self = der_equal(&c->issuer, &c->subject);
	const struct rule rules[] = {
		{ !der_equal(&c->issuer, &issuer->subject), REPORT_CRITICAL,
			"issuer is not the CA's subject" },
		{ !self && (c->not_before < issuer->not_before || c->not_after > issuer->not_after),
			REPORT_WARNING, "not within the issuer's validity" },
		{ !self && !der_equal(&c->akid, &issuer->skid), REPORT_CRITICAL,
			"authorityKeyIdentifier is not the issuer's key" },
		{ !grant_ok(c, issuer), REPORT_CRITICAL,
			"it grants more than its CA may (PROTOCOL 2.6)" },
		{ tls_verify_signature(&issuer->spki, c->sig_alg, &c->tbs, &c->sig) != 0,
			REPORT_CRITICAL, "the signature does not verify" },
	};
	APPLY(rules, what, out);
}

void rules_cert(const struct x509_cert *c, const struct x509_cert *issuer, const char *what,
	struct report *out)
{
	bool self = der_equal(&c->issuer, &c->subject), rsa = c->key_alg == X509_KEY_RSA;
	const struct rule rules[] = {
		{ c->version != 3, REPORT_CRITICAL, "not version 3" },
		{ !serial_ok(&c->serial), REPORT_CRITICAL,
			"serial number not positive, minimal and of 1 to 20 octets" },
		{ c->sig_alg == X509_SIG_OTHER, REPORT_CRITICAL,
			"a signature algorithm that is weak or unknown (SHA-1, MD5, PSS)" },
		{ c->not_before > c->not_after, REPORT_CRITICAL, "notBefore after notAfter" },
		{ c->issuer.len <= 2, REPORT_CRITICAL, "empty issuer" },
		{ c->subject.len <= 2 && (c->is_ca || !c->san_critical), REPORT_CRITICAL,
			"empty subject, and no critical subjectAltName" },
		{ !name_ok(&c->subject), REPORT_CRITICAL,
			"a name part that is empty, too long or not plain text" },
		{ c->key_alg == X509_KEY_OTHER, REPORT_CRITICAL,
			"a key that is too weak or of unknown kind" },
		{ c->is_ca && rsa && c->key_bits < 3072, REPORT_WARNING,
			"an RSA CA below 3072 bits" },
		{ c->skid.len == 0, c->is_ca ? REPORT_CRITICAL : REPORT_WARNING,
			"no subjectKeyIdentifier" },
		{ !self && c->akid.len == 0, REPORT_CRITICAL, "no authorityKeyIdentifier" },
		{ !grant_ok(c, NULL), REPORT_CRITICAL,
			"a grant that is malformed or critical (PROTOCOL 2.6)" },
	};

	APPLY(rules, what, out);
	usage_rules(c, what, out);
	san_rules(c, what, out);
	if (issuer != NULL)
		issuer_rules(c, issuer, what, out);
}

static void entry_rules(const struct x509_crl *c, const char *what, struct report *out)
{
	struct der it = c->entries, last = { NULL, 0 };
	bool bad_serial = false, bad_reason = false, unsorted = false, twice = false;
	struct x509_revoked e;
	int r;

	while ((r = x509_crl_next(&it, &e)) == 1) {
		bad_serial = bad_serial || !serial_ok(&e.serial);
		bad_reason = bad_reason || e.reason == 0 || e.reason == 7 || e.reason == 8 ||
			     e.reason > 10;
		int order = -1;
		if (last.len > e.serial.len)
			order = 1;
		else if (last.len > 0 && last.len == e.serial.len)
			order = memcmp(last.p, e.serial.p, last.len);
		unsorted = unsorted || (last.len > 0 && order > 0);
		twice = twice || (last.len > 0 && order == 0);
		last = e.serial;
	}
	const struct rule rules[] = {
		{ r < 0 || bad_serial, REPORT_CRITICAL, "a malformed entry" },
		{ bad_reason, REPORT_CRITICAL,
			"a reasonCode that is unspecified (0), unknown, or only for delta CRLs" },
		{ twice, REPORT_CRITICAL, "a serial number twice" },
		{ unsorted, REPORT_WARNING, "entries are not in the order of their serials" },
	};
	APPLY(rules, what, out);
}

void rules_crl(const struct x509_crl *c, const struct x509_cert *issuer, int64_t now,
	const char *what, struct report *out)
{
	const struct rule rules[] = {
		{ c->sig_alg == X509_SIG_OTHER, REPORT_CRITICAL,
			"a signature algorithm that is weak or unknown (SHA-1, MD5, PSS)" },
		{ c->next_update == INT64_MAX, REPORT_CRITICAL, "no nextUpdate" },
		{ c->this_update >= c->next_update, REPORT_CRITICAL,
			"thisUpdate not before nextUpdate" },
		{ c->this_update > now, REPORT_WARNING, "not valid yet" },
		{ c->next_update < now, REPORT_WARNING, "past its nextUpdate" },
		{ c->unknown_critical, REPORT_CRITICAL,
			"a critical extension that peers do not know" },
		{ c->number.len == 0, REPORT_CRITICAL, "no cRLNumber" },
		{ c->number.len > 0 && (c->number.len > X509_SERIAL_MAX || c->number.p[0] >= 0x80),
			REPORT_CRITICAL, "cRLNumber is negative or too long" },
		{ c->akid.len == 0, REPORT_CRITICAL, "no authorityKeyIdentifier" },
	};

	APPLY(rules, what, out);
	entry_rules(c, what, out);
	if (issuer == NULL)
		return;
	const struct rule of_issuer[] = {
		{ !der_equal(&c->issuer, &issuer->subject), REPORT_CRITICAL,
			"issuer is not the CA's subject" },
		{ c->akid.len > 0 && !der_equal(&c->akid, &issuer->skid), REPORT_CRITICAL,
			"authorityKeyIdentifier is not the CA's key" },
		{ tls_verify_signature(&issuer->spki, c->sig_alg, &c->tbs, &c->sig) != 0,
			REPORT_CRITICAL, "the signature does not verify" },
	};
	APPLY(of_issuer, what, out);
}

void rules_csr(const struct csr *c, const char *what, struct report *out)
{
	struct der it = c->san, value;
	enum x509_san kind;
	char why[256];
	bool bad = false;
	int r;

	while ((r = x509_san_next(&it, &kind, &value)) == 1)
		bad = bad || !san_valid(kind, &value);
	const struct rule rules[] = {
		{ !name_ok(&c->subject), REPORT_CRITICAL,
			"a name part that is empty, too long or not plain text" },
		{ r < 0 || bad, REPORT_CRITICAL, "a malformed subjectAltName" },
	};
	APPLY(rules, what, out);
	if (csr_verify(c, why) < 0)
		report_add(out, REPORT_CRITICAL, what, "%s", why);
}
