#include "help_certs.h"

#include "base/util.h"
#include "help_keys.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define OID(name, ...) static const uint8_t name[] = { __VA_ARGS__ }
OID(oid_cn, 0x55, 0x04, 0x03);
OID(oid_basic, 0x55, 0x1d, 0x13);
OID(oid_key_usage, 0x55, 0x1d, 0x0f);
OID(oid_ext_key_usage, 0x55, 0x1d, 0x25);
OID(oid_san, 0x55, 0x1d, 0x11);
OID(oid_crl_number, 0x55, 0x1d, 0x14);
OID(oid_reason, 0x55, 0x1d, 0x15);
OID(oid_nobody_knows, 0x2a, 3, 4, 5);
OID(oid_name_constraints, 0x55, 0x1d, 0x1e);
OID(oid_server_auth, 0x2b, 6, 1, 5, 5, 7, 3, 1);
OID(oid_client_auth, 0x2b, 6, 1, 5, 5, 7, 3, 2);
OID(oid_any_usage, 0x55, 0x1d, 0x25, 0);

static void put_name(struct der_out *o, const char *cn)
{
	size_t mark = der_out_len(o);

	if (cn != NULL) {
		der_put(o, DER_UTF8_STRING, cn, strlen(cn));
		der_put(o, DER_OID, oid_cn, sizeof(oid_cn));
		der_wrap(o, DER_SEQUENCE, mark);
		der_wrap(o, DER_SET, mark);
	}
	der_wrap(o, DER_SEQUENCE, mark);
}

/* Everything written since mark becomes the value of an extension. */
static void wrap_ext(struct der_out *o, const uint8_t *oid, size_t len, bool critical, size_t mark)
{
	der_wrap(o, DER_OCTET_STRING, mark);
	if (critical)
		der_put(o, DER_BOOLEAN, "\xff", 1);
	der_put(o, DER_OID, oid, len);
	der_wrap(o, DER_SEQUENCE, mark);
}

static void put_san(struct der_out *o, const struct help_spec *s)
{
	size_t mark = der_out_len(o);

	for (size_t i = 0; i < 2; i++) {
		uint8_t ip[16];
		if (s->ip[i] != NULL && inet_pton(AF_INET, s->ip[i], ip) == 1)
			der_put(o, DER_CONTEXT + X509_SAN_IP, ip, 4);
		else if (s->ip[i] != NULL && inet_pton(AF_INET6, s->ip[i], ip) == 1)
			der_put(o, DER_CONTEXT + X509_SAN_IP, ip, 16);
		if (s->dns[i] != NULL)
			der_put(o, DER_CONTEXT + X509_SAN_DNS, s->dns[i], strlen(s->dns[i]));
		if (s->uri[i] != NULL)
			der_put(o, DER_CONTEXT + X509_SAN_URI, s->uri[i], strlen(s->uri[i]));
	}
	if (s->email != NULL)
		der_put(o, DER_CONTEXT + X509_SAN_EMAIL, s->email, strlen(s->email));
	if (der_out_len(o) == mark)
		return;
	der_wrap(o, DER_SEQUENCE, mark);
	wrap_ext(o, oid_san, sizeof(oid_san), false, mark);
}

static void put_usages(struct der_out *o, const struct help_spec *s)
{
	size_t mark = der_out_len(o);

	if (s->eku != 0) {
		if ((s->eku & X509_EKU_OTHER) != 0)
			der_put(o, DER_OID, oid_any_usage, sizeof(oid_any_usage));
		if ((s->eku & X509_EKU_CLIENT_AUTH) != 0)
			der_put(o, DER_OID, oid_client_auth, sizeof(oid_client_auth));
		if ((s->eku & X509_EKU_SERVER_AUTH) != 0)
			der_put(o, DER_OID, oid_server_auth, sizeof(oid_server_auth));
		der_wrap(o, DER_SEQUENCE, mark);
		wrap_ext(o, oid_ext_key_usage, sizeof(oid_ext_key_usage), false, mark);
	}
	mark = der_out_len(o);
	if (s->ku != 0) {
		uint8_t bits[2] = { 0, 0 };
		for (unsigned i = 0; i < 8; i++)
			if ((s->ku >> i & 1) != 0)
				bits[1] = (uint8_t)(bits[1] | 0x80U >> i);
		while ((bits[1] >> bits[0] & 1) == 0)
			bits[0]++;
		der_put(o, DER_BIT_STRING, bits, 2);
		wrap_ext(o, oid_key_usage, sizeof(oid_key_usage), true, mark);
	}
}

struct der help_constraints(const struct help_base *bases, size_t n, uint8_t *buf)
{
	struct der_out o;

