#include "net/grant.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { WHY = 128, TAG_GROUPS = 0xa0, TAG_ADDRESSES = 0xa1, TAG_NETWORKS = 0xa2 };

/* 1.3.6.1.4.1.32473.1.1: why this one is told in docs/decisions/0005-grant-extension.md. */
static const uint8_t oid[] = { 0x2b, 6, 1, 4, 1, 0x81, 0xfd, 0x59, 1, 1 };
const struct der grant_oid = { oid, sizeof(oid) };

static bool valid_group(const uint8_t *p, size_t len)
{
	if (len == 0 || len > GRANT_GROUP_MAX || p[0] == '-' || p[0] == '.')
		return false;
	for (size_t i = 0; i < len; i++) {
		bool letter = (p[i] >= 'a' && p[i] <= 'z') || (p[i] >= 'A' && p[i] <= 'Z');
		bool digit = p[i] >= '0' && p[i] <= '9';
		if (!letter && !digit && p[i] != '.' && p[i] != '_' && p[i] != '-')
			return false;
	}
	return true;
}

static bool has_group(const struct grant *g, const char *name)
{
	for (size_t i = 0; i < g->n_groups; i++) {
		if (strcmp(g->group[i], name) == 0)
			return true;
	}
	return false;
}

/* Returns 1: it is there already. */
static int add_group(struct grant *g, const uint8_t *name, size_t len)
{
	char text[GRANT_GROUP_MAX + 1] = "";

	if (!valid_group(name, len))
		return -EINVAL;
	memcpy(text, name, len);
	if (has_group(g, text))
		return 1;
	if (g->n_groups == GRANT_MAX)
		return -ENOSPC;
	memcpy(g->group[g->n_groups++], text, sizeof(text));
	return 0;
}

static int add_address(struct grant *g, const struct addr *a)
{
	if (!addr_is_tunnelable(a))
		return -EINVAL;
	for (size_t i = 0; i < g->n_addresses; i++) {
		if (addr_equal(&g->address[i], a))
			return 1;
	}
	if (g->n_addresses == GRANT_MAX)
		return -ENOSPC;
	g->address[g->n_addresses++] = *a;
	return 0;
}

static int add_network(struct grant *g, const struct prefix *p)
{
	struct prefix clean = prefix_of(&p->addr, p->len);

	if (p->len > addr_bits(&p->addr) || !prefix_equal(&clean, p))
		return -EINVAL;
	for (size_t i = 0; i < g->n_networks; i++) {
		if (prefix_equal(&g->network[i], p))
			return 1;
	}
	if (g->n_networks == GRANT_MAX)
		return -ENOSPC;
	g->network[g->n_networks++] = *p;
	return 0;
}

int grant_add_group(struct grant *g, const char *name)
{
	int r = add_group(g, (const uint8_t *)name, strlen(name));

	return r < 0 ? r : 0;
}

int grant_add_address(struct grant *g, const char *address)
{
	struct addr a;
	int r = addr_parse(address, &a);

	r = r < 0 ? r : add_address(g, &a);
	return r < 0 ? r : 0;
}

int grant_add_network(struct grant *g, const char *prefix)
{
	struct prefix p;
	int r = prefix_parse(prefix, &p);

	r = r < 0 ? r : add_network(g, &p);
	return r < 0 ? r : 0;
}

bool grant_is_empty(const struct grant *g)
{
	return g->n_groups + g->n_addresses + g->n_networks == 0;
}

static int set_addr(struct addr *a, const uint8_t *bytes, size_t len)
{
	if (len != 4 && len != 16)
		return -EBADMSG;
	*a = (struct addr){ .family = len == 4 ? 4 : 6 };
	memcpy(a->bytes, bytes, len);
	return 0;
}

static int take_group(struct grant *g, const struct der *v)
{
	return add_group(g, v->p, v->len);
}

static int take_address(struct grant *g, const struct der *v)
{
	struct addr a;

	return set_addr(&a, v->p, v->len) < 0 ? -EBADMSG : add_address(g, &a);
}

/* The address, then one octet of prefix length. */
static int take_network(struct grant *g, const struct der *v)
{
	struct prefix p;

	if (v->len == 0 || set_addr(&p.addr, v->p, v->len - 1) < 0)
		return -EBADMSG;
	p.len = v->p[v->len - 1];
	if (p.len > addr_bits(&p.addr))
		return -EBADMSG;
	return add_network(g, &p);
}

