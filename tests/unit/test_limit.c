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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starts_full_and_refills),
		cmocka_unit_test(fractions_add_up),
		cmocka_unit_test(clock_that_steps_back_gives_nothing),
		cmocka_unit_test(zero_refuses),
		cmocka_unit_test(largest_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
