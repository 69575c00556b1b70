#include "pki/constraints.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "net/addr.h"
#include "pki/san.h"

enum { PERMITTED = DER_CONTEXT + DER_CONSTRUCTED, BITS = 8 };

/* An address and a mask: the form of RFC 5280. */
static int put_ip(struct der_out *o, const char *text)
{
	struct prefix p;
	uint8_t bytes[32] = { 0 };
	size_t n;

	if (prefix_parse(text, &p) < 0)
		return -EINVAL;
	n = addr_len(&p.addr);
	memcpy(bytes, p.addr.bytes, n);
	for (unsigned i = 0; i < p.len; i++)
		bytes[n + i / BITS] |= (uint8_t)(0x80U >> i % BITS);
	der_put(o, DER_CONTEXT + X509_SAN_IP, bytes, 2 * n);
	return 0;
}

static int put_dns(struct der_out *o, const char *text)
{
	const struct der value = { (const uint8_t *)text, strlen(text) };

	if (!san_valid(X509_SAN_DNS, &value))
		return -EINVAL;
	der_put(o, DER_CONTEXT + X509_SAN_DNS, text, value.len);
	return 0;
}

static int put_all(struct der_out *o, const char *const *text, size_t n,
	int (*put)(struct der_out *o, const char *text), const char **wrong)
{
	for (size_t i = n; i-- > 0;) {
		size_t mark = der_out_len(o);
		if (put(o, text[i]) < 0) {
			*wrong = text[i];
			return -EINVAL;
		}
		der_wrap(o, DER_SEQUENCE, mark);
	}
	return 0;
}

int constraints_make(const char *const *dns, size_t n_dns, const char *const *ip, size_t n_ip,
	struct constraints *out, const char **wrong)
{
	struct der_out o;

	out->value = (struct der){ NULL, 0 };
	if (n_dns + n_ip == 0)
		return 0;
	der_out_init(&o, out->bytes, sizeof(out->bytes));
	if (put_all(&o, ip, n_ip, put_ip, wrong) < 0 || put_all(&o, dns, n_dns, put_dns, wrong) < 0)
		return -EINVAL;
	der_wrap(&o, PERMITTED, 0);
	der_wrap(&o, DER_SEQUENCE, 0);
	if (o.failed) {
		*wrong = "so many";
		return -EINVAL;
	}
	out->value = (struct der){ der_out_bytes(&o), der_out_len(&o) };
	return 0;
}

static void ip_text(const struct der *base, char out[static PREFIX_STRLEN])
{
	struct prefix p = { .addr = { .family = base->len == 8 ? 4 : 6 } };
	size_t n = base->len / 2;
	unsigned len = 0;

	memcpy(p.addr.bytes, base->p, n);
	while (len < n * BITS && (base->p[n + len / BITS] & (0x80U >> len % BITS)) != 0)
		len++;
	p.len = (uint8_t)len;
	prefix_format(&p, out);
}

char *constraints_text(const struct x509_cert *c, char out[static CONSTRAINTS_TEXT_LEN])
{
	struct der it = c->permitted, tree, base;
	char ip[PREFIX_STRLEN];
	size_t len = 0;
	uint8_t tag;

	out[0] = '\0';
	while (len < CONSTRAINTS_TEXT_LEN - 1 && der_take(&it, DER_SEQUENCE, &tree) == 0 &&
		der_next(&tree, &tag, &base, NULL) == 0) {
		const char *comma = len > 0 ? "," : "";
		int n = 0;
		if (tag == DER_CONTEXT + X509_SAN_DNS) {
			n = snprintf(out + len, CONSTRAINTS_TEXT_LEN - len, "%sdns:%.*s", comma,
				(int)base.len, (const char *)base.p);
		} else if (tag == DER_CONTEXT + X509_SAN_IP && (base.len == 8 || base.len == 32)) {
			ip_text(&base, ip);
			n = snprintf(out + len, CONSTRAINTS_TEXT_LEN - len, "%sip:%s", comma, ip);
		}
		len += n > 0 ? (size_t)n : 0;
	}
	return out;
}
