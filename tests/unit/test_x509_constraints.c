#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/util.h"
#include "help_certs.h"
#include "help_tls.h"
#include "tls/tls_verify.h"

static uint8_t buf[HELP_DER_MAX];
static struct help_cert ca, leaf;

#define DNS(text)                                           \
	{                                                   \
		X509_SAN_DNS, text, sizeof(text) - 1, false \
	}
#define NO_DNS(text)                                       \
	{                                                  \
		X509_SAN_DNS, text, sizeof(text) - 1, true \
	}
#define URI(text)                                           \
	{                                                   \
		X509_SAN_URI, text, sizeof(text) - 1, false \
	}
#define EMAIL(text)                                           \
	{                                                     \
		X509_SAN_EMAIL, text, sizeof(text) - 1, false \
	}
#define IP(bytes)                                            \
	{                                                    \
		X509_SAN_IP, bytes, sizeof(bytes) - 1, false \
	}
#define KIND(k, text)                            \
	{                                        \
		k, text, sizeof(text) - 1, false \
	}

static struct help_spec server(const char *dns)
{
	struct help_spec s = help_server("gw1", dns);

	s.ip[0] = "192.0.2.7";
	return s;
}

static int permits(const struct help_base *bases, size_t n, const struct help_spec *spec)
{
	struct help_spec ca_spec = help_ca("Bound CA");
	struct x509_cert c, l;

	ca_spec.name_constraints = help_constraints(bases, n, buf);
	help_issue(&ca, &ca_spec, help_key(HELP_P256, 1), NULL);
	help_issue(&leaf, spec, help_key(HELP_P256, 2), &ca);
	assert_int_equal(x509_parse(ca.der, ca.len, &c), 0);
	assert_false(c.unknown_critical);
	assert_int_equal(x509_parse(leaf.der, leaf.len, &l), 0);
	return x509_permits(&c, &l);
}

