#include "net/pool.h"

#include "base/util.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct addr ip(const char *text)
{
	struct addr a = { 0 };

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static struct pool *pool(const char *text)
{
	struct prefix prefix;
	struct pool *p = NULL;

	assert_int_equal(prefix_parse(text, &prefix), 0);
	assert_int_equal(pool_create(&prefix, &p), 0);
	return p;
}

static void assert_takes(struct pool *p, const char *owner, const char *wish, const char *expected)
{
	struct addr w = wish != NULL ? ip(wish) : (struct addr){ 0 };
	struct addr got = { 0 };
	char text[ADDR_STRLEN];

	assert_int_equal(pool_take(p, owner, wish != NULL ? &w : NULL, &got), 0);
	assert_string_equal(addr_format(&got, text), expected);
}

static void drop(struct pool *p, const char *text)
{
	struct addr a = ip(text);

	pool_drop(p, &a);
}

static int reserve(struct pool *p, const char *text)
{
	struct addr a = ip(text);

	return pool_reserve(p, &a);
}

/* Computed by another implementation of the hash: it may never change, or gateways would disagree. */
static void addresses_follow_from_names(void **state)
{
	struct pool *p4 = pool("10.8.0.0/16");
	struct pool *p6 = pool("fd00::/64");

	(void)state;
	assert_takes(p4, "alice", NULL, "10.8.63.77");
	assert_takes(p4, "bob", NULL, "10.8.160.171");
	assert_takes(p4, "berlin-gw", NULL, "10.8.23.80");
	assert_takes(p6, "alice", NULL, "fd00::3507:d047:a67c:8f5");
	assert_takes(p6, "bob", NULL, "fd00::f649:3629:e565:4ae1");
	assert_takes(p6, "berlin-gw", NULL, "fd00::62e5:1240:21dc:7368");
	/* Asked again while held: the same. */
	assert_takes(p4, "alice", "10.8.0.9", "10.8.63.77");
	assert_int_equal(pool_used(p4), 3);
	pool_free(p4);
	pool_free(p6);
}

static void all_are_handed_out_but_those_kept_back(void **state)
{
	static const struct {
		const char *prefix;
		unsigned size;
	} cases[] = { { "10.0.0.0/30", 2 }, { "10.0.0.64/26", 62 }, { "fd00::/126", 3 },
		{ "fd00::8:0/120", 255 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct pool *p = pool(cases[i].prefix);
		struct prefix prefix;
		struct addr got[256], other = { 0 };
		assert_int_equal(prefix_parse(cases[i].prefix, &prefix), 0);
		assert_int_equal(pool_size(p), cases[i].size);
		for (unsigned k = 0; k < cases[i].size; k++) {
			char owner[16];
			(void)snprintf(owner, sizeof(owner), "client-%u", k);
			assert_int_equal(pool_take(p, owner, NULL, &got[k]), 0);
			assert_true(prefix_contains(&prefix, &got[k]));
			assert_false(addr_equal(&got[k], &prefix.addr));
			uint8_t last = got[k].bytes[addr_len(&got[k]) - 1];
			assert_true(got[k].family == 6 || (last != 3 && last != 127));
			for (unsigned j = 0; j < k; j++)
				assert_false(addr_equal(&got[j], &got[k]));
		}
		assert_int_equal(pool_take(p, "late", NULL, &other), -ENOSPC);
		assert_int_equal(other.family, 0);
		pool_drop(p, &got[1]);
		assert_int_equal(pool_take(p, "late", NULL, &other), 0);
		assert_true(addr_equal(&other, &got[1]));
		pool_free(p);
	}
}

static void owner_gets_its_old_address_back(void **state)
{
	struct pool *p = pool("10.0.0.0/29");
	struct addr got;

	(void)state;
	assert_takes(p, "a", "10.0.0.5", "10.0.0.5");
	drop(p, "10.0.0.5");
	assert_int_equal(pool_used(p), 0);
	/* Five others find the five untouched ones. */
	for (char name[] = "1"; name[0] <= '5'; name[0]++) {
		assert_int_equal(pool_take(p, name, NULL, &got), 0);
		assert_int_not_equal(got.bytes[3], 5);
	}
	assert_takes(p, "a", NULL, "10.0.0.5");
	drop(p, "10.0.0.5");
	/* The sixth needs it; now a has to wait. */
	assert_takes(p, "6", NULL, "10.0.0.5");
	assert_int_equal(pool_take(p, "a", NULL, &got), -ENOSPC);
	drop(p, "10.0.0.5");
	assert_takes(p, "a", NULL, "10.0.0.5");
	assert_int_equal(pool_used(p), 6);
	pool_free(p);
}

static void wishes(void **state)
{
	struct pool *p = pool("10.0.0.0/24");

	(void)state;
	assert_int_equal(reserve(p, "10.0.0.1"), 0);
	assert_takes(p, "a", "10.0.0.7", "10.0.0.7");
	/* Held, reserved, kept back, outside, of the other family: as if there were no wish. */
	struct pool *plain = pool("10.0.0.0/24");
	struct addr expected;
	char text[ADDR_STRLEN];
	assert_int_equal(pool_take(plain, "b", NULL, &expected), 0);
	(void)addr_format(&expected, text);
	static const char *const no[] = { "10.0.0.7", "10.0.0.1", "10.0.0.0", "10.0.0.255",
		"10.0.1.9", "9.255.255.255", "fd00::7" };
	for (size_t i = 0; i < ARRAY_LEN(no); i++) {
		assert_takes(p, "b", no[i], text);
		drop(p, text);
	}
	/* One that is remembered for another may be wished for; and an own one may be given up for a wish. */
	drop(p, "10.0.0.7");
	assert_takes(p, "b", "10.0.0.7", "10.0.0.7");
	assert_takes(p, "c", text, text);
	assert_int_equal(pool_used(p), 2);
	pool_free(p);
	pool_free(plain);
}

static void reserving(void **state)
{
	struct pool *p = pool("10.0.0.0/29");
	struct addr got;

	(void)state;
	assert_int_equal(pool_size(p), 6);
	assert_int_equal(reserve(p, "10.0.0.1"), 0);
	assert_int_equal(reserve(p, "10.0.0.1"), 0);
	assert_int_equal(reserve(p, "10.0.0.0"), 0);
	assert_int_equal(reserve(p, "10.0.0.7"), 0);
	assert_int_equal(pool_size(p), 5);
	assert_int_equal(reserve(p, "10.0.0.8"), -ERANGE);
	assert_int_equal(reserve(p, "fd00::1"), -ERANGE);
	assert_takes(p, "a", "10.0.0.2", "10.0.0.2");
	assert_int_equal(reserve(p, "10.0.0.2"), -EBUSY);
	drop(p, "10.0.0.2");
	assert_int_equal(reserve(p, "10.0.0.2"), 0);
	assert_int_equal(pool_size(p), 4);
	drop(p, "10.0.0.1"); /* Reserved, not leased: stays so. */
	for (char name[] = "a"; name[0] <= 'd'; name[0]++) {
		assert_int_equal(pool_take(p, name, NULL, &got), 0);
		assert_in_range(got.bytes[3], 3, 6);
	}
	assert_int_equal(pool_take(p, "e", NULL, &got), -ENOSPC);
	pool_free(p);
}

static void bad_prefixes(void **state)
{
	static const char *const bad[] = { "10.0.0.0/31", "10.0.0.1/32", "0.0.0.0/7", "fd00::/63",
		"fd00::/127", "::/0" };
	struct prefix prefix = { 0 };
	struct pool *p = NULL;

	(void)state;
	assert_int_equal(pool_create(&prefix, &p), -EINVAL);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(prefix_parse(bad[i], &prefix), 0);
		assert_int_equal(pool_create(&prefix, &p), -EINVAL);
	}
	assert_int_equal(prefix_parse_iface("10.0.0.1/24", &prefix), 0);
	assert_int_equal(pool_create(&prefix, &p), -EINVAL);
	assert_null(p);
	pool_free(NULL);
	p = pool("fd00::/64");
	assert_int_equal(pool_size(p), POOL_MAX_SLOTS);
	pool_free(p);
	p = pool("10.0.0.0/8");
	assert_int_equal(pool_size(p), POOL_MAX_SLOTS);
	pool_free(p);
}

/* The linear twin: an array of all addresses and a scan for everything. */
enum { TWIN_MAX = 256, TWIN_OWNERS = 100 };

enum twin_state {
	TWIN_UNTOUCHED,
	TWIN_HELD,
	TWIN_DROPPED,
	TWIN_RESERVED,
};

struct twin {
	enum twin_state state[TWIN_MAX];
	unsigned owner[TWIN_MAX];
	unsigned last;
};

static uint64_t hash(const char *s)
{
	uint64_t h = 14695981039346656037U;

	while (*s != '\0')
		h = (h ^ (uint8_t)*s++) * 1099511628211U;
	h ^= h >> 33;
	h *= 0xff51afd7ed558ccdU;
	h ^= h >> 33;
	h *= 0xc4ceb9fe1a85ec53U;
	return h ^ h >> 33;
}

static unsigned twin_find(const struct twin *t, enum twin_state state, unsigned owner)
{
	for (unsigned i = 1; i <= t->last; i++)
		if (t->state[i] == state && t->owner[i] == owner)
			return i;
	return 0;
}

static unsigned twin_next(const struct twin *t, enum twin_state state, unsigned start)
{
	for (unsigned i = 0; i < t->last; i++) {
		unsigned at = 1 + (start - 1 + i) % t->last;
		if (t->state[at] == state)
			return at;
	}
	return 0;
}

static unsigned twin_used(const struct twin *t)
{
	unsigned n = 0;

	for (unsigned i = 1; i <= t->last; i++)
		n += t->state[i] == TWIN_HELD;
	return n;
}

/* Returns the offset, 0 when there is none.  wish 0: none. */
static unsigned twin_take(struct twin *t, unsigned owner, const char *name, unsigned wish)
{
	unsigned own = twin_find(t, TWIN_DROPPED, owner);
	unsigned start = 1 + (unsigned)(hash(name) % t->last);
	unsigned at = twin_find(t, TWIN_HELD, owner);

	if (at != 0)
		return at;
	if (wish >= 1 && wish <= t->last &&
		(t->state[wish] == TWIN_UNTOUCHED || t->state[wish] == TWIN_DROPPED))
		at = wish;
	if (at == 0)
		at = own;
	if (at == 0)
		at = twin_next(t, TWIN_UNTOUCHED, start);
	if (at == 0)
		at = twin_next(t, TWIN_DROPPED, start);
	if (at == 0)
		return 0;
	if (own != 0)
		t->state[own] = TWIN_UNTOUCHED;
	t->state[at] = TWIN_HELD;
	t->owner[at] = owner;
	return at;
}

static int twin_reserve(struct twin *t, unsigned at)
{
	if (at >= 1 && at <= t->last) {
		if (t->state[at] == TWIN_HELD)
			return -EBUSY;
		t->state[at] = TWIN_RESERVED;
	}
	return 0;
}

static uint32_t rnd(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005U + 1442695040888963407U;
	return (uint32_t)(*seed >> 33);
}

static void check_take(struct pool *p, struct twin *t, const struct prefix *prefix, uint64_t *seed)
{
	unsigned owner = rnd(seed) % TWIN_OWNERS;
	unsigned wish = rnd(seed) % 4 == 0 ? rnd(seed) % (t->last + 2) : 0;
	struct addr w = prefix->addr, got = { 0 }, expected = prefix->addr;
	char name[32];

	(void)snprintf(name, sizeof(name), "owner-%u", owner);
	assert_true(addr_add(&w, wish));
	unsigned at = twin_take(t, owner, name, wish);
	int err = pool_take(p, name, wish != 0 ? &w : NULL, &got);
	assert_int_equal(err, at != 0 ? 0 : -ENOSPC);
	if (at != 0) {
		assert_true(addr_add(&expected, at));
		assert_true(addr_equal(&got, &expected));
	}
}

static void agrees_with_a_linear_scan(const char *text, unsigned last)
{
	struct twin t = { .last = last };
	struct pool *p = pool(text);
	struct prefix prefix;
	uint64_t seed = 7;
	unsigned n_full = 0;

	assert_int_equal(prefix_parse(text, &prefix), 0);
	for (int i = 0; i < 50000; i++) {
		unsigned at = rnd(&seed) % (last + 2);
		struct addr a = prefix.addr;
		assert_true(addr_add(&a, at));
		/* More takes than drops for a while, then the other way round. */
		bool growing = i / 500 % 2 == 0;
		if (rnd(&seed) % 4 != 0 ? growing : !growing) {
			check_take(p, &t, &prefix, &seed);
		} else if (i % 5000 == 1) {
			int err = at > last + 1 ? -ERANGE : twin_reserve(&t, at);
			assert_int_equal(pool_reserve(p, &a), err);
		} else {
			pool_drop(p, &a);
			if (at >= 1 && at <= last && t.state[at] == TWIN_HELD)
				t.state[at] = TWIN_DROPPED;
		}
		assert_int_equal(pool_used(p), twin_used(&t));
		n_full += pool_used(p) == pool_size(p);
	}
	assert_true(n_full > 0 || last > TWIN_OWNERS);
	pool_free(p);
}

static void twin_ipv4(void **state)
{
	(void)state;
	agrees_with_a_linear_scan("10.0.0.64/26", 62);
	agrees_with_a_linear_scan("10.255.255.0/24", 254);
}

static void twin_ipv6(void **state)
{
	(void)state;
	agrees_with_a_linear_scan("fd00::ff00:0:40/122", 63);
}

/* At the maximum of a large prefix, the owner that was dropped first is the one that is forgotten. */
static void large_prefix_is_bounded(void **state)
{
	struct pool *p = pool("fd00::/64");
	struct addr a;
	char name[32];

	(void)state;
	assert_takes(p, "alice", "fd00::1", "fd00::1");
	assert_takes(p, "bob", "fd00::2", "fd00::2");
	for (unsigned i = 2; i < POOL_MAX_SLOTS; i++) {
		(void)snprintf(name, sizeof(name), "owner-%u", i);
		assert_int_equal(pool_take(p, name, NULL, &a), 0);
	}
	assert_int_equal(pool_used(p), pool_size(p));
	assert_int_equal(pool_take(p, "late", NULL, &a), -ENOSPC);
	drop(p, "fd00::2");
	drop(p, "fd00::1");
	assert_int_equal(pool_take(p, "late", NULL, &a), 0);
	/* alice is remembered; bob is not, and gets what follows from the name. */
	assert_takes(p, "alice", NULL, "fd00::1");
	assert_int_equal(pool_take(p, "bob", NULL, &a), -ENOSPC);
	drop(p, "fd00::1");
	assert_takes(p, "bob", NULL, "fd00::f649:3629:e565:4ae1");
	pool_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_follow_from_names),
		cmocka_unit_test(all_are_handed_out_but_those_kept_back),
		cmocka_unit_test(owner_gets_its_old_address_back),
		cmocka_unit_test(wishes),
		cmocka_unit_test(reserving),
		cmocka_unit_test(bad_prefixes),
		cmocka_unit_test(twin_ipv4),
		cmocka_unit_test(twin_ipv6),
		cmocka_unit_test(large_prefix_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
