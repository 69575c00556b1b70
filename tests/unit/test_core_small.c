/* backoff and tally. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/backoff.h"
#include "core/tally.h"

static void test_backoff_doubles_up_to_max(void **state)
{
	static const uint64_t ceilings[] = { 1000, 2000, 4000, 8000, 10000, 10000 };
	struct backoff b = { .min_ms = 1000, .max_ms = 10000 };

	(void)state;
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(backoff_next(&b, ceilings[i]), ceilings[i]);
	for (int i = 0; i < 100; i++)
		assert_true(backoff_next(&b, UINT64_MAX) <= 10000);
	backoff_reset(&b);
	assert_int_equal(backoff_next(&b, 1001), 0); /* Full jitter: it may be none at all. */
	struct backoff none = { 0 };
	assert_int_equal(backoff_next(&none, 12345), 0);
}

static void test_tally(void **state)
{
	struct tally t = { 0 };
	char name[64];

	(void)state;
	tally_add(&t, "expired", 1);
	tally_add(&t, "expired", 2);
	assert_int_equal(t.used, 1);
	assert_int_equal(t.rows[0].n, 3);
	tally_add(&t, "a\nb", 1);
	assert_string_equal(t.rows[1].name, "a?b");
	for (int i = 0; i < 100; i++) {
		(void)snprintf(name, sizeof(name), "reason-%d", i);
		tally_add(&t, name, 1);
	}
	assert_int_equal(t.used, TALLY_MAX);
	assert_string_equal(t.rows[TALLY_MAX - 1].name, "other");
	assert_int_equal(t.rows[TALLY_MAX - 1].n, 100 - (TALLY_MAX - 3));
	tally_add(&t, "expired", 1); /* Known ones still count as themselves. */
	assert_int_equal(t.rows[0].n, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_backoff_doubles_up_to_max),
		cmocka_unit_test(test_tally),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