static void test_each_kind(void **state)
{
	static const struct {
		struct help_base base;
		int expected;
	} rows[] = {
		{ DNS("example.com"), 0 }, { DNS("vpn.example.com"), 0 }, { DNS("EXAMPLE.com"), 0 },
		{ DNS(".example.com"), 0 }, { DNS(""), 0 },
		{ DNS("ample.com"), -EACCES }, /* Whole labels only. */
		{ DNS("x.vpn.example.com"), -EACCES }, { DNS(".vpn.example.com"), -EACCES },
		{ DNS("example.org"), -EACCES }, { NO_DNS("example.org"), 0 },
		{ NO_DNS("example.com"), -EACCES }, { IP("\xc0\0\2\0\xff\xff\xff\0"), 0 },
		{ IP("\xc0\0\2\7\xff\xff\xff\xff"), 0 },
		{ IP("\xc0\0\3\0\xff\xff\xff\0"), -EACCES },
		{ IP("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
			-EACCES }, /* All of IPv6 and nothing of IPv4. */
		{ IP("\xc0\0\2\0\xff\xff\xff"), -EBADMSG },
		{ URI("net.example"), 0 }, /* The host of the identity is the network. */
		{ URI(".example"), 0 },
		{ URI("example"), -EACCES }, /* A URI's host is compared whole. */
		{ URI("other.example"), -EACCES },
		{ EMAIL("nobody.example"), 0 },  /* There is no such name in it. */
		{ KIND(4, "\x30\0"), -EBADMSG }, /* directoryName: not understood, so refused. */
	};

	(void)state;
	struct help_spec spec = server("vpn.example.com");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(permits(&rows[i].base, 1, &spec), rows[i].expected);
}

static void test_email(void **state)
{
	static const struct {
		struct help_base base;
		int expected;
	} rows[] = {
		{ EMAIL("example.com"), 0 },
		{ EMAIL("alice@example.com"), 0 },
		{ EMAIL("bob@example.com"), -EACCES },
		{ EMAIL(".example.com"), -EACCES },
		{ EMAIL(".com"), 0 },
		{ EMAIL("com"), -EACCES },
	};

	(void)state;
	struct help_spec spec = help_client("alice");
	spec.email = "alice@example.com";
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(permits(&rows[i].base, 1, &spec), rows[i].expected);
}

static void test_every_name_counts(void **state)
{
	static const struct help_base one[] = { DNS("example.com") };
	static const struct help_base both[] = { DNS("example.com"), DNS("example.org") };
	static const struct help_base but[] = { DNS("example.com"), NO_DNS("secret.example.com") };

	(void)state;
	struct help_spec spec = server("vpn.example.com");
	spec.dns[1] = "vpn.example.org";
	assert_int_equal(permits(one, 1, &spec), -EACCES);
	assert_int_equal(permits(both, 2, &spec), 0);
	spec.dns[1] = "a.secret.example.com";
	assert_int_equal(permits(one, 1, &spec), 0);
	assert_int_equal(permits(but, 2, &spec), -EACCES);
}

/* In the verdict, and in a handshake: within the constraints a server gets through, outside it does not. */
static void check_handshake(const char *dns, bool expected)
{
	static const struct help_base bases[] = { DNS("example.com") };
	struct help_spec ca_spec = help_ca("Bound CA"), s = server(dns), c = help_client("alice");
	static struct help_cert client;
	struct help_link l;

	ca_spec.name_constraints = help_constraints(bases, 1, buf);
	help_issue(&ca, &ca_spec, help_key(HELP_P256, 1), NULL);
	help_issue(&leaf, &s, help_key(HELP_P256, 2), &ca);
	help_issue(&client, &c, help_key(HELP_P256, 3), &ca);

	struct tls_trust *trust = NULL;
	struct tls_verify_opts vo = {
		.role = IDENT_SERVER, .network = "net.example", .server_name = dns
	};
	struct der chain = { leaf.der, leaf.len };
	struct ident id;
	char why[256];
	vo.now = s.not_before + 1;
	assert_int_equal(tls_trust_create(ca.pem, &trust, why), 0);
	assert_int_equal(tls_verify_chain(trust, &chain, 1, &vo, &id, why),
		expected ? TLS_REASON_NONE : TLS_REASON_BAD_CERTIFICATE);
	tls_trust_free(trust);
	if (!expected)
		return; /* The server does not even start with such a certificate. */

	const struct tls_ctx_opts so = help_ctx_opts(IDENT_SERVER, &leaf, &ca),
				  co = help_ctx_opts(IDENT_CLIENT, &client, &ca);
	help_link_init(&l, &so, &co);
	help_link_open(&l, dns);
	help_link_shake(&l);
	assert_int_equal(l.server.status, TLS_OK);
	assert_int_equal(l.client.status, TLS_OK);
	help_link_clear(&l);
}

static void test_handshake(void **state)
{
	(void)state;
	check_handshake("vpn.example.com", true);
	check_handshake("vpn.example.org", false);
}

static void test_malformed(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} bad[] = {
		{ "\x30\x00", 2 },                         /* Neither list. */
		{ "\x30\x02\xa0\x00", 4 },                 /* An empty list alone. */
		{ "\x30\x03\xa2\x01\x00", 5 },             /* Unknown part. */
		{ "\x30\x06\xa0\x04\x30\x02\x82\x05", 8 }, /* A name longer than what is there. */
		{ "\x31\x00", 2 },
	};
	struct help_spec spec = help_ca("Bound CA");
	struct x509_cert c;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct help_spec l = server("vpn.example.com");
		struct x509_cert lc;
		spec.name_constraints = (struct der){ (const uint8_t *)bad[i].bytes, bad[i].len };
		help_issue(&ca, &spec, help_key(HELP_P256, 1), NULL);
		help_issue(&leaf, &l, help_key(HELP_P256, 2), NULL);
		assert_int_equal(x509_parse(leaf.der, leaf.len, &lc), 0);
		if (x509_parse(ca.der, ca.len, &c) == 0)
			assert_int_equal(x509_permits(&c, &lc), -EBADMSG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_kind),
		cmocka_unit_test(test_email),
		cmocka_unit_test(test_every_name_counts),
		cmocka_unit_test(test_handshake),
		cmocka_unit_test(test_malformed),
	};

	if (tls_global_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
