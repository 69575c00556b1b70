#include "tls/tls_conn.h"

#include "base/util.h"
#include "help_rogue.h"
#include "help_tls.h"
#include "tls/tls_ctx_priv.h"

#include <wolfssl/options.h>

#include <wolfssl/ssl.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

/* Who gets in and who does not: every certificate of PROTOCOL 2.2 over a real handshake, both ways. */

static struct help_pki pki;
static struct help_cert bad, other;
static struct help_link l;
static char *crl;
static int64_t now;

static int setup(void **state)
{
	static const uint32_t revoked[] = { 0xbad };

	(void)state;
	now = time(NULL);
	help_pki_init(&pki);
	const struct help_crl spec = { .issuer = &pki.ca,
		.this_update = now - 60,
		.next_update = now + 86400,
		.serials = revoked,
		.n = 1,
		.reason = 1 };
	crl = help_crl_pem(&spec);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	free(crl);
	return 0;
}

static int each(void **state)
{
	struct tls_ctx_opts s = help_ctx_opts(IDENT_SERVER, &pki.server, &pki.ca),
			    c = help_ctx_opts(IDENT_CLIENT, &pki.client, &pki.ca);

	(void)state;
	s.crl = c.crl = crl;
	help_link_init(&l, &s, &c);
	return 0;
}

static int after(void **state)
{
	(void)state;
	help_link_clear(&l);
	return 0;
}

static struct help_rogue rogue(bool server, const struct help_cert *cert)
{
	return (struct help_rogue){
		.server = server, .cert = cert->pem, .key = cert->key_pem, .alpn = "sallyport/1"
	};
}

static struct help_verdict client_knocks(
	const struct help_spec *spec, const struct help_cert *issuer)
{
	help_issue(&bad, spec, help_key(HELP_P256, 5), issuer);
	struct help_rogue r = rogue(false, &bad);
	return help_rogue_meets(&r, l.server.ctx, NULL, now);
}

static struct help_verdict server_poses(
	const struct help_spec *spec, const struct help_cert *issuer)
{
	help_issue(&bad, spec, help_key(HELP_P256, 5), issuer);
	struct help_rogue r = rogue(true, &bad);
	return help_rogue_meets(&r, l.client.ctx, "vpn.example", now);
}

static void expect(const struct help_verdict *v, enum tls_status status, enum tls_reason reason)
{
	if (v->status != status || v->reason != reason)
		fail_msg("status %d, reason %s (%s)", v->status, tls_reason_name(v->reason),
			v->detail);
	if (status == TLS_OK)
		return;
	assert_true(v->detail[0] != '\0');
	/* Only a peer that has finished the handshake is told; it can read why. */
	assert_string_equal(v->last_words, status == TLS_REFUSED ? "BYE" : "");
}

static void test_the_rogue_gets_in_with_a_good_certificate(void **state)
{
	(void)state;
	struct help_spec client = help_client("bob"), server = help_server("gw9", "vpn.example");
	struct help_verdict v = client_knocks(&client, &pki.ca);

	expect(&v, TLS_OK, TLS_REASON_NONE);
	assert_string_equal(v.ident.name, "bob");
	v = server_poses(&server, &pki.ca);
	expect(&v, TLS_OK, TLS_REASON_NONE);
	assert_string_equal(v.ident.name, "gw9");
}

/* The same faults from either side. */
typedef struct help_verdict try_fn(const struct help_spec *spec, const struct help_cert *issuer);

