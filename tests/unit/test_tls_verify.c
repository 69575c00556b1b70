#include "tls/tls_verify.h"

#include "base/util.h"
#include "help_verify.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Our own check of a leaf: no TLS library decides anything here. */

static void test_good_client(void **state)
{
	(void)state;
	struct help_spec spec = help_client("alice");

	assert_int_equal(help_verify_client(&spec, &hv.root), TLS_REASON_NONE);
	assert_string_equal(hv.id.name, "alice");
	assert_string_equal(hv.id.network, "net.example");
	assert_int_equal(hv.id.role, IDENT_CLIENT);
}

static void test_server_names(void **state)
{
	(void)state;
	struct help_spec spec = help_server("gw1", "vpn.example");

	spec.ip[0] = "192.0.2.1";
	spec.ip[1] = "2001:db8::1";
	assert_int_equal(help_verify_host(&spec, "vpn.example"), TLS_REASON_NONE);
	assert_int_equal(help_verify_host(&spec, "VPN.Example"), TLS_REASON_NONE);
	assert_int_equal(help_verify_host(&spec, "192.0.2.1"), TLS_REASON_NONE);
	assert_int_equal(help_verify_host(&spec, "2001:db8:0::1"), TLS_REASON_NONE);
	assert_int_equal(help_verify_host(&spec, "other.example"), TLS_REASON_WRONG_NAME);
	assert_int_equal(help_verify_host(&spec, "vpn.example.org"), TLS_REASON_WRONG_NAME);
	assert_int_equal(help_verify_host(&spec, "192.0.2.2"), TLS_REASON_WRONG_NAME);
	assert_int_equal(help_verify_host(&spec, "2001:db8::2"), TLS_REASON_WRONG_NAME);
	assert_int_equal(help_verify_host(&spec, "gw1"), TLS_REASON_WRONG_NAME); /* only the CN */
}

static void test_wildcards_match_nothing(void **state)
{
	(void)state;
	struct help_spec spec = help_server("gw1", "*.example");

	spec.dns[1] = "*";
	assert_int_equal(help_verify_host(&spec, "vpn.example"), TLS_REASON_WRONG_NAME);
	assert_int_equal(help_verify_host(&spec, "vpn"), TLS_REASON_WRONG_NAME);
}

static void test_address_in_dns_name_is_no_address(void **state)
{
	(void)state;
	struct help_spec spec = help_server("gw1", "192.0.2.1");

	assert_int_equal(help_verify_host(&spec, "192.0.2.1"), TLS_REASON_WRONG_NAME);
}

static void test_every_kind_of_key(void **state)
{
	(void)state;
	static const enum help_key_kind kinds[] = { HELP_P256, HELP_P384, HELP_ED25519,
		HELP_RSA2048 };
	static const enum help_hash hashes[] = { HELP_SHA256, HELP_SHA384, HELP_SHA512 };
	const struct tls_verify_opts opts = help_verify_opts();

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct help_spec ca = help_ca("CA");
		help_issue(&hv.other, &ca, help_key(kinds[i], 0), NULL);
		help_verify_trust(hv.other.pem);
		for (size_t j = 0; j < ARRAY_LEN(kinds) + ARRAY_LEN(hashes); j++) {
			struct help_spec spec = help_client("alice");
			bool hash = j >= ARRAY_LEN(kinds);
			if (hash)
				spec.hash = hashes[j - ARRAY_LEN(kinds)];
			help_issue(&hv.leaf, &spec, help_key(hash ? HELP_P256 : kinds[j], 1),
				&hv.other);
			assert_int_equal(help_verify_one(&hv.leaf, &opts), TLS_REASON_NONE);
			hv.leaf.der[hv.leaf.len - 1] ^= 1;
			assert_int_equal(help_verify_one(&hv.leaf, &opts), TLS_REASON_UNKNOWN_CA);
		}
	}
}

static void test_no_certificate(void **state)
{
	(void)state;
	const struct tls_verify_opts opts = help_verify_opts();

	assert_int_equal(help_verify_chain(NULL, 0, &opts), TLS_REASON_NO_CERTIFICATE);
}

static void test_too_many_certificates(void **state)
{
	(void)state;
	const struct help_cert *const certs[] = { &hv.leaf, &hv.root, &hv.root, &hv.root,
		&hv.root };
	const struct tls_verify_opts opts = help_verify_opts();
	struct help_spec spec = help_client("alice");

	help_issue(&hv.leaf, &spec, NULL, &hv.root);
	assert_int_equal(help_verify_chain(certs, 4, &opts), TLS_REASON_NONE);
	assert_int_equal(help_verify_chain(certs, 5, &opts), TLS_REASON_BAD_CERTIFICATE);
}

