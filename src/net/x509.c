#include "net/x509.h"

#include "base/util.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

/* Contents of OBJECT IDENTIFIERs. */
#define OID(name, ...) static const uint8_t name[] = { __VA_ARGS__ }
OID(oid_basic, 0x55, 0x1d, 0x13);
OID(oid_key_usage, 0x55, 0x1d, 0x0f);
OID(oid_ext_key_usage, 0x55, 0x1d, 0x25);
OID(oid_san, 0x55, 0x1d, 0x11);
OID(oid_skid, 0x55, 0x1d, 0x0e);
OID(oid_akid, 0x55, 0x1d, 0x23);
OID(oid_name_constraints, 0x55, 0x1d, 0x1e);
OID(oid_server_auth, 0x2b, 6, 1, 5, 5, 7, 3, 1);
OID(oid_client_auth, 0x2b, 6, 1, 5, 5, 7, 3, 2);
OID(oid_ec, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1);
OID(oid_p256, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7);
OID(oid_p384, 0x2b, 0x81, 0x04, 0, 0x22);
OID(oid_rsa, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1);
OID(oid_ed25519, 0x2b, 0x65, 0x70);
OID(oid_ecdsa_sha256, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2);
OID(oid_ecdsa_sha384, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3);
OID(oid_ecdsa_sha512, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4);
OID(oid_rsa_sha256, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 0x0b);
OID(oid_rsa_sha384, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 0x0c);
OID(oid_rsa_sha512, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 0x0d);

static const uint8_t der_null[] = { DER_NULL, 0 };

static const struct {
	const uint8_t *oid;
	size_t len;
	enum x509_sig alg;
	bool null_params; /* RFC 4055: RSA has NULL, the others nothing at all. */
} sig_algs[] = {
	{ oid_ecdsa_sha256, sizeof(oid_ecdsa_sha256), X509_SIG_ECDSA_SHA256, false },
	{ oid_ecdsa_sha384, sizeof(oid_ecdsa_sha384), X509_SIG_ECDSA_SHA384, false },
	{ oid_ecdsa_sha512, sizeof(oid_ecdsa_sha512), X509_SIG_ECDSA_SHA512, false },
	{ oid_rsa_sha256, sizeof(oid_rsa_sha256), X509_SIG_RSA_SHA256, true },
	{ oid_rsa_sha384, sizeof(oid_rsa_sha384), X509_SIG_RSA_SHA384, true },
	{ oid_rsa_sha512, sizeof(oid_rsa_sha512), X509_SIG_RSA_SHA512, true },
	{ oid_ed25519, sizeof(oid_ed25519), X509_SIG_ED25519, false },
};

int x509_take_sig_alg(struct der *in, enum x509_sig *alg, struct der *all)
{
	struct der rest = *in, body, whole, oid;
	enum x509_sig found = X509_SIG_OTHER;
	uint8_t tag;

	if (der_next(&rest, &tag, &body, &whole) != 0 || tag != DER_SEQUENCE ||
		der_take(&body, DER_OID, &oid) != 0)
		return -EBADMSG;
	for (size_t i = 0; i < ARRAY_LEN(sig_algs); i++) {
		size_t params = sig_algs[i].null_params ? sizeof(der_null) : 0;
		if (der_is(&oid, sig_algs[i].oid, sig_algs[i].len) &&
			der_is(&body, der_null, params))
			found = sig_algs[i].alg;
	}
	*alg = found;
	*all = whole;
	*in = rest;
	return 0;
}

static void parse_ec_key(struct der params, struct x509_spki *out)
{
	struct der curve;

	if (der_take(&params, DER_OID, &curve) != 0 || params.len != 0)
		return;
	bool p256 = der_is(&curve, oid_p256, sizeof(oid_p256));
	bool p384 = der_is(&curve, oid_p384, sizeof(oid_p384));
	/* Uncompressed points only (RFC 5480 2.2). */
	if (p256 && out->key.len == 65 && out->key.p[0] == 4) {
		out->alg = X509_KEY_P256;
		out->bits = 256;
	} else if (p384 && out->key.len == 97 && out->key.p[0] == 4) {
		out->alg = X509_KEY_P384;
		out->bits = 384;
	}
}

