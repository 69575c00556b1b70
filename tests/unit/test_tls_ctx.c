#include "tls/tls_ctx.h"

#include "base/util.h"
#include "help_tls.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static struct help_pki pki;
static struct help_cert bad;
static int64_t now;

static int setup(void **state)
{
	(void)state;
	now = time(NULL);
	help_pki_init(&pki);
	return tls_global_init();
}

static struct tls_ctx_opts server_opts(void)
{
	return help_ctx_opts(IDENT_SERVER, &pki.server, &pki.ca);
}

/* It is refused, and the message holds that word. */
static void expect_why(const struct tls_ctx_opts *opts, const char *word)
{
	struct tls_ctx *c = NULL;
	char why[256] = "";

	assert_int_equal(tls_ctx_create(opts, &c, why), -EINVAL);
	assert_null(c);
	if (strstr(why, word) == NULL)
		fail_msg("\"%s\" lacks \"%s\"", why, word);
}

static void expect_own_cert(
	const struct help_spec *spec, const struct help_cert *issuer, const char *word)
{
	struct tls_ctx_opts o = server_opts();

	help_issue(&bad, spec, help_key(HELP_P256, 5), issuer);
	o.cert = bad.pem;
	o.key = bad.key_pem;
	expect_why(&o, word);
}

/* The message starts with where the wrong thing has come from. */
static void test_sources_are_named(void **state)
{
	static const struct tls_sources sources = { "/a/cert", "/a/key", "/a/ca", "/a/crl" };
	static const struct {
		size_t offset; /* Of what is spoilt. */
		const char *word;
	} rows[] = {
		{ offsetof(struct tls_ctx_opts, cert), "/a/cert: " },
		{ offsetof(struct tls_ctx_opts, key), "/a/key: " },
		{ offsetof(struct tls_ctx_opts, ca), "/a/ca: " },
		{ offsetof(struct tls_ctx_opts, crl), "/a/crl: " },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tls_ctx_opts o = server_opts();
		void *spoilt = (char *)&o + rows[i].offset;
		o.sources = sources;
		*(const char **)spoilt = "junk";
		expect_why(&o, rows[i].word);
	}
}

static void test_made_and_described(void **state)
{
	(void)state;
	static const uint32_t revoked[] = { 1, 2, 3 };
	const struct help_crl crl = { .issuer = &pki.ca,
		.this_update = now - 60,
		.next_update = now + 86400,
		.serials = revoked,
		.n = 3,
		.reason = -1 };
	struct tls_ctx_opts o = server_opts();
	struct tls_ctx *c = NULL;
	char why[256], *pem = help_crl_pem(&crl);
	struct x509_cert own, ca;

	assert_int_equal(x509_parse(pki.server.der, pki.server.len, &own), 0);
	assert_int_equal(x509_parse(pki.ca.der, pki.ca.len, &ca), 0);
	assert_int_equal(tls_ctx_create(&o, &c, why), 0);
	assert_string_equal(tls_ctx_ident(c)->name, "gw1");
	assert_int_equal(tls_ctx_ident(c)->role, IDENT_SERVER);
	assert_true(tls_ctx_expiry(c).certificate == own.not_after);
	assert_true(tls_ctx_expiry(c).ca == ca.not_after);
	assert_true(tls_ctx_expiry(c).crl == INT64_MAX);
	assert_int_equal(tls_ctx_revoked_count(c), 0);
	tls_ctx_put(c);

	o.crl = pem;
	assert_int_equal(tls_ctx_create(&o, &c, why), 0);
	assert_true(tls_ctx_expiry(c).crl == now + 86400);
	assert_int_equal(tls_ctx_revoked_count(c), 3);
	tls_ctx_put(c);
	free(pem);
}

static void test_unreadable(void **state)
{
	(void)state;
	struct tls_ctx_opts o = server_opts();
	char cut[HELP_PEM_MAX];

	o.cert = "";
	expect_why(&o, "certificate");
	(void)snprintf(cut, sizeof(cut), "%.300s", pki.server.pem);
	o.cert = cut;
	expect_why(&o, "certificate");
	o = server_opts();
	o.ca = "";
	expect_why(&o, "CA bundle");
	o.ca = pki.client.pem;
	expect_why(&o, "CA certificate");
	o = server_opts();
	o.key = "";
	expect_why(&o, "key");
	(void)snprintf(cut, sizeof(cut), "%.100s", pki.server.key_pem);
	o.key = cut;
	expect_why(&o, "key");
	o = server_opts();
	o.crl = "";
	expect_why(&o, "CRL");
}

