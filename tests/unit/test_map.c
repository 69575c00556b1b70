#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/map.h"
#include "base/util.h"
#include "help_random.h"

static int values[4096];

static struct map *new_map(size_t max)
{
	struct map *m;

	assert_int_equal(map_create(max, &m), 0);
	return m;
}

static void keys_are_byte_strings(void **state)
{
	struct map *m = new_map(16);
	char key[] = "key";
	(void)state;

	assert_int_equal(map_put(m, key, 3, &values[0]), 0);
	assert_int_equal(map_put(m, key, 2, &values[1]), 0);
	assert_int_equal(map_put(m, "k\0y", 3, &values[2]), 0);
	assert_int_equal(map_put(m, "", 0, &values[3]), 0);
	/* The map has its own copy. */
	key[0] = 'x';
	assert_ptr_equal(map_get(m, "key", 3), &values[0]);
	assert_ptr_equal(map_get(m, "ke", 2), &values[1]);
	assert_ptr_equal(map_get(m, "k\0y", 3), &values[2]);
	assert_ptr_equal(map_get(m, "", 0), &values[3]);
	assert_null(map_get(m, "k\0z", 3));
	assert_null(map_get(m, "key\0", 4));
	assert_null(map_get(m, key, 3));
	map_free(m);
	map_free(NULL);
}

static void every_key_length_is_told_apart(void **state)
{
	static const uint8_t zeros[64];
	struct map *m = new_map(64);
	(void)state;

	for (size_t len = 0; len < 64; len++)
		assert_int_equal(map_put(m, zeros, len, &values[len]), 0);
	for (size_t len = 0; len < 64; len++)
		assert_ptr_equal(map_get(m, zeros, len), &values[len]);
	map_free(m);
}

static void the_maximum_holds(void **state)
{
	struct map *m = new_map(2);
	(void)state;

	assert_int_equal(map_put(m, "a", 1, &values[0]), 0);
	assert_int_equal(map_put(m, "b", 1, &values[1]), 0);
	assert_int_equal(map_put(m, "c", 1, &values[2]), -ENOSPC);
	assert_null(map_get(m, "c", 1));
	assert_int_equal(map_put(m, "a", 1, &values[3]), 0);
	assert_int_equal(map_count(m), 2);
	assert_ptr_equal(map_remove(m, "a", 1), &values[3]);
	assert_null(map_remove(m, "a", 1));
	assert_int_equal(map_put(m, "c", 1, &values[2]), 0);
	map_free(m);

	m = new_map(0);
	assert_int_equal(map_put(m, "a", 1, &values[0]), -ENOSPC);
	map_free(m);
}

/* Walks the map and marks what it meets in seen; every value once. */
static size_t walk(const struct map *m, uint8_t seen[static ARRAY_LEN(values)])
{
	size_t n = 0, pos = 0;

	memset(seen, 0, ARRAY_LEN(values));
	for (const int *v; (v = map_next(m, &pos)) != NULL; n++) {
		size_t i = (size_t)(v - values);
		assert_int_equal(seen[i], 0);
		seen[i] = 1;
	}
	return n;
}

/* Random puts and removes against a plain array, with many removes so that chains get holes. */
static void behaves_as_an_array_does(void **state)
{
	static uint8_t there[ARRAY_LEN(values)], seen[ARRAY_LEN(values)];
	struct map *m = new_map(ARRAY_LEN(values));
	size_t count = 0;
	uint32_t seed = 1;
	(void)state;

	for (int round = 0; round < 60000; round++) {
		/* A small range first, so that the small table is nearly full. */
		uint32_t i =
			help_random(&seed) % (round < 20000 ? 14 : (uint32_t)ARRAY_LEN(values));
		if (help_random(&seed) % 5 < 3) {
			assert_int_equal(map_put(m, &i, sizeof(i), &values[i]), 0);
			count += !there[i];
			there[i] = 1;
		} else {
			assert_ptr_equal(
				map_remove(m, &i, sizeof(i)), there[i] ? &values[i] : NULL);
			count -= there[i];
			there[i] = 0;
		}
		uint32_t j = help_random(&seed) % ARRAY_LEN(values);
		assert_ptr_equal(map_get(m, &j, sizeof(j)), there[j] ? &values[j] : NULL);
		assert_int_equal(map_count(m), count);
	}
	assert_int_equal(walk(m, seen), count);
	assert_memory_equal(seen, there, sizeof(there));
	for (uint32_t i = 0; i < ARRAY_LEN(values); i++)
		assert_ptr_equal(map_remove(m, &i, sizeof(i)), there[i] ? &values[i] : NULL);
	assert_int_equal(map_count(m), 0);
	assert_int_equal(walk(m, seen), 0);
	map_free(m);
}

/* Two maps with the same keys walk them in different orders: the seed is random. */
static void the_seed_is_random(void **state)
{
	int same = 0;
	(void)state;

	for (int round = 0; round < 8; round++) {
		struct map *a = new_map(64), *b = new_map(64);
		for (uint8_t i = 0; i < 64; i++) {
			assert_int_equal(map_put(a, &i, 1, &values[i]), 0);
			assert_int_equal(map_put(b, &i, 1, &values[i]), 0);
		}
		size_t pa = 0, pb = 0;
		const void *va = NULL, *vb = NULL;
		do {
			va = map_next(a, &pa);
			vb = map_next(b, &pb);
		} while (va == vb && va != NULL);
		same += va == vb;
		map_free(a);
		map_free(b);
	}
	assert_int_equal(same, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_byte_strings),
		cmocka_unit_test(every_key_length_is_told_apart),
		cmocka_unit_test(the_maximum_holds),
		cmocka_unit_test(behaves_as_an_array_does),
		cmocka_unit_test(the_seed_is_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