/* An optional list: never empty, nothing twice. */
static int take_list(struct der *in, uint8_t tag, uint8_t item_tag, struct grant *g,
	int (*take)(struct grant *g, const struct der *v))
{
	struct der list, item;
	int n = der_take_if(in, tag, &list);

	if (n <= 0)
		return n;
	if (list.len == 0)
		return -EBADMSG;
	while (list.len > 0) {
		if (der_take(&list, item_tag, &item) < 0 || take(g, &item) != 0)
			return -EBADMSG;
	}
	return 0;
}

int grant_parse(const struct der *value, struct grant *out)
{
	struct der in = *value, body;
	struct grant g = { .n_groups = 0 };

	if (value->len > GRANT_DER_MAX || der_take(&in, DER_SEQUENCE, &body) < 0 || in.len != 0 ||
		body.len == 0 ||
		take_list(&body, TAG_GROUPS, DER_UTF8_STRING, &g, take_group) < 0 ||
		take_list(&body, TAG_ADDRESSES, DER_OCTET_STRING, &g, take_address) < 0 ||
		take_list(&body, TAG_NETWORKS, DER_OCTET_STRING, &g, take_network) < 0 ||
		body.len != 0)
		return -EBADMSG;
	*out = g;
	return 0;
}

void grant_put(const struct grant *g, struct der_out *o)
{
	size_t all = der_out_len(o), mark = all;

	for (size_t i = g->n_networks; i-- > 0;) {
		const struct prefix *p = &g->network[i];
		uint8_t bytes[17];
		size_t n = addr_len(&p->addr);
		memcpy(bytes, p->addr.bytes, n);
		bytes[n] = p->len;
		der_put(o, DER_OCTET_STRING, bytes, n + 1);
	}
	if (g->n_networks > 0)
		der_wrap(o, TAG_NETWORKS, mark);
	mark = der_out_len(o);
	for (size_t i = g->n_addresses; i-- > 0;)
		der_put(o, DER_OCTET_STRING, g->address[i].bytes, addr_len(&g->address[i]));
	if (g->n_addresses > 0)
		der_wrap(o, TAG_ADDRESSES, mark);
	mark = der_out_len(o);
	for (size_t i = g->n_groups; i-- > 0;)
		der_put(o, DER_UTF8_STRING, g->group[i], strlen(g->group[i]));
	if (g->n_groups > 0)
		der_wrap(o, TAG_GROUPS, mark);
	der_wrap(o, DER_SEQUENCE, all);
}

int grant_of_cert(const struct x509_cert *cert, struct grant *out)
{
	*out = (struct grant){ .n_groups = 0 };
	for (size_t i = 0; i < cert->n_ext; i++) {
		const struct x509_ext *e = &cert->ext[i];
		if (der_equal(&e->oid, &grant_oid))
			return e->critical ? -EBADMSG : grant_parse(&e->value, out);
	}
	return -ENOENT;
}

/* Is all of p in one of the networks? */
static bool covered(const struct prefix *p, const struct grant *bounds)
{
	for (size_t i = 0; i < bounds->n_networks; i++) {
		const struct prefix *b = &bounds->network[i];
		if (b->addr.family == p->addr.family && b->len <= p->len &&
			prefix_contains(b, &p->addr))
			return true;
	}
	return bounds->n_networks == 0;
}

int grant_within(const struct grant *g, const struct grant *bounds, char why[static WHY])
{
	char address[ADDR_STRLEN], prefix[PREFIX_STRLEN];

	for (size_t i = 0; i < g->n_groups; i++) {
		if (bounds->n_groups > 0 && !has_group(bounds, g->group[i])) {
			(void)snprintf(why, WHY, "group %s", g->group[i]);
			return -EACCES;
		}
	}
	for (size_t i = 0; i < g->n_addresses; i++) {
		struct prefix host = prefix_host(&g->address[i]);
		if (!covered(&host, bounds)) {
			(void)snprintf(
				why, WHY, "address %s", addr_format(&g->address[i], address));
			return -EACCES;
		}
	}
	for (size_t i = 0; i < g->n_networks; i++) {
		if (!covered(&g->network[i], bounds)) {
			(void)snprintf(
				why, WHY, "network %s", prefix_format(&g->network[i], prefix));
			return -EACCES;
		}
	}
	return 0;
}

int grant_narrower(const struct grant *lower, const struct grant *upper, char why[static WHY])
{
	if (upper->n_groups > 0 && lower->n_groups == 0) {
		(void)snprintf(why, WHY, "groups without bounds");
		return -EACCES;
	}
	if (upper->n_networks > 0 && lower->n_networks == 0) {
		(void)snprintf(why, WHY, "networks without bounds");
		return -EACCES;
	}
	return grant_within(lower, upper, why);
}
