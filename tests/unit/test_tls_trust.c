#include "tls/tls_trust.h"

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

/* The CA bundle and what its CRLs revoke. */

static int add_crl(const struct help_crl *crl)
{
	char why[256] = "", *pem = help_crl_pem(crl);
	int rc = tls_trust_add_crls(hv.trust, pem, why);

	assert_int_equal(rc == 0, why[0] == '\0');
	free(pem);
	return rc;
}

static struct help_crl crl_of(const struct help_cert *issuer, const uint32_t *serials, size_t n)
{
	return (struct help_crl){ .issuer = issuer,
		.this_update = hv.now - 60,
		.next_update = hv.now + 86400,
		.number = 1,
		.serials = serials,
		.n = n,
		.reason = 1 };
}

static void test_revoked(void **state)
{
	(void)state;
	static const uint32_t serials[] = { 7, 0x8005, 7 };
	struct help_crl crl = crl_of(&hv.root, serials, 3);
	struct help_spec spec = help_client("alice");

	assert_int_equal(add_crl(&crl), 0);
	assert_int_equal(tls_trust_revoked_count(hv.trust), 2);
	spec.serial = 0x8005;
	assert_int_equal(help_verify_client(&spec, &hv.root), TLS_REASON_REVOKED);
	assert_non_null(strstr(hv.detail, "008005"));
	spec.serial = 0x8006;
	assert_int_equal(help_verify_client(&spec, &hv.root), TLS_REASON_NONE);
	spec.serial = 0x80; /* a prefix of one that is */
	assert_int_equal(help_verify_client(&spec, &hv.root), TLS_REASON_NONE);
}

/* The serial number of another CA's revoked certificate means nothing. */
static void test_revoked_by_another_ca(void **state)
{
	(void)state;
	static const uint32_t serials[] = { 7 };
	struct help_spec ca = help_ca("Second"), spec = help_client("alice");
	char both[2 * HELP_PEM_MAX] = "";

	help_issue(&hv.other, &ca, help_key(HELP_P256, 4), NULL);
	help_pem_add(both, sizeof(both), hv.root.pem);
	help_pem_add(both, sizeof(both), hv.other.pem);
	help_verify_trust(both);
	struct help_crl crl = crl_of(&hv.other, serials, 1);
	assert_int_equal(add_crl(&crl), 0);
	spec.serial = 7;
	assert_int_equal(help_verify_client(&spec, &hv.root), TLS_REASON_NONE);
	assert_int_equal(help_verify_client(&spec, &hv.other), TLS_REASON_REVOKED);
}

static void test_revoked_intermediate(void **state)
{
	(void)state;
	struct x509_cert c;

	assert_int_equal(x509_parse(hv.inter.der, hv.inter.len, &c), 0);
	uint32_t serial = 0;
	for (size_t i = 0; i < c.serial.len; i++)
		serial = serial << 8 | c.serial.p[i];
	struct help_crl crl = crl_of(&hv.root, &serial, 1);
	assert_int_equal(add_crl(&crl), 0);
	assert_int_equal(help_verify_two_tier(&hv.inter), TLS_REASON_REVOKED);
}

static void test_stale_crl(void **state)
{
	(void)state;
	static const uint32_t serials[] = { 7 };
	struct tls_verify_opts opts = help_verify_opts();
	struct help_crl crl = crl_of(&hv.root, serials, 1);
	struct help_spec spec = help_client("alice");

	crl.next_update = hv.now - 1000;
	assert_int_equal(add_crl(&crl), 0);
	assert_true(tls_trust_crl_next_update(hv.trust) == hv.now - 1000);
	assert_int_equal(help_verify_client(&spec, &hv.root), TLS_REASON_NONE); /* only a warning */
	opts.crl_stale_deny = true;
	opts.crl_grace_s = 1000;
	assert_int_equal(help_verify_one(&hv.leaf, &opts), TLS_REASON_NONE);
	opts.crl_grace_s = 999;
	assert_int_equal(help_verify_one(&hv.leaf, &opts), TLS_REASON_CRL_STALE);
	opts.crl_grace_s = INT64_MAX;
	assert_int_equal(help_verify_one(&hv.leaf, &opts), TLS_REASON_NONE);
	/* The revoked stay out, stale or not. */
	spec.serial = 7;
	assert_int_equal(help_verify_client(&spec, &hv.root), TLS_REASON_REVOKED);

	/* A newer one puts it right. */
	crl.next_update = hv.now + 1000;
	crl.number = 2;
	assert_int_equal(add_crl(&crl), 0);
	assert_true(tls_trust_crl_next_update(hv.trust) == hv.now + 1000);
}

static void test_without_crl_nothing_is_stale(void **state)
{
	(void)state;
	struct tls_verify_opts opts = help_verify_opts();
	struct help_spec spec = help_client("alice");

	opts.crl_stale_deny = true;
	help_issue(&hv.leaf, &spec, NULL, &hv.root);
	assert_true(tls_trust_crl_next_update(hv.trust) == INT64_MAX);
	assert_int_equal(help_verify_one(&hv.leaf, &opts), TLS_REASON_NONE);
}