static void expect_faults(try_fn *attempt, const struct help_spec *good)
{
	struct help_spec s = *good, elsewhere = help_ca("Elsewhere"),
			 same_name = help_ca("Example CA");
	struct help_verdict v;

	help_issue(&other, &elsewhere, help_key(HELP_P256, 6), NULL);
	v = attempt(&s, &other);
	expect(&v, TLS_FAILED, TLS_REASON_UNKNOWN_CA);
	help_issue(&other, &same_name, help_key(HELP_P256, 6), NULL);
	v = attempt(&s, &other);
	expect(&v, TLS_FAILED, TLS_REASON_UNKNOWN_CA);
	v = attempt(&s, NULL);
	expect(&v, TLS_FAILED, TLS_REASON_UNKNOWN_CA);

	s.not_after = now - 10;
	v = attempt(&s, &pki.ca);
	expect(&v, TLS_FAILED, TLS_REASON_EXPIRED);
	assert_non_null(strstr(v.detail, s.cn)); /* in our words, not the library's */
	s = *good;
	s.not_before = now + 3600;
	v = attempt(&s, &pki.ca);
	expect(&v, TLS_FAILED, TLS_REASON_NOT_YET_VALID);

	s = *good;
	s.serial = 0xbad;
	v = attempt(&s, &pki.ca);
	expect(&v, TLS_REFUSED, TLS_REASON_REVOKED);
	assert_true(v.have_peer);
	assert_string_equal(v.ident.name, s.cn);

	s = *good;
	s.eku = 0;
	v = attempt(&s, &pki.ca);
	expect(&v, TLS_REFUSED, TLS_REASON_WRONG_USAGE);
	s.eku = X509_EKU_SERVER_AUTH | X509_EKU_CLIENT_AUTH;
	s.eku &= ~good->eku;
	v = attempt(&s, &pki.ca);
	expect(&v, TLS_FAILED, TLS_REASON_WRONG_USAGE);

	s = *good;
	s.ca = true;
	s.ku |= X509_KU_KEY_CERT_SIGN;
	v = attempt(&s, &pki.ca);
	expect(&v, TLS_REFUSED, TLS_REASON_BAD_CERTIFICATE);
	s = *good;
	s.unknown_critical = true;
	v = attempt(&s, &pki.ca);
	expect(&v, TLS_FAILED, TLS_REASON_BAD_CERTIFICATE);

	s = *good;
	s.uri[1] = "spiffe://net.example/client/mallory";
	v = attempt(&s, &pki.ca);
	expect(&v, TLS_REFUSED, TLS_REASON_BAD_IDENTITY);
	s.uri[0] = NULL;
	s.uri[1] = good->eku == X509_EKU_CLIENT_AUTH ? "spiffe://other.example/client/bob"
						     : "spiffe://other.example/server/gw9";
	v = attempt(&s, &pki.ca);
	expect(&v, TLS_REFUSED, TLS_REASON_BAD_IDENTITY);
}

static void test_faults_of_clients(void **state)
{
	(void)state;
	struct help_spec good = help_client("bob");

	expect_faults(client_knocks, &good);
}

static void test_faults_of_servers(void **state)
{
	(void)state;
	struct help_spec good = help_server("gw9", "vpn.example");

	expect_faults(server_poses, &good);
}

static void test_old_versions_and_signatures(void **state)
{
	(void)state;
	struct help_spec v1 = help_client("bob"), sha1 = v1;
	struct help_verdict v;

	v1.version = 1;
	v = client_knocks(&v1, &pki.ca);
	assert_int_not_equal(v.status, TLS_OK);
	assert_int_equal(v.reason, TLS_REASON_BAD_CERTIFICATE);
	sha1.hash = HELP_SHA1;
	v = client_knocks(&sha1, &pki.ca);
	assert_int_not_equal(v.status, TLS_OK);
	assert_int_equal(v.reason, TLS_REASON_BAD_CERTIFICATE);
}

static void test_no_client_certificate(void **state)
{
	(void)state;
	const struct help_rogue r = { .alpn = "sallyport/1" };
	struct help_verdict v = help_rogue_meets(&r, l.server.ctx, NULL, now);

	expect(&v, TLS_FAILED, TLS_REASON_NO_CERTIFICATE);
	assert_false(v.have_peer);
}

/* A stolen certificate without its key. */
static void test_without_the_key(void **state)
{
	(void)state;
	static const enum help_key_kind kinds[] = { HELP_P256, HELP_P384, HELP_ED25519,
		HELP_RSA2048 };

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct help_spec client = help_client("bob"),
				 server = help_server("gw9", "vpn.example");
		struct help_rogue r = { .alpn = "sallyport/1" };
		struct help_verdict v;
		help_issue(&other, &client, help_key(kinds[i], 7), &pki.ca);
		char *v2 = kinds[i] == HELP_ED25519 ? help_ed25519_pem_v2(other.key) : NULL;
		r.key = v2 != NULL ? v2 : other.key_pem;
		help_issue(&bad, &client, help_key(kinds[i], 6), &pki.ca);
		r.cert = bad.pem;
		v = help_rogue_meets(&r, l.server.ctx, NULL, now);
		expect(&v, TLS_FAILED, TLS_REASON_NO_POSSESSION);
		r.server = true;
		help_issue(&bad, &server, help_key(kinds[i], 6), &pki.ca);
		v = help_rogue_meets(&r, l.client.ctx, "vpn.example", now);
		expect(&v, TLS_FAILED, TLS_REASON_NO_POSSESSION);
		free(v2);
	}
}

