#include "net/route.h"

#include "base/util.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Bytes as written down; the rest is zero. */
static struct prefix v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint8_t len)
{
	return (struct prefix){ { 4, { a, b, c, d } }, len };
}

static struct prefix v6(uint32_t first, uint32_t last, uint8_t len)
{
	struct prefix p = { { .family = 6 }, len };

	store_be32(p.addr.bytes, first);
	store_be32(p.addr.bytes + 12, last);
	return p;
}

static uint64_t find(const struct route_table *t, struct prefix p)
{
	return route_lookup(t, &p.addr);
}

static int set(struct route_table *t, struct prefix p, uint64_t value)
{
	return route_set(t, &p, value);
}

static int drop(struct route_table *t, struct prefix p)
{
	return route_remove(t, &p);
}

static uint64_t get(struct route_table *t, struct prefix p)
{
	return route_get(t, &p);
}

static struct route_table *table(size_t max)
{
	struct route_table *t = NULL;

	assert_int_equal(route_create(max, &t), 0);
	return t;
}

static void longest_prefix_wins(void **state)
{
	struct route_table *t = table(100);

	(void)state;
	assert_int_equal(set(t, v4(10, 0, 0, 0, 8), 8), 0);
	assert_int_equal(set(t, v4(10, 1, 0, 0, 16), 16), 0);
	assert_int_equal(set(t, v4(10, 1, 2, 3, 32), 32), 0);
	assert_int_equal(find(t, v4(10, 1, 2, 3, 0)), 32);
	assert_int_equal(find(t, v4(10, 1, 2, 4, 0)), 16);
	assert_int_equal(find(t, v4(10, 2, 0, 0, 0)), 8);
	assert_true(find(t, v4(11, 1, 2, 3, 0)) == ROUTE_NONE);
	assert_int_equal(set(t, v4(0, 0, 0, 0, 0), 1), 0);
	assert_int_equal(find(t, v4(11, 1, 2, 3, 0)), 1);
	assert_int_equal(route_count(t), 4);
	route_free(t);
}

static void families_are_apart(void **state)
{
	struct route_table *t = table(100);
	struct addr none = { 0 };

	(void)state;
	assert_int_equal(set(t, v4(0, 0, 0, 0, 0), 4), 0);
	assert_true(find(t, v6(0, 1, 0)) == ROUTE_NONE);
	assert_int_equal(set(t, v6(0, 0, 0), 6), 0);
	assert_int_equal(find(t, v6(0x20010db8, 1, 0)), 6);
	assert_int_equal(find(t, v4(32, 1, 13, 184, 0)), 4);
	assert_true(route_lookup(t, &none) == ROUTE_NONE);
	route_free(t);
}

static void last_bit_of_ipv6_counts(void **state)
{
	struct route_table *t = table(100);

	(void)state;
	assert_int_equal(set(t, v6(0x20010db8, 2, 128), 2), 0);
	assert_int_equal(set(t, v6(0x20010db8, 3, 128), 3), 0);
	assert_int_equal(set(t, v6(0x20010db8, 0, 64), 64), 0);
	assert_int_equal(set(t, v6(0x20010db8, 2, 127), 127), 0);
	assert_int_equal(find(t, v6(0x20010db8, 2, 0)), 2);
	assert_int_equal(find(t, v6(0x20010db8, 3, 0)), 3);
	assert_int_equal(find(t, v6(0x20010db8, 4, 0)), 64);
	assert_int_equal(drop(t, v6(0x20010db8, 3, 128)), 0);
	assert_int_equal(find(t, v6(0x20010db8, 3, 0)), 127);
	route_free(t);
}

static void set_replaces(void **state)
{
	struct route_table *t = table(1);

	(void)state;
	assert_int_equal(set(t, v4(10, 0, 0, 0, 8), 1), 0);
	assert_int_equal(set(t, v4(10, 0, 0, 0, 8), 2), 0);
	assert_int_equal(route_count(t), 1);
	assert_int_equal(find(t, v4(10, 9, 9, 9, 0)), 2);
	route_free(t);
}

static void maximum_holds(void **state)
{
	struct route_table *t = table(2);

	(void)state;
	assert_int_equal(set(t, v4(10, 0, 0, 0, 24), 1), 0);
	assert_int_equal(set(t, v4(10, 0, 1, 0, 24), 2), 0);
	/* 10.0.0.0/23 is where the two part: a node is there already, yet it would be a third prefix. */
	assert_int_equal(set(t, v4(10, 0, 0, 0, 23), 3), -ENOSPC);
	assert_int_equal(set(t, v6(1, 0, 32), 3), -ENOSPC);
	assert_true(get(t, v4(10, 0, 0, 0, 23)) == ROUTE_NONE);
	assert_int_equal(drop(t, v4(10, 0, 1, 0, 24)), 0);
	assert_int_equal(set(t, v4(10, 0, 0, 0, 23), 3), 0);
	assert_int_equal(find(t, v4(10, 0, 1, 0, 0)), 3);
	route_free(t);

	assert_int_equal(route_create(SIZE_MAX, &t), -ENOMEM);
	t = table(0);
	assert_int_equal(set(t, v4(10, 0, 0, 0, 24), 1), -ENOSPC);
	route_free(t);
	route_free(NULL);
}