/* A positive INTEGER without its sign octet. */
static int take_positive(struct der *in, struct der *out)
{
	if (der_take(in, DER_INTEGER, out) != 0 || out->len == 0 || out->p[0] >= 0x80)
		return -EBADMSG;
	if (out->p[0] == 0) {
		*out = (struct der){ out->p + 1, out->len - 1 };
		if (out->len == 0 || out->p[0] < 0x80)
			return -EBADMSG;
	}
	return 0;
}

/* PROTOCOL 2.3 gives the size; an odd exponent of 3 to 64 bits is what libraries compute with. */
enum { RSA_MIN_BITS = 2048, RSA_MAX_BITS = 4096, RSA_MAX_EXPONENT = 8 };

static void parse_rsa_key(const struct der *params, struct x509_spki *out)
{
	struct der key = out->key, body, n, e;

	if (!der_is(params, der_null, sizeof(der_null)) ||
		der_take(&key, DER_SEQUENCE, &body) != 0 || key.len != 0 ||
		take_positive(&body, &n) != 0 || take_positive(&body, &e) != 0 || body.len != 0)
		return;
	if (n.len > UINT_MAX / 8)
		return;
	unsigned bits = (unsigned)n.len * 8;
	for (unsigned top = n.p[0]; top < 0x80; top <<= 1)
		bits--;
	out->bits = bits;
	bool odd = (n.p[n.len - 1] & 1) == 1 && (e.p[e.len - 1] & 1) == 1;
	bool is_one = e.len == 1 && e.p[0] == 1;
	if (bits >= RSA_MIN_BITS && bits <= RSA_MAX_BITS && odd && !is_one &&
		e.len <= RSA_MAX_EXPONENT)
		out->alg = X509_KEY_RSA;
}

int x509_take_spki(struct der *in, struct x509_spki *out)
{
	struct der rest = *in, body, alg, oid;
	struct x509_spki k = { .alg = X509_KEY_OTHER };
	uint8_t tag;

	if (der_next(&rest, &tag, &body, &k.all) != 0 || tag != DER_SEQUENCE ||
		der_take(&body, DER_SEQUENCE, &alg) != 0 || der_take(&alg, DER_OID, &oid) != 0 ||
		der_take_bits(&body, &k.key) != 0 || body.len != 0)
		return -EBADMSG;
	if (der_is(&oid, oid_ec, sizeof(oid_ec))) {
		parse_ec_key(alg, &k);
	} else if (der_is(&oid, oid_rsa, sizeof(oid_rsa))) {
		parse_rsa_key(&alg, &k);
	} else if (der_is(&oid, oid_ed25519, sizeof(oid_ed25519)) && alg.len == 0 &&
		   k.key.len == 32) {
		k.alg = X509_KEY_ED25519;
		k.bits = 256;
	}
	*out = k;
	*in = rest;
	return 0;
}

int x509_take_ext(struct der *in, struct x509_ext *out)
{
	struct der rest = *in, body;
	struct x509_ext e = { .critical = false };

	if (der_take(&rest, DER_SEQUENCE, &body) != 0 || der_take(&body, DER_OID, &e.oid) != 0)
		return -EBADMSG;
	/* FALSE is the default and should not be written, but some issuers do. */
	if (body.len > 0 && body.p[0] == DER_BOOLEAN && der_take_bool(&body, &e.critical) != 0)
		return -EBADMSG;
	if (der_take(&body, DER_OCTET_STRING, &e.value) != 0 || body.len != 0)
		return -EBADMSG;
	*out = e;
	*in = rest;
	return 0;
}

static int parse_basic(const struct x509_ext *e, struct x509_cert *c)
{
	struct der value = e->value, body;
	uint32_t path_len;

	if (der_take(&value, DER_SEQUENCE, &body) != 0 || value.len != 0)
		return -EBADMSG;
	if (body.len > 0 && body.p[0] == DER_BOOLEAN && der_take_bool(&body, &c->is_ca) != 0)
		return -EBADMSG;
	if (body.len > 0) {
		if (der_take_uint(&body, &path_len) != 0 || !c->is_ca)
			return -EBADMSG;
		c->path_len = path_len > INT_MAX ? INT_MAX : (int)path_len;
	}
	c->has_basic = true;
	c->basic_critical = e->critical;
	return body.len == 0 ? 0 : -EBADMSG;
}

