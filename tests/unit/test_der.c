#include "net/der.h"

#include "base/util.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define DER_OF(...)                                                                        \
	(struct der)                                                                       \
	{                                                                                  \
		(const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }) \
	}

static struct der text(uint8_t *buf, uint8_t tag, const char *s)
{
	size_t n = strlen(s);

	buf[0] = tag;
	buf[1] = (uint8_t)n;
	for (size_t i = 0; i < n; i++)
		buf[2 + i] = (uint8_t)s[i];
	return (struct der){ buf, n + 2 };
}

static void test_next_takes_one_element(void **state)
{
	(void)state;
	struct der in = DER_OF(0x04, 2, 7, 8, 0x05, 0), body, all;
	uint8_t tag;

	assert_int_equal(der_next(&in, &tag, &body, &all), 0);
	assert_int_equal(tag, DER_OCTET_STRING);
	assert_true(der_is(&body, "\7\10", 2));
	assert_true(der_is(&all, "\4\2\7\10", 4));
	assert_int_equal(der_next(&in, &tag, &body, NULL), 0);
	assert_int_equal(tag, DER_NULL);
	assert_int_equal(body.len, 0);
	assert_int_equal(der_next(&in, &tag, &body, NULL), -EBADMSG);
}

static void test_next_refuses_what_is_not_der(void **state)
{
	(void)state;
	const struct der bad[] = {
		DER_OF(0x04),                                  /* no length */
		DER_OF(0x04, 2, 1),                            /* cut short */
		DER_OF(0x30, 0x80, 0, 0),                      /* indefinite */
		DER_OF(0x04, 0x81, 1, 1),                      /* long form for a short length */
		DER_OF(0x04, 0x82, 0, 0x80, 1),                /* leading zero */
		DER_OF(0x04, 0x81),                            /* length cut short */
		DER_OF(0x04, 0x85, 1, 0, 0, 0, 0),             /* five octets of length */
		DER_OF(0x04, 0x84, 0xff, 0xff, 0xff, 0xff, 0), /* far past the end */
		DER_OF(0x1f, 0x20, 0),                         /* tag of several octets */
		DER_OF(0xff, 0),
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct der in = bad[i], body;
		uint8_t tag;
		assert_int_equal(der_next(&in, &tag, &body, NULL), -EBADMSG);
		assert_ptr_equal(in.p, bad[i].p);
		assert_int_equal(in.len, bad[i].len);
	}
}

static void test_lengths_of_every_size_round_trip(void **state)
{
	(void)state;
	const size_t lens[] = { 0, 1, 127, 128, 255, 256, 65535, 65536, 100000 };
	uint8_t *buf = malloc(100016), *content = calloc(1, 100000);

	assert_non_null(buf);
	assert_non_null(content);
	for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
		struct der_out o;
		der_out_init(&o, buf, 100016);
		der_put(&o, DER_OCTET_STRING, content, lens[i]);
		assert_false(o.failed);
		struct der in = { der_out_bytes(&o), der_out_len(&o) }, body;
		assert_int_equal(der_take(&in, DER_OCTET_STRING, &body), 0);
		assert_int_equal(body.len, lens[i]);
		assert_int_equal(in.len, 0);
	}
	free(content);
	free(buf);
}

static void test_take_wants_its_tag(void **state)
{
	(void)state;
	struct der in = DER_OF(0x04, 1, 9), body = { 0 };

	assert_int_equal(der_take(&in, DER_SEQUENCE, &body), -EBADMSG);
	assert_int_equal(der_take_if(&in, DER_SEQUENCE, &body), 0);
	assert_int_equal(in.len, 3);
	assert_int_equal(der_take_if(&in, DER_OCTET_STRING, &body), 1);
	assert_int_equal(der_take_if(&in, DER_OCTET_STRING, &body), 0);

	struct der cut = DER_OF(0x04, 5, 9);
	assert_int_equal(der_take_if(&cut, DER_OCTET_STRING, &body), -EBADMSG);
	assert_int_equal(cut.len, 3);
}

