#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/util.h"
#include "net/addr.h"

static struct addr addr_of(const char *text)
{
	struct addr a;

	if (addr_parse(text, &a) != 0)
		fail_msg("%s is no address", text);
	return a;
}

static struct prefix net_of(const char *text)
{
	struct prefix p;

	if (prefix_parse(text, &p) != 0)
		fail_msg("%s is no prefix", text);
	return p;
}

static void addresses_parse_and_format(void **state)
{
	static const char *const same[] = { "0.0.0.0", "192.0.2.1", "255.255.255.255", "::", "::1",
		"2001:db8::1", "fe80::1", "2001:db8:1:2:3:4:5:6", "::ffff:192.0.2.1" };
	char text[ADDR_STRLEN];
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(same); i++) {
		struct addr a = addr_of(same[i]);
		assert_string_equal(addr_format(&a, text), same[i]);
		assert_int_equal(a.family, strchr(same[i], ':') != NULL ? 6 : 4);
		assert_int_equal(addr_bits(&a), addr_len(&a) * 8);
	}
	struct addr a = addr_of("2001:0DB8::0001");
	assert_string_equal(addr_format(&a, text), "2001:db8::1");
	a = addr_of("192.0.2.1");
	assert_memory_equal(a.bytes, ((uint8_t[16]){ 192, 0, 2, 1 }), 16);
	assert_int_equal(addr_len(&a), 4);
	assert_int_equal(addr_len(&(struct addr){ 0 }), 0);
	assert_string_equal(addr_format(&(struct addr){ 0 }, text), "");
}

static void malformed_addresses_are_refused(void **state)
{
	static const char *const bad[] = { "", " ", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256",
		"01.2.3.4", "1.2.3.4 ", " 1.2.3.4", "0x1.2.3.4", "1.2.3.4/32", "fe80::1%eth0",
		"[::1]", "1::2::3", "1:2:3:4:5:6:7:8:9", "12345::", "::g", ":", "host",
		"1.2.3.-4" };
	struct addr a = { .family = 99 };
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (addr_parse(bad[i], &a) != -EINVAL)
			fail_msg("\"%s\" was taken", bad[i]);
	assert_int_equal(a.family, 99);
}

static void addresses_are_ordered(void **state)
{
	static const char *const order[] = { "0.0.0.0", "9.0.0.0", "10.0.0.1", "10.0.0.255",
		"200.0.0.0", "::", "::1", "::ffff:9.0.0.0", "2001:db8::" };
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		for (size_t j = 0; j < ARRAY_LEN(order); j++) {
			struct addr a = addr_of(order[i]), b = addr_of(order[j]);
			int c = addr_compare(&a, &b);
			assert_int_equal(c < 0, i < j);
			assert_int_equal(c > 0, i > j);
			assert_int_equal(addr_equal(&a, &b), i == j);
		}
	}
	/* The same bytes in another family are another address. */
	struct addr v4 = addr_of("0.0.0.0"), v6 = addr_of("::");
	assert_false(addr_equal(&v4, &v6));
}

static void adding_carries_and_never_wraps(void **state)
{
	static const struct {
		const char *a;
		uint64_t n;
		const char *sum; /* NULL: wraps. */
	} rows[] = {
		{ "10.0.0.1", 0, "10.0.0.1" },
		{ "10.0.0.255", 1, "10.0.1.0" },
		{ "10.255.255.255", 1, "11.0.0.0" },
		{ "0.0.0.0", 0xffffffff, "255.255.255.255" },
		{ "0.0.0.1", 0xffffffff, NULL },
		{ "255.255.255.255", 1, NULL },
		{ "0.0.0.0", 0x100000000, NULL },
		{ "1.2.3.4", UINT64_MAX, NULL },
		{ "2001:db8::ffff", 1, "2001:db8::1:0" },
		{ "2001:db8::1", UINT64_MAX, "2001:db8:0:1::" },
		{ "ffff:ffff:ffff:ffff::", UINT64_MAX, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
		{ "ffff:ffff:ffff:ffff::1", UINT64_MAX, NULL },
	};
	char text[ADDR_STRLEN];
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct addr a = addr_of(rows[i].a);
		bool fits = addr_add(&a, rows[i].n);
		assert_int_equal(fits, rows[i].sum != NULL);
		assert_string_equal(addr_format(&a, text), fits ? rows[i].sum : rows[i].a);
	}
	assert_false(addr_add(&(struct addr){ 0 }, 1));
}