static void malformed_is_refused(void **state)
{
	struct route_table *t = table(100);
	struct prefix none = { 0 };

	(void)state;
	assert_int_equal(drop(t, v4(10, 0, 0, 0, 8)), -ENOENT);
	assert_true(get(t, v4(10, 0, 0, 0, 8)) == ROUTE_NONE);
	assert_int_equal(set(t, v4(10, 0, 0, 1, 31), 1), -EINVAL);
	assert_int_equal(set(t, v4(10, 0, 0, 0, 33), 1), -EINVAL);
	assert_int_equal(set(t, v6(1, 1, 127), 1), -EINVAL);
	assert_int_equal(set(t, v6(1, 1, 129), 1), -EINVAL);
	assert_int_equal(set(t, v6(1, 1, 64), 1), -EINVAL);
	assert_int_equal(set(t, none, 1), -EINVAL);
	assert_int_equal(set(t, v4(10, 0, 0, 0, 8), ROUTE_NONE), -EINVAL);
	assert_int_equal(route_count(t), 0);
	assert_int_equal(set(t, v4(10, 0, 0, 0, 8), 1), 0);
	assert_int_equal(drop(t, v4(10, 0, 0, 0, 9)), -ENOENT);
	assert_int_equal(drop(t, v4(11, 0, 0, 0, 8)), -ENOENT);
	assert_int_equal(drop(t, v4(10, 0, 0, 1, 8)), -ENOENT);
	assert_int_equal(drop(t, none), -ENOENT);
	assert_true(get(t, v4(11, 0, 0, 0, 8)) == ROUTE_NONE);
	assert_int_equal(get(t, v4(10, 0, 0, 0, 8)), 1);
	route_free(t);
}

/* The linear twin: a list that is looked through from end to end. */
enum { TWIN_MAX = 200 };

struct twin {
	struct prefix p[TWIN_MAX];
	uint64_t value[TWIN_MAX];
	size_t n;
};

static bool bits_equal(const struct addr *a, const struct addr *b, unsigned len)
{
	for (unsigned i = 0; i < len; i++)
		if (((a->bytes[i / 8] ^ b->bytes[i / 8]) >> (7 - i % 8)) & 1)
			return false;
	return true;
}

static size_t twin_index(const struct twin *t, const struct prefix *p)
{
	size_t i = 0;

	while (i < t->n && memcmp(&t->p[i], p, sizeof(*p)) != 0)
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
	if (i == t->n)
		t->n++;
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
		if (t->p[i].addr.family == a->family && t->p[i].len > best_len &&
			bits_equal(&t->p[i].addr, a, t->p[i].len)) {
			best = t->value[i];
			best_len = t->p[i].len;
		}
	return best;
}

static uint32_t rnd(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005U + 1442695040888963407U;
	return (uint32_t)(*seed >> 33);
}

/* Few distinct bytes, so that prefixes hold, touch and repeat each other. */
static struct prefix random_prefix(uint64_t *seed)
{
	static const uint8_t bytes[] = { 0x00, 0x01, 0x80, 0xff, 0x0a };
	bool six = rnd(seed) % 2;
	unsigned bits = six ? 128 : 32;
	struct prefix p = { { .family = six ? 6 : 4 }, (uint8_t)(rnd(seed) % (bits + 1)) };

	for (unsigned i = 0; i < bits / 8; i++)
		p.addr.bytes[i] = bytes[rnd(seed) % ARRAY_LEN(bytes)];
	/* In IPv6 most prefixes part within the last bits; else they would hardly ever meet. */
	if (six && rnd(seed) % 4 != 0)
		memset(p.addr.bytes, 0x20, 13);
	for (unsigned i = p.len; i < bits; i++)
		p.addr.bytes[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
	return p;
}

static void agrees_with_a_linear_list(void **state)
{
	struct route_table *t = table(TWIN_MAX);
	struct twin twin = { .n = 0 };
	uint64_t seed = 42;
	size_t full = 0;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		/* Grows for a while, then shrinks for a while, to empty and to full. */
		bool growing = i / 2000 % 2 == 0;
		struct prefix p = random_prefix(&seed);
		uint64_t value = rnd(&seed);
		bool known = twin.n > 0 && rnd(&seed) % 4 != 0;

		if (rnd(&seed) % 4 != 0 ? growing : !growing) {
			int err = twin_set(&twin, &p, value);
			assert_int_equal(route_set(t, &p, value), err);
			full += err != 0;
		} else {
			if (known)
				p = twin.p[rnd(&seed) % twin.n];
			assert_int_equal(route_remove(t, &p), twin_remove(&twin, &p));
		}
		assert_int_equal(route_count(t), twin.n);
		struct prefix probe = random_prefix(&seed);
		assert_true(route_lookup(t, &probe.addr) == twin_lookup(&twin, &probe.addr));
		size_t at = twin_index(&twin, &probe);
		assert_true(route_get(t, &probe) == (at < twin.n ? twin.value[at] : ROUTE_NONE));
		assert_true(route_lookup(t, &p.addr) == twin_lookup(&twin, &p.addr));
	}
	assert_true(full > 0);
	while (twin.n > 0) {
		struct prefix p = twin.p[0];
		assert_int_equal(route_remove(t, &p), twin_remove(&twin, &p));
	}
	assert_int_equal(route_count(t), 0);
	assert_true(find(t, v4(10, 0, 0, 1, 0)) == ROUTE_NONE);
	route_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(longest_prefix_wins),
		cmocka_unit_test(families_are_apart),
		cmocka_unit_test(last_bit_of_ipv6_counts),
		cmocka_unit_test(set_replaces),
		cmocka_unit_test(maximum_holds),
		cmocka_unit_test(malformed_is_refused),
		cmocka_unit_test(agrees_with_a_linear_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