static void test_uint(void **state)
{
	(void)state;
	static const uint32_t values[] = { 0, 1, 127, 128, 255, 256, 65535, 0x7fffffff, 0x80000000,
		UINT32_MAX };
	uint8_t buf[16];

	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		struct der_out o;
		uint32_t got;
		der_out_init(&o, buf, sizeof(buf));
		der_put_uint(&o, values[i]);
		struct der in = { der_out_bytes(&o), der_out_len(&o) };
		assert_int_equal(der_take_uint(&in, &got), 0);
		assert_int_equal(got, values[i]);
	}
	const struct der bad[] = {
		DER_OF(2, 0),                /* empty */
		DER_OF(2, 1, 0x80),          /* negative */
		DER_OF(2, 2, 0, 1),          /* not minimal */
		DER_OF(2, 5, 1, 0, 0, 0, 0), /* 33 bits */
		DER_OF(2, 6, 0, 0xff, 0, 0, 0, 0),
		DER_OF(4, 1, 1),
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct der in = bad[i];
		uint32_t v;
		assert_int_equal(der_take_uint(&in, &v), -EBADMSG);
		assert_ptr_equal(in.p, bad[i].p);
	}
}

static void test_integer_is_minimal_and_positive(void **state)
{
	(void)state;
	uint8_t buf[32];
	struct der_out o;

	der_out_init(&o, buf, sizeof(buf));
	der_put_integer(&o, (const uint8_t[]){ 0, 0, 0x80, 1 }, 4);
	struct der got = { der_out_bytes(&o), der_out_len(&o) };
	assert_true(der_is(&got, "\2\3\0\x80\1", 5));

	der_out_init(&o, buf, sizeof(buf));
	der_put_integer(&o, (const uint8_t[]){ 0, 0 }, 2);
	got = (struct der){ der_out_bytes(&o), der_out_len(&o) };
	assert_true(der_is(&got, "\2\1\0", 3));
}

static void test_bool(void **state)
{
	(void)state;
	struct der t = DER_OF(1, 1, 0xff), f = DER_OF(1, 1, 0), odd = DER_OF(1, 1, 1),
		   longer = DER_OF(1, 2, 0xff, 0xff);
	bool v = false;

	assert_int_equal(der_take_bool(&t, &v), 0);
	assert_true(v);
	assert_int_equal(der_take_bool(&f, &v), 0);
	assert_false(v);
	assert_int_equal(der_take_bool(&odd, &v), -EBADMSG);
	assert_int_equal(der_take_bool(&longer, &v), -EBADMSG);
}

static void test_bits(void **state)
{
	(void)state;
	struct der good = DER_OF(3, 3, 0, 1, 2), unused = DER_OF(3, 2, 1, 2), empty = DER_OF(3, 0),
		   none = DER_OF(3, 1, 0), v;

	assert_int_equal(der_take_bits(&good, &v), 0);
	assert_true(der_is(&v, "\1\2", 2));
	assert_int_equal(der_take_bits(&unused, &v), -EBADMSG);
	assert_int_equal(der_take_bits(&empty, &v), -EBADMSG);
	assert_int_equal(der_take_bits(&none, &v), 0);
	assert_int_equal(v.len, 0);
}

static void test_time_round_trips(void **state)
{
	(void)state;
	/* 1950, 1970 and around it, leap days, 2049 to 2050, the last second of 9999. */
	static const int64_t times[] = { -631152000, -1, 0, 1, 951782400, 951868799, 1709164800,
		2524607999, 2524608000, 4107542400, 253402300799 };
	uint8_t buf[32];

	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		struct der_out o;
		int64_t got;
		der_out_init(&o, buf, sizeof(buf));
		der_put_time(&o, times[i]);
		assert_false(o.failed);
		struct der in = { der_out_bytes(&o), der_out_len(&o) };
		assert_int_equal(
			in.p[0], times[i] < 2524608000 ? DER_UTC_TIME : DER_GENERALIZED_TIME);
		assert_int_equal(der_take_time(&in, &got), 0);
		assert_true(got == times[i]);
	}
}

static void test_time_agrees_with_libc(void **state)
{
	(void)state;
	uint8_t buf[32];

	for (int64_t t = 0; t < 253402300799; t += 86400 * 97 + 12345) {
		struct der_out o;
		char want[32];
		struct tm tm;
		time_t tt = (time_t)t;
		assert_non_null(gmtime_r(&tt, &tm));
		/* All four digits of the year; UTCTime leaves out the first two. */
		size_t n = strftime(want, sizeof(want), "%Y%m%d%H%M%SZ", &tm);
		size_t cut = t < 2524608000 ? 2 : 0;
		der_out_init(&o, buf, sizeof(buf));
		der_put_time(&o, t);
		assert_int_equal(der_out_len(&o), n - cut + 2);
		assert_memory_equal(der_out_bytes(&o) + 2, want + cut, n - cut);
	}
}

