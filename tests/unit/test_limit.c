#include "net/limit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static unsigned take_all(struct limit *l, uint64_t now_ms)
{
	unsigned n = 0;

	while (n < 100000 && limit_take(l, now_ms))
		n++;
	return n;
}

static void starts_full_and_refills(void **state)
{
	struct limit l;

	(void)state;
	limit_init(&l, 64, 128, 1000);
	assert_int_equal(take_all(&l, 1000), 128);
	assert_int_equal(take_all(&l, 2000), 64);
	assert_int_equal(take_all(&l, 2500), 32);
	/* Never more than a burst, however long it waits. */
	assert_int_equal(take_all(&l, 3600000), 128);
	assert_int_equal(take_all(&l, UINT64_MAX), 128);
}

static void fractions_add_up(void **state)
{
	struct limit l;
	unsigned n = 0;

	(void)state;
	limit_init(&l, 3, 5, 0);
	assert_int_equal(take_all(&l, 0), 5);
	for (uint64_t ms = 1; ms <= 10000; ms++)
		n += limit_take(&l, ms);
	assert_int_equal(n, 30);
}

static void clock_that_steps_back_gives_nothing(void **state)
{
	struct limit l;

	(void)state;
	limit_init(&l, 10, 10, 5000);
	assert_int_equal(take_all(&l, 5000), 10);
	assert_int_equal(take_all(&l, 0), 0);
	assert_int_equal(take_all(&l, 5000), 0);
	assert_int_equal(take_all(&l, 5100), 1);
}

static void zero_refuses(void **state)
{
	struct limit l = { 0 };

	(void)state;
	assert_false(limit_take(&l, 0));
	assert_false(limit_take(&l, UINT64_MAX));
	limit_init(&l, 0, 2, 0);
	assert_int_equal(take_all(&l, 0), 2);
	assert_int_equal(take_all(&l, UINT64_MAX), 0);
}

static void largest_values(void **state)
{
	struct limit l;

	(void)state;
	limit_init(&l, UINT32_MAX, UINT32_MAX, 0);
	assert_true(limit_take(&l, 0));
	assert_true(limit_take(&l, UINT64_MAX));
	assert_true(l.tokens_milli == (UINT32_MAX - 1ULL) * 1000);
}

static struct addr source(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static size_t take_from(struct limit_table *t, const char *text, uint64_t now_ms)
{
	struct addr a = source(text);
	size_t n = 0;

	while (n < 1000 && limit_table_take(t, &a, now_ms))
		n++;
	return n;
}

static void test_sources_have_buckets_of_their_own(void **state)
{
	const struct limit_table_opts o = { .rate = 2, .burst = 10, .seed = 12345 };
	struct limit_table *t = NULL;

	(void)state;
	assert_int_equal(limit_table_create(&o, &t), 0);
	assert_int_equal(take_from(t, "192.0.2.1", 1000), 10);
	assert_int_equal(take_from(t, "192.0.2.1", 1000), 0);
	assert_int_equal(take_from(t, "192.0.2.2", 1000), 10);
	assert_int_equal(take_from(t, "192.0.2.1", 2000), 2);
	/* An IPv6 /64 is one source. */
	assert_int_equal(take_from(t, "2001:db8::1", 1000), 10);
	assert_int_equal(take_from(t, "2001:db8::ffff:2", 1000), 0);
	assert_int_equal(take_from(t, "2001:db8:0:1::1", 1000), 10);
	limit_table_free(t);
	limit_table_free(NULL);
}

/* Among 100,000 others one that keeps coming stays bounded, because it is never the quietest. */
static void test_noisy_source_among_many(void **state)
{
	const struct limit_table_opts o = { .rate = 1, .burst = 5, .seed = 99 };
	struct limit_table *t = NULL;
	struct addr noisy = source("203.0.113.9"), other = source("10.0.0.0");
	size_t taken = 0;

	(void)state;
	assert_int_equal(limit_table_create(&o, &t), 0);
	for (uint64_t ms = 1; ms <= 100000; ms++) {
		taken += limit_table_take(t, &noisy, ms);
		assert_true(addr_add(&other, 1));
		(void)limit_table_take(t, &other, ms);
	}
	assert_in_range(taken, 100, 100 + 5);
	limit_table_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starts_full_and_refills),
		cmocka_unit_test(fractions_add_up),
		cmocka_unit_test(clock_that_steps_back_gives_nothing),
		cmocka_unit_test(zero_refuses),
		cmocka_unit_test(largest_values),
		cmocka_unit_test(test_sources_have_buckets_of_their_own),
		cmocka_unit_test(test_noisy_source_among_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