static void test_crls_refused_at_load(void **state)
{
	(void)state;
	struct help_crl crl = crl_of(&hv.root, NULL, 0), bad;
	struct help_spec no_crl = help_ca("No CRLs");
	char why[256];

	bad = crl;
	bad.bad_signature = true;
	assert_int_equal(add_crl(&bad), -EINVAL);
	bad = crl;
	bad.key = help_key(HELP_P256, 4);
	assert_int_equal(add_crl(&bad), -EINVAL);
	bad = crl;
	bad.issuer = &hv.inter;
	assert_int_equal(add_crl(&bad), -EINVAL);
	bad = crl;
	bad.unknown_critical = true;
	assert_int_equal(add_crl(&bad), -EINVAL);
	assert_int_equal(tls_trust_add_crls(hv.trust, "nothing", why), -EINVAL);
	assert_int_equal(tls_trust_add_crls(hv.trust,
				 "-----BEGIN X509 CRL-----\nAQID\n-----END X509 CRL-----\n", why),
		-EINVAL);
	assert_int_equal(add_crl(&crl), 0);

	no_crl.ku = X509_KU_KEY_CERT_SIGN;
	help_issue(&hv.other, &no_crl, help_key(HELP_P256, 4), NULL);
	help_verify_trust(hv.other.pem);
	bad = crl_of(&hv.other, NULL, 0);
	assert_int_equal(add_crl(&bad), -EINVAL);
}

static void test_many_revoked(void **state)
{
	(void)state;
	enum { MANY = 100000 };
	uint32_t *serials = malloc(MANY * sizeof(*serials));
	struct x509_cert c;

	assert_non_null(serials);
	for (uint32_t i = 0; i < MANY; i++)
		serials[i] = (i * 2654435761U) & ~1U; /* even ones, in no order, all different */
	struct help_crl crl = crl_of(&hv.root, serials, MANY);
	assert_int_equal(add_crl(&crl), 0);
	assert_int_equal(x509_parse(hv.root.der, hv.root.len, &c), 0);
	size_t found = 0;
	for (uint32_t i = 0; i < MANY; i++) {
		for (uint32_t odd = 0; odd <= 1; odd++) {
			uint8_t buf[16];
			struct der_out o;
			der_out_init(&o, buf, sizeof(buf));
			der_put_uint(&o, serials[i] | odd);
			struct der in = { der_out_bytes(&o), der_out_len(&o) }, serial;
			assert_int_equal(der_take(&in, DER_INTEGER, &serial), 0);
			found += tls_trust_is_revoked(hv.trust, &c.subject, &serial);
		}
	}
	assert_int_equal(found, MANY);
	free(serials);
}

static void test_bundles_refused(void **state)
{
	(void)state;
	char why[256];
	struct tls_trust *t = NULL;
	struct help_spec spec = help_client("alice"), ca = help_ca("CA"), bad;

	assert_int_equal(tls_trust_create("", &t, why), -EINVAL);
	assert_int_equal(
		tls_trust_create(
			"-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n", &t, why),
		-EINVAL);
	assert_int_equal(
		tls_trust_create(
			"-----BEGIN CERTIFICATE-----\nAQ*D\n-----END CERTIFICATE-----\n", &t, why),
		-EINVAL);
	help_issue(&hv.other, &spec, NULL, &hv.root);
	assert_int_equal(tls_trust_create(hv.other.pem, &t, why), -EINVAL);
	bad = ca;
	bad.ku = X509_KU_CRL_SIGN;
	help_issue(&hv.other, &bad, NULL, NULL);
	assert_int_equal(tls_trust_create(hv.other.pem, &t, why), -EINVAL);
	bad = ca;
	bad.version = 1;
	help_issue(&hv.other, &bad, NULL, NULL);
	assert_int_equal(tls_trust_create(hv.other.pem, &t, why), -EINVAL);
	bad = ca;
	bad.unknown_critical = true;
	help_issue(&hv.other, &bad, NULL, NULL);
	assert_int_equal(tls_trust_create(hv.other.pem, &t, why), -EINVAL);
	assert_non_null(strstr(why, "CA"));
	assert_null(t);
}

static void test_bundle_twice_and_full(void **state)
{
	(void)state;
	char why[256], *many = calloc(1, MANY_CAP);
	struct tls_trust *t = NULL;

	assert_non_null(many);
	for (size_t i = 0; i < TLS_TRUST_MAX; i++) {
		struct help_spec ca = help_ca("CA");
		help_issue(&hv.other, &ca, NULL, NULL);
		help_pem_add(many, MANY_CAP, hv.other.pem);
	}
	help_pem_add(many, MANY_CAP, hv.other.pem); /* the same again does not count */
	assert_int_equal(tls_trust_create(many, &t, why), 0);
	assert_int_equal(tls_trust_count(t), TLS_TRUST_MAX);
	tls_trust_free(t);
	t = NULL;
	help_pem_add(many, MANY_CAP, hv.root.pem);
	assert_int_equal(tls_trust_create(many, &t, why), -EINVAL);
	free(many);
}

static void test_reasons_have_names(void **state)
{
	(void)state;
	for (int i = 0; i < TLS_N_REASONS; i++)
		assert_non_null(tls_reason_name((enum tls_reason)i));
	assert_string_equal(tls_reason_name(TLS_REASON_CRL_STALE), "crl-stale");
	assert_string_equal(tls_reason_name(TLS_REASON_UNKNOWN_CA), "unknown-ca");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, help_verify_setup, help_verify_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_revoked),
		TEST(test_revoked_by_another_ca),
		TEST(test_revoked_intermediate),
		TEST(test_stale_crl),
		TEST(test_without_crl_nothing_is_stale),
		TEST(test_crls_refused_at_load),
		TEST(test_many_revoked),
		TEST(test_bundles_refused),
		TEST(test_bundle_twice_and_full),
		TEST(test_reasons_have_names),
	};
	return cmocka_run_group_tests(tests, help_verify_start, NULL);
}
