#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pki/crl.h"
#include "pki/pem.h"
#include "pki/profile.h"
#include "pki/san.h"
#include "pki/serial.h"
#include "pki/stamp.h"

/* What the CA tool reads from people and writes for them: serial numbers, times, names, PEM, profiles. */

static void test_serial(void **state)
{
	static const char *const bad[] = { "", ":", "1", "xy", "0x12", "12 34", "123", "12:3",
		"0102030405060708090a0b0c0d0e0f101112131415" };
	struct serial s, t;
	struct der none = { NULL, 0 };

	(void)state;
	for (int i = 0; i < 200; i++) {
		assert_int_equal(serial_make(&s), 0);
		assert_int_equal(s.len, 16);
		assert_int_equal(s.bytes[0] & 0xc0, 0x40);
		assert_int_equal(serial_parse(s.text, &t), 0);
		assert_memory_equal(s.bytes, t.bytes, 16);
	}
	assert_int_equal(serial_parse("0A:fF:00", &s), 0);
	assert_string_equal(s.text, "0aff00");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(serial_parse(bad[i], &s), -EINVAL);
	assert_int_equal(serial_of(&none, &s), -EINVAL);
}

static void test_stamp(void **state)
{
	static const char *const bad[] = { "", "x", "-1", "2026-02-31T00:00:00Z", "2026-01-01",
		"2026-01-01T00:00:00", "2026-01-01T24:00:00Z", "2026-01-01T00:00:00Zx", "1e9",
		"253402300800", "2026-1-1T00:00:00Z" };
	char text[STAMP_LEN];
	int64_t t = 0;

	(void)state;
	assert_string_equal(stamp_format(0, text), "1970-01-01T00:00:00Z");
	assert_string_equal(stamp_format(2524608000, text), "2050-01-01T00:00:00Z");
	assert_int_equal(stamp_parse("2050-01-01T00:00:00Z", &t), 0);
	assert_int_equal(t, 2524608000);
	assert_int_equal(stamp_parse("1000", &t), 0);
	assert_int_equal(t, 1000);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(stamp_parse(bad[i], &t), -EINVAL);
	assert_int_equal(t, 1000);
}

static void test_san(void **state)
{
	static const char *const bad_dns[] = { "", ".", "a.", ".a", "*.a", "a_b", "-a", "a-",
		"1.2.3.4", "a.1", "a b", "a\n" };
	static const char *const bad_email[] = { "", "a", "@a.b", "a@", "a@b@c", "a b@c.d", "a@-b",
		"a\n@b.c", "\"a\"@b.c" };
	struct san_list l = { .n = 0 };
	char text[SAN_TEXT_LEN], name[64];

	(void)state;
	assert_int_equal(san_add_dns(&l, "VPN.Example"), 0);
	assert_int_equal(san_add_dns(&l, "vpn.example"), 0);
	assert_int_equal(san_add_ip(&l, "192.0.2.1"), 0);
	assert_int_equal(san_add_ip(&l, "2001:db8:0::1"), 0);
	assert_int_equal(san_add_ip(&l, "2001:db8::1"), 0);
	assert_int_equal(san_add_email(&l, "a.b+c@example.net"), 0);
	assert_int_equal(san_add_uri(&l, "spiffe://vpn.example/client/a"), 0);
	assert_int_equal(l.n, 5);
	assert_string_equal(san_text(&l, text),
		"dns:vpn.example,ip:192.0.2.1,ip:2001:db8::1,email:a.b+c@example.net");
	for (size_t i = 0; i < sizeof(bad_dns) / sizeof(bad_dns[0]); i++)
		assert_int_equal(san_add_dns(&l, bad_dns[i]), -EINVAL);
	for (size_t i = 0; i < sizeof(bad_email) / sizeof(bad_email[0]); i++)
		assert_int_equal(san_add_email(&l, bad_email[i]), -EINVAL);
	assert_int_equal(san_add_uri(&l, "https://example.net/"), -EINVAL);
	assert_int_equal(l.n, 5);
	for (int i = 0; l.n < SAN_MAX; i++) {
		(void)snprintf(name, sizeof(name), "h%d.example", i);
		assert_int_equal(san_add_dns(&l, name), 0);
	}
	assert_int_equal(san_add_dns(&l, "one.more"), -ENOSPC);
	assert_int_equal(san_add_dns(&l, "h0.example"), 0);
}

static void test_pem(void **state)
{
	uint8_t bytes[200], *der = NULL;
	size_t len = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 37);
	for (size_t n = 1; n < sizeof(bytes); n++) {
		char *text = pem_encode("CERTIFICATE", bytes, n);
		assert_non_null(text);
		assert_int_equal(pem_decode("CERTIFICATE", text, strlen(text), &der, &len), 0);
		assert_int_equal(len, n);
		assert_memory_equal(der, bytes, n);
		free(der);
		assert_int_equal(
			pem_decode("PRIVATE KEY", text, strlen(text), &der, &len), -ENOENT);
		free(text);
	}
	char *text = pem_encode("X", (const uint8_t *)"hello", 5);
	assert_string_equal(text, "-----BEGIN X-----\naGVsbG8=\n-----END X-----\n");
	free(text);
}

static void test_reasons(void **state)
{
	(void)state;
	assert_int_equal(crl_reason_parse("keyCompromise"), 1);
	assert_int_equal(crl_reason_parse("keycompromise"), 1);
	assert_int_equal(crl_reason_parse("unspecified"), 0);
	assert_int_equal(crl_reason_parse("removeFromCRL"), -EINVAL);
	assert_int_equal(crl_reason_parse(""), -EINVAL);
	assert_null(crl_reason_name(7));
	assert_null(crl_reason_name(8));
	assert_null(crl_reason_name(-1));
	assert_null(crl_reason_name(100));
	assert_string_equal(crl_reason_name(4), "superseded");
}

static void test_profile(void **state)
{
	const char *remotes[] = { "vpn.example:443", "[2001:db8::1]:443" };
	struct profile p = {
		.network = "vpn.example",
		.remotes = remotes,
		.n_remotes = 2,
		.cert = "CERT\n",
		.key = "KEY\n",
		.ca = "CA\n",
		.crl = "CRL\n",
	};
	char why[256], *text = NULL;

	(void)state;
	assert_int_equal(profile_make(&p, &text, why), 0);
	assert_non_null(strstr(text, "\nremote = [\"vpn.example:443\", \"[2001:db8::1]:443\"];\n"));
	assert_non_null(strstr(text, "\nnetwork = \"vpn.example\";\n"));
	assert_non_null(strstr(text, "\nkey = \"KEY\n\";\n"));
	free(text);
	/* Nothing gets out of its string. */
	p.key = "KEY\"; x = \"";
	assert_int_equal(profile_make(&p, &text, why), -EINVAL);
	p.key = "KEY\\";
	assert_int_equal(profile_make(&p, &text, why), -EINVAL);
	p.key = "KEY\n";
	remotes[1] = "a\"b:443";
	assert_int_equal(profile_make(&p, &text, why), -EINVAL);
	p.n_remotes = 0;
	assert_int_equal(profile_make(&p, &text, why), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_serial),
		cmocka_unit_test(test_stamp),
		cmocka_unit_test(test_san),
		cmocka_unit_test(test_pem),
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_profile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