static void test_malformed(void **state)
{
	(void)state;
	const struct tls_verify_opts opts = help_verify_opts();
	struct help_spec spec = help_client("alice");

	help_issue(&hv.leaf, &spec, NULL, &hv.root);
	hv.leaf.len--;
	assert_int_equal(help_verify_one(&hv.leaf, &opts), TLS_REASON_BAD_CERTIFICATE);
	hv.leaf.len = 0;
	assert_int_equal(help_verify_one(&hv.leaf, &opts), TLS_REASON_BAD_CERTIFICATE);
}

static void test_form(void **state)
{
	(void)state;
	struct help_spec v1 = help_client("alice"), ca = v1, signs = v1, sha1 = v1, critical = v1,
			 ku = v1;

	v1.version = 1;
	assert_int_equal(help_verify_client(&v1, &hv.root), TLS_REASON_BAD_CERTIFICATE);
	ca.ca = true;
	assert_int_equal(help_verify_client(&ca, &hv.root), TLS_REASON_BAD_CERTIFICATE);
	signs.ku |= X509_KU_KEY_CERT_SIGN;
	assert_int_equal(help_verify_client(&signs, &hv.root), TLS_REASON_BAD_CERTIFICATE);
	sha1.hash = HELP_SHA1;
	assert_int_equal(help_verify_client(&sha1, &hv.root), TLS_REASON_BAD_CERTIFICATE);
	critical.unknown_critical = true;
	assert_int_equal(help_verify_client(&critical, &hv.root), TLS_REASON_BAD_CERTIFICATE);
	ku.ku = X509_KU_KEY_ENCIPHERMENT;
	assert_int_equal(help_verify_client(&ku, &hv.root), TLS_REASON_BAD_CERTIFICATE);
	ku.ku = 0; /* keyUsage may be absent */
	assert_int_equal(help_verify_client(&ku, &hv.root), TLS_REASON_NONE);
}

static void test_weak_key(void **state)
{
	(void)state;
	const struct tls_verify_opts opts = help_verify_opts();
	struct help_spec spec = help_client("alice");

	help_issue(&hv.leaf, &spec, help_key(HELP_RSA1024, 0), &hv.root);
	assert_int_equal(help_verify_one(&hv.leaf, &opts), TLS_REASON_BAD_CERTIFICATE);
}

static void test_sha1_by_rsa(void **state)
{
	(void)state;
	struct help_spec ca = help_ca("CA"), spec = help_client("alice");

	help_issue(&hv.other, &ca, help_key(HELP_RSA2048, 0), NULL);
	help_verify_trust(hv.other.pem);
	spec.hash = HELP_SHA1;
	assert_int_equal(help_verify_client(&spec, &hv.other), TLS_REASON_BAD_CERTIFICATE);
}

static void test_other_cas(void **state)
{
	(void)state;
	struct help_spec elsewhere = help_ca("Elsewhere"), same_name = help_ca("Root"),
			 spec = help_client("alice");

	help_issue(&hv.other, &elsewhere, help_key(HELP_P256, 4), NULL);
	assert_int_equal(help_verify_client(&spec, &hv.other), TLS_REASON_UNKNOWN_CA);
	help_issue(&hv.other, &same_name, help_key(HELP_P256, 4), NULL);
	assert_int_equal(help_verify_client(&spec, &hv.other), TLS_REASON_UNKNOWN_CA);
	assert_int_equal(help_verify_client(&spec, NULL), TLS_REASON_UNKNOWN_CA); /* self-signed */
	spec.bad_signature = true;
	assert_int_equal(help_verify_client(&spec, &hv.root), TLS_REASON_UNKNOWN_CA);
}

/* Even a self-signed leaf with the CA's own name gets nowhere. */
static void test_self_signed_as_the_ca(void **state)
{
	(void)state;
	struct help_spec spec = help_client("alice");

	spec.cn = "Root";
	assert_int_equal(help_verify_client(&spec, NULL), TLS_REASON_UNKNOWN_CA);
}

static void test_dates(void **state)
{
	(void)state;
	struct help_spec spec = help_client("alice");

	spec.not_after = hv.now - 1;
	assert_int_equal(help_verify_client(&spec, &hv.root), TLS_REASON_EXPIRED);
	assert_non_null(strstr(hv.detail, "alice"));
	spec.not_after = hv.now;
	assert_int_equal(help_verify_client(&spec, &hv.root), TLS_REASON_NONE);
	spec.not_before = hv.now;
	assert_int_equal(help_verify_client(&spec, &hv.root), TLS_REASON_NONE);
	spec.not_before = hv.now + 1;
	spec.not_after = hv.now + 2;
	assert_int_equal(help_verify_client(&spec, &hv.root), TLS_REASON_NOT_YET_VALID);
}

