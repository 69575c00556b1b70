#include "pki/cert.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pki/lint.h"

/* Extensions and purposes: RFC 5280 4.2.1. */
#define OID_CN          "\x55\x04\x03"
#define OID_SKID        "\x55\x1d\x0e"
#define OID_KEY_USAGE   "\x55\x1d\x0f"
#define OID_SAN         "\x55\x1d\x11"
#define OID_BASIC       "\x55\x1d\x13"
#define OID_CONSTRAINTS "\x55\x1d\x1e"
#define OID_AKID        "\x55\x1d\x23"
#define OID_EXT_USAGE   "\x55\x1d\x25"
#define OID_SERVER_AUTH "\x2b\x06\x01\x05\x05\x07\x03\x01"
#define OID_CLIENT_AUTH "\x2b\x06\x01\x05\x05\x07\x03\x02"

enum { VERSION_3 = 2 };

const char *cert_kind_name(enum cert_kind kind)
{
	return kind == CERT_CA ? "ca" : kind == CERT_SERVER ? "server" : "client";
}

struct der cert_constraints(const struct x509_cert *c)
{
	for (size_t i = 0; i < c->n_ext; i++) {
		if (der_is(&c->ext[i].oid, OID_CONSTRAINTS, 3))
			return c->ext[i].value;
	}
	return (struct der){ NULL, 0 };
}

/* Make an Extension of the value written since mark. */
static void wrap_any(struct der_out *o, const struct der *oid, bool critical, size_t mark)
{
	static const uint8_t yes = 0xff;

	der_wrap(o, DER_OCTET_STRING, mark);
	if (critical)
		der_put(o, DER_BOOLEAN, &yes, 1);
	der_put(o, DER_OID, oid->p, oid->len);
	der_wrap(o, DER_SEQUENCE, mark);
}

static void wrap_ext(struct der_out *o, const char *oid, bool critical, size_t mark)
{
	const struct der d = { (const uint8_t *)oid, strlen(oid) };

	wrap_any(o, &d, critical, mark);
}

static void put_subject(struct der_out *o, const struct cert_spec *s)
{
	const char *common_name = s->common_name;
	size_t mark = der_out_len(o);

	if (s->subject.len > 0) {
		der_put_raw(o, s->subject.p, s->subject.len);
		return;
	}

	der_put(o, DER_UTF8_STRING, common_name, strlen(common_name));
	der_put(o, DER_OID, OID_CN, strlen(OID_CN));
	der_wrap(o, DER_SEQUENCE, mark);
	der_wrap(o, DER_SET, mark);
	der_wrap(o, DER_SEQUENCE, mark);
}

static void put_usage(struct der_out *o, enum cert_kind kind)
{
	size_t mark = der_out_len(o);

	if (kind != CERT_CA) {
		const char *oid = kind == CERT_SERVER ? OID_SERVER_AUTH : OID_CLIENT_AUTH;
		der_put(o, DER_OID, oid, strlen(oid));
		der_wrap(o, DER_SEQUENCE, mark);
		wrap_ext(o, OID_EXT_USAGE, false, mark);
		mark = der_out_len(o);
	}
	/* BIT STRING: unused bits, then keyCertSign and cRLSign, or digitalSignature. */
	der_put(o, DER_BIT_STRING, kind == CERT_CA ? "\x01\x06" : "\x07\x80", 2);
	wrap_ext(o, OID_KEY_USAGE, true, mark);
}

static void put_basic(struct der_out *o, const struct cert_spec *s)
{
	static const uint8_t yes = 0xff;
	size_t mark = der_out_len(o);

	if (s->kind == CERT_CA) {
		der_put_uint(o, s->path_len);
		der_put(o, DER_BOOLEAN, &yes, 1);
	}
	der_wrap(o, DER_SEQUENCE, mark);
	wrap_ext(o, OID_BASIC, true, mark);
}

static int put_extensions(struct der_out *o, const struct cert_spec *s)
{
	uint8_t id[KEY_ID_LEN];
	struct der skid = { id, sizeof(id) };
	size_t all = der_out_len(o), mark = all;

	if (key_id(&s->spki, id) < 0)
		return -EINVAL;
	if (s->skid.len > 0)
		skid = s->skid;
	if (s->grant != NULL && !grant_is_empty(s->grant)) {
		grant_put(s->grant, o);
		wrap_any(o, &grant_oid, false, mark);
		mark = der_out_len(o);
	}
	if (s->sans != NULL && s->sans->n > 0) {
		san_put(s->sans, o);
		der_wrap(o, DER_SEQUENCE, mark);
		wrap_ext(o, OID_SAN, false, mark);
		mark = der_out_len(o);
	}
	if (s->issuer != NULL)
		der_put(o, DER_CONTEXT, s->issuer->skid.p, s->issuer->skid.len);
	else
		der_put(o, DER_CONTEXT, skid.p, skid.len);
	der_wrap(o, DER_SEQUENCE, mark);
	wrap_ext(o, OID_AKID, false, mark);

	mark = der_out_len(o);
	der_put(o, DER_OCTET_STRING, skid.p, skid.len);
	wrap_ext(o, OID_SKID, false, mark);

	if (s->constraints.len > 0) {
		mark = der_out_len(o);
		der_put_raw(o, s->constraints.p, s->constraints.len);
		wrap_ext(o, OID_CONSTRAINTS, true, mark);
	}
	put_usage(o, s->kind);
	put_basic(o, s);
	der_wrap(o, DER_SEQUENCE, all);
	der_wrap(o, DER_CONTEXT + DER_CONSTRUCTED + 3, all);
	return 0;
}

/* TBSCertificate, last field first. */
static int put_tbs(struct der_out *o, const struct cert_spec *s, const struct key *signer)
{
	size_t mark;

	if (put_extensions(o, s) < 0)
		return -EINVAL;
	der_put_raw(o, s->spki.p, s->spki.len);
	put_subject(o, s);
	mark = der_out_len(o);
	der_put_time(o, s->not_after);
	der_put_time(o, s->not_before);
	der_wrap(o, DER_SEQUENCE, mark);
	if (s->issuer != NULL)
		der_put_raw(o, s->issuer->subject.p, s->issuer->subject.len);
	else
		put_subject(o, s);
	key_put_sigalg(signer, o);
	der_put_integer(o, s->serial->bytes, s->serial->len);
	mark = der_out_len(o);
	der_put_uint(o, VERSION_3);
	der_wrap(o, DER_CONTEXT + DER_CONSTRUCTED, mark);
	der_wrap(o, DER_SEQUENCE, 0);
	return o->failed ? -EINVAL : 0;
}

int cert_make(const struct cert_spec *spec, struct key *signer, uint8_t out[static CERT_MAX],
	char why[static 256])
{
	struct der_out o;
	uint8_t *buf = malloc(CERT_MAX);
	int r;

	(void)snprintf(why, 256, "out of memory");
	if (buf == NULL)
		return -ENOMEM;
	der_out_init(&o, buf, CERT_MAX - KEY_SIG_MAX);
	(void)snprintf(why, 256, "the certificate cannot be encoded");
	r = put_tbs(&o, spec, signer);
	if (r == 0) {
		size_t len = der_out_len(&o);
		memmove(buf, der_out_bytes(&o), len);
		(void)snprintf(why, 256, "signing failed");
		r = key_sign(signer, buf, len, CERT_MAX);
	}
	if (r > 0) {
		int bad = lint_cert(buf, (size_t)r, spec->issuer, why);
		if (bad < 0)
			r = bad;
		else
			memcpy(out, buf, (size_t)r);
	}
	free(buf);
	return r;
}