static void test_every_kind_of_key(void **state)
{
	(void)state;
	static const enum help_key_kind kinds[] = { HELP_P256, HELP_P384, HELP_ED25519,
		HELP_RSA2048 };

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct help_spec ca = help_ca("CA"), client = help_client("bob"),
				 server = help_server("gw9", "vpn.example");
		struct help_cert root, c, s;
		help_issue(&root, &ca, help_key(kinds[i], 0), NULL);
		help_issue(&c, &client, help_key(kinds[i], 1), &root);
		help_issue(&s, &server, help_key(kinds[i], 2), &root);
		const struct tls_ctx_opts so = help_ctx_opts(IDENT_SERVER, &s, &root),
					  co = help_ctx_opts(IDENT_CLIENT, &c, &root);
		struct help_link link;
		help_link_init(&link, &so, &co);
		help_link_open(&link, "vpn.example");
		help_link_shake(&link);
		assert_int_equal(link.server.status, TLS_OK);
		assert_int_equal(link.client.status, TLS_OK);
		help_link_clear(&link);
	}
}

/* Names of servers. */

static struct help_verdict ask_for(const char *host, const struct help_spec *spec)
{
	help_issue(&bad, spec, help_key(HELP_P256, 5), &pki.ca);
	struct help_rogue r = rogue(true, &bad);
	return help_rogue_meets(&r, l.client.ctx, host, now);
}

static void test_server_names(void **state)
{
	(void)state;
	struct help_spec s = help_server("gw9", "vpn.example"),
			 wild = help_server("gw9", "*.example");
	static const struct {
		const char *host;
		enum tls_reason reason;
	} cases[] = {
		{ "vpn.example", TLS_REASON_NONE },
		{ "VPN.EXAMPLE", TLS_REASON_NONE },
		{ "192.0.2.1", TLS_REASON_NONE },
		{ "2001:db8::1", TLS_REASON_NONE },
		{ "other.example", TLS_REASON_WRONG_NAME },
		{ "192.0.2.2", TLS_REASON_WRONG_NAME },
		{ "2001:db8::2", TLS_REASON_WRONG_NAME },
		{ "gw9", TLS_REASON_WRONG_NAME },
	};

	s.ip[0] = "192.0.2.1";
	s.ip[1] = "2001:db8::1";
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct help_verdict v = ask_for(cases[i].host, &s);
		expect(&v, cases[i].reason == TLS_REASON_NONE ? TLS_OK : TLS_REFUSED,
			cases[i].reason);
	}
	wild.dns[1] = "*";
	struct help_verdict v = ask_for("vpn.example", &wild);
	expect(&v, TLS_REFUSED, TLS_REASON_WRONG_NAME);
	v = ask_for("vpn", &wild);
	expect(&v, TLS_REFUSED, TLS_REASON_WRONG_NAME);
}

/* Two tiers. */

static struct help_verdict knock_with(const char *chain, const char *key)
{
	const struct help_rogue r = { .cert = chain, .key = key, .alpn = "sallyport/1" };

	return help_rogue_meets(&r, l.server.ctx, NULL, now);
}

