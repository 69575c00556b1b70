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

enum { MANY_CAP = (TLS_TRUST_MAX + 2) * HELP_PEM_MAX };

/* Building paths from a leaf to a CA of the bundle. */

static void test_dates_of_the_ca(void **state)
{
	(void)state;
	struct help_spec ca = help_ca("Root"), spec = help_client("alice");

	ca.not_after = hv.now - 1;
	help_issue(&hv.other, &ca, help_key(HELP_P256, 4), NULL);
	help_verify_trust(hv.other.pem);
	assert_int_equal(help_verify_client(&spec, &hv.other), TLS_REASON_EXPIRED);
	ca.not_after = hv.now + 100;
	ca.not_before = hv.now + 50;
	help_issue(&hv.other, &ca, help_key(HELP_P256, 4), NULL);
	help_verify_trust(hv.other.pem);
	assert_int_equal(help_verify_client(&spec, &hv.other), TLS_REASON_NOT_YET_VALID);
}

/* A CA renewed with the same key: the old certificate beside the new one is no obstacle. */
static void test_renewed_ca(void **state)
{
	(void)state;
	struct help_spec old = help_ca("Root"), spec = help_client("alice");
	char both[2 * HELP_PEM_MAX] = "";

	old.not_after = hv.now - 1;
	help_issue(&hv.other, &old, hv.root.key, NULL);
	help_pem_add(both, sizeof(both), hv.other.pem);
	help_pem_add(both, sizeof(both), hv.root.pem);
	help_verify_trust(both);
	assert_int_equal(tls_trust_count(hv.trust), 2);
	assert_int_equal(help_verify_client(&spec, &hv.root), TLS_REASON_NONE);
	assert_true(tls_trust_ca_expiry(hv.trust) == hv.now - 1);
}

static void test_intermediate(void **state)
{
	(void)state;
	struct help_spec spec = help_client("alice");

	assert_int_equal(help_verify_two_tier(&hv.inter), TLS_REASON_NONE);
	assert_int_equal(
		help_verify_client(&spec, &hv.inter), TLS_REASON_UNKNOWN_CA); /* not sent */
	help_verify_trust(hv.inter.pem); /* as an anchor of its own */
	assert_int_equal(help_verify_client(&spec, &hv.inter), TLS_REASON_NONE);
}

static void test_bad_intermediates(void **state)
{
	(void)state;
	struct help_spec spec = help_ca("Issuing CA"), bad;

	bad = spec;
	bad.ca = false;
	bad.ku = X509_KU_DIGITAL_SIGNATURE;
	help_issue(&hv.other, &bad, help_key(HELP_P256, 4), &hv.root);
	assert_int_equal(help_verify_two_tier(&hv.other), TLS_REASON_UNKNOWN_CA);
	bad = spec;
	bad.ca = false;
	help_issue(&hv.other, &bad, help_key(HELP_P256, 4), &hv.root);
	assert_int_equal(help_verify_two_tier(&hv.other), TLS_REASON_UNKNOWN_CA);
	bad = spec;
	bad.ku = X509_KU_CRL_SIGN;
	help_issue(&hv.other, &bad, help_key(HELP_P256, 4), &hv.root);
	assert_int_equal(help_verify_two_tier(&hv.other), TLS_REASON_UNKNOWN_CA);
	bad = spec;
	bad.ku = 0;
	help_issue(&hv.other, &bad, help_key(HELP_P256, 4), &hv.root);
	assert_int_equal(help_verify_two_tier(&hv.other), TLS_REASON_UNKNOWN_CA);
	bad = spec;
	bad.unknown_critical = true;
	help_issue(&hv.other, &bad, help_key(HELP_P256, 4), &hv.root);
	assert_int_equal(help_verify_two_tier(&hv.other), TLS_REASON_UNKNOWN_CA);
	bad = spec;
	bad.hash = HELP_SHA1;
	help_issue(&hv.other, &bad, help_key(HELP_P256, 4), &hv.root);
	assert_int_equal(help_verify_two_tier(&hv.other), TLS_REASON_UNKNOWN_CA);
	bad = spec;
	bad.not_after = hv.now - 1;
	help_issue(&hv.other, &bad, help_key(HELP_P256, 4), &hv.root);
	assert_int_equal(help_verify_two_tier(&hv.other), TLS_REASON_EXPIRED);
	help_issue(&hv.other, &spec, help_key(HELP_P256, 4), NULL); /* signed by nobody we know */
	assert_int_equal(help_verify_two_tier(&hv.other), TLS_REASON_UNKNOWN_CA);
}

static void test_path_length(void **state)
{
	(void)state;
	struct help_spec ca = help_ca("Root"), sub = help_ca("Sub");
	const struct tls_verify_opts opts = help_verify_opts();
	struct help_spec spec = help_client("alice");
	struct help_cert deep;

	/* The intermediate has a path length of 0, so nothing may stand between it and the leaf. */
	help_issue(&deep, &sub, help_key(HELP_P256, 5), &hv.inter);
	help_issue(&hv.leaf, &spec, NULL, &deep);
	const struct help_cert *const certs[] = { &hv.leaf, &deep, &hv.inter };
	assert_int_equal(help_verify_chain(certs, 3, &opts), TLS_REASON_UNKNOWN_CA);

	/* The same for the CA of the bundle. */
	ca.path_len = 0;
	help_issue(&hv.other, &ca, help_key(HELP_P256, 4), NULL);
	help_verify_trust(hv.other.pem);
	help_issue(&deep, &sub, help_key(HELP_P256, 5), &hv.other);
	assert_int_equal(help_verify_two_tier(&deep), TLS_REASON_UNKNOWN_CA);
	ca.path_len = 1;
	help_issue(&hv.other, &ca, help_key(HELP_P256, 4), NULL);
	help_verify_trust(hv.other.pem);
	assert_int_equal(help_verify_two_tier(&deep), TLS_REASON_NONE);
}

