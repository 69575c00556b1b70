#include "ctl/ctl_text.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void check_clean(const char *in, size_t columns, const char *want, size_t want_columns)
{
	char out[64];
	size_t n = ctl_text_clean(out, sizeof(out), columns, in);

	assert_string_equal(out, want);
	assert_int_equal(n, want_columns);
}

static int use_utf8(void **state)
{
	(void)state;
	return setlocale(LC_CTYPE, "C.UTF-8") == NULL;
}

static int use_c(void **state)
{
	(void)state;
	return setlocale(LC_CTYPE, "C") == NULL;
}

static void test_plain(void **state)
{
	(void)state;
	check_clean("", 10, "", 0);
	check_clean("alice", 10, "alice", 5);
	check_clean("alice", 5, "alice", 5);
	check_clean("alice@example.net", 5, "alic\u2026", 5);
	check_clean("alice", 1, "\u2026", 1);
	check_clean("alice", 0, "", 0);
}

static void test_wide_and_combining(void **state)
{
	(void)state;
	check_clean("caf\u00e9", 10, "caf\u00e9", 4);
	check_clean("e\u0301x", 10, "e\u0301x", 2);
	check_clean("\u65e5\u672c", 10, "\u65e5\u672c", 4);
	/* A wide character is never halved. */
	check_clean("\u65e5\u672c\u8a9e", 4, "\u65e5\u2026", 3);
	check_clean("\u65e5\u672c", 3, "\u65e5\u2026", 3);
}

/* Right-to-left override, left-to-right isolate and right-to-left mark; spelt so that no tool that reads this file minds. */
static const char bidi[] = { 'a', (char)0xe2, (char)0x80, (char)0xae, 'b', (char)0xe2, (char)0x81,
	(char)0xa6, 'c', (char)0xe2, (char)0x80, (char)0x8f, '\0' };

/* What could steer a terminal, forge a line or reorder it. */
static void test_hostile(void **state)
{
	(void)state;
	check_clean("a\x1b[31mb", 20, "a?[31mb", 7);
	check_clean("a\nb\tc\rd\x7f", 20, "a?b?c?d?", 8);
	check_clean("a\xc2\x9b"
		    "31m",
		20, "a?31m", 5); /* CSI as one C1 character. */
	check_clean(bidi, 20, "a?b?c?", 6);
	check_clean("\u2028\ufeff", 20, "??", 2);
}

static void test_not_utf8(void **state)
{
	(void)state;
	check_clean("a\xff"
		    "b\x80",
		20, "a?b?", 4);
	check_clean("\xc3", 20, "?", 1);
	check_clean("\xe2\x82", 20, "??", 2);
	check_clean("\xc0\xaf", 20, "??", 2);           /* Overlong '/'. */
	check_clean("\xed\xa0\x80", 20, "???", 3);      /* A surrogate. */
	check_clean("\xf4\x90\x80\x80", 20, "????", 4); /* Past U+10FFFF. */
}

static void test_small_buffer(void **state)
{
	char out[4];

	(void)state;
	assert_int_equal(ctl_text_clean(out, sizeof(out), 20, "abcdef"), 1);
	assert_string_equal(out, "\u2026"); /* Three bytes: all there is room for. */
	assert_int_equal(ctl_text_clean(out, 1, 20, "abcdef"), 0);
	assert_string_equal(out, "");
	assert_int_equal(ctl_text_clean(out, sizeof(out), 20, "abc"), 3);
	assert_string_equal(out, "abc");
}

static void test_c_locale(void **state)
{
	(void)state;
	check_clean("caf\u00e9 \u65e5", 20, "caf? ?", 6);
	check_clean("abcdef", 4, "abc~", 4);
}

static void test_bytes(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *want;
	} rows[] = {
		{ 0, "0 B" },
		{ 1023, "1023 B" },
		{ 1024, "1.0 KiB" },
		{ 1536, "1.5 KiB" },
		{ 10189, "10 KiB" },
		{ 1023UL * 1024, "1023 KiB" },
		{ 1024UL * 1024 - 1, "1.0 MiB" },
		{ 5ULL << 30, "5.0 GiB" },
		{ UINT64_MAX, "16 EiB" },
	};
	char out[CTL_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(ctl_text_bytes(rows[i].bytes, out), rows[i].want);
}

static void test_duration(void **state)
{
	char out[CTL_TEXT_MAX];

	(void)state;
	assert_string_equal(ctl_text_duration(-5, out), "0s");
	assert_string_equal(ctl_text_duration(59, out), "59s");
	assert_string_equal(ctl_text_duration(60, out), "1m00s");
	assert_string_equal(ctl_text_duration(3599, out), "59m59s");
	assert_string_equal(ctl_text_duration(3600, out), "1h00m");
	assert_string_equal(ctl_text_duration(86399, out), "23h59m");
	assert_string_equal(ctl_text_duration(86400 * 12 + 3 * 3600, out), "12d03h");
	(void)ctl_text_duration(INT64_MAX, out);
}

static void test_rtt(void **state)
{
	char out[CTL_TEXT_MAX];

	(void)state;
	assert_string_equal(ctl_text_rtt(-1, out), "-");
	assert_string_equal(ctl_text_rtt(0, out), "0.00 ms");
	assert_string_equal(ctl_text_rtt(210, out), "0.21 ms");
	assert_string_equal(ctl_text_rtt(1500, out), "1.5 ms");
	assert_string_equal(ctl_text_rtt(12300, out), "12 ms");
	assert_string_equal(ctl_text_rtt(1200000, out), "1.2 s");
	(void)ctl_text_rtt(INT64_MAX, out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_plain, use_utf8),
		cmocka_unit_test_setup(test_wide_and_combining, use_utf8),
		cmocka_unit_test_setup(test_hostile, use_utf8),
		cmocka_unit_test_setup(test_not_utf8, use_utf8),
		cmocka_unit_test_setup(test_small_buffer, use_utf8),
		cmocka_unit_test_setup(test_c_locale, use_c),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_duration),
		cmocka_unit_test(test_rtt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
