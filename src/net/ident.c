#include "net/ident.h"

#include "base/util.h"
#include "net/addr.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define UPPER  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static const char scheme[] = "spiffe://";
static const char *const roles[] = {
	[IDENT_CLIENT] = "client",
	[IDENT_SERVER] = "server",
};

bool ident_valid_network(const char *network)
{
	const char *label = network;

	for (;;) {
		size_t len = strspn(label, LOWER DIGITS "-");
		if (len == 0 || len > 63 || label[0] == '-' || label[len - 1] == '-')
			return false;
		label += len;
		if (*label == '\0')
			return label - network <= IDENT_NETWORK_MAX;
		if (*label++ != '.')
			return false;
	}
}

bool ident_valid_name(const char *name)
{
	size_t len = strspn(name, UPPER LOWER DIGITS "._@-");

	return len >= 1 && len <= IDENT_NAME_MAX && name[len] == '\0' && name[0] != '-' &&
	       name[0] != '.';
}

/* Take what stands before the first '/' of text[*at..len), or the rest, into out of cap bytes. */
static int take_segment(const char *text, size_t len, size_t *at, char *out, size_t cap)
{
	const char *start = text + *at;
	const char *slash = memchr(start, '/', len - *at);
	size_t n = slash != NULL ? (size_t)(slash - start) : len - *at;

	if (n >= cap || memchr(start, '\0', n) != NULL)
		return -EINVAL;
	memcpy(out, start, n);
	out[n] = '\0';
	*at += n + (slash != NULL);
	return 0;
}

int ident_parse(const char *uri, size_t len, struct ident *out)
{
	struct ident id = { .role = IDENT_CLIENT };
	size_t at = sizeof(scheme) - 1, role = 0;
	char role_name[8];

	if (len > IDENT_URI_MAX || len < at || memcmp(uri, scheme, at) != 0)
		return -EINVAL;
	/* The name is all that is left: a '/' in it makes it invalid. */
	if (take_segment(uri, len, &at, id.network, sizeof(id.network)) != 0 ||
		take_segment(uri, len, &at, role_name, sizeof(role_name)) != 0 ||
		len - at >= sizeof(id.name) || memchr(uri + at, '\0', len - at) != NULL)
		return -EINVAL;
	memcpy(id.name, uri + at, len - at);
	while (role < ARRAY_LEN(roles) && strcmp(role_name, roles[role]) != 0)
		role++;
	if (role == ARRAY_LEN(roles) || !ident_valid_network(id.network) ||
		!ident_valid_name(id.name))
		return -EINVAL;
	id.role = (enum ident_role)role;
	*out = id;
	return 0;
}

char *ident_format(const struct ident *id, char out[static IDENT_URI_MAX + 1])
{
	(void)snprintf(out, IDENT_URI_MAX + 1, "%s%s/%s/%s", scheme, id->network, roles[id->role],
		id->name);
	return out;
}

static uint8_t to_lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

/* Whatever the locale. */
static bool equal_ignoring_case(const uint8_t *a, const char *b, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (to_lower(a[i]) != to_lower((uint8_t)b[i]))
			return false;
	return true;
}

int ident_of_cert(const struct x509_cert *cert, struct ident *out)
{
	struct der it = cert->san, value;
	enum x509_san kind;
	struct ident id;
	size_t n = 0;
	int r;

	while ((r = x509_san_next(&it, &kind, &value)) == 1) {
		/* Schemes ignore case: one that is written otherwise is malformed, not something else. */
		if (kind != X509_SAN_URI || value.len < strlen("spiffe:") ||
			!equal_ignoring_case(value.p, scheme, strlen("spiffe:")))
			continue;
		if (++n > 1 || ident_parse((const char *)value.p, value.len, &id) != 0)
			return -EINVAL;
	}
	if (r < 0)
		return -EINVAL;
	if (n == 0)
		return -ENOENT;
	*out = id;
	return 0;
}

bool ident_cert_names_host(const struct x509_cert *cert, const char *host)
{
	struct der it = cert->san, value;
	struct addr a;
	bool is_addr = addr_parse(host, &a) == 0, found = false;
	size_t len = is_addr ? addr_len(&a) : strlen(host);
	enum x509_san kind;
	int r;

	while ((r = x509_san_next(&it, &kind, &value)) == 1) {
		if (value.len != len)
			continue;
		if (is_addr)
			found |= kind == X509_SAN_IP && memcmp(value.p, a.bytes, len) == 0;
		else
			found |= kind == X509_SAN_DNS && equal_ignoring_case(value.p, host, len);
	}
	return r == 0 && found;
}