static void test_intermediates(void **state)
{
	(void)state;
	struct help_spec ca = help_ca("Issuing CA"), spec = help_client("bob"),
			 sub = help_ca("Sub");
	struct help_cert inter, deep;
	char chain[3 * HELP_PEM_MAX];

	ca.path_len = 0;
	help_issue(&inter, &ca, help_key(HELP_P256, 6), &pki.ca);
	help_issue(&bad, &spec, help_key(HELP_P256, 5), &inter);
	(void)snprintf(chain, sizeof(chain), "%s%s", bad.pem, inter.pem);
	struct help_verdict v = knock_with(chain, bad.key_pem);
	expect(&v, TLS_OK, TLS_REASON_NONE);

	/* The library must have forgotten it: with it, only our own check would refuse the next one. */
	v = knock_with(bad.pem, bad.key_pem);
	expect(&v, TLS_FAILED, TLS_REASON_UNKNOWN_CA);

	help_issue(&deep, &sub, help_key(HELP_P256, 7), &inter);
	help_issue(&bad, &spec, help_key(HELP_P256, 5), &deep);
	(void)snprintf(chain, sizeof(chain), "%s%s%s", bad.pem, deep.pem, inter.pem);
	v = knock_with(chain, bad.key_pem);
	expect(&v, TLS_FAILED, TLS_REASON_UNKNOWN_CA);
}

/* Neither may it vouch for somebody whose handshake runs at the same time. */
static void test_intermediate_of_a_handshake_under_way(void **state)
{
	(void)state;
	struct help_spec ca = help_ca("Issuing CA"), spec = help_client("bob");
	struct help_cert inter;
	char chain[2 * HELP_PEM_MAX];

	help_issue(&inter, &ca, help_key(HELP_P256, 6), &pki.ca);
	help_issue(&bad, &spec, help_key(HELP_P256, 5), &inter);
	(void)snprintf(chain, sizeof(chain), "%s%s", bad.pem, inter.pem);
	struct tls_ctx_opts c = help_ctx_opts(IDENT_CLIENT, &bad, &pki.ca);
	c.cert = chain;
	struct help_link half;
	struct tls_ctx_opts s = help_ctx_opts(IDENT_SERVER, &pki.server, &pki.ca);
	help_link_init(&half, &s, &c);
	tls_ctx_put(half.server.ctx);
	half.server.ctx = tls_ctx_get(l.server.ctx);
	help_link_open(&half, "vpn.example");
	/* All but the last bytes of the client's answer: its certificates are through, its Finished is not. */
	half.step = 1;
	for (;;) {
		help_link_step(&half);
		if (half.client.status == TLS_OK && buf_len(&half.client.out) < 20)
			break;
	}
	assert_int_equal(half.server.status, TLS_MORE);
	struct help_verdict v = knock_with(bad.pem, bad.key_pem);
	expect(&v, TLS_FAILED, TLS_REASON_UNKNOWN_CA);
	help_link_shake(&half);
	assert_int_equal(half.server.status, TLS_OK);
	help_link_clear(&half);
}

/* Each check stands on its own: here the library has been won over. */

static void test_ours_refuses_what_the_library_trusts(void **state)
{
	(void)state;
	struct help_spec elsewhere = help_ca("Elsewhere"), client = help_client("bob"),
			 server = help_server("gw9", "vpn.example");
	struct help_verdict v;

	help_issue(&other, &elsewhere, help_key(HELP_P256, 6), NULL);
	const uint8_t *pem = (const uint8_t *)other.pem;
	struct tls_ctx *both[] = { l.server.ctx, l.client.ctx };
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(wolfSSL_CTX_load_verify_buffer(both[i]->ssl, pem,
					 (long)strlen(other.pem), WOLFSSL_FILETYPE_PEM),
			WOLFSSL_SUCCESS);
	v = client_knocks(&client, &other);
	expect(&v, TLS_REFUSED, TLS_REASON_UNKNOWN_CA);
	v = server_poses(&server, &other);
	expect(&v, TLS_REFUSED, TLS_REASON_UNKNOWN_CA);
}

static void test_ours_looks_at_the_clock_it_is_given(void **state)
{
	(void)state;
	struct help_rogue r = rogue(false, &pki.client);
	struct help_verdict v = help_rogue_meets(&r, l.server.ctx, NULL, now + 91 * INT64_C(86400));

	expect(&v, TLS_REFUSED, TLS_REASON_EXPIRED);
	v = help_rogue_meets(&r, l.server.ctx, NULL, now - 7200);
	expect(&v, TLS_REFUSED, TLS_REASON_NOT_YET_VALID); /* the CA's */
}

