#include "help_keys.h"

#include "base/util.h"

#include <wolfssl/options.h>

#include <wolfssl/wolfcrypt/asn.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/ed25519.h>
#include <wolfssl/wolfcrypt/random.h>
#include <wolfssl/wolfcrypt/rsa.h>
#include <wolfssl/wolfcrypt/sha.h>
#include <wolfssl/wolfcrypt/signature.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t oid_ed25519[] = { 0x2b, 0x65, 0x70 };

struct help_key {
	enum help_key_kind kind;
	bool made;
	ecc_key ecc;
	ed25519_key ed;
	RsaKey rsa;
};

static struct help_key keys[HELP_N_KEY_KINDS][HELP_KEYS_EACH];

void help_must(bool ok, const char *what)
{
	if (!ok) {
		(void)fprintf(stderr, "help_certs: %s failed\n", what);
		abort();
	}
}

static WC_RNG *rng(void)
{
	static WC_RNG r;
	static bool ready;

	if (!ready)
		help_must(wc_InitRng(&r) == 0, "wc_InitRng");
	ready = true;
	return &r;
}

static void make_ecc(struct help_key *k, int size, int curve)
{
	help_must(wc_ecc_init(&k->ecc) == 0 && wc_ecc_make_key_ex(rng(), size, &k->ecc, curve) == 0,
		"wc_ecc_make_key_ex");
}

static void make_rsa(struct help_key *k)
{
	help_must(wc_InitRsaKey(&k->rsa, NULL) == 0 &&
			  wc_MakeRsaKey(&k->rsa, 2048, 65537, rng()) == 0 &&
			  wc_RsaSetRNG(&k->rsa, rng()) == 0,
		"wc_MakeRsaKey");
}

const struct help_key *help_key(enum help_key_kind kind, unsigned n)
{
	help_must(n < HELP_KEYS_EACH, "help_key: n");
	struct help_key *k = &keys[kind][n];

	if (k->made)
		return k;
	k->kind = kind;
	if (kind == HELP_P256)
		make_ecc(k, 32, ECC_SECP256R1);
	else if (kind == HELP_P384)
		make_ecc(k, 48, ECC_SECP384R1);
	else if (kind == HELP_ED25519)
		help_must(
			wc_ed25519_init(&k->ed) == 0 && wc_ed25519_make_key(rng(), 32, &k->ed) == 0,
			"wc_ed25519_make_key");
	else if (kind == HELP_RSA2048)
		make_rsa(k);
	k->made = true;
	return k;
}

/* wolfCrypt wants its keys writable; the one behind a const pointer is ours to lend. */
static struct help_key *writable(const struct help_key *k)
{
	return &keys[k->kind][k - keys[k->kind]];
}

/* The library makes no such key, and a public one is all that is needed of it. */
static void put_rsa1024(struct der_out *o)
{
	static const uint8_t oid_rsa[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1 };
	uint8_t modulus[128], zero = 0;
	size_t mark = der_out_len(o);

	memset(modulus, 0xc5, sizeof(modulus));
	der_put_uint(o, 65537);
	der_put_integer(o, modulus, sizeof(modulus));
	der_wrap(o, DER_SEQUENCE, mark);
	der_put_raw(o, &zero, 1);
	der_wrap(o, DER_BIT_STRING, mark);
	size_t alg = der_out_len(o);
	der_put(o, DER_NULL, NULL, 0);
	der_put(o, DER_OID, oid_rsa, sizeof(oid_rsa));
	der_wrap(o, DER_SEQUENCE, alg);
	der_wrap(o, DER_SEQUENCE, mark);
}

void help_put_spki(struct der_out *o, const struct help_key *key)
{
	struct help_key *k = writable(key);
	uint8_t buf[1024];
	int n;

	if (k->kind == HELP_RSA1024) {
		put_rsa1024(o);
		return;
	}
	if (k->kind == HELP_ED25519)
		n = wc_Ed25519PublicKeyToDer(&k->ed, buf, sizeof(buf), 1);
	else if (k->kind == HELP_P256 || k->kind == HELP_P384)
		n = wc_EccPublicKeyToDer(&k->ecc, buf, sizeof(buf), 1);
	else
		n = wc_RsaKeyToPublicDer(&k->rsa, buf, sizeof(buf));
	help_must(n > 0, "public key to DER");
	der_put_raw(o, buf, (size_t)n);
}

void help_write_key_pem(const struct help_key *key, char *out, size_t cap)
{
	struct help_key *k = writable(key);
	uint8_t der[2560], rsa[2048];
	word32 len = sizeof(der);
	int n;

	out[0] = '\0';
	if (k->kind == HELP_RSA1024)
		return;
	if (k->kind == HELP_ED25519) {
		n = wc_Ed25519PrivateKeyToDer(&k->ed, der, sizeof(der));
	} else if (k->kind == HELP_P256 || k->kind == HELP_P384) {
		n = wc_EccKeyToPKCS8(&k->ecc, der, &len);
	} else {
		n = wc_RsaKeyToDer(&k->rsa, rsa, sizeof(rsa));
		help_must(n > 0, "wc_RsaKeyToDer");
		n = wc_CreatePKCS8Key(der, &len, rsa, (word32)n, RSAk, NULL, 0);
	}
	help_must(n > 0, "private key to DER");
	char *pem = help_pem("PRIVATE KEY", der, (size_t)n);
	help_must(strlen(pem) < cap, "room for a key");
	memcpy(out, pem, strlen(pem) + 1);
	free(pem);
}

char *help_ed25519_pem_v2(const struct help_key *key)
{
	uint8_t der[256];
	int n = wc_Ed25519KeyToDer(&writable(key)->ed, der, sizeof(der));

	help_must(n > 0, "wc_Ed25519KeyToDer");
	return help_pem("PRIVATE KEY", der, (size_t)n);
}

