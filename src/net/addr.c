#include "net/addr.h"

#include "base/util.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

size_t addr_len(const struct addr *a)
{
	return a->family == 4 ? 4 : a->family == 6 ? 16 : 0;
}

unsigned addr_bits(const struct addr *a)
{
	return (unsigned)addr_len(a) * CHAR_BIT;
}

int addr_parse(const char *text, struct addr *out)
{
	struct addr a = { 0 };

	/* glibc's and musl's inet_pton() take neither leading zeros in IPv4 nor zones. */
	if (inet_pton(AF_INET, text, a.bytes) == 1)
		a.family = 4;
	else if (inet_pton(AF_INET6, text, a.bytes) == 1)
		a.family = 6;
	else
		return -EINVAL;
	*out = a;
	return 0;
}

char *addr_format(const struct addr *a, char out[static ADDR_STRLEN])
{
	out[0] = '\0';
	if (a->family != 0)
		(void)inet_ntop(a->family == 4 ? AF_INET : AF_INET6, a->bytes, out, ADDR_STRLEN);
	return out;
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

int addr_compare(const struct addr *a, const struct addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

bool addr_add(struct addr *a, uint64_t n)
{
	struct addr sum = *a;

	for (size_t i = addr_len(a); i-- > 0;) {
		/* At most 0xff more than n, which the shift makes room for. */
		uint64_t low = (n & 0xff) + sum.bytes[i];
		sum.bytes[i] = (uint8_t)low;
		n = (n >> 8) + (low >> 8);
	}
	if (n != 0)
		return false;
	*a = sum;
	return true;
}

static bool is_tunnelable4(const uint8_t b[static 4])
{
	uint32_t v = load_be32(b);

	return v != 0 && v != UINT32_MAX && b[0] != 127 && (b[0] & 0xf0) != 224 &&
	       (v & 0xffff0000) != 0xa9fe0000;
}

static bool is_tunnelable6(const uint8_t b[static 16])
{
	static const uint8_t zero[15];
	bool link_local = b[0] == 0xfe && (b[1] & 0xc0) == 0x80;
	/* :: and ::1. */
	bool low = memcmp(b, zero, sizeof(zero)) == 0 && b[15] <= 1;

	return b[0] != 0xff && !link_local && !low;
}

bool addr_is_tunnelable(const struct addr *a)
{
	return a->family == 4   ? is_tunnelable4(a->bytes)
	       : a->family == 6 ? is_tunnelable6(a->bytes)
				: false;
}

/* A decimal number of 1 to 5 digits, at most max, without leading zeros, and nothing else. */
static int parse_number(const char *text, unsigned max, unsigned *out)
{
	size_t len = strspn(text, "0123456789");
	unsigned v = 0;

	if (len == 0 || len > 5 || text[len] != '\0' || (text[0] == '0' && len > 1))
		return -EINVAL;
	for (size_t i = 0; i < len; i++)
		v = v * 10 + (unsigned)(text[i] - '0');
	if (v > max)
		return -EINVAL;
	*out = v;
	return 0;
}

int prefix_parse_iface(const char *text, struct prefix *out)
{
	char host[ADDR_STRLEN];
	const char *slash = strchrnul(text, '/');
	size_t host_len = (size_t)(slash - text);
	struct addr a;

	if (host_len >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, host_len);
	host[host_len] = '\0';
	if (addr_parse(host, &a) < 0)
		return -EINVAL;
	unsigned len = addr_bits(&a);
	if (*slash == '/' && parse_number(slash + 1, len, &len) < 0)
		return -EINVAL;
	*out = (struct prefix){ .addr = a, .len = (uint8_t)len };
	return 0;
}

int prefix_parse(const char *text, struct prefix *out)
{
	struct prefix p;

	if (prefix_parse_iface(text, &p) < 0)
		return -EINVAL;
	struct prefix net = prefix_of(&p.addr, p.len);
	if (!addr_equal(&net.addr, &p.addr))
		return -EINVAL;
	*out = p;
	return 0;
}

char *prefix_format(const struct prefix *p, char out[static PREFIX_STRLEN])
{
	char text[ADDR_STRLEN];

	(void)snprintf(out, PREFIX_STRLEN, "%s/%u", addr_format(&p->addr, text), p->len);
	return out;
}

/* Whether the first n bits are the same. */
static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned n)
{
	unsigned whole = n / CHAR_BIT, rest = n % CHAR_BIT;

	if (memcmp(a, b, whole) != 0)
		return false;
	return rest == 0 || (a[whole] ^ b[whole]) >> (CHAR_BIT - rest) == 0;
}

bool prefix_contains(const struct prefix *p, const struct addr *a)
{
	return a->family != 0 && p->addr.family == a->family &&
	       same_bits(p->addr.bytes, a->bytes, p->len);
}

bool prefix_overlaps(const struct prefix *a, const struct prefix *b)
{
	return a->addr.family != 0 && a->addr.family == b->addr.family &&
	       same_bits(a->addr.bytes, b->addr.bytes, MIN(a->len, b->len));
}

bool prefix_equal(const struct prefix *a, const struct prefix *b)
{
	return a->len == b->len && addr_equal(&a->addr, &b->addr);
}

struct prefix prefix_of(const struct addr *a, uint8_t len)
{
	struct prefix p = { .addr = { .family = a->family }, .len = len };
	size_t whole = len / CHAR_BIT;

	memcpy(p.addr.bytes, a->bytes, whole);
	if (len % CHAR_BIT != 0)
		p.addr.bytes[whole] = (uint8_t)(a->bytes[whole] & 0xff00 >> len % CHAR_BIT);
	return p;
}

struct prefix prefix_host(const struct addr *a)
{
	return (struct prefix){ .addr = *a, .len = (uint8_t)addr_bits(a) };
}

/* Whether getaddrinfo() would read the text as one more form of an IPv4 address ("10.1", "0x7f.1"). */
static bool is_number(const char *label, size_t len)
{
	bool hex = label[0] == '0' && (label[1] == 'x' || label[1] == 'X');

	return strspn(label, "0123456789") == len ||
	       (hex && strspn(label + 2, "0123456789abcdefABCDEF") == len - 2);
}

/* Labels of letters, digits, '-' and '_', no '-' at a label's ends; the last one is not a number. */
static bool is_host_name(const char *host)
{
	static const char chars[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
	const char *label = host;

	for (;;) {
		size_t len = strspn(label, chars);
		if (len == 0 || len > 63 || label[0] == '-' || label[len - 1] == '-')
			return false;
		if (label[len] == '\0')
			return !is_number(label, len);
		if (label[len] != '.')
			return false;
		label += len + 1;
	}
}

/* Set out->host from text[0..len): an IPv6 address when it stood in brackets, else IPv4 or a name. */
static int parse_host(const char *text, size_t len, bool brackets, struct endpoint *out)
{
	struct addr a;

	if (len >= sizeof(out->host))
		return -EINVAL;
	memcpy(out->host, text, len);
	out->host[len] = '\0';
	if (addr_parse(out->host, &a) == 0) {
		if ((a.family == 6) != brackets)
			return -EINVAL;
		(void)addr_format(&a, out->host);
		return 0;
	}
	return !brackets && is_host_name(out->host) ? 0 : -EINVAL;
}

int endpoint_parse(const char *text, uint16_t default_port, struct endpoint *out)
{
	struct endpoint e;
	bool brackets = text[0] == '[';
	const char *host = text + brackets;
	size_t len = strcspn(host, brackets ? "]" : ":");
	const char *rest = host + len;
	unsigned port = default_port;

	if (brackets && *rest++ != ']')
		return -EINVAL;
	if (*rest == ':' && parse_number(rest + 1, UINT16_MAX, &port) < 0)
		return -EINVAL;
	if ((*rest != ':' && *rest != '\0') || port == 0)
		return -EINVAL;
	if (parse_host(host, len, brackets, &e) < 0)
		return -EINVAL;
	e.port = (uint16_t)port;
	*out = e;
	return 0;
}

char *endpoint_format(const struct endpoint *e, char out[static ENDPOINT_STRLEN])
{
	bool brackets = strchr(e->host, ':') != NULL;

	(void)snprintf(out, ENDPOINT_STRLEN, brackets ? "[%s]:%u" : "%s:%u", e->host, e->port);
	return out;
}