static void only_ordinary_addresses_go_through_the_tunnel(void **state)
{
	static const char *const yes[] = { "10.0.0.1", "192.0.2.1", "223.255.255.255",
		"169.253.1.1", "169.255.0.1", "240.0.0.1", "255.255.255.254", "126.0.0.1",
		"128.0.0.1", "0.0.0.1", "2001:db8::1", "fd00::1", "::2", "fec0::1", "fe7f::1",
		"1::", "::1:0:0:1" };
	static const char *const no[] = { "0.0.0.0", "127.0.0.1", "127.255.255.255", "169.254.0.0",
		"169.254.255.255", "224.0.0.1", "239.255.255.255", "255.255.255.255", "::", "::1",
		"fe80::1", "febf::1", "ff00::", "ff02::1", "ffff::" };
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
		struct addr a = addr_of(yes[i]);
		if (!addr_is_tunnelable(&a))
			fail_msg("%s is refused", yes[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(no); i++) {
		struct addr a = addr_of(no[i]);
		if (addr_is_tunnelable(&a))
			fail_msg("%s is let through", no[i]);
	}
	assert_false(addr_is_tunnelable(&(struct addr){ 0 }));
}

static void prefixes_parse_and_format(void **state)
{
	static const char *const same[] = { "0.0.0.0/0", "10.0.0.0/8", "10.1.2.3/32",
		"192.0.2.128/25", "::/0", "2001:db8::/32", "2001:db8::1/128", "fe80::/10",
		"8000::/1" };
	char text[PREFIX_STRLEN];
	struct prefix p;
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(same); i++) {
		assert_int_equal(prefix_parse(same[i], &p), 0);
		assert_string_equal(prefix_format(&p, text), same[i]);
	}
	p = net_of("192.0.2.1");
	assert_string_equal(prefix_format(&p, text), "192.0.2.1/32");
	p = net_of("2001:db8::1");
	assert_string_equal(prefix_format(&p, text), "2001:db8::1/128");
	assert_int_equal(prefix_parse_iface("10.0.0.7/24", &p), 0);
	assert_string_equal(prefix_format(&p, text), "10.0.0.7/24");
	assert_int_equal(prefix_parse_iface("2001:db8::7/64", &p), 0);
	assert_string_equal(prefix_format(&p, text), "2001:db8::7/64");
}

static void malformed_prefixes_are_refused(void **state)
{
	static const char *const bad[] = { "", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/08",
		"10.0.0.0/+8", "10.0.0.0/-1", "10.0.0.0/ 8", "10.0.0.0/8 ", "10.0.0.0/8/8",
		"::/129", "::/0x8", "10/8", "10.0.0.0/256", "10.0.0.0/4294967304", "host/8",
		"0000:0000:0000:0000:0000:0000:255.255.255.2555/128" };
	static const char *const host_bits[] = { "10.0.0.1/8", "10.0.0.128/24", "128.0.0.0/0",
		"0.0.0.1/31", "2001:db8::1/64", "2001:db8::8000:0/96", "8000::/0", "::1/127" };
	struct prefix p = { .len = 99 };
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (prefix_parse(bad[i], &p) != -EINVAL ||
			prefix_parse_iface(bad[i], &p) != -EINVAL)
			fail_msg("\"%s\" was taken", bad[i]);
	for (size_t i = 0; i < ARRAY_LEN(host_bits); i++)
		if (prefix_parse(host_bits[i], &p) != -EINVAL)
			fail_msg("\"%s\" was taken", host_bits[i]);
	assert_int_equal(p.len, 99);
}

static void prefixes_contain_and_overlap(void **state)
{
	static const struct {
		const char *net, *addr;
		bool in;
	} rows[] = {
		{ "10.0.0.0/8", "10.255.0.1", true },
		{ "10.0.0.0/8", "11.0.0.0", false },
		{ "10.0.0.0/9", "10.128.0.0", false },
		{ "10.128.0.0/9", "10.128.0.0", true },
		{ "192.0.2.1/32", "192.0.2.1", true },
		{ "192.0.2.1/32", "192.0.2.0", false },
		{ "0.0.0.0/0", "255.255.255.255", true },
		{ "0.0.0.0/0", "::", false },
		{ "::/0", "0.0.0.0", false },
		{ "::/0", "ff02::1", true },
		{ "2001:db8::/33", "2001:db8:7fff::", true },
		{ "2001:db8::/33", "2001:db8:8000::", false },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct prefix p = net_of(rows[i].net);
		struct addr a = addr_of(rows[i].addr);
		struct prefix host = prefix_host(&a);
		assert_int_equal(prefix_contains(&p, &a), rows[i].in);
		assert_int_equal(prefix_overlaps(&p, &host), rows[i].in);
		assert_int_equal(prefix_overlaps(&host, &p), rows[i].in);
	}
	struct prefix wide = net_of("10.0.0.0/8"), narrow = net_of("10.0.0.0/9");
	struct prefix other = net_of("10.128.0.0/9");
	assert_true(prefix_overlaps(&wide, &narrow) && prefix_overlaps(&narrow, &wide));
	assert_false(prefix_overlaps(&narrow, &other));
	assert_true(prefix_equal(&wide, &wide));
	assert_false(prefix_equal(&wide, &narrow) || prefix_equal(&narrow, &other));
	/* No address is in no prefix. */
	struct prefix none = { 0 };
	assert_false(prefix_contains(&none, &none.addr) || prefix_overlaps(&none, &none));
}

