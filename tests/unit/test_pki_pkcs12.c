/* What other programs make of our PKCS #12 files is in tests/pki/test_matrix.py; here: what is in them, and what is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "help_certs.h"
#include "net/der.h"
#include "pki/key.h"
#include "pki/pbes2.h"
#include "pki/pkcs12.h"

#include <wolfssl/options.h>

#include <wolfssl/wolfcrypt/hmac.h>
#include <wolfssl/wolfcrypt/pwdbased.h>

enum { EXPLICIT_0 = DER_CONTEXT + DER_CONSTRUCTED };

static struct help_pki pki;
static struct key *key;
static const struct pass secret = { .text = "horse", .len = 5 };

static struct der take(struct der *in, uint8_t tag)
{
	struct der body;

	assert_int_equal(der_take(in, tag, &body), 0);
	return body;
}

static void skip_oid(struct der *in, const char *oid, size_t len)
{
	struct der body = take(in, DER_OID);

	assert_true(der_is(&body, oid, len));
}

/* ContentInfo of type data: the OCTET STRING's content. */
static struct der data_of(struct der *in)
{
	struct der info = take(in, DER_SEQUENCE);

	skip_oid(&info, "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01", 9);
	struct der wrapped = take(&info, EXPLICIT_0);
	assert_int_equal(info.len, 0);
	return take(&wrapped, DER_OCTET_STRING);
}

struct bag {
	struct der value;    /* Inside [0]. */
	struct der name, id; /* Of its attributes; len 0: none. */
	uint8_t kind;        /* Last octet of the bag's OID: 2 a key, 3 a certificate. */
};

static struct bag take_bag(struct der *in)
{
	struct der body = take(in, DER_SEQUENCE), oid = take(&body, DER_OID), set;
	struct bag b = { .kind = oid.p[oid.len - 1] };

	b.value = take(&body, EXPLICIT_0);
	if (der_take_if(&body, DER_SET, &set) != 1)
		return b;
	while (set.len > 0) {
		struct der attribute = take(&set, DER_SEQUENCE);
		struct der type = take(&attribute, DER_OID), values = take(&attribute, DER_SET);
		if (type.p[type.len - 1] == 0x14)
			b.name = take(&values, DER_BMP_STRING);
		else
			b.id = take(&values, DER_OCTET_STRING);
	}
	return b;
}

static int make(const char *name, const struct pass *pass, uint8_t **out)
{
	const struct der ca = { pki.ca.der, pki.ca.len };
	const struct pkcs12_spec spec = { .name = name,
		.cert = { pki.client.der, pki.client.len },
		.cas = &ca,
		.n_cas = 1,
		.key = key,
		.pass = pass };

	return pkcs12_make(&spec, out);
}

/* RFC 7292 B.2 over the content as it stands in the file, with the salt and count that stand there. */
static void check_seal(struct der safe, struct der mac_data)
{
	static const uint8_t password[] = "\0h\0o\0r\0s\0e\0"; /* UTF-16 with its NUL. */
	struct der info = take(&mac_data, DER_SEQUENCE), salt = take(&mac_data, DER_OCTET_STRING);
	uint8_t derived[32], seal[32];
	uint32_t count;
	Hmac h;

	assert_int_equal(der_take_uint(&mac_data, &count), 0);
	assert_int_equal(count, PKCS12_ITERATIONS);
	(void)take(&info, DER_SEQUENCE);
	struct der expected = take(&info, DER_OCTET_STRING);
	assert_int_equal(wc_PKCS12_PBKDF(derived, password, sizeof(password), salt.p, (int)salt.len,
				 (int)count, sizeof(derived), WC_SHA256, 3),
		0);
	assert_int_equal(wc_HmacInit(&h, NULL, INVALID_DEVID), 0);
	assert_int_equal(wc_HmacSetKey(&h, WC_SHA256, derived, sizeof(derived)), 0);
	assert_int_equal(wc_HmacUpdate(&h, safe.p, (word32)safe.len), 0);
	assert_int_equal(wc_HmacFinal(&h, seal), 0);
	wc_HmacFree(&h);
	assert_true(der_is(&expected, seal, sizeof(seal)));
}

