#include "net/x509.h"

#include "base/util.h"
#include "help_certs.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct help_cert ca, cert;

static struct x509_cert parsed(const struct help_spec *spec, const struct help_key *key)
{
	struct x509_cert c;

	help_issue(&cert, spec, key, &ca);
	assert_int_equal(x509_parse(cert.der, cert.len, &c), 0);
	return c;
}

static int setup(void **state)
{
	struct help_spec spec = help_ca("Root");

	(void)state;
	spec.path_len = 1;
	help_issue(&ca, &spec, help_key(HELP_P256, 1), NULL);
	return 0;
}

static void test_reads_a_leaf(void **state)
{
	(void)state;
	struct help_spec spec = help_server("gw1", "vpn.example");
	struct x509_cert c, parent;
	char cn[32];

	spec.serial = 0x80ff;
	c = parsed(&spec, help_key(HELP_P256, 2));
	assert_int_equal(c.version, 3);
	assert_true(der_is(&c.serial, "\0\x80\xff", 3));
	assert_true(c.not_before == spec.not_before);
	assert_true(c.not_after == spec.not_after);
	assert_int_equal(c.key_alg, X509_KEY_P256);
	assert_int_equal(c.key_bits, 256);
	assert_int_equal(c.sig_alg, X509_SIG_ECDSA_SHA256);
	assert_true(c.has_basic);
	assert_true(c.basic_critical);
	assert_false(c.is_ca);
	assert_int_equal(c.path_len, -1);
	assert_true(c.has_ku && c.ku_critical);
	assert_int_equal(c.ku, X509_KU_DIGITAL_SIGNATURE);
	assert_true(c.has_eku);
	assert_int_equal(c.eku, X509_EKU_SERVER_AUTH);
	assert_false(c.unknown_critical);
	assert_int_equal(c.n_ext, 4);
	assert_int_equal(c.all.len, cert.len);
	assert_int_equal(x509_common_name(&c.subject, cn, sizeof(cn)), 0);
	assert_string_equal(cn, "gw1");

	assert_int_equal(x509_parse(ca.der, ca.len, &parent), 0);
	assert_true(der_equal(&c.issuer, &parent.subject));
	assert_true(parent.is_ca);
	assert_int_equal(parent.path_len, 1);
	assert_int_equal(parent.ku, X509_KU_KEY_CERT_SIGN | X509_KU_CRL_SIGN);
	assert_false(parent.has_eku);
	assert_int_equal(parent.san.len, 0);
}