static void prefix_of_clears_host_bits(void **state)
{
	static const struct {
		const char *addr;
		uint8_t len;
		const char *net;
	} rows[] = {
		{ "10.1.2.255", 0, "0.0.0.0/0" },
		{ "10.1.2.255", 8, "10.0.0.0/8" },
		{ "10.1.2.255", 25, "10.1.2.128/25" },
		{ "10.1.2.255", 31, "10.1.2.254/31" },
		{ "10.1.2.255", 32, "10.1.2.255/32" },
		{ "2001:db8::ffff", 64, "2001:db8::/64" },
		{ "2001:db8::ffff", 113, "2001:db8::8000/113" },
		{ "2001:db8::ffff", 128, "2001:db8::ffff/128" },
	};
	char text[PREFIX_STRLEN];
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct addr a = addr_of(rows[i].addr);
		struct prefix p = prefix_of(&a, rows[i].len);
		assert_string_equal(prefix_format(&p, text), rows[i].net);
		assert_true(prefix_contains(&p, &a));
	}
}

static void endpoints_parse_and_format(void **state)
{
	static const struct {
		const char *text;
		uint16_t default_port;
		const char *host;
		uint16_t port;
		const char *formatted;
	} rows[] = {
		{ "vpn.example.org:443", 0, "vpn.example.org", 443, "vpn.example.org:443" },
		{ "vpn.example.org", 8443, "vpn.example.org", 8443, "vpn.example.org:8443" },
		{ "192.0.2.1:65535", 1, "192.0.2.1", 65535, "192.0.2.1:65535" },
		{ "192.0.2.1", 1, "192.0.2.1", 1, "192.0.2.1:1" },
		{ "[2001:DB8::1]:443", 0, "2001:db8::1", 443, "[2001:db8::1]:443" },
		{ "[::1]", 443, "::1", 443, "[::1]:443" },
		{ "gate_1-a:1", 0, "gate_1-a", 1, "gate_1-a:1" },
		{ "7f3a:1", 0, "7f3a", 1, "7f3a:1" },
		{ "1.example:1", 0, "1.example", 1, "1.example:1" },
	};
	char text[ENDPOINT_STRLEN];
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct endpoint e;
		if (endpoint_parse(rows[i].text, rows[i].default_port, &e) != 0)
			fail_msg("\"%s\" is refused", rows[i].text);
		assert_string_equal(e.host, rows[i].host);
		assert_int_equal(e.port, rows[i].port);
		assert_string_equal(endpoint_format(&e, text), rows[i].formatted);
	}
}

static void malformed_endpoints_are_refused(void **state)
{
	static const char *const bad[] = { "", ":", ":443", "host:", "host:0", "host:65536",
		"host:0443", "host:99999999", "host:https", "host:1 ", "host: 1", "ho st:1",
		"-host:1", "host-:1", "a..b:1", ".a:1", "host.:1", "1.2.3:1", "10.1:1",
		"0x7f.0x1:1", "300.1.1.1:1", "2001:db8::1", "2001:db8::1:443", "[]:1", "[::1",
		"[::1]1", "[::1]x:1", "[host]:1", "[192.0.2.1]:1", "[fe80::1%eth0]:1", "ho\nst:1",
		"h/x:1", "::1]:1",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:1" };
	struct endpoint e = { .port = 7 };
	char longest[260];
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (endpoint_parse(bad[i], 0, &e) != -EINVAL)
			fail_msg("\"%s\" was taken", bad[i]);
	assert_int_equal(endpoint_parse("host", 0, &e), -EINVAL);
	assert_int_equal(e.port, 7);
	for (size_t i = 0; i < 254; i++)
		longest[i] = i % 2 == 0 ? 'a' : '.';
	longest[254] = '\0';
	assert_int_equal(endpoint_parse(longest, 1, &e), -EINVAL);
	longest[253] = '\0';
	assert_int_equal(endpoint_parse(longest, 65535, &e), 0);
	char text[ENDPOINT_STRLEN];
	assert_int_equal(strlen(endpoint_format(&e, text)), 253 + 6);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_parse_and_format),
		cmocka_unit_test(malformed_addresses_are_refused),
		cmocka_unit_test(addresses_are_ordered),
		cmocka_unit_test(adding_carries_and_never_wraps),
		cmocka_unit_test(only_ordinary_addresses_go_through_the_tunnel),
		cmocka_unit_test(prefixes_parse_and_format),
		cmocka_unit_test(malformed_prefixes_are_refused),
		cmocka_unit_test(prefixes_contain_and_overlap),
		cmocka_unit_test(prefix_of_clears_host_bits),
		cmocka_unit_test(endpoints_parse_and_format),
		cmocka_unit_test(malformed_endpoints_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
