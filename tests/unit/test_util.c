#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/list.h"
#include "base/secret.h"
#include "base/util.h"

static void numbers_are_big_endian(void **state)
{
	uint8_t b[4];
	(void)state;

	store_be16(b, 0xfedc);
	assert_memory_equal(b, "\xfe\xdc", 2);
	assert_int_equal(load_be16(b), 0xfedc);
	store_be32(b, 0xfedcba98);
	assert_memory_equal(b, "\xfe\xdc\xba\x98", 4);
	assert_int_equal(load_be32(b), 0xfedcba98);
}

static void text_is_cut_and_made_harmless(void **state)
{
	char out[8];
	(void)state;

	text_copy(out, sizeof(out), "abc");
	assert_string_equal(out, "abc");
	text_copy(out, sizeof(out), "abcdefghij");
	assert_string_equal(out, "abcdefg");
	text_copy(out, sizeof(out), "a\nb\x1b[\x7f\t");
	assert_string_equal(out, "a?b?[??");
	/* UTF-8 stays. */
	text_copy(out, sizeof(out), "\xc3\xa9");
	assert_string_equal(out, "\xc3\xa9");
	text_copy(out, 1, "abc");
	assert_string_equal(out, "");
	out[0] = 'x';
	text_copy(out, 0, "abc");
	assert_int_equal(out[0], 'x');
}

static void bytes_become_hexadecimal_digits(void **state)
{
	char out[9] = "........";
	(void)state;

	hex_encode((const uint8_t[]){ 0x00, 0x1f, 0xa0, 0xff }, 4, out);
	assert_string_equal(out, "001fa0ff");
	hex_encode(NULL, 0, out);
	assert_string_equal(out, "");
}

struct item {
	int value;
	struct list node;
};

static void lists_keep_their_order(void **state)
{
	struct item items[5];
	struct list l;
	int seen = 0;
	(void)state;

	list_init(&l);
	assert_true(list_empty(&l));
	for (int i = 0; i < 5; i++) {
		items[i].value = i;
		list_append(&l, &items[i].node);
	}
	LIST_EACH (it, &l) {
		struct item *item = CONTAINER_OF(it, struct item, node);
		assert_int_equal(item->value, seen++);
		if (item->value % 2 == 0)
			list_remove(it);
	}
	assert_int_equal(seen, 5);
	list_remove(&items[0].node); /* Once more does nothing. */
	assert_ptr_equal(l.next, &items[1].node);
	assert_ptr_equal(l.prev, &items[3].node);
	list_remove(&items[1].node);
	list_remove(&items[3].node);
	assert_true(list_empty(&l));
}

static void secrets_are_compared_and_wiped(void **state)
{
	char a[] = "secret", b[] = "secreT";
	(void)state;

	assert_true(secret_equal(a, "secret", 6));
	assert_false(secret_equal(a, b, 6));
	assert_true(secret_equal(a, b, 5));
	assert_true(secret_equal(a, b, 0));
	secret_wipe(a, 5);
	assert_memory_equal(a, "\0\0\0\0\0t", 6);
	secret_wipe(NULL, 0);
	secret_free(NULL, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_big_endian),
		cmocka_unit_test(text_is_cut_and_made_harmless),
		cmocka_unit_test(bytes_become_hexadecimal_digits),
		cmocka_unit_test(lists_keep_their_order),
		cmocka_unit_test(secrets_are_compared_and_wiped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