	der_out_init(&o, buf, HELP_DER_MAX);
	for (int excluded = 1; excluded >= 0; excluded--) {
		size_t mark = der_out_len(&o);
		for (size_t i = n; i-- > 0;) {
			size_t tree = der_out_len(&o);
			if (bases[i].excluded != (excluded == 1))
				continue;
			der_put(&o, (uint8_t)(DER_CONTEXT + bases[i].kind), bases[i].bytes,
				bases[i].len);
			der_wrap(&o, DER_SEQUENCE, tree);
		}
		if (der_out_len(&o) > mark)
			der_wrap(&o, (uint8_t)(DER_CONTEXT + DER_CONSTRUCTED + excluded), mark);
	}
	der_wrap(&o, DER_SEQUENCE, 0);
	return (struct der){ der_out_bytes(&o), der_out_len(&o) };
}

static void put_exts(struct der_out *o, const struct help_spec *s)
{
	size_t all = der_out_len(o), mark;

	if (s->unknown_critical) {
		mark = der_out_len(o);
		der_put(o, DER_NULL, NULL, 0);
		wrap_ext(o, oid_nobody_knows, sizeof(oid_nobody_knows), true, mark);
	}
	if (s->name_constraints.len > 0) {
		mark = der_out_len(o);
		der_put_raw(o, s->name_constraints.p, s->name_constraints.len);
		wrap_ext(o, oid_name_constraints, sizeof(oid_name_constraints), true, mark);
	}
	put_san(o, s);
	put_usages(o, s);
	mark = der_out_len(o);
	if (!s->no_basic) {
		if (s->ca && s->path_len >= 0)
			der_put_uint(o, (uint32_t)s->path_len);
		if (s->ca)
			der_put(o, DER_BOOLEAN, "\xff", 1);
		der_wrap(o, DER_SEQUENCE, mark);
		wrap_ext(o, oid_basic, sizeof(oid_basic), true, mark);
	}
	der_wrap(o, DER_SEQUENCE, all);
	der_wrap(o, DER_CONTEXT + DER_CONSTRUCTED + 3, all);
}

void help_issue(struct help_cert *out, const struct help_spec *s, const struct help_key *key,
	const struct help_cert *issuer)
{
	uint8_t buf[HELP_DER_MAX], signed_buf[HELP_DER_MAX];
	const struct help_key *signer;
	struct x509_cert parent;
	struct der_out o;

	key = key != NULL ? key : help_key(HELP_P256, 0);
	signer = issuer != NULL ? issuer->key : key;
	der_out_init(&o, buf, sizeof(buf));
	if (s->version == 3)
		put_exts(&o, s);
	help_put_spki(&o, key);
	put_name(&o, s->cn);
	size_t mark = der_out_len(&o);
	der_put_time(&o, s->not_after);
	der_put_time(&o, s->not_before);
	der_wrap(&o, DER_SEQUENCE, mark);
	if (issuer != NULL) {
		help_must(x509_parse(issuer->der, issuer->len, &parent) == 0, "reading the issuer");
		der_put_raw(&o, parent.subject.p, parent.subject.len);
	} else {
		put_name(&o, s->cn);
	}
	help_put_sig_alg(&o, signer, s->hash);
	der_put_uint(&o, s->serial);
	mark = der_out_len(&o);
	if (s->version == 3) {
		der_put_uint(&o, 2);
		der_wrap(&o, DER_CONTEXT + DER_CONSTRUCTED + 0, mark);
	}
	der_wrap(&o, DER_SEQUENCE, 0);
	help_must(!o.failed, "room for a certificate");

	struct der_out whole;
	der_out_init(&whole, signed_buf, sizeof(signed_buf));
	help_sign(&whole, der_out_bytes(&o), der_out_len(&o), signer, s->hash);
	out->len = der_out_len(&whole);
	out->key = key;
	memcpy(out->der, der_out_bytes(&whole), out->len);
	if (s->bad_signature)
		out->der[out->len - 1] ^= 1;
	char *pem = help_pem("CERTIFICATE", out->der, out->len);
	help_must(strlen(pem) < sizeof(out->pem), "room for PEM");
	memcpy(out->pem, pem, strlen(pem) + 1);
	free(pem);
	help_write_key_pem(key, out->key_pem, sizeof(out->key_pem));
}

static struct help_spec common(const char *cn)
{
	static uint32_t serial = 0x1000;
	int64_t now = time(NULL);

	return (struct help_spec){ .cn = cn,
		.not_before = now - 3600,
		.not_after = now + 90 * INT64_C(86400),
		.serial = ++serial,
		.version = 3,
		.path_len = -1 };
}

struct help_spec help_ca(const char *cn)
{
	struct help_spec s = common(cn);