static void test_reads_every_key(void **state)
{
	(void)state;
	static const struct {
		enum help_key_kind kind;
		enum x509_key alg;
		unsigned bits;
	} cases[] = {
		{ HELP_P256, X509_KEY_P256, 256 },
		{ HELP_P384, X509_KEY_P384, 384 },
		{ HELP_ED25519, X509_KEY_ED25519, 256 },
		{ HELP_RSA2048, X509_KEY_RSA, 2048 },
		{ HELP_RSA1024, X509_KEY_OTHER, 1024 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct help_spec spec = help_client("alice");
		struct x509_cert c = parsed(&spec, help_key(cases[i].kind, 0));
		assert_int_equal(c.key_alg, cases[i].alg);
		assert_int_equal(c.key_bits, cases[i].bits);
	}
}

static void test_reads_every_signature_algorithm(void **state)
{
	(void)state;
	static const struct {
		enum help_key_kind kind;
		enum help_hash hash;
		enum x509_sig alg;
	} cases[] = {
		{ HELP_P256, HELP_SHA256, X509_SIG_ECDSA_SHA256 },
		{ HELP_P384, HELP_SHA384, X509_SIG_ECDSA_SHA384 },
		{ HELP_P384, HELP_SHA512, X509_SIG_ECDSA_SHA512 },
		{ HELP_P256, HELP_SHA1, X509_SIG_OTHER },
		{ HELP_ED25519, HELP_SHA256, X509_SIG_ED25519 },
		{ HELP_RSA2048, HELP_SHA256, X509_SIG_RSA_SHA256 },
		{ HELP_RSA2048, HELP_SHA384, X509_SIG_RSA_SHA384 },
		{ HELP_RSA2048, HELP_SHA512, X509_SIG_RSA_SHA512 },
		{ HELP_RSA2048, HELP_SHA1, X509_SIG_OTHER },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct help_spec spec = help_client("alice");
		struct x509_cert c;
		spec.hash = cases[i].hash;
		help_issue(&cert, &spec, help_key(cases[i].kind, 0), NULL);
		assert_int_equal(x509_parse(cert.der, cert.len, &c), 0);
		assert_int_equal(c.sig_alg, cases[i].alg);
	}
}

static void test_walks_alternative_names(void **state)
{
	(void)state;
	struct help_spec spec = help_client("alice");
	enum x509_san kind;
	struct der value;

	spec.email = "alice@example.net";
	spec.dns[0] = "a.example";
	spec.ip[0] = "192.0.2.7";
	spec.ip[1] = "2001:db8::7";
	struct x509_cert c = parsed(&spec, NULL);
	struct der it = c.san;
	assert_int_equal(x509_san_next(&it, &kind, &value), 1);
	assert_int_equal(kind, X509_SAN_EMAIL);
	assert_true(der_is(&value, "alice@example.net", 17));
	assert_int_equal(x509_san_next(&it, &kind, &value), 1);
	assert_int_equal(kind, X509_SAN_IP);
	assert_int_equal(value.len, 16);
	assert_int_equal(x509_san_next(&it, &kind, &value), 1);
	assert_int_equal(kind, X509_SAN_URI);
	assert_true(der_is(&value, spec.uri[0], strlen(spec.uri[0])));
	assert_int_equal(x509_san_next(&it, &kind, &value), 1);
	assert_int_equal(kind, X509_SAN_DNS);
	assert_int_equal(x509_san_next(&it, &kind, &value), 1);
	assert_int_equal(kind, X509_SAN_IP);
	assert_true(der_is(&value, "\xc0\0\2\7", 4));
	assert_int_equal(x509_san_next(&it, &kind, &value), 0);
}

static int walk_san(const void *bytes, size_t len)
{
	struct der it = { bytes, len }, value;
	enum x509_san kind;
	int n, found = 0;

	while ((n = x509_san_next(&it, &kind, &value)) == 1)
		found++;
	return n < 0 ? n : found;
}

static void test_malformed_alternative_names(void **state)
{
	(void)state;
	/* otherName, directoryName and registeredID are passed over. */
	assert_int_equal(walk_san("\xa0\2\5\0\xa4\2\x30\0\x88\1\x2a\x82\1a", 14), 1);
	assert_int_equal(walk_san("\x82\0", 2), -EBADMSG);           /* empty */
	assert_int_equal(walk_san("\x82\3a\0b", 5), -EBADMSG);       /* NUL */
	assert_int_equal(walk_san("\x86\3a\nb", 5), -EBADMSG);       /* a line break */
	assert_int_equal(walk_san("\x82\2\xc3\xa4", 4), -EBADMSG);   /* not ASCII */
	assert_int_equal(walk_san("\x87\5\1\2\3\4\5", 7), -EBADMSG); /* neither IPv4 nor IPv6 */
	assert_int_equal(walk_san("\xa2\3\x16\1a", 5), -EBADMSG);    /* constructed */
	assert_int_equal(walk_san("\x16\1a", 3), -EBADMSG);          /* no context tag */
	assert_int_equal(walk_san("\x89\1a", 3), -EBADMSG);          /* no such kind */
	assert_int_equal(walk_san("\x82\5a", 3), -EBADMSG);          /* cut short */
}

static void test_version_1_has_no_extensions(void **state)
{
	(void)state;
	struct help_spec spec = help_client("alice");

	spec.version = 1;
	struct x509_cert c = parsed(&spec, NULL);
	assert_int_equal(c.version, 1);
	assert_int_equal(c.n_ext, 0);
	assert_int_equal(c.san.len, 0);
	assert_false(c.has_eku);
}

static void test_unknown_critical_extension_is_told(void **state)
{
	(void)state;
	struct help_spec spec = help_client("alice");

	spec.unknown_critical = true;
	assert_true(parsed(&spec, NULL).unknown_critical);
}

/* Wherever a good certificate is cut, or has one byte too many, it is none. */
static void test_must_fill_its_bytes(void **state)
{
	(void)state;
	struct help_spec spec = help_client("alice");
	struct x509_cert c;

	(void)parsed(&spec, NULL);
	for (size_t n = 0; n < cert.len; n++) {
		uint8_t *cut = malloc(n + 1);
		assert_non_null(cut);
		memcpy(cut, cert.der, n);
		assert_int_equal(x509_parse(cut, n, &c), -EBADMSG);
		free(cut);
	}
	cert.der[cert.len] = 0;
	assert_int_equal(x509_parse(cert.der, cert.len + 1, &c), -EBADMSG);
}

/* The algorithm stands in a certificate twice; only one of them is signed. */
static void test_both_algorithms_must_be_the_same(void **state)
{
	(void)state;
	static const uint8_t ecdsa_sha256[] = { 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2 };
	struct help_spec spec = help_client("alice");
	struct x509_cert c;

	(void)parsed(&spec, NULL);
	for (size_t i = cert.len - sizeof(ecdsa_sha256); i > 0; i--) {
		if (memcmp(cert.der + i, ecdsa_sha256, sizeof(ecdsa_sha256)) != 0)
			continue;
		cert.der[i + sizeof(ecdsa_sha256) - 1]++;
		assert_int_equal(x509_parse(cert.der, cert.len, &c), -EBADMSG);
		return;
	}
	fail();
}

/* Rewrites a certificate with one extension of ours in it, unsigned: parsing is all that is asked. */
static int parse_with_exts(const struct x509_ext *exts, size_t n)
{
	uint8_t buf[8192];
	struct x509_cert base, c;
	struct der_out o;
	struct help_spec spec = help_client("alice");

	spec.version = 1;
	base = parsed(&spec, NULL);
	struct der tbs = base.tbs, body;
	assert_int_equal(der_take(&tbs, DER_SEQUENCE, &body), 0);
	der_out_init(&o, buf, sizeof(buf));
	der_put(&o, DER_BIT_STRING, "\0", 1);
	struct der whole = base.all, parts;
	assert_int_equal(der_take(&whole, DER_SEQUENCE, &parts), 0);
	parts.p += base.tbs.len;
	struct der alg = { parts.p, 12 };
	der_put_raw(&o, alg.p, alg.len);
	size_t mark = der_out_len(&o);
	for (size_t i = n; i > 0; i--) {
		size_t one = der_out_len(&o);
		der_put(&o, DER_OCTET_STRING, exts[i - 1].value.p, exts[i - 1].value.len);
		if (exts[i - 1].critical)
			der_put(&o, DER_BOOLEAN, "\xff", 1);
		der_put(&o, DER_OID, exts[i - 1].oid.p, exts[i - 1].oid.len);
		der_wrap(&o, DER_SEQUENCE, one);
	}
	der_wrap(&o, DER_SEQUENCE, mark);
	der_wrap(&o, DER_CONTEXT + DER_CONSTRUCTED + 3, mark);
	der_put_raw(&o, body.p, body.len);
	der_put_raw(&o, "\xa0\3\2\1\2", 5);
	der_wrap(&o, DER_SEQUENCE, mark);
	der_wrap(&o, DER_SEQUENCE, 0);
	assert_false(o.failed);
	return x509_parse(der_out_bytes(&o), der_out_len(&o), &c);
}

#define EXT(id, content)                                                     \
	{                                                                    \
		.oid = { (const uint8_t *)(id), sizeof(id) - 1 }, .value = { \
			(const uint8_t *)(content),                          \
			sizeof(content) - 1                                  \
		}                                                            \
	}
#define BASIC "\x55\x1d\x13"
#define KU    "\x55\x1d\x0f"
#define EKU   "\x55\x1d\x25"
#define SAN   "\x55\x1d\x11"
#define SKID  "\x55\x1d\x0e"
#define AKID  "\x55\x1d\x23"

static void test_good_extensions(void **state)
{
	(void)state;
	const struct x509_ext good[] = {
		EXT(BASIC, "\x30\0"),
		EXT(BASIC, "\x30\3\1\1\0"), /* FALSE written out */
		EXT(BASIC, "\x30\6\1\1\xff\2\1\0"),
		EXT(KU, "\3\2\7\x80"),
		EXT(KU, "\3\3\7\0\x80"), /* decipherOnly is the ninth bit */
		EXT(EKU, "\x30\x0a\6\x08\x2b\6\1\5\5\7\3\2"),
		EXT(SAN, "\x30\3\x82\1a"),
		EXT(SKID, "\4\1\1"),
		EXT(AKID, "\x30\0"),
		EXT(AKID, "\x30\3\x80\1\1"),
	};

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_int_equal(parse_with_exts(&good[i], 1), 0);
}

static void test_malformed_extensions(void **state)
{
	(void)state;
	const struct x509_ext bad[] = {
		EXT(BASIC, ""),
		EXT(BASIC, "\x30\0\5\0"),             /* something after it */
		EXT(BASIC, "\x30\3\2\1\0"),           /* path length without cA */
		EXT(BASIC, "\x30\3\1\1\1"),           /* TRUE is 0xff */
		EXT(BASIC, "\x30\6\1\1\xff\2\1\xff"), /* negative path length */
		EXT(KU, "\3\1\0"),                    /* no bits */
		EXT(KU, "\3\2\0\0"),                  /* all zero */
		EXT(KU, "\3\2\10\x80"),               /* eight unused bits */
		EXT(KU, "\3\2\7\xff"),                /* unused bits set */
		EXT(KU, "\3\4\0\x80\0\1"),            /* too long */
		EXT(EKU, "\x30\0"),
		EXT(EKU, "\x30\2\5\0"),
		EXT(SAN, "\x30\0"),
		EXT(SAN, "\x30\2\x82\0"),
		EXT(SKID, "\x30\0"),
		EXT(AKID, "\4\1\1"),
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(parse_with_exts(&bad[i], 1), -EBADMSG);
}

static void test_extension_twice_is_refused(void **state)
{
	(void)state;
	const struct x509_ext twice[] = { EXT(SKID, "\4\1\1"), EXT(SKID, "\4\1\1") };
	const struct x509_ext other[] = { EXT("\x2a\3", "\4\1\1"), EXT("\x2a\4", "\4\1\1") };

	assert_int_equal(parse_with_exts(twice, 2), -EBADMSG);
	assert_int_equal(parse_with_exts(other, 2), 0);
	assert_int_equal(parse_with_exts(NULL, 0), -EBADMSG); /* an empty list */
}

static void test_no_more_extensions_than_the_maximum(void **state)
{
	(void)state;
	struct x509_ext many[X509_MAX_EXTENSIONS + 1];
	uint8_t oids[X509_MAX_EXTENSIONS + 1][2];

	for (size_t i = 0; i < ARRAY_LEN(many); i++) {
		oids[i][0] = 0x2a;
		oids[i][1] = (uint8_t)i;
		many[i] = (struct x509_ext){ .oid = { oids[i], 2 }, .value = { oids[i], 2 } };
	}
	assert_int_equal(parse_with_exts(many, X509_MAX_EXTENSIONS), 0);
	assert_int_equal(parse_with_exts(many, X509_MAX_EXTENSIONS + 1), -EBADMSG);
}

static void test_common_name(void **state)
{
	(void)state;
	/* SEQUENCE { SET { SEQUENCE { commonName, text } } } */
	static const uint8_t escape[] = "\x30\x11\x31\x0f\x30\x0d\6\3\x55\4\3\x0c\6"
					"a\x1b\n\0\x7f"
					"b";
	static const uint8_t bmp[] = "\x30\x0f\x31\x0d\x30\x0b\6\3\x55\4\3\x1e\4\0\xe4\x20\xac";
	static const uint8_t broken[] =
		"\x30\x0f\x31\x0d\x30\x0b\6\3\x55\4\3\x0c\4\xc3\x28\xe2\x82";
	static const uint8_t c1[] = "\x30\x0d\x31\x0b\x30\x09\6\3\x55\4\3\x0c\2\xc2\x9b";
	static const uint8_t none[] = "\x30\x0c\x31\x0a\x30\x08\6\3\x55\4\x0a\x0c\1x";
	char out[16];

	assert_int_equal(x509_common_name(&(struct der){ escape, sizeof(escape) - 1 }, out, 16), 0);
	assert_string_equal(out, "a????b");
	assert_int_equal(x509_common_name(&(struct der){ bmp, sizeof(bmp) - 1 }, out, 16), 0);
	assert_string_equal(out, "\xc3\xa4\xe2\x82\xac");
	/* A character is not cut in two. */
	assert_int_equal(x509_common_name(&(struct der){ bmp, sizeof(bmp) - 1 }, out, 4), 0);
	assert_string_equal(out, "\xc3\xa4");
	assert_int_equal(x509_common_name(&(struct der){ broken, sizeof(broken) - 1 }, out, 16), 0);
	assert_string_equal(out, "?(??");
	assert_int_equal(x509_common_name(&(struct der){ c1, sizeof(c1) - 1 }, out, 16), 0);
	assert_string_equal(out, "?");
	assert_int_equal(
		x509_common_name(&(struct der){ none, sizeof(none) - 1 }, out, 16), -ENOENT);
	assert_int_equal(x509_common_name(&(struct der){ NULL, 0 }, out, 16), -ENOENT);
}

static void test_reads_a_crl(void **state)
{
	(void)state;
	static const uint32_t serials[] = { 5, 0x80, 0xffffffff };
	const struct help_crl spec = { .issuer = &ca,
		.this_update = 1700000000,
		.next_update = 1800000000,
		.number = 77,
		.serials = serials,
		.n = 3,
		.reason = 1 };
	struct x509_revoked r;
	struct x509_cert issuer;
	struct x509_crl crl;
	size_t len;
	uint8_t *der = help_crl_der(&spec, &len);

	assert_int_equal(x509_crl_parse(der, len, &crl), 0);
	assert_int_equal(x509_parse(ca.der, ca.len, &issuer), 0);
	assert_true(der_equal(&crl.issuer, &issuer.subject));
	assert_true(crl.this_update == 1700000000);
	assert_true(crl.next_update == 1800000000);
	assert_true(der_is(&crl.number, "\x4d", 1));
	assert_false(crl.unknown_critical);
	struct der it = crl.entries;
	assert_int_equal(x509_crl_next(&it, &r), 1);
	assert_true(der_is(&r.serial, "\5", 1));
	assert_int_equal(r.reason, 1);
	assert_true(r.date == 1700000000);
	assert_int_equal(x509_crl_next(&it, &r), 1);
	assert_true(der_is(&r.serial, "\0\x80", 2));
	assert_int_equal(x509_crl_next(&it, &r), 1);
	assert_int_equal(x509_crl_next(&it, &r), 0);
	for (size_t n = 0; n < len; n++)
		assert_int_equal(x509_crl_parse(der, n, &crl), -EBADMSG);
	free(der);
}

static void test_reads_a_bare_crl(void **state)
{
	(void)state;
	const struct help_crl spec = { .issuer = &ca, .this_update = 1700000000, .reason = -1 };
	struct x509_crl crl;
	struct x509_revoked r;
	size_t len;
	uint8_t *der = help_crl_der(&spec, &len);

	assert_int_equal(x509_crl_parse(der, len, &crl), 0);
	assert_true(crl.next_update == INT64_MAX);
	struct der it = crl.entries;
	assert_int_equal(x509_crl_next(&it, &r), 0);
	free(der);
}

static void test_crl_with_unknown_critical(void **state)
{
	(void)state;
	const struct help_crl spec = {
		.issuer = &ca, .this_update = 1700000000, .reason = -1, .unknown_critical = true
	};
	struct x509_crl crl;
	size_t len;
	uint8_t *der = help_crl_der(&spec, &len);

	assert_int_equal(x509_crl_parse(der, len, &crl), 0);
	assert_true(crl.unknown_critical);
	free(der);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads_a_leaf),
		cmocka_unit_test(test_reads_every_key),
		cmocka_unit_test(test_reads_every_signature_algorithm),
		cmocka_unit_test(test_walks_alternative_names),
		cmocka_unit_test(test_malformed_alternative_names),
		cmocka_unit_test(test_version_1_has_no_extensions),
		cmocka_unit_test(test_unknown_critical_extension_is_told),
		cmocka_unit_test(test_must_fill_its_bytes),
		cmocka_unit_test(test_both_algorithms_must_be_the_same),
		cmocka_unit_test(test_good_extensions),
		cmocka_unit_test(test_malformed_extensions),
		cmocka_unit_test(test_extension_twice_is_refused),
		cmocka_unit_test(test_no_more_extensions_than_the_maximum),
		cmocka_unit_test(test_common_name),
		cmocka_unit_test(test_reads_a_crl),
		cmocka_unit_test(test_reads_a_bare_crl),
		cmocka_unit_test(test_crl_with_unknown_critical),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
