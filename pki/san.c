#include "pki/san.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "net/addr.h"
#include "net/ident.h"

static bool is_ldh(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-';
}

static bool valid_label(const uint8_t *p, size_t len)
{
	if (len == 0 || len > 63 || p[0] == '-' || p[len - 1] == '-')
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!is_ldh(p[i]))
			return false;
	}
	return true;
}

static bool valid_dns(const struct der *v)
{
	const uint8_t *label = v->p, *end = v->p + v->len;
	bool digits = true;

	if (v->len == 0 || v->len > 253)
		return false;
	for (;;) {
		const uint8_t *dot = memchr(label, '.', (size_t)(end - label));
		const uint8_t *stop = dot != NULL ? dot : end;
		if (!valid_label(label, (size_t)(stop - label)))
			return false;
		digits = true;
		for (const uint8_t *p = label; p < stop; p++)
			digits = digits && *p >= '0' && *p <= '9';
		if (dot == NULL)
			break;
		label = dot + 1;
	}
	return !digits; /* A last label of digits makes it an address. */
}

static bool valid_email(const struct der *v)
{
	const uint8_t *at = memchr(v->p, '@', v->len);

	if (at == NULL || at == v->p || v->len > 254)
		return false;
	for (const uint8_t *p = v->p; p < at; p++) {
		if (*p <= 0x20 || *p >= 0x7f || strchr("\"(),:;<>[\\]", *p) != NULL)
			return false;
	}
	struct der domain = { at + 1, v->len - (size_t)(at + 1 - v->p) };
	return valid_dns(&domain);
}

bool san_valid(enum x509_san kind, const struct der *value)
{
	struct ident id;

	switch (kind) {
	case X509_SAN_DNS:
		return valid_dns(value);
	case X509_SAN_IP:
		return value->len == 4 || value->len == 16;
	case X509_SAN_URI:
		return ident_parse((const char *)value->p, value->len, &id) == 0;
	case X509_SAN_EMAIL:
		return valid_email(value);
	}
	return false;
}

int san_add(struct san_list *l, enum x509_san kind, const struct der *value)
{
	struct san s = { .kind = kind, .len = value->len };

	if (value->len > sizeof(s.bytes) || !san_valid(kind, value))
		return -EINVAL;
	memcpy(s.bytes, value->p, value->len);
	for (size_t i = 0; kind == X509_SAN_DNS && i < s.len; i++)
		s.bytes[i] = (uint8_t)tolower(s.bytes[i]);

	for (size_t i = 0; i < l->n; i++) {
		const struct san *have = &l->item[i];
		if (have->kind == kind && have->len == s.len &&
			memcmp(have->bytes, s.bytes, s.len) == 0)
			return 0;
	}
	if (l->n == SAN_MAX)
		return -ENOSPC;
	l->item[l->n++] = s;
	return 0;
}

static int add_text(struct san_list *l, enum x509_san kind, const char *text)
{
	struct der value = { (const uint8_t *)text, strlen(text) };

	return san_add(l, kind, &value);
}

int san_add_dns(struct san_list *l, const char *name)
{
	return add_text(l, X509_SAN_DNS, name);
}

int san_add_uri(struct san_list *l, const char *uri)
{
	return add_text(l, X509_SAN_URI, uri);
}

int san_add_email(struct san_list *l, const char *address)
{
	return add_text(l, X509_SAN_EMAIL, address);
}

int san_add_ip(struct san_list *l, const char *address)
{
	struct addr a;

	if (addr_parse(address, &a) < 0)
		return -EINVAL;
	struct der value = { a.bytes, addr_len(&a) };
	return san_add(l, X509_SAN_IP, &value);
}

bool san_has(const struct san_list *l, enum x509_san kind)
{
	for (size_t i = 0; i < l->n; i++) {
		if (l->item[i].kind == kind)
			return true;
	}
	return false;
}

char *san_text(const struct san_list *l, char out[static SAN_TEXT_LEN])
{
	size_t at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < l->n; i++) {
		const struct san *s = &l->item[i];
		const char *kind = s->kind == X509_SAN_DNS ? "dns" : "email";
		char value[SAN_VALUE_MAX + 1] = { 0 };
		if (s->kind == X509_SAN_URI)
			continue;
		if (s->kind == X509_SAN_IP) {
			struct addr a = { .family = s->len == 4 ? 4 : 6 };
			memcpy(a.bytes, s->bytes, s->len);
			addr_format(&a, value);
			kind = "ip";
		} else {
			memcpy(value, s->bytes, s->len);
		}
		int n = snprintf(
			out + at, SAN_TEXT_LEN - at, "%s%s:%s", at > 0 ? "," : "", kind, value);
		if (n < 0 || (size_t)n >= SAN_TEXT_LEN - at) {
			out[at] = '\0';
			break;
		}
		at += (size_t)n;
	}
	return out;
}

void san_put(const struct san_list *l, struct der_out *o)
{
	for (size_t i = l->n; i-- > 0;)
		der_put(o, (uint8_t)(DER_CONTEXT + (unsigned)l->item[i].kind), l->item[i].bytes,
			l->item[i].len);
}
