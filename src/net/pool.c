#include "net/pool.h"

#include "base/list.h"
#include "base/map.h"
#include "base/util.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/*
 * Addresses are counted by their offset from the prefix.  Only those that are held, remembered or reserved
 * have a lease, so a pool costs what is used of it and not what its prefix could hold.  Where all addresses
 * could be leased, two bits for each make the search for a free one quick when few are left; a larger prefix
 * stays half empty at least, and is searched address by address.
 */
enum lease_state {
	LEASE_HELD,
	LEASE_REMEMBERED, /* Dropped; waits for its owner to return. */
	LEASE_RESERVED,   /* Has no owner. */
};

struct lease {
	struct list order; /* Among the remembered, in the order of their dropping. */
	uint64_t offset;
	enum lease_state state;
	char owner[];
};

struct pool {
	struct prefix prefix;
	uint64_t last; /* Offsets 1 to last can be leased. */
	struct map *by_offset, *by_owner;
	struct list remembered; /* The oldest first. */
	uint64_t *busy;  /* Sets of offsets: held, reserved, kept back.  NULL in a large prefix. */
	uint64_t *known; /* The same and the remembered. */
	size_t n_held, n_remembered, n_reserved;
};

enum { POOL_MAX_RESERVED = 1 << 16 };

static void set_bit(uint64_t *set, uint64_t at, bool on)
{
	uint64_t bit = (uint64_t)1 << at % 64;

	if (set != NULL)
		set[at / 64] = on ? set[at / 64] | bit : set[at / 64] & ~bit;
}

static int sets_create(struct pool *p)
{
	size_t n_words = p->last / 64 + 1;

	if (p->last >= POOL_MAX_SLOTS)
		return 0;
	p->busy = calloc(n_words, sizeof(*p->busy));
	p->known = calloc(n_words, sizeof(*p->known));
	if (p->busy == NULL || p->known == NULL)
		return -ENOMEM;
	p->busy[0] = p->known[0] = 1;
	for (uint64_t at = p->last + 1; at < n_words * 64; at++) {
		set_bit(p->busy, at, true);
		set_bit(p->known, at, true);
	}
	return 0;
}

/* The first offset from `from` on, past the end from the start, that is not in set.  There is one. */
static uint64_t next_clear(const struct pool *p, const uint64_t *set, uint64_t from)
{
	uint64_t i = from / 64;
	uint64_t clear = ~set[i] & UINT64_MAX << from % 64;

	while (clear == 0) {
		i = i == p->last / 64 ? 0 : i + 1;
		clear = ~set[i];
	}
	return i * 64 + (uint64_t)__builtin_ctzll(clear);
}

int pool_create(const struct prefix *prefix, struct pool **out)
{
	bool four = prefix->addr.family == 4;
	struct prefix masked = prefix_of(&prefix->addr, prefix->len);
	struct pool *p;
	int err;

	if (!(four && prefix->len >= 8 && prefix->len <= 30) &&
		!(prefix->addr.family == 6 && prefix->len >= 64 && prefix->len <= 126))
		return -EINVAL;
	if (!prefix_equal(&masked, prefix))
		return -EINVAL;
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return -ENOMEM;
	p->prefix = *prefix;
	p->last = UINT64_MAX >> (64 - (addr_bits(&prefix->addr) - prefix->len));
	if (four)
		p->last--; /* Broadcast. */
	list_init(&p->remembered);
	err = sets_create(p);
	if (err != 0)
		goto fail;
	err = map_create(POOL_MAX_SLOTS + POOL_MAX_RESERVED, &p->by_offset);
	if (err != 0)
		goto fail;
	err = map_create(POOL_MAX_SLOTS, &p->by_owner);
	if (err != 0)
		goto fail;
	*out = p;
	return 0;

fail:
	pool_free(p);
	return err;
}

void pool_free(struct pool *p)
{
	size_t pos = 0;

	if (p == NULL)
		return;
	if (p->by_offset != NULL)
		for (void *l; (l = map_next(p->by_offset, &pos)) != NULL;)
			free(l);
	map_free(p->by_offset);
	map_free(p->by_owner);
	free(p->busy);
	free(p->known);
	free(p);
}

uint64_t pool_size(const struct pool *p)
{
	return MIN(p->last - p->n_reserved, (uint64_t)POOL_MAX_SLOTS);
}

size_t pool_used(const struct pool *p)
{
	return p->n_held;
}

static bool offset_of(const struct pool *p, const struct addr *a, uint64_t *out)
{
	size_t len = addr_len(a);
	uint64_t mask = UINT64_MAX >> (64 - (addr_bits(&p->prefix.addr) - p->prefix.len));
	uint64_t v = 0;

	if (!prefix_contains(&p->prefix, a))
		return false;
	for (size_t i = len > 8 ? len - 8 : 0; i < len; i++)
		v = v << 8 | a->bytes[i];
	*out = v & mask;
	return true;
}

static struct addr addr_at(const struct pool *p, uint64_t offset)
{
	struct addr a = p->prefix.addr;

	(void)addr_add(&a, offset);
	return a;
}

static bool can_be_leased(const struct pool *p, uint64_t offset)
{
	return offset >= 1 && offset <= p->last;
}

static struct lease *lease_at(const struct pool *p, uint64_t offset)
{
	return map_get(p->by_offset, &offset, sizeof(offset));
}

static struct lease *lease_of(const struct pool *p, const char *owner)
{
	return map_get(p->by_owner, owner, strlen(owner));
}

