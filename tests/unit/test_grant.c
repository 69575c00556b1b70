#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "net/grant.h"

/* The extension of PROTOCOL 2.6. */

static struct grant g;
static uint8_t buf[GRANT_DER_MAX];

static struct der put(void)
{
	struct der_out o;

	der_out_init(&o, buf, sizeof(buf));
	grant_put(&g, &o);
	assert_false(o.failed);
	return (struct der){ der_out_bytes(&o), der_out_len(&o) };
}

static void fill(void)
{
	g = (struct grant){ .n_groups = 0 };
	assert_int_equal(grant_add_group(&g, "staff"), 0);
	assert_int_equal(grant_add_group(&g, "a.b_c-D9"), 0);
	assert_int_equal(grant_add_address(&g, "10.8.0.7"), 0);
	assert_int_equal(grant_add_address(&g, "fd00::7"), 0);
	assert_int_equal(grant_add_network(&g, "192.168.7.0/24"), 0);
	assert_int_equal(grant_add_network(&g, "fd07::/48"), 0);
}

static void test_round_trip(void **state)
{
	struct grant again;
	struct der v;

	(void)state;
	fill();
	assert_int_equal(grant_add_group(&g, "staff"), 0); /* Once is enough. */
	assert_int_equal(g.n_groups, 2);
	v = put();
	assert_int_equal(grant_parse(&v, &again), 0);
	assert_int_equal(again.n_groups, 2);
	assert_string_equal(again.group[1], "a.b_c-D9");
	assert_true(addr_equal(&again.address[1], &g.address[1]));
	assert_true(prefix_equal(&again.network[1], &g.network[1]));
	/* Cut anywhere, or with more behind it, it is none. */
	for (size_t n = 0; n < v.len; n++) {
		const struct der cut = { v.p, n };
		assert_int_equal(grant_parse(&cut, &again), -EBADMSG);
	}
}

static void test_bad_text(void **state)
{
	static const char *const groups[] = { "", "-a", ".a", "a b", "a,b", "a/b", "\xc3\xa4",
		"123456789012345678901234567890123" };
	static const char *const addresses[] = { "", "10.0.0.0/8", "224.0.0.1", "fe80::1",
		"127.0.0.1", "0.0.0.0", "x" };
	static const char *const networks[] = { "", "10.0.0.1/8", "10.0.0.0/33", "fd00::/129",
		"x" };

	(void)state;
	g = (struct grant){ .n_groups = 0 };
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		assert_int_equal(grant_add_group(&g, groups[i]), -EINVAL);
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
		assert_int_equal(grant_add_address(&g, addresses[i]), -EINVAL);
	for (size_t i = 0; i < sizeof(networks) / sizeof(networks[0]); i++)
		assert_int_equal(grant_add_network(&g, networks[i]), -EINVAL);
	assert_true(grant_is_empty(&g));
}

static void test_full(void **state)
{
	char name[] = "g00";
	struct grant again;

	(void)state;
	g = (struct grant){ .n_groups = 0 };
	for (int i = 0; i < GRANT_MAX; i++) {
		name[1] = (char)('0' + i / 10);
		name[2] = (char)('0' + i % 10);
		assert_int_equal(grant_add_group(&g, name), 0);
	}
	assert_int_equal(grant_add_group(&g, "more"), -ENOSPC);
	assert_int_equal(grant_add_group(&g, name), 0);
	struct der v = put();
	assert_int_equal(grant_parse(&v, &again), 0);
	assert_int_equal(again.n_groups, GRANT_MAX);
}

/* { label, bytes }: each of them is refused. */
static void test_bad_der(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} bad[] = {
		{ "\x30\x00", 2 },                                      /* Nothing in it. */
		{ "\x30\x02\xa0\x00", 4 },                              /* An empty list. */
		{ "\x30\x05\xa0\x03\x13\x01\x61", 7 },                  /* PrintableString. */
		{ "\x30\x08\xa0\x06\x0c\x01\x61\x0c\x01\x61", 10 },     /* Twice. */
		{ "\x30\x05\xa0\x03\x0c\x01\x20", 7 },                  /* A space. */
		{ "\x30\x07\xa1\x05\x04\x03\x0a\x00\x00", 9 },          /* 3 octets. */
		{ "\x30\x08\xa1\x06\x04\x04\xe0\x00\x00\x01", 10 },     /* Multicast. */
		{ "\x30\x09\xa2\x07\x04\x05\x0a\x00\x00\x00\x21", 11 }, /* /33 */
		{ "\x30\x09\xa2\x07\x04\x05\x0a\x00\x00\x01\x08", 11 }, /* Host bits. */
		{ "\x30\x04\xa2\x02\x04\x00", 6 },                      /* No octet at all. */
		{ "\x30\x05\xa3\x03\x0c\x01\x61", 7 },                  /* Of no kind. */
		{ "\x30\x0d\xa1\x06\x04\x04\x0a\x00\x00\x01\xa0\x03\x0c\x01\x61", 15 }, /* Order. */
		{ "\x31\x05\xa0\x03\x0c\x01\x61", 7 },
	};
	const struct der good = { (const uint8_t *)"\x30\x05\xa0\x03\x0c\x01\x61", 7 };
	struct grant out;

	(void)state;
	assert_int_equal(grant_parse(&good, &out), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct der v = { (const uint8_t *)bad[i].bytes, bad[i].len };
		assert_int_equal(grant_parse(&v, &out), -EBADMSG);
	}
}

static void test_bounds(void **state)
{
	struct grant none = { .n_groups = 0 }, b = none;
	char why[128];

	(void)state;
	fill();
	assert_int_equal(grant_within(&g, &none, why), 0);
	assert_int_equal(grant_add_group(&b, "staff"), 0);
	assert_int_equal(grant_within(&g, &b, why), -EACCES);
	assert_string_equal(why, "group a.b_c-D9");
	assert_int_equal(grant_add_group(&b, "a.b_c-D9"), 0);
	assert_int_equal(grant_within(&g, &b, why), 0);
	assert_int_equal(grant_add_network(&b, "10.0.0.0/8"), 0);
	assert_int_equal(grant_within(&g, &b, why), -EACCES);
	assert_string_equal(why, "address fd00::7");
	assert_int_equal(grant_add_network(&b, "fd00::/8"), 0);
	assert_int_equal(grant_within(&g, &b, why), -EACCES);
	assert_string_equal(why, "network 192.168.7.0/24");
	assert_int_equal(grant_add_network(&b, "192.168.7.0/25"), 0); /* Too small. */
	assert_int_equal(grant_within(&g, &b, why), -EACCES);
	assert_int_equal(grant_add_network(&b, "192.168.0.0/16"), 0);
	assert_int_equal(grant_within(&g, &b, why), 0);
	/* A CA below may not have wider bounds, nor none. */
	assert_int_equal(grant_narrower(&none, &none, why), 0);
	assert_int_equal(grant_narrower(&b, &none, why), 0);
	assert_int_equal(grant_narrower(&none, &b, why), -EACCES);
	assert_int_equal(grant_narrower(&b, &b, why), 0);
	assert_int_equal(grant_narrower(&g, &b, why), 0);
	assert_int_equal(grant_narrower(&b, &g, why), -EACCES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_bad_text),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_bad_der),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