static void test_key_of_another_certificate(void **state)
{
	(void)state;
	static const enum help_key_kind kinds[] = { HELP_P256, HELP_P384, HELP_ED25519,
		HELP_RSA2048 };

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct help_spec spec = help_server("gw1", "vpn.example");
		struct help_cert other;
		struct tls_ctx_opts o = server_opts();
		help_issue(&bad, &spec, help_key(kinds[i], 5), &pki.ca);
		help_issue(&other, &spec, help_key(kinds[i], 6), &pki.ca);
		o.cert = bad.pem;
		o.key = other.key_pem;
		expect_why(&o, "does not belong");
	}
}

static void test_encrypted_key(void **state)
{
	(void)state;
	struct tls_ctx_opts o = server_opts();

	o.key = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAQID\n-----END ENCRYPTED PRIVATE "
		"KEY-----\n";
	expect_why(&o, "encrypted");
	o.key = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: "
		"AES-128-CBC,00\n\n"
		"AQID\n-----END RSA PRIVATE KEY-----\n";
	expect_why(&o, "encrypted");
}

/* What the other side would refuse is found out at the start. */
static void test_own_certificate_that_nobody_would_take(void **state)
{
	(void)state;
	struct help_spec good = help_server("gw1", "vpn.example"), s = good,
			 ca = help_ca("Elsewhere");
	struct help_cert elsewhere;

	help_issue(&elsewhere, &ca, help_key(HELP_P256, 6), NULL);
	expect_own_cert(&good, &elsewhere, "unknown-ca");
	s.not_after = now - 1;
	expect_own_cert(&s, &pki.ca, "expired");
	s = good;
	s.not_before = now + 3600;
	expect_own_cert(&s, &pki.ca, "not-yet-valid");
	s = good;
	s.eku = X509_EKU_CLIENT_AUTH;
	expect_own_cert(&s, &pki.ca, "wrong-usage");
	s = good;
	s.uri[0] = "spiffe://other.example/server/gw1";
	expect_own_cert(&s, &pki.ca, "bad-identity");
	s = help_client("alice");
	s.eku |= X509_EKU_SERVER_AUTH;
	expect_own_cert(&s, &pki.ca, "bad-identity");
	s = good;
	s.version = 1;
	expect_own_cert(&s, &pki.ca, "bad-certificate");
}

static void test_own_certificate_revoked(void **state)
{
	(void)state;
	static const uint32_t revoked[] = { 0xbad };
	const struct help_crl crl = {
		.issuer = &pki.ca, .this_update = now - 60, .serials = revoked, .n = 1, .reason = -1
	};
	struct help_spec s = help_server("gw1", "vpn.example");
	struct tls_ctx_opts o = server_opts();
	char *pem = help_crl_pem(&crl);

	s.serial = 0xbad;
	help_issue(&bad, &s, help_key(HELP_P256, 5), &pki.ca);
	o.cert = bad.pem;
	o.key = bad.key_pem;
	o.crl = pem;
	expect_why(&o, "revoked");
	free(pem);
}

static void test_too_long_a_chain(void **state)
{
	(void)state;
	struct tls_ctx_opts o = server_opts();
	char *many = calloc(6, HELP_PEM_MAX);

	assert_non_null(many);
	for (int i = 0; i < 5; i++)
		help_pem_add(many, (size_t)6 * HELP_PEM_MAX, pki.server.pem);
	o.cert = many;
	expect_why(&o, "more than 4");
	free(many);
}

/* An old CA that has run out beside the new one is no reason not to start. */
static void test_expired_ca_beside_its_successor(void **state)
{
	(void)state;
	struct help_spec old = help_ca("Old CA"), leaf = help_client("bob");
	struct help_cert old_ca, bob;
	char both[2 * HELP_PEM_MAX], why[256];
	struct tls_ctx_opts o = server_opts(), c;
	struct tls_ctx *ctx = NULL;

	old.not_after = now - 1;
	help_issue(&old_ca, &old, help_key(HELP_P256, 6), NULL);
	(void)snprintf(both, sizeof(both), "%s%s", old_ca.pem, pki.ca.pem);
	o.ca = both;
	assert_int_equal(tls_ctx_create(&o, &ctx, why), 0);
	assert_true(tls_ctx_expiry(ctx).ca == now - 1);
	tls_ctx_put(ctx);
	/* What it has issued is of no more use. */
	help_issue(&bob, &leaf, help_key(HELP_P256, 5), &old_ca);
	c = help_ctx_opts(IDENT_CLIENT, &bob, &old_ca);
	expect_why(&c, "expired");
}

static void test_library(void **state)
{
	(void)state;
	assert_non_null(strstr(tls_library_version(), "wolfSSL 5."));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sources_are_named),
		cmocka_unit_test(test_made_and_described),
		cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_key_of_another_certificate),
		cmocka_unit_test(test_encrypted_key),
		cmocka_unit_test(test_own_certificate_that_nobody_would_take),
		cmocka_unit_test(test_own_certificate_revoked),
		cmocka_unit_test(test_too_long_a_chain),
		cmocka_unit_test(test_expired_ca_beside_its_successor),
		cmocka_unit_test(test_library),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