static void test_time_out_of_range_fails(void **state)
{
	(void)state;
	const int64_t bad[] = { -631152001, 253402300800, INT64_MIN, INT64_MAX };
	uint8_t buf[32];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct der_out o;
		der_out_init(&o, buf, sizeof(buf));
		der_put_time(&o, bad[i]);
		assert_true(o.failed);
	}
}

static void test_time_refuses_what_rfc5280_forbids(void **state)
{
	(void)state;
	static const struct {
		uint8_t tag;
		const char *text;
	} bad[] = {
		{ DER_UTC_TIME, "2501010000Z" },  /* no seconds */
		{ DER_UTC_TIME, "250101000000" }, /* no Z */
		{ DER_UTC_TIME, "250101000000+" },
		{ DER_UTC_TIME, "250101000000+0100" }, /* offset */
		{ DER_UTC_TIME, "251301000000Z" },
		{ DER_UTC_TIME, "250001000000Z" },
		{ DER_UTC_TIME, "250229000000Z" }, /* no leap year */
		{ DER_UTC_TIME, "250100000000Z" },
		{ DER_UTC_TIME, "250101240000Z" },
		{ DER_UTC_TIME, "250101006000Z" },
		{ DER_UTC_TIME, "250101000060Z" },
		{ DER_UTC_TIME, "x50101000000Z" },
		{ DER_UTC_TIME, "2x0101000000Z" },
		{ DER_UTC_TIME, "2501010 0000Z" },
		{ DER_GENERALIZED_TIME, "20250101000000Z" }, /* before 2050 */
		{ DER_GENERALIZED_TIME, "20510101000000.5Z" },
		{ DER_GENERALIZED_TIME, "21000229000000Z" }, /* 2100 is no leap year */
		{ DER_GENERALIZED_TIME, "2x510101000000Z" },
		{ DER_GENERALIZED_TIME, "510101000000Z" },
		{ DER_OCTET_STRING, "250101000000Z" },
	};
	uint8_t buf[64];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct der in = text(buf, bad[i].tag, bad[i].text);
		int64_t t;
		assert_int_equal(der_take_time(&in, &t), -EBADMSG);
		assert_ptr_equal(in.p, buf);
	}
	struct der leap = text(buf, DER_UTC_TIME, "240229235959Z");
	int64_t t;
	assert_int_equal(der_take_time(&leap, &t), 0);
	assert_true(t == 1709251199);
	struct der last_century = text(buf, DER_UTC_TIME, "500101000000Z");
	assert_int_equal(der_take_time(&last_century, &t), 0);
	assert_true(t == -631152000);
}

static void test_writer_nests(void **state)
{
	(void)state;
	uint8_t buf[64];
	struct der_out o;

	der_out_init(&o, buf, sizeof(buf));
	size_t outer = der_out_len(&o);
	der_put_uint(&o, 5);
	size_t inner = der_out_len(&o);
	der_put(&o, DER_NULL, NULL, 0);
	der_wrap(&o, DER_SET, inner);
	der_wrap(&o, DER_SEQUENCE, outer);
	struct der got = { der_out_bytes(&o), der_out_len(&o) };
	assert_true(der_is(&got, "\x30\7\x31\2\5\0\2\1\5", 9));
}

static void test_writer_overflow_sticks(void **state)
{
	(void)state;
	uint8_t buf[8];
	struct der_out o;

	der_out_init(&o, buf + 2, 4);
	memset(buf, 0xaa, sizeof(buf));
	der_put(&o, DER_OCTET_STRING, "12345", 5);
	assert_true(o.failed);
	der_put_uint(&o, 1);
	assert_true(o.failed);
	assert_int_equal(buf[1], 0xaa);
	assert_int_equal(buf[6], 0xaa);

	/* The content fits, its header does not. */
	der_out_init(&o, buf + 2, 4);
	der_put(&o, DER_OCTET_STRING, "123", 3);
	assert_true(o.failed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_next_takes_one_element),
		cmocka_unit_test(test_next_refuses_what_is_not_der),
		cmocka_unit_test(test_lengths_of_every_size_round_trip),
		cmocka_unit_test(test_take_wants_its_tag),
		cmocka_unit_test(test_uint),
		cmocka_unit_test(test_integer_is_minimal_and_positive),
		cmocka_unit_test(test_bool),
		cmocka_unit_test(test_bits),
		cmocka_unit_test(test_time_round_trips),
		cmocka_unit_test(test_time_agrees_with_libc),
		cmocka_unit_test(test_time_out_of_range_fails),
		cmocka_unit_test(test_time_refuses_what_rfc5280_forbids),
		cmocka_unit_test(test_writer_nests),
		cmocka_unit_test(test_writer_overflow_sticks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