	s.ca = true;
	s.ku = X509_KU_KEY_CERT_SIGN | X509_KU_CRL_SIGN;
	s.not_after += 900 * INT64_C(86400);
	return s;
}

/* One text for each name asked for; they live as long as the program. */
static const char *spiffe(const char *role, const char *name)
{
	static char texts[256][96];
	static size_t n;
	char *s = texts[n++ % ARRAY_LEN(texts)];

	(void)snprintf(s, sizeof(texts[0]), "spiffe://net.example/%s/%s", role, name);
	return s;
}

struct help_spec help_server(const char *name, const char *dns)
{
	struct help_spec s = common(name);

	s.uri[0] = spiffe("server", name);
	s.dns[0] = dns;
	s.ku = X509_KU_DIGITAL_SIGNATURE;
	s.eku = X509_EKU_SERVER_AUTH;
	return s;
}

struct help_spec help_client(const char *name)
{
	struct help_spec s = common(name);

	s.uri[0] = spiffe("client", name);
	s.ku = X509_KU_DIGITAL_SIGNATURE;
	s.eku = X509_EKU_CLIENT_AUTH;
	return s;
}

/* CRLs. */

static void put_crl_exts(struct der_out *o, const struct help_crl *s)
{
	size_t all = der_out_len(o), mark = all;

	if (s->unknown_critical) {
		der_put(o, DER_NULL, NULL, 0);
		wrap_ext(o, oid_nobody_knows, sizeof(oid_nobody_knows), true, mark);
	}
	mark = der_out_len(o);
	der_put_uint(o, s->number);
	wrap_ext(o, oid_crl_number, sizeof(oid_crl_number), false, mark);
	der_wrap(o, DER_SEQUENCE, all);
	der_wrap(o, DER_CONTEXT + DER_CONSTRUCTED + 0, all);
}

static void put_revoked(struct der_out *o, const struct help_crl *s)
{
	size_t all = der_out_len(o);

	for (size_t i = s->n; i > 0; i--) {
		size_t mark = der_out_len(o);
		if (s->reason >= 0) {
			uint8_t reason = (uint8_t)s->reason;
			der_put(o, DER_ENUMERATED, &reason, 1);
			wrap_ext(o, oid_reason, sizeof(oid_reason), false, mark);
			der_wrap(o, DER_SEQUENCE, mark);
		}
		der_put_time(o, s->this_update);
		der_put_uint(o, s->serials[i - 1]);
		der_wrap(o, DER_SEQUENCE, mark);
	}
	if (s->n > 0)
		der_wrap(o, DER_SEQUENCE, all);
}

uint8_t *help_crl_der(const struct help_crl *s, size_t *len)
{
	size_t cap = 64 * s->n + (size_t)2 * HELP_DER_MAX;
	uint8_t *buf = malloc(cap), *out = malloc(cap);
	const struct help_key *key = s->key != NULL ? s->key : s->issuer->key;
	struct x509_cert issuer;
	struct der_out o, whole;

	if (buf == NULL || out == NULL)
		abort();
	help_must(x509_parse(s->issuer->der, s->issuer->len, &issuer) == 0, "reading the issuer");
	der_out_init(&o, buf, cap);
	put_crl_exts(&o, s);
	put_revoked(&o, s);
	if (s->next_update != 0)
		der_put_time(&o, s->next_update);
	der_put_time(&o, s->this_update);
	der_put_raw(&o, issuer.subject.p, issuer.subject.len);
	help_put_sig_alg(&o, key, HELP_SHA256);
	der_put_uint(&o, 1);
	der_wrap(&o, DER_SEQUENCE, 0);
	der_out_init(&whole, out, cap);
	help_sign(&whole, der_out_bytes(&o), der_out_len(&o), key, HELP_SHA256);
	*len = der_out_len(&whole);
	memmove(out, out + whole.pos, *len);
	if (s->bad_signature)
		out[*len - 1] ^= 1;
	free(buf);
	return out;
}

char *help_crl_pem(const struct help_crl *s)
{
	size_t len;
	uint8_t *der = help_crl_der(s, &len);
	char *pem = help_pem("X509 CRL", der, len);

	free(der);
	return pem;
}

void help_pki_init(struct help_pki *p)
{
	struct help_spec ca = help_ca("Example CA"), server = help_server("gw1", "vpn.example"),
			 client = help_client("alice");

	server.ip[0] = "192.0.2.1";
	server.ip[1] = "2001:db8::1";
	help_issue(&p->ca, &ca, help_key(HELP_P256, 1), NULL);
	help_issue(&p->server, &server, help_key(HELP_P256, 2), &p->ca);
	help_issue(&p->client, &client, help_key(HELP_P256, 3), &p->ca);
}