static void check_key(const struct bag *b)
{
	uint8_t pkcs8[KEY_PKCS8_MAX], one[KEY_SPKI_MAX], two[KEY_SPKI_MAX];
	struct key *again = NULL;

	/* [0] holds the EncryptedPrivateKeyInfo as it is. */
	int n = pbes2_decrypt(&secret, b->value.p, b->value.len, pkcs8, sizeof(pkcs8));
	assert_true(n > 0);
	assert_int_equal(key_from_pkcs8(pkcs8, (size_t)n, &again), 0);
	n = key_spki(key, one);
	assert_int_equal(key_spki(again, two), n);
	assert_memory_equal(one, two, (size_t)n);
	key_free(again);
}

static struct der cert_of(const struct bag *b)
{
	struct der value = b->value, body = take(&value, DER_SEQUENCE);

	(void)take(&body, DER_OID);
	struct der wrapped = take(&body, EXPLICIT_0);
	return take(&wrapped, DER_OCTET_STRING);
}

static void test_contents(void **state)
{
	/* "a", U+00E4, U+20AC, U+1F600 as a surrogate pair. */
	static const uint8_t name[] = { 0, 'a', 0, 0xe4, 0x20, 0xac, 0xd8, 0x3d, 0xde, 0 };
	uint8_t *file = NULL;
	uint32_t version;

	(void)state;
	int len = make("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", &secret, &file);
	assert_true(len > 0);
	struct der all = { file, (size_t)len }, body = take(&all, DER_SEQUENCE);
	assert_int_equal(all.len, 0);
	assert_int_equal(der_take_uint(&body, &version), 0);
	assert_int_equal(version, 3);
	struct der safe = data_of(&body);
	check_seal(safe, take(&body, DER_SEQUENCE));
	assert_int_equal(body.len, 0);

	struct der parts = take(&safe, DER_SEQUENCE), keys = data_of(&parts),
		   certs = data_of(&parts);
	assert_int_equal(parts.len, 0);
	struct der key_bags = take(&keys, DER_SEQUENCE), cert_bags = take(&certs, DER_SEQUENCE);
	struct bag k = take_bag(&key_bags), leaf = take_bag(&cert_bags), ca = take_bag(&cert_bags);
	assert_int_equal(key_bags.len + cert_bags.len, 0);
	assert_int_equal(k.kind, 2);
	check_key(&k);
	assert_int_equal(leaf.kind, 3);
	struct der cert = cert_of(&leaf);
	assert_true(der_is(&cert, pki.client.der, pki.client.len));
	cert = cert_of(&ca);
	assert_true(der_is(&cert, pki.ca.der, pki.ca.len));
	/* Without these two NSS does not find the key to the certificate. */
	assert_true(k.id.len > 0 && der_equal(&k.id, &leaf.id));
	assert_true(der_is(&k.name, name, sizeof(name)) && der_equal(&k.name, &leaf.name));
	assert_int_equal(ca.id.len, 0);
	free(file);
}

static void test_every_file_has_its_own_salts(void **state)
{
	uint8_t *one = NULL, *two = NULL;

	(void)state;
	int n = make("alice", &secret, &one);
	assert_true(n > 0);
	assert_int_equal(make("alice", &secret, &two), n);
	assert_memory_not_equal(one, two, (size_t)n);
	free(one);
	free(two);
}

static void test_text_that_is_not_utf8(void **state)
{
	static const char *const bad[] = {
		"\xff",
		"\xc3",     /* Cut short. */
		"\xc0\xaf", /* Longer than need be. */
		"\xe0\x80\x80",
		"\xed\xa0\x80",     /* A surrogate. */
		"\xf4\x90\x80\x80", /* Past U+10FFFF. */
		"a\x80",
	};
	uint8_t *out = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct pass pass = { .len = strlen(bad[i]) };
		memcpy(pass.text, bad[i], pass.len);
		assert_int_equal(make(bad[i], &secret, &out), -EINVAL);
		assert_int_equal(make("alice", &pass, &out), -EINVAL);
	}
	assert_null(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_contents),
		cmocka_unit_test(test_every_file_has_its_own_salts),
		cmocka_unit_test(test_text_that_is_not_utf8),
	};

	help_pki_init(&pki);
	if (key_make(KEY_P256, &key) != 0)
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	key_free(key);
	return failed;
}