static int parse_key_usage(const struct x509_ext *e, struct x509_cert *c)
{
	struct der value = e->value, bits;

	if (der_take(&value, DER_BIT_STRING, &bits) != 0 || value.len != 0)
		return -EBADMSG;
	/* One octet says how many bits of the last are unused; keyUsage has nine. */
	if (bits.len < 2 || bits.len > 3 || bits.p[0] > 7)
		return -EBADMSG;
	if ((bits.p[bits.len - 1] & ((1U << bits.p[0]) - 1)) != 0)
		return -EBADMSG;
	for (unsigned i = 0; i < 8 * (bits.len - 1); i++) {
		if ((bits.p[1 + i / 8] & (0x80U >> i % 8)) != 0)
			c->ku |= 1U << i;
	}
	c->has_ku = true;
	c->ku_critical = e->critical;
	return c->ku != 0 ? 0 : -EBADMSG;
}

static int parse_ext_key_usage(const struct x509_ext *e, struct x509_cert *c)
{
	struct der value = e->value, body, oid;

	if (der_take(&value, DER_SEQUENCE, &body) != 0 || value.len != 0 || body.len == 0)
		return -EBADMSG;
	while (body.len > 0) {
		if (der_take(&body, DER_OID, &oid) != 0)
			return -EBADMSG;
		if (der_is(&oid, oid_server_auth, sizeof(oid_server_auth)))
			c->eku |= X509_EKU_SERVER_AUTH;
		else if (der_is(&oid, oid_client_auth, sizeof(oid_client_auth)))
			c->eku |= X509_EKU_CLIENT_AUTH;
		else
			c->eku |= X509_EKU_OTHER;
	}
	c->has_eku = true;
	return 0;
}

static int parse_san(const struct x509_ext *e, struct x509_cert *c)
{
	struct der value = e->value, it, name;
	enum x509_san kind;
	int n;

	if (der_take(&value, DER_SEQUENCE, &c->san) != 0 || value.len != 0 || c->san.len == 0)
		return -EBADMSG;
	c->san_critical = e->critical;
	it = c->san;
	while ((n = x509_san_next(&it, &kind, &name)) == 1)
		continue;
	return n;
}

static int parse_skid(const struct x509_ext *e, struct x509_cert *c)
{
	struct der value = e->value;

	return der_take(&value, DER_OCTET_STRING, &c->skid) == 0 && value.len == 0 ? 0 : -EBADMSG;
}

int x509_akid(const struct der *value, struct der *out)
{
	struct der rest = *value, body, id = { 0 };

	if (der_take(&rest, DER_SEQUENCE, &body) != 0 || rest.len != 0 ||
		der_take_if(&body, DER_CONTEXT + 0, &id) < 0)
		return -EBADMSG;
	*out = id;
	return 0;
}

static int parse_akid(const struct x509_ext *e, struct x509_cert *c)
{
	return x509_akid(&e->value, &c->akid);
}

static int parse_name_constraints(const struct x509_ext *e, struct x509_cert *c)
{
	enum { PERMITTED = DER_CONTEXT + DER_CONSTRUCTED, EXCLUDED };
	struct der value = e->value, body;

	if (der_take(&value, DER_SEQUENCE, &body) != 0 || value.len != 0 ||
		der_take_if(&body, PERMITTED, &c->permitted) < 0 ||
		der_take_if(&body, EXCLUDED, &c->excluded) < 0)
		return -EBADMSG;
	return body.len == 0 && c->permitted.len + c->excluded.len > 0 ? 0 : -EBADMSG;
}

static const struct {
	const uint8_t *oid;
	size_t len;
	int (*parse)(const struct x509_ext *e, struct x509_cert *c);
} known_exts[] = {
	{ oid_basic, sizeof(oid_basic), parse_basic },
	{ oid_key_usage, sizeof(oid_key_usage), parse_key_usage },
	{ oid_ext_key_usage, sizeof(oid_ext_key_usage), parse_ext_key_usage },
	{ oid_san, sizeof(oid_san), parse_san },
	{ oid_skid, sizeof(oid_skid), parse_skid },
	{ oid_akid, sizeof(oid_akid), parse_akid },
	{ oid_name_constraints, sizeof(oid_name_constraints), parse_name_constraints },
};

static int add_ext(struct x509_cert *c, const struct x509_ext *e)
{
	for (size_t i = 0; i < c->n_ext; i++) {
		if (der_equal(&c->ext[i].oid, &e->oid))
			return -EBADMSG;
	}
	if (c->n_ext == X509_MAX_EXTENSIONS)
		return -EBADMSG;
	c->ext[c->n_ext++] = *e;
	for (size_t i = 0; i < ARRAY_LEN(known_exts); i++) {
		if (der_is(&e->oid, known_exts[i].oid, known_exts[i].len))
			return known_exts[i].parse(e, c);
	}
	c->unknown_critical |= e->critical;
	return 0;
}

