#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/util.h"
#include "core/fifo.h"
#include "help_random.h"

static uint8_t frame[70000];

/* Against a twin that keeps a list of what was accepted: bytes and order are the same, whatever is pushed and popped. */
static void test_order_and_bytes(void **state)
{
	enum { MOST = 4096 };
	static uint32_t lens[MOST];
	static uint8_t marks[MOST];
	struct fifo f = { 0 };
	size_t first = 0, n = 0, held = 0;
	uint32_t seed = 42;

	(void)state;
	for (int step = 0; step < 100000; step++) {
		if (help_random(&seed) % 3 != 0) {
			uint32_t len = 1 + (uint32_t)(help_random(&seed) % 3000);
			uint8_t mark = (uint8_t)step;
			memset(frame, mark, len);
			int r = fifo_push(&f, frame, len, (uint32_t)help_random(&seed));
			assert_true(r == 0 || r == -ENOBUFS);
			if (r == 0) {
				assert_true(n < FIFO_FRAMES);
				lens[(first + n) % MOST] = len;
				marks[(first + n) % MOST] = mark;
				n++;
				held += len;
			}
		} else {
			const uint8_t *bytes = NULL;
			size_t max = help_random(&seed) % 10000, took = 0;
			size_t len = fifo_peek(&f, max, &bytes);
			assert_int_equal(len == 0, n == 0);
			while (took < len) {
				assert_true(n > 0 && lens[first % MOST] <= len - took);
				for (uint32_t i = 0; i < lens[first % MOST]; i++)
					assert_int_equal(bytes[took + i], marks[first % MOST]);
				took += lens[first % MOST];
				first++;
				n--;
			}
			if (len > 0)
				fifo_pop(&f, len);
			held -= len;
		}
		assert_int_equal(fifo_bytes(&f), held);
	}
	fifo_clear(&f);
	assert_int_equal(fifo_bytes(&f), 0);
}

static size_t push_until_full(struct fifo *f, size_t len, uint32_t flow)
{
	size_t n = 0;

	while (fifo_push(f, frame, len, flow) == 0)
		n++;
	return n;
}

static void test_bulk_does_not_push_out_a_ping(void **state)
{
	struct fifo f = { 0 };

	(void)state;
	size_t bulk = push_until_full(&f, 1500, 1);
	assert_true(bulk * 1500 <= FIFO_BYTES / 2);
	assert_int_equal(fifo_push(&f, frame, 1500, 1), -ENOBUFS);
	for (int i = 0; i < 10; i++)
		assert_int_equal(fifo_push(&f, frame, 100, 2), 0);
	fifo_clear(&f);
}

static void test_flows_share(void **state)
{
	struct fifo f = { 0 };
	size_t got[4] = { 0 };

	(void)state;
	for (int round = 0; round < 1000; round++)
		for (uint32_t flow = 0; flow < 4; flow++)
			got[flow] += fifo_push(&f, frame, 1000, flow) == 0;
	for (int i = 0; i < 4; i++)
		assert_in_range(got[i], FIFO_BYTES / 1000 / 4 - 3, FIFO_BYTES / 1000 / 4 + 1);
	fifo_clear(&f);
}

static void test_hard_maximum(void **state)
{
	struct fifo f = { 0 };
	size_t n = 0;

	(void)state;
	for (uint32_t flow = 0; flow < 100000; flow++)
		n += fifo_push(&f, frame, 1, flow) == 0;
	assert_int_equal(n, FIFO_FRAMES);
	fifo_clear(&f);
	for (uint32_t flow = 0; flow < 1000; flow++)
		(void)fifo_push(&f, frame, 65000, flow);
	assert_true(fifo_bytes(&f) <= FIFO_BYTES);
	fifo_clear(&f);
	fifo_clear(&f);
}

static void test_peek_gives_one_at_least(void **state)
{
	struct fifo f = { 0 };
	const uint8_t *bytes = NULL;

	(void)state;
	assert_int_equal(fifo_peek(&f, 10, &bytes), 0);
	assert_int_equal(fifo_push(&f, frame, 5000, 1), 0);
	assert_int_equal(fifo_push(&f, frame, 5000, 1), 0);
	assert_int_equal(fifo_peek(&f, 10, &bytes), 5000);
	assert_int_equal(fifo_peek(&f, 9999, &bytes), 5000);
	assert_int_equal(fifo_peek(&f, 10000, &bytes), 10000);
	fifo_clear(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_and_bytes),
		cmocka_unit_test(test_bulk_does_not_push_out_a_ping),
		cmocka_unit_test(test_flows_share),
		cmocka_unit_test(test_hard_maximum),
		cmocka_unit_test(test_peek_gives_one_at_least),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
