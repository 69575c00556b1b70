#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pki/cert.h"
#include "pki/crl.h"
#include "pki/lint.h"

/* Certificates and CRLs, and that the lint refuses each kind of bad one. */

static const int64_t now = 1800000000;

struct fixture {
	struct key *ca_key, *other_key;
	uint8_t ca_der[CERT_MAX], ca_spki[KEY_SPKI_MAX], spki[KEY_SPKI_MAX];
	struct x509_cert ca;
	struct der pub;
	struct serial serial;
	struct san_list client, server;
};

static struct fixture f;

static struct cert_spec ca_spec(void)
{
	int n = key_spki(f.ca_key, f.ca_spki);

	assert_true(n > 0);
	return (struct cert_spec){
		.kind = CERT_CA,
		.serial = &f.serial,
		.common_name = "vpn.example CA",
		.not_before = now,
		.not_after = now + 1000000,
		.spki = { f.ca_spki, (size_t)n },
	};
}

static int set_up(void **state)
{
	char why[256];
	int n;

	(void)state;
	assert_int_equal(key_make(KEY_P256, &f.ca_key), 0);
	assert_int_equal(key_make(KEY_P384, &f.other_key), 0);
	assert_int_equal(serial_make(&f.serial), 0);
	struct cert_spec spec = ca_spec();
	n = cert_make(&spec, f.ca_key, f.ca_der, why);
	assert_true(n > 0);
	assert_int_equal(x509_parse(f.ca_der, (size_t)n, &f.ca), 0);
	n = key_spki(f.other_key, f.spki);
	f.pub = (struct der){ f.spki, (size_t)n };
	assert_int_equal(san_add_uri(&f.client, "spiffe://vpn.example/client/a"), 0);
	assert_int_equal(san_add_dns(&f.server, "vpn.example"), 0);
	assert_int_equal(san_add_uri(&f.server, "spiffe://vpn.example/server/a"), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	key_free(f.ca_key);
	key_free(f.other_key);
	return 0;
}

static struct cert_spec leaf(enum cert_kind kind)
{
	return (struct cert_spec){
		.kind = kind,
		.serial = &f.serial,
		.common_name = "a",
		.not_before = now,
		.not_after = now + 1000,
		.spki = f.pub,
		.sans = kind == CERT_SERVER ? &f.server : &f.client,
		.issuer = &f.ca,
	};
}

static void test_good(void **state)
{
	uint8_t der[CERT_MAX];
	struct x509_cert c;
	char why[256];

	(void)state;
	for (enum cert_kind kind = CERT_SERVER; kind <= CERT_CLIENT; kind++) {
		struct cert_spec spec = leaf(kind);
		int n = cert_make(&spec, f.ca_key, der, why);
		assert_true(n > 0);
		assert_int_equal(x509_parse(der, (size_t)n, &c), 0);
		assert_int_equal(c.not_before, now);
		assert_int_equal(c.not_after, now + 1000);
		assert_true(der_is(&c.serial, f.serial.bytes, f.serial.len));
		assert_false(c.is_ca);
		/* Any change whatever is noticed. */
		for (int i = 0; i < n; i++) {
			der[i] ^= 0x01;
			assert_int_equal(lint_cert(der, (size_t)n, &f.ca, why), -EINVAL);
			der[i] ^= 0x01;
		}
	}
	assert_int_equal(lint_cert(f.ca_der, f.ca.all.len, NULL, why), 0);
}

/* Each of these would be a bad certificate, and none comes out. */
static void refuse(const struct cert_spec *spec, struct key *signer, const char *says)
{
	uint8_t der[CERT_MAX];
	char why[256] = "";

	assert_int_equal(cert_make(spec, signer, der, why), -EINVAL);
	if (strstr(why, says) == NULL)
		fail_msg("'%s' does not say '%s'", why, says);
}

static void test_bad_fields(void **state)
{
	struct serial zero = { .len = 1 }, big = { .len = 20 };
	char long_name[80];
	struct cert_spec s;

	(void)state;
	memset(long_name, 'a', sizeof(long_name));
	long_name[65] = '\0';
	memset(big.bytes, 0xff, sizeof(big.bytes));
	s = leaf(CERT_CLIENT);
	s.common_name = long_name;
	refuse(&s, f.ca_key, "name part");
	s.common_name = "a\nb";
	refuse(&s, f.ca_key, "name part");
	s.common_name = "";
	refuse(&s, f.ca_key, "name part");
	s = leaf(CERT_CLIENT);
	s.not_after = now - 1;
	refuse(&s, f.ca_key, "notBefore after notAfter");
	s = leaf(CERT_CLIENT);
	s.not_before = now - 1;
	refuse(&s, f.ca_key, "issuer's validity");
	s = leaf(CERT_CLIENT);
	s.not_after = f.ca.not_after + 1;
	refuse(&s, f.ca_key, "issuer's validity");
	s = leaf(CERT_CLIENT);
	s.serial = &zero;
	refuse(&s, f.ca_key, "serial");
	s.serial = &big; /* 21 octets with its sign. */
	refuse(&s, f.ca_key, "parsed");
	s = leaf(CERT_CLIENT);
	s.not_after = INT64_C(300000000000);
	refuse(&s, f.ca_key, "encoded");
}

static void test_bad_names_and_keys(void **state)
{
	struct san_list none = { .n = 0 }, two = f.client;
	struct cert_spec s;

	(void)state;
	s = leaf(CERT_CLIENT);
	s.sans = &none;
	refuse(&s, f.ca_key, "subjectAltName");
	s.sans = &f.server;
	refuse(&s, f.ca_key, "identity and extKeyUsage");
	assert_int_equal(san_add_uri(&two, "spiffe://vpn.example/client/b"), 0);
	s.sans = &two;
	refuse(&s, f.ca_key, "identity");
	s = leaf(CERT_SERVER);
	s.sans = &f.client;
	refuse(&s, f.ca_key, "host name");
	/* Signed by somebody else. */
	s = leaf(CERT_CLIENT);
	refuse(&s, f.other_key, "signature");
	s = ca_spec();
	refuse(&s, f.other_key, "signature");
	s = leaf(CERT_CLIENT);
	s.spki = (struct der){ (const uint8_t *)"\x30\x00", 2 };
	refuse(&s, f.ca_key, "encoded");
}

static struct crl_spec crl(const struct crl_entry *entries, size_t n)
{
	return (struct crl_spec){
		.issuer = &f.ca,
		.number = 0x80,
		.this_update = now,
		.next_update = now + 10,
		.entries = entries,
		.n = n,
	};
}

static void test_crl(void **state)
{
	struct crl_entry e[3] = { 0 };
	struct x509_revoked got;
	struct x509_crl c;
	uint8_t *der = NULL;
	char why[256];

	(void)state;
	assert_int_equal(serial_parse("01", &e[0].serial), 0);
	assert_int_equal(serial_parse("02", &e[1].serial), 0);
	assert_int_equal(serial_parse("0100", &e[2].serial), 0);
	e[0].date = e[1].date = e[2].date = now - 5;
	e[1].reason = 4;
	struct crl_spec spec = crl(e, 3);
	int n = crl_make(&spec, f.ca_key, &der, why);
	assert_true(n > 0);
	assert_int_equal(x509_crl_parse(der, (size_t)n, &c), 0);
	assert_true(der_is(&c.number, "\x00\x80", 2));
	struct der it = c.entries;
	assert_int_equal(x509_crl_next(&it, &got), 1);
	assert_int_equal(got.reason, -1);
	assert_int_equal(got.date, now - 5);
	assert_int_equal(x509_crl_next(&it, &got), 1);
	assert_int_equal(got.reason, 4);
	assert_int_equal(x509_crl_next(&it, &got), 1);
	assert_true(der_is(&got.serial, "\x01\x00", 2));
	assert_int_equal(x509_crl_next(&it, &got), 0);
	for (int i = 0; i < n; i++) {
		der[i] ^= 0x01;
		assert_int_equal(lint_crl(der, (size_t)n, &f.ca, why), -EINVAL);
		der[i] ^= 0x01;
	}
	free(der);

	spec = crl(NULL, 0);
	n = crl_make(&spec, f.ca_key, &der, why);
	assert_true(n > 0);
	assert_int_equal(x509_crl_parse(der, (size_t)n, &c), 0);
	assert_int_equal(c.entries.len, 0);
	free(der);
}

static void refuse_crl(const struct crl_spec *spec, struct key *signer)
{
	uint8_t *der = NULL;
	char why[256] = "";

	assert_int_equal(crl_make(spec, signer, &der, why), -EINVAL);
	assert_null(der);
	assert_true(why[0] != '\0');
}

static void test_bad_crl(void **state)
{
	struct crl_entry e[2] = { 0 };
	struct crl_spec spec;

	(void)state;
	assert_int_equal(serial_parse("01", &e[0].serial), 0);
	assert_int_equal(serial_parse("01", &e[1].serial), 0);
	e[0].date = e[1].date = now;
	spec = crl(e, 2);
	refuse_crl(&spec, f.ca_key); /* Twice. */
	assert_int_equal(serial_parse("02", &e[0].serial), 0);
	refuse_crl(&spec, f.ca_key); /* Not in order. */
	spec.n = 1;
	e[0].reason = 7;
	refuse_crl(&spec, f.ca_key);
	e[0].reason = 8;
	refuse_crl(&spec, f.ca_key);
	spec = crl(NULL, 0);
	spec.next_update = spec.this_update;
	refuse_crl(&spec, f.ca_key);
	spec = crl(NULL, 0);
	refuse_crl(&spec, f.other_key);
	spec.n = CRL_ENTRIES_MAX + 1;
	refuse_crl(&spec, f.ca_key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad_fields),
		cmocka_unit_test(test_bad_names_and_keys),
		cmocka_unit_test(test_crl),
		cmocka_unit_test(test_bad_crl),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
