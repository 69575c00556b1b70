#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/registry.h"

static struct registry *make(size_t max, bool reject)
{
	struct registry_opts o = { .max_clients = max, .duplicate_reject = reject };
	struct registry *r = NULL;

	assert_int_equal(prefix_parse("10.1.0.0/29", &o.pool4), 0);
	assert_int_equal(prefix_parse("fd00::/64", &o.pool6), 0);
	assert_int_equal(addr_parse("10.1.0.1", &o.gateway4), 0);
	assert_int_equal(addr_parse("fd00::1", &o.gateway6), 0);
	assert_int_equal(registry_create(&o, &r), 0);
	return r;
}

static void test_addresses_come_back(void **state)
{
	struct registry *r = make(10, false);
	struct registry_lease a, b, again;

	(void)state;
	assert_int_equal(registry_admit(r, "alice", 1, &a), 0);
	assert_int_equal(a.n_addrs, 2);
	assert_int_equal(a.addrs[0].family, 4);
	assert_int_equal(a.addrs[1].family, 6);
	assert_int_equal(registry_admit(r, "bob", 2, &b), 0);
	assert_false(addr_equal(&a.addrs[0], &b.addrs[0]));
	assert_int_equal(registry_count(r), 2);
	assert_int_equal(registry_release(r, 1, &again), 1);
	assert_true(addr_equal(&a.addrs[0], &again.addrs[0]));
	assert_int_equal(registry_count(r), 1);
	assert_int_equal(registry_admit(r, "alice", 3, &again), 0);
	assert_true(addr_equal(&a.addrs[0], &again.addrs[0]));
	assert_true(addr_equal(&a.addrs[1], &again.addrs[1]));
	assert_false(again.replaces);
	registry_free(r);
}

static void test_replacing(void **state)
{
	struct registry *r = make(1, false);
	struct registry_lease first, second, gone;

	(void)state;
	assert_int_equal(registry_admit(r, "alice", 1, &first), 0);
	assert_int_equal(
		registry_admit(r, "alice", 2, &second), 0); /* max_clients is no obstacle. */
	assert_true(second.replaces);
	assert_int_equal(second.old, 1);
	assert_true(addr_equal(&first.addrs[0], &second.addrs[0]));
	/* The old one's end must not take the addresses from the new one. */
	assert_int_equal(registry_release(r, 1, &gone), 0);
	assert_int_equal(registry_count(r), 1);
	assert_int_equal(registry_release(r, 2, &gone), 1);
	assert_int_equal(registry_release(r, 2, &gone), 0);
	assert_int_equal(registry_count(r), 0);
	registry_free(r);
}

static void test_rejecting(void **state)
{
	struct registry *r = make(10, true);
	struct registry_lease a, b;

	(void)state;
	assert_int_equal(registry_admit(r, "alice", 1, &a), 0);
	assert_int_equal(registry_admit(r, "alice", 2, &b), -EEXIST);
	assert_int_equal(registry_release(r, 2, &b), 0);
	assert_int_equal(registry_release(r, 1, &b), 1);
	assert_int_equal(registry_admit(r, "alice", 2, &b), 0);
	registry_free(r);
}

static void test_limits(void **state)
{
	struct registry *r = make(2, false);
	struct registry_lease l;
	char name[16];

	(void)state;
	assert_int_equal(registry_admit(r, "a", 1, &l), 0);
	assert_int_equal(registry_admit(r, "b", 2, &l), 0);
	assert_int_equal(registry_admit(r, "c", 3, &l), -ENOSPC);
	registry_free(r);

	r = make(100, false); /* A /29 has five addresses for clients. */
	for (uint64_t i = 0; i < 5; i++) {
		(void)snprintf(name, sizeof(name), "c%d", (int)i);
		assert_int_equal(registry_admit(r, name, i + 1, &l), 0);
	}
	assert_int_equal(registry_admit(r, "one too many", 9, &l), -ENOSPC);
	assert_int_equal(registry_count(r), 5);
	assert_int_equal(registry_release(r, 3, &l), 1);
	assert_int_equal(registry_admit(r, "one too many", 9, &l), 0);
	registry_free(r);
}

static void test_bad_pools(void **state)
{
	struct registry_opts o = { .max_clients = 1 };
	struct registry *r = NULL;

	(void)state;
	assert_int_equal(prefix_parse("10.1.0.0/31", &o.pool4), 0);
	assert_int_equal(addr_parse("10.1.0.1", &o.gateway4), 0);
	assert_int_equal(registry_create(&o, &r), -EINVAL);
	assert_int_equal(prefix_parse("10.1.0.0/24", &o.pool4), 0);
	assert_int_equal(addr_parse("10.2.0.1", &o.gateway4), 0);
	assert_int_equal(registry_create(&o, &r), -EINVAL);
	assert_null(r);
	registry_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses_come_back),
		cmocka_unit_test(test_replacing),
		cmocka_unit_test(test_rejecting),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_bad_pools),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
