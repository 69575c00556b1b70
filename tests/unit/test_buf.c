#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/util.h"
#include "help_random.h"

static void bytes_leave_in_the_order_they_came(void **state)
{
	struct buf b = { .max = 100000 };
	uint8_t in = 0, gone = 0;
	uint32_t seed = 3;
	(void)state;

	/* Appends are larger than what is consumed, so that it both moves and grows. */
	for (int round = 0; round < 2000; round++) {
		uint8_t chunk[64];
		size_t n = help_random(&seed) % sizeof(chunk);
		for (size_t i = 0; i < n; i++)
			chunk[i] = in++;
		assert_int_equal(buf_append(&b, chunk, n), 0);
		n = help_random(&seed) % 60;
		n = MIN(n, buf_len(&b));
		for (size_t i = 0; i < n; i++)
			assert_int_equal(buf_bytes(&b)[i], gone++);
		buf_consume(&b, n);
		assert_int_equal((uint8_t)(in - gone), (uint8_t)buf_len(&b));
	}
	buf_clear(&b);
	assert_int_equal(buf_len(&b), 0);
	assert_null(b.data);
	assert_int_equal(b.max, 100000);
}

static void the_maximum_holds(void **state)
{
	static const uint8_t chunk[2000];
	struct buf b = { .max = 1000 };
	(void)state;

	assert_int_equal(buf_append(&b, chunk, 1001), -ENOBUFS);
	assert_null(b.data);
	assert_int_equal(buf_append(&b, chunk, 600), 0);
	assert_int_equal(buf_append(&b, chunk, 401), -ENOBUFS);
	assert_int_equal(buf_append(&b, chunk, SIZE_MAX), -ENOBUFS);
	assert_null(buf_room(&b, 401));
	assert_null(buf_room(&b, SIZE_MAX));
	assert_int_equal(buf_len(&b), 600);
	assert_int_equal(buf_append(&b, chunk, 400), 0);
	assert_int_equal(buf_len(&b), 1000);
	assert_true(b.cap <= b.max);
	assert_int_equal(buf_append(&b, chunk, 1), -ENOBUFS);
	assert_int_equal(buf_append(&b, chunk, 0), 0);
	/* What is consumed makes room again. */
	buf_consume(&b, 300);
	assert_int_equal(buf_append(&b, chunk, 300), 0);
	assert_int_equal(buf_append(&b, chunk, 1), -ENOBUFS);
	buf_clear(&b);
}

static void room_is_filled_in_place(void **state)
{
	struct buf b = { .max = 4096 };
	(void)state;

	assert_int_equal(buf_append(&b, "head", 4), 0);
	uint8_t *room = buf_room(&b, 3000);
	assert_non_null(room);
	memset(room, 'x', 3000);
	/* Nothing is in until it is said to be, and then just as much as was said. */
	assert_int_equal(buf_len(&b), 4);
	buf_added(&b, 5);
	assert_int_equal(buf_len(&b), 9);
	assert_memory_equal(buf_bytes(&b), "headxxxxx", 9);
	buf_consume(&b, 9);
	assert_int_equal(buf_len(&b), 0);
	buf_clear(&b);
}

static void an_empty_one_is_valid(void **state)
{
	struct buf b = { .max = 10 };
	(void)state;

	assert_int_equal(buf_len(&b), 0);
	buf_consume(&b, 0);
	assert_int_equal(buf_append(&b, NULL, 0), 0);
	buf_clear(&b);
	buf_clear(&b);
	b.max = 0;
	assert_int_equal(buf_append(&b, "x", 1), -ENOBUFS);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_leave_in_the_order_they_came),
		cmocka_unit_test(the_maximum_holds),
		cmocka_unit_test(room_is_filled_in_place),
		cmocka_unit_test(an_empty_one_is_valid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
