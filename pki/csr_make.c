#include "pki/csr.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pki/key.h"
#include "pki/san.h"

#define OID_CN                "\x55\x04\x03"
#define OID_SAN               "\x55\x1d\x11"
#define OID_EXTENSION_REQUEST "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e"

static void put_oid(struct der_out *o, const char *oid)
{
	der_put(o, DER_OID, oid, strlen(oid));
}

/* One attribute, extensionRequest, with one extension in it. */
static void put_attributes(struct der_out *o, const struct san_list *sans)
{
	size_t mark = der_out_len(o);

	if (sans != NULL && sans->n > 0) {
		san_put(sans, o);
		der_wrap(o, DER_SEQUENCE, mark);
		der_wrap(o, DER_OCTET_STRING, mark);
		put_oid(o, OID_SAN);
		der_wrap(o, DER_SEQUENCE, mark);
		der_wrap(o, DER_SEQUENCE, mark);
		der_wrap(o, DER_SET, mark);
		put_oid(o, OID_EXTENSION_REQUEST);
		der_wrap(o, DER_SEQUENCE, mark);
	}
	der_wrap(o, DER_CONTEXT + DER_CONSTRUCTED, mark);
}

static void put_subject(struct der_out *o, const struct csr_spec *s)
{
	size_t mark = der_out_len(o);

	if (s->subject.len > 0) {
		der_put_raw(o, s->subject.p, s->subject.len);
		return;
	}
	der_put(o, DER_UTF8_STRING, s->common_name, strlen(s->common_name));
	put_oid(o, OID_CN);
	der_wrap(o, DER_SEQUENCE, mark);
	der_wrap(o, DER_SET, mark);
	der_wrap(o, DER_SEQUENCE, mark);
}

/* CertificationRequestInfo, last field first. */
static int put_info(struct der_out *o, const struct csr_spec *s, struct key *k)
{
	uint8_t spki[KEY_SPKI_MAX];
	int n = key_spki(k, spki);

	if (n < 0)
		return n;
	put_attributes(o, s->sans);
	der_put_raw(o, spki, (size_t)n);
	put_subject(o, s);
	der_put_uint(o, 0);
	der_wrap(o, DER_SEQUENCE, 0);
	return o->failed ? -EINVAL : 0;
}

int csr_make(const struct csr_spec *spec, struct key *k, uint8_t out[static CSR_MAX],
	char why[static 256])
{
	struct der_out o;
	struct csr again;
	uint8_t *buf = malloc(CSR_MAX);
	int r;

	(void)snprintf(why, 256, "the request cannot be made");
	if (buf == NULL)
		return -ENOMEM;
	der_out_init(&o, buf, CSR_MAX - KEY_SIG_MAX);
	r = put_info(&o, spec, k);
	if (r == 0) {
		size_t len = der_out_len(&o);
		memmove(buf, der_out_bytes(&o), len);
		r = key_sign(k, buf, len, CSR_MAX);
	}
	if (r > 0 && (csr_parse(buf, (size_t)r, &again) < 0 || csr_verify(&again, why) < 0))
		r = -EINVAL;
	if (r > 0)
		memcpy(out, buf, (size_t)r);
	free(buf);
	return r;
}