static void test_order_and_rubbish_do_not_matter(void **state)
{
	(void)state;
	struct help_spec top = help_ca("Top"), sub = help_ca("Sub"), spec = help_client("alice");
	const struct tls_verify_opts opts = help_verify_opts();
	struct help_cert a, b;

	help_issue(&a, &top, help_key(HELP_P256, 4), &hv.root);
	help_issue(&b, &sub, help_key(HELP_P256, 5), &a);
	help_issue(&hv.leaf, &spec, NULL, &b);
	const struct help_cert *const order[] = { &hv.leaf, &a, &b, &hv.root };
	assert_int_equal(help_verify_chain(order, 4, &opts), TLS_REASON_NONE);

	hv.other = hv.root;
	hv.other.len /= 2;
	const struct help_cert *const rubbish[] = { &hv.leaf, &hv.other, &b, &a };
	assert_int_equal(help_verify_chain(rubbish, 4, &opts), TLS_REASON_NONE);
}

/* Two CAs that have signed each other and nobody we trust: the search ends. */
static void test_circle(void **state)
{
	(void)state;
	struct help_spec x = help_ca("X"), y = help_ca("Y"), spec = help_client("alice");
	const struct tls_verify_opts opts = help_verify_opts();
	struct help_cert a, b;

	help_issue(&a, &x, help_key(HELP_P256, 4), NULL);
	help_issue(&b, &y, help_key(HELP_P256, 5), &a);
	help_issue(&a, &x, help_key(HELP_P256, 4), &b);
	help_issue(&hv.leaf, &spec, NULL, &b);
	const struct help_cert *const certs[] = { &hv.leaf, &a, &b, &a };
	assert_int_equal(help_verify_chain(certs, 4, &opts), TLS_REASON_UNKNOWN_CA);
}

/* Nor does it miss the way out beside the circle. */
static void test_way_out_of_a_circle(void **state)
{
	(void)state;
	struct help_spec x = help_ca("X"), y = help_ca("Y"), spec = help_client("alice");
	const struct tls_verify_opts opts = help_verify_opts();
	struct help_cert a, b, out;

	help_issue(&a, &x, help_key(HELP_P256, 4), NULL);
	help_issue(&b, &y, help_key(HELP_P256, 5), &a);
	help_issue(&a, &x, help_key(HELP_P256, 4), &b);
	help_issue(&out, &y, help_key(HELP_P256, 5), &hv.root);
	help_issue(&hv.leaf, &spec, NULL, &b);
	const struct help_cert *const certs[] = { &hv.leaf, &a, &b, &out };
	assert_int_equal(help_verify_chain(certs, 4, &opts), TLS_REASON_NONE);
}

/* The old CA certifies the new one's key under the same name: that does not use up its path length. */
static void test_rollover(void **state)
{
	(void)state;
	struct help_spec ca = help_ca("Root");

	ca.path_len = 0;
	help_issue(&hv.other, &ca, help_key(HELP_P256, 4), NULL);
	help_verify_trust(hv.other.pem);
	struct help_cert new_with_old;
	help_issue(&new_with_old, &ca, help_key(HELP_P256, 5), &hv.other);
	assert_int_equal(help_verify_two_tier(&new_with_old), TLS_REASON_NONE);
}

/* 64 CAs of the same name: a hostile leaf cannot make us try the signature of each. */
static void test_signature_checks_are_bounded(void **state)
{
	(void)state;
	char why[256], *many = calloc(1, MANY_CAP);
	struct help_spec spec = help_client("alice");

	assert_non_null(many);
	for (unsigned i = 0; i < TLS_TRUST_MAX; i++) {
		struct help_spec ca = help_ca("Root");
		help_issue(&hv.other, &ca,
			i + 1 < TLS_TRUST_MAX ? help_key(HELP_P256, 4) : hv.root.key, NULL);
		help_pem_add(many, MANY_CAP, hv.other.pem);
	}
	tls_trust_free(hv.trust);
	hv.trust = NULL;
	assert_int_equal(tls_trust_create(many, &hv.trust, why), 0);
	assert_int_equal(help_verify_client(&spec, &hv.root), TLS_REASON_UNKNOWN_CA);
	free(many);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, help_verify_setup, help_verify_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_dates_of_the_ca),
		TEST(test_renewed_ca),
		TEST(test_intermediate),
		TEST(test_bad_intermediates),
		TEST(test_path_length),
		TEST(test_order_and_rubbish_do_not_matter),
		TEST(test_circle),
		TEST(test_way_out_of_a_circle),
		TEST(test_rollover),
		TEST(test_signature_checks_are_bounded),
	};
	return cmocka_run_group_tests(tests, help_verify_start, NULL);
}