void help_pem_add(char *text, size_t cap, const char *pem)
{
	size_t used = strlen(text), n = strlen(pem);

	help_must(n < cap - used, "room for PEM");
	memcpy(text + used, pem, n + 1);
}

char *help_pem(const char *label, const uint8_t *der, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *out = malloc(len / 3 * 4 + len / 48 + 128), *p = out;

	help_must(out != NULL, "malloc");
	p += sprintf(p, "-----BEGIN %s-----\n", label);
	for (size_t i = 0; i < len; i += 3) {
		size_t n = MIN(len - i, (size_t)3);
		uint32_t v = (uint32_t)der[i] << 16;
		v |= n > 1 ? (uint32_t)der[i + 1] << 8 : 0;
		v |= n > 2 ? der[i + 2] : 0;
		for (size_t j = 0; j < 4; j++)
			*p++ = (char)(j <= n ? digits[v >> (18 - 6 * j) & 63] : '=');
		if (i % 48 == 45 && i + 3 < len)
			*p++ = '\n';
	}
	(void)sprintf(p, "\n-----END %s-----\n", label);
	return out;
}

/* Signing. */

static const struct {
	enum wc_HashType hash;
	uint8_t ecdsa[9], rsa[9]; /* The algorithms' OIDs. */
	size_t ecdsa_len;
} hashes[] = {
	[HELP_SHA256] = { WC_HASH_TYPE_SHA256, { 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2 },
		{ 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 0x0b }, 8 },
	[HELP_SHA384] = { WC_HASH_TYPE_SHA384, { 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3 },
		{ 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 0x0c }, 8 },
	[HELP_SHA512] = { WC_HASH_TYPE_SHA512, { 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4 },
		{ 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 0x0d }, 8 },
	[HELP_SHA1] = { WC_HASH_TYPE_SHA, { 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1 },
		{ 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 5 }, 7 },
};

void help_put_sig_alg(struct der_out *o, const struct help_key *key, enum help_hash hash)
{
	size_t mark = der_out_len(o);

	if (key->kind == HELP_ED25519) {
		der_put(o, DER_OID, oid_ed25519, sizeof(oid_ed25519));
	} else if (key->kind == HELP_P256 || key->kind == HELP_P384) {
		der_put(o, DER_OID, hashes[hash].ecdsa, hashes[hash].ecdsa_len);
	} else {
		der_put(o, DER_NULL, NULL, 0);
		der_put(o, DER_OID, hashes[hash].rsa, sizeof(hashes[hash].rsa));
	}
	der_wrap(o, DER_SEQUENCE, mark);
}

/*
 * The library signs no hash as short as SHA-1's.  ECDSA takes a hash as a number, so leading zeros do not
 * change its signature.
 */
static int sign_sha1(struct help_key *k, const uint8_t *tbs, size_t len, uint8_t *sig, word32 *n)
{
	uint8_t encoded[64];
	uint8_t hash[WC_SHA256_DIGEST_SIZE] = { 0 };

	help_must(wc_ShaHash(tbs, (word32)len, hash + sizeof(hash) - WC_SHA_DIGEST_SIZE) == 0,
		"SHA-1");
	if (k->kind == HELP_P256)
		return wc_ecc_sign_hash(hash, sizeof(hash), sig, n, rng(), &k->ecc);
	word32 size = wc_EncodeSignature(
		encoded, hash + sizeof(hash) - WC_SHA_DIGEST_SIZE, WC_SHA_DIGEST_SIZE, SHAh);
	int made = wc_RsaSSL_Sign(encoded, size, sig, *n, &k->rsa, rng());
	*n = (word32)made;
	return made > 0 ? 0 : -1;
}

static size_t make_signature(const struct help_key *key, enum help_hash hash, const uint8_t *tbs,
	size_t len, uint8_t sig[static 512])
{
	struct help_key *k = writable(key);
	word32 n = 512;
	int rc;

	if (k->kind == HELP_ED25519)
		rc = wc_ed25519_sign_msg(tbs, (word32)len, sig, &n, &k->ed);
	else if (hash == HELP_SHA1)
		rc = sign_sha1(k, tbs, len, sig, &n);
	else if (k->kind == HELP_P256 || k->kind == HELP_P384)
		rc = wc_SignatureGenerate(hashes[hash].hash, WC_SIGNATURE_TYPE_ECC, tbs,
			(word32)len, sig, &n, &k->ecc, sizeof(k->ecc), rng());
	else {
		n = (word32)wc_RsaEncryptSize(&k->rsa);
		rc = wc_SignatureGenerate(hashes[hash].hash, WC_SIGNATURE_TYPE_RSA_W_ENC, tbs,
			(word32)len, sig, &n, &k->rsa, sizeof(k->rsa), rng());
	}
	help_must(rc == 0, "signing");
	return n;
}

/* SEQUENCE { tbs, algorithm, BIT STRING }: the same for certificates and CRLs. */
void help_sign(struct der_out *o, const uint8_t *tbs, size_t len, const struct help_key *key,
	enum help_hash hash)
{
	uint8_t sig[512], zero = 0;
	size_t n = make_signature(key, hash, tbs, len, sig), mark = der_out_len(o);

	der_put_raw(o, sig, n);
	der_put_raw(o, &zero, 1);
	der_wrap(o, DER_BIT_STRING, mark);
	help_put_sig_alg(o, key, hash);
	der_put_raw(o, tbs, len);
	der_wrap(o, DER_SEQUENCE, mark);
	help_must(!o->failed, "room for a signature");
}