static int parse_exts(struct der *tbs, struct x509_cert *c)
{
	struct der wrapped, list, unique_id;
	struct x509_ext e;

	for (unsigned i = 1; i <= 2; i++) {
		int n = der_take_if(tbs, (uint8_t)(DER_CONTEXT + i), &unique_id);
		if (n < 0 || (n == 1 && c->version < 2))
			return -EBADMSG;
	}
	int n = der_take_if(tbs, DER_CONTEXT + DER_CONSTRUCTED + 3, &wrapped);
	if (n <= 0)
		return n;
	if (c->version != 3 || der_take(&wrapped, DER_SEQUENCE, &list) != 0 || wrapped.len != 0 ||
		list.len == 0)
		return -EBADMSG;
	while (list.len > 0) {
		if (x509_take_ext(&list, &e) != 0 || add_ext(c, &e) != 0)
			return -EBADMSG;
	}
	return 0;
}

static int parse_version(struct der *tbs, unsigned *version)
{
	struct der body;
	uint32_t v = 0;
	int n = der_take_if(tbs, DER_CONTEXT + DER_CONSTRUCTED + 0, &body);

	if (n < 0)
		return -EBADMSG;
	if (n == 1 && (der_take_uint(&body, &v) != 0 || body.len != 0 || v < 1 || v > 2))
		return -EBADMSG;
	*version = (unsigned)v + 1;
	return 0;
}

/* RFC 5280 4.1.2.2: at most 20 octets.  Zero is let pass, old self-signed roots have it. */
static int take_serial(struct der *tbs, struct der *out)
{
	if (der_take(tbs, DER_INTEGER, out) != 0 || out->len == 0 || out->len > X509_SERIAL_MAX)
		return -EBADMSG;
	if (out->p[0] >= 0x80 || (out->len > 1 && out->p[0] == 0 && out->p[1] < 0x80))
		return -EBADMSG;
	return 0;
}

static int take_name(struct der *tbs, struct der *out)
{
	struct der body;
	uint8_t tag;

	return der_next(tbs, &tag, &body, out) == 0 && tag == DER_SEQUENCE ? 0 : -EBADMSG;
}

static int parse_tbs(struct der tbs, struct x509_cert *c, struct der *sig_alg)
{
	struct der validity;
	struct x509_spki spki;
	enum x509_sig alg;

	if (parse_version(&tbs, &c->version) != 0 || take_serial(&tbs, &c->serial) != 0 ||
		x509_take_sig_alg(&tbs, &alg, sig_alg) != 0 || take_name(&tbs, &c->issuer) != 0)
		return -EBADMSG;
	if (der_take(&tbs, DER_SEQUENCE, &validity) != 0 ||
		der_take_time(&validity, &c->not_before) != 0 ||
		der_take_time(&validity, &c->not_after) != 0 || validity.len != 0)
		return -EBADMSG;
	if (take_name(&tbs, &c->subject) != 0 || x509_take_spki(&tbs, &spki) != 0 ||
		parse_exts(&tbs, c) != 0 || tbs.len != 0)
		return -EBADMSG;
	c->spki = spki.all;
	c->key = spki.key;
	c->key_alg = spki.alg;
	c->key_bits = spki.bits;
	return 0;
}

int x509_parse(const uint8_t *der, size_t len, struct x509_cert *out)
{
	struct der in = { der, len }, body, tbs, inner, outer;
	struct x509_cert c = { .path_len = -1 };
	uint8_t tag;

	if (der_next(&in, &tag, &body, &c.all) != 0 || tag != DER_SEQUENCE || in.len != 0)
		return -EBADMSG;
	if (der_next(&body, &tag, &tbs, &c.tbs) != 0 || tag != DER_SEQUENCE)
		return -EBADMSG;
	if (x509_take_sig_alg(&body, &c.sig_alg, &outer) != 0 ||
		der_take_bits(&body, &c.sig) != 0 || body.len != 0)
		return -EBADMSG;
	/* RFC 5280 4.1.1.2: the same algorithm twice, once under the signature. */
	if (parse_tbs(tbs, &c, &inner) != 0 || !der_equal(&inner, &outer))
		return -EBADMSG;
	*out = c;
	return 0;
}
