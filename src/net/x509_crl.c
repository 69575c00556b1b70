#include "net/x509.h"

#include <errno.h>

static const uint8_t oid_crl_number[] = { 0x55, 0x1d, 0x14 };
static const uint8_t oid_reason[] = { 0x55, 0x1d, 0x15 };
static const uint8_t oid_invalidity_date[] = { 0x55, 0x1d, 0x18 };
static const uint8_t oid_akid[] = { 0x55, 0x1d, 0x23 };

enum { CRL_V2 = 1, MAX_REASON = 10 };

/* INTEGER content that is minimal; any size, since nothing is computed with it. */
static int take_integer(struct der *in, struct der *out)
{
	if (der_take(in, DER_INTEGER, out) != 0 || out->len == 0)
		return -EBADMSG;
	if (out->len > 1 && out->p[0] == 0 && out->p[1] < 0x80)
		return -EBADMSG;
	return 0;
}

static int parse_reason(const struct der *value, int *reason)
{
	struct der rest = *value, v;

	if (der_take(&rest, DER_ENUMERATED, &v) != 0 || rest.len != 0 || v.len != 1)
		return -EBADMSG;
	if (v.p[0] > MAX_REASON)
		return -EBADMSG;
	*reason = v.p[0];
	return 0;
}

static int parse_entry_exts(struct der *list, struct x509_revoked *out, bool *unknown_critical)
{
	while (list->len > 0) {
		struct x509_ext e;
		if (x509_take_ext(list, &e) != 0)
			return -EBADMSG;
		if (der_is(&e.oid, oid_reason, sizeof(oid_reason))) {
			if (parse_reason(&e.value, &out->reason) != 0)
				return -EBADMSG;
		} else if (!der_is(&e.oid, oid_invalidity_date, sizeof(oid_invalidity_date))) {
			/* certificateIssuer is one of them: the entry is about another CA. */
			*unknown_critical |= e.critical;
		}
	}
	return 0;
}

static int next_entry(struct der *it, struct x509_revoked *out, bool *unknown_critical)
{
	struct der rest = *it, entry, exts;
	struct x509_revoked r = { .reason = -1 };

	if (rest.len == 0)
		return 0;
	if (der_take(&rest, DER_SEQUENCE, &entry) != 0 || take_integer(&entry, &r.serial) != 0 ||
		der_take_time(&entry, &r.date) != 0)
		return -EBADMSG;
	int n = der_take_if(&entry, DER_SEQUENCE, &exts);
	if (n < 0 || entry.len != 0)
		return -EBADMSG;
	if (n == 1 && parse_entry_exts(&exts, &r, unknown_critical) != 0)
		return -EBADMSG;
	*out = r;
	*it = rest;
	return 1;
}

int x509_crl_next(struct der *it, struct x509_revoked *out)
{
	bool unknown_critical = false;

	return next_entry(it, out, &unknown_critical);
}

static int parse_exts(struct der *in, struct x509_crl *crl)
{
	struct der wrapped, list;
	struct x509_ext e;
	int n = der_take_if(in, DER_CONTEXT + DER_CONSTRUCTED + 0, &wrapped);

	if (n <= 0)
		return n;
	if (der_take(&wrapped, DER_SEQUENCE, &list) != 0 || wrapped.len != 0)
		return -EBADMSG;
	while (list.len > 0) {
		if (x509_take_ext(&list, &e) != 0)
			return -EBADMSG;
		if (der_is(&e.oid, oid_crl_number, sizeof(oid_crl_number))) {
			if (crl->number.len > 0 || take_integer(&e.value, &crl->number) != 0 ||
				e.value.len != 0)
				return -EBADMSG;
		} else if (der_is(&e.oid, oid_akid, sizeof(oid_akid))) {
			if (crl->akid.len > 0 || x509_akid(&e.value, &crl->akid) != 0)
				return -EBADMSG;
		} else {
			crl->unknown_critical |= e.critical;
		}
	}
	return 0;
}

static int parse_dates(struct der *tbs, struct x509_crl *crl)
{
	if (der_take_time(tbs, &crl->this_update) != 0)
		return -EBADMSG;
	crl->next_update = INT64_MAX;
	if (tbs->len > 0 && (tbs->p[0] == DER_UTC_TIME || tbs->p[0] == DER_GENERALIZED_TIME))
		return der_take_time(tbs, &crl->next_update);
	return 0;
}

static int parse_tbs(struct der tbs, struct x509_crl *crl, struct der *sig_alg)
{
	enum x509_sig alg;
	struct der start, body;
	uint32_t version = CRL_V2;
	struct x509_revoked r;
	uint8_t tag;
	int n;

	if (tbs.len > 0 && tbs.p[0] == DER_INTEGER && der_take_uint(&tbs, &version) != 0)
		return -EBADMSG;
	if (version != CRL_V2 || x509_take_sig_alg(&tbs, &alg, sig_alg) != 0)
		return -EBADMSG;
	if (der_next(&tbs, &tag, &body, &crl->issuer) != 0 || tag != DER_SEQUENCE)
		return -EBADMSG;
	if (parse_dates(&tbs, crl) != 0 || der_take_if(&tbs, DER_SEQUENCE, &crl->entries) < 0)
		return -EBADMSG;
	start = crl->entries;
	while ((n = next_entry(&start, &r, &crl->unknown_critical)) == 1)
		continue;
	if (n < 0 || parse_exts(&tbs, crl) != 0)
		return -EBADMSG;
	return tbs.len == 0 ? 0 : -EBADMSG;
}

int x509_crl_parse(const uint8_t *der, size_t len, struct x509_crl *out)
{
	struct der in = { der, len }, body, tbs, inner, outer;
	struct x509_crl crl = { .next_update = INT64_MAX };
	uint8_t tag;

	if (der_next(&in, &tag, &body, &crl.all) != 0 || tag != DER_SEQUENCE || in.len != 0)
		return -EBADMSG;
	if (der_next(&body, &tag, &tbs, &crl.tbs) != 0 || tag != DER_SEQUENCE)
		return -EBADMSG;
	if (x509_take_sig_alg(&body, &crl.sig_alg, &outer) != 0 ||
		der_take_bits(&body, &crl.sig) != 0 || body.len != 0)
		return -EBADMSG;
	if (parse_tbs(tbs, &crl, &inner) != 0 || !der_equal(&inner, &outer))
		return -EBADMSG;
	*out = crl;
	return 0;
}