static void test_ours_wants_to_see_the_signature(void **state)
{
	(void)state;
	struct help_rogue client = rogue(false, &pki.client), server = rogue(true, &pki.server);
	struct help_verdict v;

	/* The library checks by itself, out of our sight. */
	wolfSSL_CTX_SetEccVerifyCb(l.server.ctx->ssl, NULL);
	wolfSSL_CTX_SetEccVerifyCb(l.client.ctx->ssl, NULL);
	v = help_rogue_meets(&client, l.server.ctx, NULL, now);
	expect(&v, TLS_REFUSED, TLS_REASON_NO_POSSESSION);
	v = help_rogue_meets(&server, l.client.ctx, "vpn.example", now);
	expect(&v, TLS_REFUSED, TLS_REASON_NO_POSSESSION);
}

static void test_stale_crl(void **state)
{
	(void)state;
	struct help_crl spec = { .issuer = &pki.ca,
		.this_update = now - 5000,
		.next_update = now - 1000,
		.reason = -1 };
	struct tls_ctx_opts s = help_ctx_opts(IDENT_SERVER, &pki.server, &pki.ca);
	struct help_rogue r = rogue(false, &pki.client);
	char why[256], *stale = help_crl_pem(&spec);

	s.crl = stale;
	for (int deny = 0; deny <= 1; deny++) {
		struct tls_ctx *ctx = NULL;
		s.crl_stale_deny = deny == 1;
		s.crl_grace_s = 500;
		assert_int_equal(tls_ctx_create(&s, &ctx, why), 0);
		struct help_verdict v = help_rogue_meets(&r, ctx, NULL, now);
		expect(&v, deny ? TLS_REFUSED : TLS_OK,
			deny ? TLS_REASON_CRL_STALE : TLS_REASON_NONE);
		tls_ctx_put(ctx);
	}
	free(stale);
}

/* The other end hears of it. */
static void test_alert_has_a_name(void **state)
{
	(void)state;
	struct help_spec ca = help_ca("Elsewhere"), spec = help_client("bob");
	struct help_cert root;
	char both[2 * HELP_PEM_MAX];
	uint8_t buf[64];

	help_issue(&root, &ca, help_key(HELP_P256, 6), NULL);
	help_issue(&bad, &spec, help_key(HELP_P256, 5), &root);
	(void)snprintf(both, sizeof(both), "%s%s", root.pem, pki.ca.pem);
	struct tls_ctx_opts c = help_ctx_opts(IDENT_CLIENT, &bad, &root),
			    s = help_ctx_opts(IDENT_SERVER, &pki.server, &pki.ca);
	c.ca = both;
	struct help_link link;
	help_link_init(&link, &s, &c);
	help_link_open(&link, "vpn.example");
	help_link_shake(&link);
	assert_int_equal(link.server.status, TLS_FAILED);
	assert_int_equal(tls_conn_failure(link.server.conn)->reason, TLS_REASON_UNKNOWN_CA);
	assert_null(tls_conn_peer(link.server.conn));
	/* In TLS 1.3 the client is through before the server has seen its certificate. */
	assert_int_equal(link.client.status, TLS_OK);
	assert_int_equal(help_link_read(&link, &link.client, buf, sizeof(buf)), 0);
	assert_int_equal(link.client.status, TLS_FAILED);
	assert_int_equal(tls_conn_failure(link.client.conn)->reason, TLS_REASON_ALERT);
	assert_non_null(strstr(tls_conn_failure(link.client.conn)->detail, "unknown_ca"));
	help_link_clear(&link);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, each, after)
	const struct CMUnitTest tests[] = {
		TEST(test_the_rogue_gets_in_with_a_good_certificate),
		TEST(test_faults_of_clients),
		TEST(test_faults_of_servers),
		TEST(test_old_versions_and_signatures),
		TEST(test_no_client_certificate),
		TEST(test_without_the_key),
		TEST(test_every_kind_of_key),
		TEST(test_server_names),
		TEST(test_intermediates),
		TEST(test_intermediate_of_a_handshake_under_way),
		TEST(test_ours_refuses_what_the_library_trusts),
		TEST(test_ours_looks_at_the_clock_it_is_given),
		TEST(test_ours_wants_to_see_the_signature),
		TEST(test_stale_crl),
		TEST(test_alert_has_a_name),
	};
	return cmocka_run_group_tests(tests, setup, finish);
}
