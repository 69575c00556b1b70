#include "pki/crl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "pki/lint.h"

#define OID_CRL_NUMBER "\x55\x1d\x14"
#define OID_REASON     "\x55\x1d\x15"
#define OID_AKID       "\x55\x1d\x23"

enum {
	ENTRY_MAX = 64, /* Octets of one entry: serial 22, date 17, reason 14, headers. */
	FIXED_MAX = 4096,
	VERSION_2 = 1,
};

/* RFC 5280 5.3.1.  7 is not used; removeFromCRL (8) is for delta CRLs. */
static const char *const reasons[] = {
	[0] = "unspecified",
	[1] = "keyCompromise",
	[2] = "cACompromise",
	[3] = "affiliationChanged",
	[4] = "superseded",
	[5] = "cessationOfOperation",
	[6] = "certificateHold",
	[9] = "privilegeWithdrawn",
};

int crl_reason_parse(const char *text)
{
	for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
		if (reasons[i] != NULL && strcasecmp(reasons[i], text) == 0)
			return (int)i;
	}
	return -EINVAL;
}

const char *crl_reason_name(int reason)
{
	return reason >= 0 && (size_t)reason < ARRAY_LEN(reasons) ? reasons[reason] : NULL;
}

/* Make an Extension, never critical, of the value written since mark. */
static void wrap_ext(struct der_out *o, const char *oid, size_t mark)
{
	der_wrap(o, DER_OCTET_STRING, mark);
	der_put(o, DER_OID, oid, strlen(oid));
	der_wrap(o, DER_SEQUENCE, mark);
}

static void put_entry(struct der_out *o, const struct crl_entry *e)
{
	size_t mark = der_out_len(o);

	if (e->reason != CRL_UNSPECIFIED) {
		uint8_t reason = (uint8_t)e->reason;
		der_put(o, DER_ENUMERATED, &reason, 1);
		wrap_ext(o, OID_REASON, mark);
		der_wrap(o, DER_SEQUENCE, mark);
	}
	der_put_time(o, e->date);
	der_put_integer(o, e->serial.bytes, e->serial.len);
	der_wrap(o, DER_SEQUENCE, mark);
}

static void put_extensions(struct der_out *o, const struct crl_spec *s)
{
	size_t all = der_out_len(o), mark = all;
	uint8_t number[8];

	store_be32(number, (uint32_t)(s->number >> 32));
	store_be32(number + 4, (uint32_t)s->number);
	der_put_integer(o, number, sizeof(number));
	wrap_ext(o, OID_CRL_NUMBER, mark);

	mark = der_out_len(o);
	der_put(o, DER_CONTEXT, s->issuer->skid.p, s->issuer->skid.len);
	der_wrap(o, DER_SEQUENCE, mark);
	wrap_ext(o, OID_AKID, mark);
	der_wrap(o, DER_SEQUENCE, all);
	der_wrap(o, DER_CONTEXT + DER_CONSTRUCTED, all);
}

/* TBSCertList, last field first. */
static void put_tbs(struct der_out *o, const struct crl_spec *s, const struct key *signer)
{
	put_extensions(o, s);
	if (s->n > 0) {
		size_t mark = der_out_len(o);
		for (size_t i = s->n; i-- > 0;)
			put_entry(o, &s->entries[i]);
		der_wrap(o, DER_SEQUENCE, mark);
	}
	der_put_time(o, s->next_update);
	der_put_time(o, s->this_update);
	der_put_raw(o, s->issuer->subject.p, s->issuer->subject.len);
	key_put_sigalg(signer, o);
	der_put_uint(o, VERSION_2);
	der_wrap(o, DER_SEQUENCE, 0);
}

int crl_make(const struct crl_spec *spec, struct key *signer, uint8_t **out, char why[static 256])
{
	size_t cap = FIXED_MAX + spec->issuer->subject.len + spec->n * ENTRY_MAX;
	struct der_out o;
	uint8_t *buf;
	int r;

	(void)snprintf(why, 256, "more than %d revoked certificates", CRL_ENTRIES_MAX);
	if (spec->n > CRL_ENTRIES_MAX)
		return -EINVAL;
	(void)snprintf(why, 256, "out of memory");
	buf = malloc(cap + KEY_SIG_MAX);
	if (buf == NULL)
		return -ENOMEM;
	der_out_init(&o, buf, cap);
	put_tbs(&o, spec, signer);
	if (o.failed) {
		(void)snprintf(why, 256, "the CRL cannot be encoded");
		r = -EINVAL;
		goto fail;
	}
	size_t len = der_out_len(&o);
	memmove(buf, der_out_bytes(&o), len);
	(void)snprintf(why, 256, "signing failed");
	r = key_sign(signer, buf, len, cap + KEY_SIG_MAX);
	if (r < 0)
		goto fail;
	int bad = lint_crl(buf, (size_t)r, spec->issuer, why);
	if (bad < 0) {
		r = bad;
		goto fail;
	}
	*out = buf;
	return r;

fail:
	free(buf);
	return r;
}
