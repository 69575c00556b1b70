#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/x509.h"
#include "pki/fs.h"
#include "pki/key.h"
#include "pki/keyfile.h"
#include "pki/pbes2.h"
#include "tls/tls_verify.h"

static const enum x509_sig sig_of[] = {
	[KEY_P256] = X509_SIG_ECDSA_SHA256,
	[KEY_P384] = X509_SIG_ECDSA_SHA384,
	[KEY_ED25519] = X509_SIG_ED25519,
	[KEY_RSA3072] = X509_SIG_RSA_SHA256,
};

static struct der spki_of(struct key *k, uint8_t buf[static KEY_SPKI_MAX])
{
	int n = key_spki(k, buf);

	assert_true(n > 0);
	return (struct der){ buf, (size_t)n };
}

/* Made, written, read: still the same key, and what it signs verifies. */
static void test_round_trip(void **state)
{
	(void)state;
	for (enum key_alg alg = KEY_P256; alg <= KEY_RSA3072; alg++) {
		uint8_t pkcs8[KEY_PKCS8_MAX], one[KEY_SPKI_MAX], two[KEY_SPKI_MAX];
		uint8_t buf[64 + KEY_SIG_MAX] = { 0x30, 3, 2, 1, 5 };
		struct key *k = NULL, *again = NULL;
		struct der all, body, tbs, sig, alg_id;
		enum x509_sig found;
		uint8_t tag;

		assert_int_equal(key_make(alg, &k), 0);
		int n = key_to_pkcs8(k, pkcs8);
		assert_true(n > 0);
		assert_int_equal(key_from_pkcs8(pkcs8, (size_t)n, &again), 0);
		assert_int_equal(key_alg_of(again), alg);
		struct der a = spki_of(k, one), b = spki_of(again, two);
		assert_true(der_equal(&a, &b));

		n = key_sign(again, buf, 5, sizeof(buf));
		assert_true(n > 0);
		all = (struct der){ buf, (size_t)n };
		assert_int_equal(der_take(&all, DER_SEQUENCE, &body), 0);
		assert_int_equal(all.len, 0);
		assert_int_equal(der_next(&body, &tag, &all, &tbs), 0);
		assert_int_equal(x509_take_sig_alg(&body, &found, &alg_id), 0);
		assert_int_equal(found, sig_of[alg]);
		assert_int_equal(der_take_bits(&body, &sig), 0);
		assert_int_equal(tls_verify_signature(&a, found, &tbs, &sig), 0);
		key_free(k);
		key_free(again);
	}
	key_free(NULL);
}

static void test_not_a_key(void **state)
{
	uint8_t pkcs8[KEY_PKCS8_MAX];
	struct key *k = NULL, *bad = NULL;

	(void)state;
	assert_int_equal(key_make(KEY_P256, &k), 0);
	int n = key_to_pkcs8(k, pkcs8);
	for (int cut = 0; cut < n; cut++)
		assert_int_equal(key_from_pkcs8(pkcs8, (size_t)cut, &bad), -EBADMSG);
	for (int i = 0; i < 27; i++) { /* Version, algorithm, curve. */
		pkcs8[i] ^= 0x40;
		assert_int_equal(key_from_pkcs8(pkcs8, (size_t)n, &bad), -EBADMSG);
		pkcs8[i] ^= 0x40;
	}
	assert_null(bad);
	key_free(k);
}

static struct pass pass_of(const char *text)
{
	struct pass p = { .len = strlen(text) };

	memcpy(p.text, text, p.len);
	return p;
}

static void test_pbes2(void **state)
{
	const struct pass right = pass_of("right"), wrong = pass_of("Right");
	uint8_t plain[64], sealed[64 + PBES2_OVERHEAD], out[sizeof(sealed)];

	(void)state;
	for (size_t i = 0; i < sizeof(plain); i++)
		plain[i] = (uint8_t)i;
	/* A whole number of blocks must be padded too. */
	static const size_t lens[] = { 1, 15, 16, 17, 48 };
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		int n = pbes2_encrypt(&right, plain, lens[i], sealed, sizeof(sealed));
		assert_true(n > 0);
		assert_int_equal(
			pbes2_decrypt(&right, sealed, (size_t)n, out, sizeof(out)), lens[i]);
		assert_memory_equal(out, plain, lens[i]);
		int r = pbes2_decrypt(&wrong, sealed, (size_t)n, out, sizeof(out));
		if (r >= 0) /* By chance, once in 256. */
			assert_memory_not_equal(out, plain, lens[i]);
		else
			assert_int_equal(r, -EKEYREJECTED);
	}
	int n = pbes2_encrypt(&right, plain, 48, sealed, sizeof(sealed));
	for (size_t cut = 0; cut < (size_t)n; cut++)
		assert_int_equal(pbes2_decrypt(&right, sealed, cut, out, sizeof(out)), -EBADMSG);
	assert_true(pbes2_encrypt(&right, plain, 48, sealed, 100) < 0);
}

static void test_file(void **state)
{
	char dir[] = "/tmp/pki-key-XXXXXX", path[64];
	const struct pass right = pass_of("right"), wrong = pass_of("wrong");
	uint8_t spki[KEY_SPKI_MAX], other[KEY_SPKI_MAX];
	struct key *k = NULL, *k2 = NULL, *got = NULL;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	fd = open(dir, O_RDONLY | O_DIRECTORY);
	assert_int_equal(key_make(KEY_ED25519, &k), 0);
	assert_int_equal(key_make(KEY_ED25519, &k2), 0);
	struct der mine = spki_of(k, spki), theirs = spki_of(k2, other);

	assert_int_equal(keyfile_write(fd, "plain", k, NULL), 0);
	assert_int_equal(keyfile_write(fd, "sealed", k, &right), 0);
	assert_int_equal(keyfile_write(fd, "plain", k2, NULL), -EEXIST);
	assert_int_equal(keyfile_load(fd, "plain", &mine, NULL, &got), 0);
	key_free(got);
	assert_int_equal(keyfile_load(fd, "plain", &theirs, NULL, &got), -EBADMSG);
	assert_int_equal(keyfile_load(fd, "sealed", &mine, NULL, &got), -ENOKEY);
	assert_int_equal(keyfile_load(fd, "sealed", &mine, &wrong, &got), -EKEYREJECTED);
	assert_int_equal(keyfile_load(fd, "sealed", &mine, &right, &got), 0);
	key_free(got);
	assert_int_equal(keyfile_load(fd, "none", &mine, NULL, &got), -ENOENT);
	(void)snprintf(path, sizeof(path), "%s/plain", dir);
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(keyfile_load(fd, "plain", &mine, NULL, &got), -EPERM);

	key_free(k);
	key_free(k2);
	(void)fs_remove(fd, "plain");
	(void)fs_remove(fd, "sealed");
	(void)close(fd);
	assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_not_a_key),
		cmocka_unit_test(test_pbes2),
		cmocka_unit_test(test_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
