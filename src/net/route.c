#include "net/route.h"

#include "base/util.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

/*
 * Nodes stand in one array and name each other by index, which halves the pointers and keeps neighbours
 * close.  Index 0 is never a node.  A node without a value has two children: it is where two branches
 * part.  So there are at most twice as many nodes as prefixes.
 */
struct key {
	uint64_t hi, lo; /* The address from its first bit on; IPv4 fills the upper half of hi. */
};

struct node {
	struct key key; /* Bits from len on are zero. */
	uint64_t value;
	uint32_t child[2]; /* By the bit at len.  child[0] links the free list. */
	uint8_t len;
};

struct route_table {
	struct node *nodes;
	uint32_t cap;        /* Of nodes. */
	uint32_t n_used;     /* Nodes given out once, index 0 included. */
	uint32_t free_nodes; /* Head of the list of those given back. */
	uint32_t root4, root6;
	size_t count, max;
};

enum { ROUTE_FIRST_CAP = 16, ROUTE_MAX = 1 << 28 };

static struct key key_of(const struct addr *a)
{
	const uint8_t *b = a->bytes;

	return (struct key){
		.hi = (uint64_t)load_be32(b) << 32 | load_be32(b + 4),
		.lo = (uint64_t)load_be32(b + 8) << 32 | load_be32(b + 12),
	};
}

static struct key key_masked(const struct key *k, unsigned len)
{
	return (struct key){
		.hi = len >= 64  ? k->hi
		      : len == 0 ? 0
				 : k->hi & ~(UINT64_MAX >> len),
		.lo = len >= 128  ? k->lo
		      : len <= 64 ? 0
				  : k->lo & ~(UINT64_MAX >> (len - 64)),
	};
}

static unsigned key_bit(const struct key *k, unsigned at)
{
	return (unsigned)((at < 64 ? k->hi : k->lo) >> (~at & 63) & 1);
}

/* How many leading bits are equal. */
static unsigned key_common(const struct key *a, const struct key *b)
{
	if (a->hi != b->hi)
		return (unsigned)__builtin_clzll(a->hi ^ b->hi);
	if (a->lo != b->lo)
		return 64 + (unsigned)__builtin_clzll(a->lo ^ b->lo);
	return 128;
}

static unsigned family_bits(uint8_t family)
{
	return family == 4 ? 32 : family == 6 ? 128 : 0;
}

/* Fails for no family, a length that is too large, and host bits. */
static bool key_of_prefix(const struct prefix *p, struct key *out)
{
	struct key k = key_of(&p->addr);
	struct key masked = key_masked(&k, p->len);

	if (p->len > family_bits(p->addr.family) || family_bits(p->addr.family) == 0 ||
		k.hi != masked.hi || k.lo != masked.lo)
		return false;
	*out = k;
	return true;
}

int route_create(size_t max, struct route_table **out)
{
	struct route_table *t = max <= ROUTE_MAX ? calloc(1, sizeof(*t)) : NULL;

	if (t == NULL)
		return -ENOMEM;
	t->max = max;
	t->n_used = 1;
	*out = t;
	return 0;
}

void route_free(struct route_table *t)
{
	if (t == NULL)
		return;
	free(t->nodes);
	free(t);
}

/* Make sure that node_new() can be called twice, which is what one route_set() needs at most. */
static int reserve_two(struct route_table *t)
{
	if (t->cap > t->n_used + 1)
		return 0;
	uint32_t cap = MAX(t->cap * 2, (uint32_t)ROUTE_FIRST_CAP);
	struct node *nodes = realloc(t->nodes, cap * sizeof(*nodes));
	if (nodes == NULL)
		return -ENOMEM;
	t->nodes = nodes;
	t->cap = cap;
	return 0;
}

static uint32_t node_new(struct route_table *t, const struct key *k, unsigned len, uint64_t value)
{
	uint32_t n = t->free_nodes;

	if (n != 0)
		t->free_nodes = t->nodes[n].child[0];
	else
		n = t->n_used++;
	assert(t->n_used <= 2 * t->max + 1); /* Else forks were left behind. */
	t->nodes[n] =
		(struct node){ .key = key_masked(k, len), .value = value, .len = (uint8_t)len };
	return n;
}

static void node_drop(struct route_table *t, uint32_t n)
{
	t->nodes[n] = (struct node){ .value = ROUTE_NONE, .child = { t->free_nodes } };
	t->free_nodes = n;
}

