#include "ctl/ctl_table.h"

#include <errno.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct ctl_column columns[] = {
	{ .title = "NAME", .min = 4 },
	{ .title = "PEER", .drop = 2 },
	{ .title = "BYTES", .drop = 1, .right = true },
};

static struct ctl_table *two_rows(void)
{
	struct ctl_table *t = NULL;

	assert_int_equal(ctl_table_create(columns, 3, &t), 0);
	assert_int_equal(ctl_table_row(t, (const char *const[]){ "alice", "192.0.2.1", "7" }), 0);
	assert_int_equal(
		ctl_table_row(t, (const char *const[]){ "bob@host", "2001:db8::1", "1234567" }), 0);
	return t;
}

static void check_print(struct ctl_table *t, size_t width, const char *want)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	ctl_table_fit(t, width);
	ctl_table_print(t, f);
	(void)fclose(f);
	assert_string_equal(text, want);
	free(text);
}

static void test_any_width(void **state)
{
	struct ctl_table *t = two_rows();

	(void)state;
	check_print(t, 0,
		"NAME      PEER           BYTES\n"
		"alice     192.0.2.1          7\n"
		"bob@host  2001:db8::1  1234567\n");
	check_print(t, 30,
		"NAME      PEER           BYTES\n"
		"alice     192.0.2.1          7\n"
		"bob@host  2001:db8::1  1234567\n");
	ctl_table_free(t);
}

static void test_narrower(void **state)
{
	struct ctl_table *t = two_rows();

	(void)state;
	check_print(t, 29, "NAME        BYTES\nalice           7\nbob@host  1234567\n");
	assert_true(ctl_table_shown(t, 0));
	assert_false(ctl_table_shown(t, 1));
	assert_true(ctl_table_shown(t, 2));
	check_print(t, 16, "NAME\nalice\nbob@host\n");
	check_print(t, 6, "NAME\nalice\nbob@h\u2026\n");
	check_print(t, 1, "NAME\nali\u2026\nbob\u2026\n"); /* No narrower than its least. */
	check_print(t, 29, "NAME        BYTES\nalice           7\nbob@host  1234567\n");
	ctl_table_free(t);
}

static void test_foreign_text(void **state)
{
	struct ctl_table *t = NULL;

	(void)state;
	assert_int_equal(ctl_table_create(columns, 3, &t), 0);
	assert_int_equal(
		ctl_table_row(t, (const char *const[]){ "a\x1b[2J", "\u65e5\u672c", "" }), 0);
	assert_int_equal(ctl_table_row(t, (const char *const[]){ "", "x", "1" }), 0);
	check_print(t, 0,
		"NAME   PEER  BYTES\n"
		"a?[2J  \u65e5\u672c\n"
		"       x         1\n");
	ctl_table_free(t);
}

static void test_long_cells(void **state)
{
	struct ctl_table *t = NULL;
	char huge[2000];

	(void)state;
	memset(huge, 'x', sizeof(huge));
	huge[sizeof(huge) - 1] = '\0';
	assert_int_equal(ctl_table_create(columns, 1, &t), 0);
	assert_int_equal(ctl_table_row(t, (const char *const[]){ huge }), 0);
	check_print(t, 10, "NAME\nxxxxxxxxx\u2026\n");
	ctl_table_free(t);
}

static void test_bad_shape(void **state)
{
	struct ctl_table *t = NULL;

	(void)state;
	assert_int_equal(ctl_table_create(columns, 0, &t), -EINVAL);
	assert_int_equal(ctl_table_create(columns, CTL_TABLE_MAX_COLUMNS + 1, &t), -EINVAL);
	assert_null(t);
	ctl_table_free(NULL);
}

static int use_utf8(void **state)
{
	(void)state;
	return setlocale(LC_CTYPE, "C.UTF-8") == NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_width),
		cmocka_unit_test(test_narrower),
		cmocka_unit_test(test_foreign_text),
		cmocka_unit_test(test_long_cells),
		cmocka_unit_test(test_bad_shape),
	};

	return cmocka_run_group_tests(tests, use_utf8, NULL);
}
