#include "net/x509.h"

#include <errno.h>

static const uint8_t oid_common_name[] = { 0x55, 0x04, 0x03 };

/* Visible ASCII: what URIs, DNS names and mailboxes of RFC 5280 4.2.1.6 are made of. */
static bool is_visible_text(const struct der *d)
{
	for (size_t i = 0; i < d->len; i++) {
		if (d->p[i] <= 0x20 || d->p[i] >= 0x7f)
			return false;
	}
	return d->len > 0;
}

int x509_san_next(struct der *it, enum x509_san *kind, struct der *value)
{
	struct der rest = *it, body;
	uint8_t tag;

	while (rest.len > 0) {
		if (der_next(&rest, &tag, &body, NULL) != 0 || (tag & 0xc0) != DER_CONTEXT)
			return -EBADMSG;
		unsigned n = tag & 0x1f;
		if (n > 8)
			return -EBADMSG;
		if (n != X509_SAN_EMAIL && n != X509_SAN_DNS && n != X509_SAN_URI &&
			n != X509_SAN_IP)
			continue;
		bool well_formed =
			n == X509_SAN_IP ? body.len == 4 || body.len == 16 : is_visible_text(&body);
		if ((tag & DER_CONSTRUCTED) != 0 || !well_formed)
			return -EBADMSG;
		*kind = (enum x509_san)n;
		*value = body;
		*it = rest;
		return 1;
	}
	return 0;
}

/* Take one UTF-8 character (RFC 3629); 0 when it is none, and one octet is taken. */
static uint32_t take_utf8(struct der *s)
{
	static const uint32_t smallest[] = { 0, 0x80, 0x800, 0x10000 };
	uint8_t first = s->p[0];
	size_t more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : 0;
	uint32_t c = more == 0 ? first : first & (0x3fU >> more);

	*s = (struct der){ s->p + 1, s->len - 1 };
	if ((more == 0 && first >= 0x80) || first >= 0xf8 || s->len < more)
		return 0;
	for (size_t i = 0; i < more; i++) {
		if ((s->p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s->p[i] & 0x3f);
	}
	if (c < smallest[more] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*s = (struct der){ s->p + more, s->len - more };
	return c;
}

static uint32_t take_bmp(struct der *s)
{
	uint32_t c = (uint32_t)s->p[0] << 8 | s->p[1];

	*s = (struct der){ s->p + 2, s->len - 2 };
	return c >= 0xd800 && c <= 0xdfff ? 0 : c;
}

/* Returns how many octets. */
static size_t put_utf8(uint32_t c, char out[static 4])
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	size_t more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
	for (size_t i = more; i > 0; i--, c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3f));
	out[0] = (char)((0xff00U >> (more + 1)) | c);
	return more + 1;
}

static int copy_text(uint8_t tag, struct der s, char *out, size_t cap)
{
	size_t n = 0;

	if (tag != DER_UTF8_STRING && tag != DER_PRINTABLE_STRING && tag != DER_IA5_STRING &&
		tag != DER_BMP_STRING)
		return -ENOENT;
	if (s.len == 0 || cap == 0 || (tag == DER_BMP_STRING && s.len % 2 != 0))
		return -ENOENT;
	while (s.len > 0) {
		char utf8[4];
		uint32_t c = tag == DER_BMP_STRING ? take_bmp(&s) : take_utf8(&s);
		if (c < 0x20 || (c >= 0x7f && c < 0xa0))
			c = '?';
		size_t len = put_utf8(c, utf8);
		if (len >= cap - n)
			break;
		for (size_t i = 0; i < len; i++)
			out[n++] = utf8[i];
	}
	out[n] = '\0';
	return 0;
}

int x509_common_name(const struct der *name, char *out, size_t cap)
{
	struct der in = *name, rdns, rdn, attribute, type, value;
	uint8_t tag;

	if (der_take(&in, DER_SEQUENCE, &rdns) != 0)
		return -ENOENT;
	while (der_take(&rdns, DER_SET, &rdn) == 0) {
		while (der_take(&rdn, DER_SEQUENCE, &attribute) == 0) {
			if (der_take(&attribute, DER_OID, &type) != 0 ||
				!der_is(&type, oid_common_name, sizeof(oid_common_name)))
				continue;
			if (der_next(&attribute, &tag, &value, NULL) != 0)
				return -ENOENT;
			return copy_text(tag, value, out, cap);
		}
	}
	return -ENOENT;
}
