#include "net/x509.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

/* One base of a GeneralSubtree.  minimum and maximum must be absent or the default (RFC 5280 4.2.1.10). */
static int next_subtree(struct der *in, uint8_t *tag, struct der *base)
{
	struct der tree;

	if (in->len == 0)
		return 0;
	if (der_take(in, DER_SEQUENCE, &tree) != 0 || der_next(&tree, tag, base, NULL) != 0 ||
		tree.len != 0)
		return -EBADMSG;
	return 1;
}

static bool same_text(const uint8_t *a, const uint8_t *b, size_t len)
{
	return strncasecmp((const char *)a, (const char *)b, len) == 0;
}

/* "example.com": that host and all below it; ".example.com": all below it; "": every host. */
static bool host_within(const struct der *host, const struct der *base, bool below_too)
{
	bool dotted = base->len > 0 && base->p[0] == '.';

	if (base->len == 0)
		return true;
	if (host->len < base->len ||
		!same_text(host->p + host->len - base->len, base->p, base->len))
		return false;
	if (host->len == base->len)
		return !dotted;
	return dotted || (below_too && host->p[host->len - base->len - 1] == '.');
}

static bool ip_within(const struct der *ip, const struct der *base)
{
	if (base->len != 2 * ip->len)
		return false; /* The other family. */
	for (size_t i = 0; i < ip->len; i++)
		if (((ip->p[i] ^ base->p[i]) & base->p[ip->len + i]) != 0)
			return false;
	return true;
}

/* The host of "scheme://[user@]host[:port][/...]"; len 0 when there is none. */
static struct der uri_host(const struct der *uri)
{
	const uint8_t *end = uri->p + uri->len, *p = uri->p;
	struct der host = { 0 };

	while (p + 2 < end && memcmp(p, "://", 3) != 0)
		p++;
	if (p + 2 >= end)
		return host;
	p += 3;
	host.p = p;
	for (; p < end && *p != '/' && *p != '?' && *p != '#' && *p != ':'; p++)
		if (*p == '@')
			host.p = p + 1;
	host.len = (size_t)(p - host.p);
	return host;
}

/* A mailbox, a host, or a domain with a dot before it. */
static bool email_within(const struct der *email, const struct der *base)
{
	const uint8_t *at = memchr(email->p, '@', email->len);

	if (at == NULL)
		return false;
	if (base->len > 0 && memchr(base->p, '@', base->len) != NULL)
		return email->len == base->len && same_text(email->p, base->p, base->len);
	struct der host = { at + 1, email->len - (size_t)(at + 1 - email->p) };
	return host_within(&host, base, false);
}

static bool within(enum x509_san kind, const struct der *name, const struct der *base)
{
	struct der host;

	switch (kind) {
	case X509_SAN_DNS:
		return host_within(name, base, true);
	case X509_SAN_IP:
		return ip_within(name, base);
	case X509_SAN_URI:
		host = uri_host(name);
		return host.len > 0 && host_within(&host, base, false);
	case X509_SAN_EMAIL:
		return email_within(name, base);
	}
	return false;
}

static bool comparable(uint8_t tag, const struct der *base)
{
	if (tag == DER_CONTEXT + X509_SAN_IP)
		return base->len == 8 || base->len == 32;
	return tag == DER_CONTEXT + X509_SAN_DNS || tag == DER_CONTEXT + X509_SAN_URI ||
	       tag == DER_CONTEXT + X509_SAN_EMAIL;
}

/*
 * Hold one name against a list of subtrees.  *named: the list has some of its kind; *matches: one of them holds it.
 */
static int hold(const struct der *subtrees, enum x509_san kind, const struct der *name, bool *named,
	bool *matches)
{
	struct der it = *subtrees, base;
	uint8_t tag;
	int n;

	*named = *matches = false;
	while ((n = next_subtree(&it, &tag, &base)) == 1) {
		if (!comparable(tag, &base))
			return -EBADMSG;
		if (tag != DER_CONTEXT + kind)
			continue;
		*named = true;
		*matches |= within(kind, name, &base);
	}
	return n;
}

int x509_permits(const struct x509_cert *ca, const struct x509_cert *cert)
{
	struct der it = cert->san, name;
	enum x509_san kind;
	bool named, matches;
	int n;

	if (ca->permitted.len + ca->excluded.len == 0)
		return 0;
	while ((n = x509_san_next(&it, &kind, &name)) == 1) {
		if (hold(&ca->permitted, kind, &name, &named, &matches) != 0)
			return -EBADMSG;
		if (named && !matches)
			return -EACCES;
		if (hold(&ca->excluded, kind, &name, &named, &matches) != 0)
			return -EBADMSG;
		if (matches)
			return -EACCES;
	}
	return n;
}