static void test_usage(void **state)
{
	(void)state;
	struct help_spec spec = help_client("alice");

	spec.eku = X509_EKU_SERVER_AUTH;
	assert_int_equal(help_verify_client(&spec, &hv.root), TLS_REASON_WRONG_USAGE);
	spec.eku = 0;
	assert_int_equal(help_verify_client(&spec, &hv.root), TLS_REASON_WRONG_USAGE);
	spec.eku = X509_EKU_OTHER; /* anyExtendedKeyUsage */
	assert_int_equal(help_verify_client(&spec, &hv.root), TLS_REASON_WRONG_USAGE);
	spec.eku = X509_EKU_SERVER_AUTH | X509_EKU_CLIENT_AUTH;
	assert_int_equal(help_verify_client(&spec, &hv.root), TLS_REASON_NONE);

	struct help_spec server = help_server("gw1", "vpn.example");
	server.eku = X509_EKU_CLIENT_AUTH;
	assert_int_equal(help_verify_host(&server, "vpn.example"), TLS_REASON_WRONG_USAGE);
}

static void test_identity(void **state)
{
	(void)state;
	struct help_spec spec = help_client("alice");

	spec.uri[0] = "spiffe://elsewhere.example/client/alice";
	assert_int_equal(help_verify_client(&spec, &hv.root), TLS_REASON_BAD_IDENTITY);
	spec.uri[0] = "spiffe://net.example/server/alice";
	assert_int_equal(help_verify_client(&spec, &hv.root), TLS_REASON_BAD_IDENTITY);
	spec.uri[0] = "spiffe://net.example/client/-alice";
	assert_int_equal(help_verify_client(&spec, &hv.root), TLS_REASON_BAD_IDENTITY);
	spec.uri[0] = "https://net.example/client/alice";
	assert_int_equal(help_verify_client(&spec, &hv.root), TLS_REASON_BAD_IDENTITY);
	spec.uri[0] = NULL;
	spec.dns[0] = "alice.example";
	assert_int_equal(help_verify_client(&spec, &hv.root), TLS_REASON_BAD_IDENTITY);
	spec.uri[0] = "spiffe://net.example/client/alice";
	spec.uri[1] = "spiffe://net.example/client/bob";
	assert_int_equal(help_verify_client(&spec, &hv.root), TLS_REASON_BAD_IDENTITY);
}

static void test_signature_needs_the_right_kind(void **state)
{
	(void)state;
	static const enum x509_sig algs[] = { X509_SIG_OTHER, X509_SIG_ECDSA_SHA384,
		X509_SIG_RSA_SHA256, X509_SIG_ED25519, (enum x509_sig)99 };
	struct x509_cert c;

	assert_int_equal(x509_parse(hv.root.der, hv.root.len, &c), 0);
	assert_int_equal(tls_verify_signature(&c.spki, c.sig_alg, &c.tbs, &c.sig), 0);
	for (size_t i = 0; i < ARRAY_LEN(algs); i++)
		assert_int_equal(tls_verify_signature(&c.spki, algs[i], &c.tbs, &c.sig), -EBADMSG);
	assert_int_equal(tls_verify_signature(&c.subject, c.sig_alg, &c.tbs, &c.sig), -EBADMSG);
	const struct der nothing = { NULL, 0 };
	assert_int_equal(tls_verify_signature(&c.spki, c.sig_alg, &c.tbs, &nothing), -EBADMSG);
	assert_int_equal(tls_verify_signature(&c.spki, c.sig_alg, &nothing, &c.sig), -EBADMSG);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, help_verify_setup, help_verify_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_good_client),
		TEST(test_server_names),
		TEST(test_wildcards_match_nothing),
		TEST(test_address_in_dns_name_is_no_address),
		TEST(test_every_kind_of_key),
		TEST(test_no_certificate),
		TEST(test_too_many_certificates),
		TEST(test_malformed),
		TEST(test_form),
		TEST(test_weak_key),
		TEST(test_sha1_by_rsa),
		TEST(test_other_cas),
		TEST(test_self_signed_as_the_ca),
		TEST(test_dates),
		TEST(test_usage),
		TEST(test_identity),
		TEST(test_signature_needs_the_right_kind),
	};
	return cmocka_run_group_tests(tests, help_verify_start, NULL);
}