/* Forget a remembered lease. */
static void lease_forget(struct pool *p, struct lease *l)
{
	(void)map_remove(p->by_offset, &l->offset, sizeof(l->offset));
	(void)map_remove(p->by_owner, l->owner, strlen(l->owner));
	list_remove(&l->order);
	set_bit(p->known, l->offset, false);
	p->n_remembered--;
	free(l);
}

static int lease_add(struct pool *p, uint64_t offset, enum lease_state state, const char *owner)
{
	size_t len = strlen(owner);
	struct lease *l = malloc(sizeof(*l) + len + 1);
	int err;

	if (l == NULL)
		return -ENOMEM;
	list_init(&l->order);
	l->offset = offset;
	l->state = state;
	memcpy(l->owner, owner, len + 1);
	err = map_put(p->by_offset, &offset, sizeof(offset), l);
	if (err != 0)
		goto fail;
	if (state != LEASE_RESERVED) {
		err = map_put(p->by_owner, owner, len, l);
		if (err != 0)
			goto fail;
	}
	set_bit(p->busy, offset, true);
	set_bit(p->known, offset, true);
	return 0;

fail:
	(void)map_remove(p->by_offset, &offset, sizeof(offset));
	free(l);
	return err;
}

int pool_reserve(struct pool *p, const struct addr *a)
{
	uint64_t offset;
	struct lease *l;
	int err;

	if (!offset_of(p, a, &offset))
		return -ERANGE;
	l = lease_at(p, offset);
	if (l != NULL && l->state == LEASE_HELD)
		return -EBUSY;
	if (!can_be_leased(p, offset) || (l != NULL && l->state == LEASE_RESERVED))
		return 0;
	if (p->n_reserved == POOL_MAX_RESERVED)
		return -ENOMEM;
	if (l != NULL)
		lease_forget(p, l);
	err = lease_add(p, offset, LEASE_RESERVED, "");
	if (err == 0)
		p->n_reserved++;
	return err;
}

/* The hash of the header's contract.  The finalizer spreads it, as names often differ in their last byte only. */
static uint64_t owner_hash(const char *owner)
{
	uint64_t h = 0xcbf29ce484222325;

	for (const char *c = owner; *c != '\0'; c++)
		h = (h ^ (uint8_t)*c) * 0x100000001b3;
	h = (h ^ h >> 33) * 0xff51afd7ed558ccd;
	h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53;
	return h ^ h >> 33;
}

/*
 * The first offset from owner's own on that nobody holds; one that is remembered for another only when no
 * other is left, which a large prefix never comes to.  The caller has made sure that there is one.
 */
static uint64_t find_offset(const struct pool *p, const char *owner)
{
	uint64_t offset = 1 + owner_hash(owner) % p->last;

	if (p->busy != NULL) {
		bool untouched = p->n_held + p->n_remembered < pool_size(p);
		return next_clear(p, untouched ? p->known : p->busy, offset);
	}
	while (lease_at(p, offset) != NULL)
		offset = offset == p->last ? 1 : offset + 1;
	return offset;
}

/* Give offset, which is untouched or remembered for somebody, to owner, who has no lease. */
static int claim(struct pool *p, uint64_t offset, const char *owner)
{
	struct lease *l = lease_at(p, offset);
	int err;

	if (l == NULL && p->n_held + p->n_remembered == POOL_MAX_SLOTS)
		l = CONTAINER_OF(p->remembered.next, struct lease, order);
	if (l != NULL)
		lease_forget(p, l);
	err = lease_add(p, offset, LEASE_HELD, owner);
	if (err == 0)
		p->n_held++;
	return err;
}

/* Is wish an address that can be leased and that nobody holds? */
static bool wish_is_free(const struct pool *p, const struct addr *wish, uint64_t *offset)
{
	const struct lease *l;

	if (wish == NULL || !offset_of(p, wish, offset) || !can_be_leased(p, *offset))
		return false;
	l = lease_at(p, *offset);
	return l == NULL || l->state == LEASE_REMEMBERED;
}

int pool_take(struct pool *p, const char *owner, const struct addr *wish, struct addr *out)
{
	struct lease *own = lease_of(p, owner);
	uint64_t offset;
	int err = 0;

	if (own != NULL && own->state == LEASE_HELD) {
		*out = addr_at(p, own->offset);
		return 0;
	}
	if (p->n_held == pool_size(p))
		return -ENOSPC;
	if (!wish_is_free(p, wish, &offset))
		offset = own != NULL ? own->offset : find_offset(p, owner);
	if (own != NULL && own->offset == offset) {
		list_remove(&own->order);
		own->state = LEASE_HELD;
		set_bit(p->busy, offset, true);
		p->n_remembered--;
		p->n_held++;
	} else {
		if (own != NULL)
			lease_forget(p, own);
		err = claim(p, offset, owner);
	}
	if (err == 0)
		*out = addr_at(p, offset);
	return err;
}

void pool_drop(struct pool *p, const struct addr *a)
{
	uint64_t offset;
	struct lease *l;

	if (!offset_of(p, a, &offset))
		return;
	l = lease_at(p, offset);
	if (l == NULL || l->state != LEASE_HELD)
		return;
	l->state = LEASE_REMEMBERED;
	set_bit(p->busy, offset, false);
	list_append(&p->remembered, &l->order);
	p->n_held--;
	p->n_remembered++;
}