/* Put a new prefix where *link leads now; it shares `common` leading bits with what is there. */
static void insert_above(
	struct route_table *t, uint32_t *link, const struct key *k, unsigned len, uint64_t value)
{
	uint32_t old = *link;
	uint32_t leaf = node_new(t, k, len, value);

	*link = leaf;
	if (old == 0)
		return;
	const struct key *old_key = &t->nodes[old].key;
	unsigned common = MIN(key_common(old_key, k), MIN(len, (unsigned)t->nodes[old].len));
	if (common == len) {
		t->nodes[leaf].child[key_bit(old_key, len)] = old;
		return;
	}
	uint32_t fork = node_new(t, k, common, ROUTE_NONE);
	t->nodes[fork].child[key_bit(k, common)] = leaf;
	t->nodes[fork].child[key_bit(old_key, common)] = old;
	*link = fork;
}

int route_set(struct route_table *t, const struct prefix *p, uint64_t value)
{
	struct key k;

	if (value == ROUTE_NONE || !key_of_prefix(p, &k))
		return -EINVAL;
	if (reserve_two(t) != 0)
		return -ENOMEM;

	uint32_t *link = p->addr.family == 4 ? &t->root4 : &t->root6;
	struct node *n = &t->nodes[*link];
	while (*link != 0 && n->len < p->len && key_common(&n->key, &k) >= n->len) {
		link = &n->child[key_bit(&k, n->len)];
		n = &t->nodes[*link];
	}
	bool here = *link != 0 && n->len == p->len && key_common(&n->key, &k) >= n->len;
	if (here && n->value != ROUTE_NONE) {
		n->value = value;
		return 0;
	}
	if (t->count == t->max)
		return -ENOSPC;
	if (here)
		n->value = value;
	else
		insert_above(t, link, &k, p->len, value);
	t->count++;
	return 0;
}

int route_remove(struct route_table *t, const struct prefix *p)
{
	struct key k;
	uint32_t *link = p->addr.family == 4 ? &t->root4 : &t->root6;
	uint32_t *above = NULL; /* The link to the node that holds *link. */

	if (!key_of_prefix(p, &k))
		return -ENOENT;
	while (*link != 0 && t->nodes[*link].len < p->len) {
		above = link;
		link = &t->nodes[*link].child[key_bit(&k, t->nodes[*link].len)];
	}
	uint32_t at = *link;
	if (at == 0)
		return -ENOENT;
	struct node *n = &t->nodes[at];
	if (n->len != p->len || n->value == ROUTE_NONE || key_common(&n->key, &k) < p->len)
		return -ENOENT;
	t->count--;
	n->value = ROUTE_NONE;
	if (n->child[0] != 0 && n->child[1] != 0)
		return 0;
	*link = n->child[0] != 0 ? n->child[0] : n->child[1];
	node_drop(t, at);
	if (*link != 0 || above == NULL)
		return 0;
	/* The node above has lost a child: if it only forked, its other child takes its place. */
	uint32_t fork = *above;
	n = &t->nodes[fork];
	if (n->value == ROUTE_NONE) {
		*above = n->child[0] != 0 ? n->child[0] : n->child[1];
		node_drop(t, fork);
	}
	return 0;
}

/* The root of the family's trie; 0 when that is empty or a is no address. */
static uint32_t root_of(const struct route_table *t, uint8_t family)
{
	return family == 4 ? t->root4 : family == 6 ? t->root6 : 0;
}

uint64_t route_lookup(const struct route_table *t, const struct addr *a)
{
	struct key k = key_of(a);
	uint64_t best = ROUTE_NONE;
	uint32_t at = root_of(t, a->family);

	while (at != 0) {
		const struct node *n = &t->nodes[at];
		if (key_common(&n->key, &k) < n->len)
			break;
		if (n->value != ROUTE_NONE)
			best = n->value;
		at = n->child[key_bit(&k, n->len)];
	}
	return best;
}

uint64_t route_get(const struct route_table *t, const struct prefix *p)
{
	struct key k;
	uint32_t at = root_of(t, p->addr.family);

	if (!key_of_prefix(p, &k))
		return ROUTE_NONE;
	while (at != 0 && t->nodes[at].len < p->len)
		at = t->nodes[at].child[key_bit(&k, t->nodes[at].len)];
	if (at == 0 || t->nodes[at].len != p->len || key_common(&t->nodes[at].key, &k) < p->len)
		return ROUTE_NONE;
	return t->nodes[at].value;
}

size_t route_count(const struct route_table *t)
{
	return t->count;
}
