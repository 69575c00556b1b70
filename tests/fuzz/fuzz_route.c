/*
 * The trie against a list that is looked through from end to end.  An operation is 4 bytes: what to do, the
 * prefix's length, and two that make its address; few addresses, so that prefixes meet.
 */
#include "net/route.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { TWIN_MAX = 32, OP_LEN = 4 };

struct twin {
	struct prefix p[TWIN_MAX];
	uint64_t value[TWIN_MAX];
	size_t n;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static size_t twin_index(const struct twin *t, const struct prefix *p)
{
	size_t i = 0;

	while (i < t->n && !prefix_equal(&t->p[i], p))
		i++;
	return i;
}

static int twin_set(struct twin *t, const struct prefix *p, uint64_t value)
{
	size_t i = twin_index(t, p);

	if (i == TWIN_MAX)
		return -ENOSPC;
	t->p[i] = *p;
	t->value[i] = value;
	t->n += i == t->n;
	return 0;
}

static int twin_remove(struct twin *t, const struct prefix *p)
{
	size_t i = twin_index(t, p);

	if (i == t->n)
		return -ENOENT;
	t->n--;
	t->p[i] = t->p[t->n];
	t->value[i] = t->value[t->n];
	return 0;
}

static uint64_t twin_lookup(const struct twin *t, const struct addr *a)
{
	uint64_t best = ROUTE_NONE;
	int best_len = -1;

	for (size_t i = 0; i < t->n; i++)
		if (t->p[i].len > best_len && prefix_contains(&t->p[i], a)) {
			best = t->value[i];
			best_len = t->p[i].len;
		}
	return best;
}

/* One byte at the address's start and one at its end. */
static struct addr addr_from(const uint8_t op[static OP_LEN])
{
	struct addr a = { .family = (op[0] & 0x80) != 0 ? 6 : 4 };

	a.bytes[0] = op[2];
	a.bytes[addr_len(&a) - 1] = op[3];
	return a;
}

static void run_op(
	struct route_table *t, struct twin *twin, const uint8_t op[static OP_LEN], uint64_t value)
{
	struct addr a = addr_from(op);
	struct prefix p = prefix_of(&a, (uint8_t)(op[1] % (addr_bits(&a) + 1)));
	size_t i;

	switch (op[0] % 3) {
	case 0:
		require(route_set(t, &p, value) == twin_set(twin, &p, value));
		break;
	case 1:
		require(route_remove(t, &p) == twin_remove(twin, &p));
		break;
	default:
		i = twin_index(twin, &p);
		require(route_get(t, &p) == (i < twin->n ? twin->value[i] : ROUTE_NONE));
		break;
	}
	require(route_count(t) == twin->n);
	require(route_lookup(t, &a) == twin_lookup(twin, &a));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct twin twin = { .n = 0 };
	struct route_table *t = NULL;

	require(route_create(TWIN_MAX, &t) == 0);
	for (size_t at = 0; size - at >= OP_LEN; at += OP_LEN)
		run_op(t, &twin, data + at, at);
	/* Every prefix that was ever named, and the addresses beside it. */
	for (size_t at = 0; size - at >= OP_LEN; at += OP_LEN) {
		struct addr a = addr_from(data + at);
		a.bytes[0] ^= (uint8_t)(1U << data[at + 1] % 8);
		require(route_lookup(t, &a) == twin_lookup(&twin, &a));
	}
	while (twin.n > 0) {
		struct prefix p = twin.p[0];
		require(route_remove(t, &p) == 0 && twin_remove(&twin, &p) == 0);
	}
	require(route_count(t) == 0);
	route_free(t);
	return 0;
}
