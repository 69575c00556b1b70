#include "pki/key.h"

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/settings.h>

#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/ed25519.h>
#include <wolfssl/wolfcrypt/error-crypt.h>
#include <wolfssl/wolfcrypt/random.h>
#include <wolfssl/wolfcrypt/rsa.h>
#include <wolfssl/wolfcrypt/sha256.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/secret.h"

struct key {
	enum key_alg alg;
	WC_RNG rng;
	union {
		ecc_key ecc;
		ed25519_key ed;
		RsaKey rsa;
	};
};

#define OID_ECDSA_SHA256 "\x2a\x86\x48\xce\x3d\x04\x03\x02"
#define OID_ECDSA_SHA384 "\x2a\x86\x48\xce\x3d\x04\x03\x03"
#define OID_ED25519      "\x2b\x65\x70"
#define OID_RSA_SHA256   "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b"
#define OID_RSA          "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"
#define OID_EC           "\x2a\x86\x48\xce\x3d\x02\x01"
#define OID_P256         "\x2a\x86\x48\xce\x3d\x03\x01\x07"
#define OID_P384         "\x2b\x81\x04\x00\x22"

enum { RSA_BITS = 3072, RSA_MIN_BYTES = 256, RSA_MAX_BYTES = 512 };

static const struct {
	const char *name;
	int type, sig;
	const char *oid;
	size_t oid_len;
} algs[] = {
	[KEY_P256] = { "p256", ECC_TYPE, CTC_SHA256wECDSA, OID_ECDSA_SHA256,
		sizeof(OID_ECDSA_SHA256) - 1 },
	[KEY_P384] = { "p384", ECC_TYPE, CTC_SHA384wECDSA, OID_ECDSA_SHA384,
		sizeof(OID_ECDSA_SHA384) - 1 },
	[KEY_ED25519] = { "ed25519", ED25519_TYPE, CTC_ED25519, OID_ED25519,
		sizeof(OID_ED25519) - 1 },
	[KEY_RSA3072] = { "rsa3072", RSA_TYPE, CTC_SHA256wRSA, OID_RSA_SHA256,
		sizeof(OID_RSA_SHA256) - 1 },
};

enum key_alg key_alg_like(enum x509_key kind)
{
	switch (kind) {
	case X509_KEY_P384:
		return KEY_P384;
	case X509_KEY_ED25519:
		return KEY_ED25519;
	case X509_KEY_RSA:
		return KEY_RSA3072;
	case X509_KEY_P256:
	case X509_KEY_OTHER:
		break;
	}
	return KEY_P256;
}

int key_alg_parse(const char *text, enum key_alg *out)
{
	for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++) {
		if (strcmp(algs[i].name, text) == 0) {
			*out = (enum key_alg)i;
			return 0;
		}
	}
	return -EINVAL;
}

const char *key_alg_name(enum key_alg alg)
{
	return algs[alg].name;
}

enum key_alg key_alg_of(const struct key *k)
{
	return k->alg;
}

static int init(struct key *k)
{
	switch (k->alg) {
	case KEY_P256:
	case KEY_P384:
		return wc_ecc_init(&k->ecc);
	case KEY_ED25519:
		return wc_ed25519_init(&k->ed);
	case KEY_RSA3072: {
		int r = wc_InitRsaKey(&k->rsa, NULL);
		return r != 0 ? r : wc_RsaSetRNG(&k->rsa, &k->rng);
	}
	}
	return BAD_FUNC_ARG;
}

static struct key *create(enum key_alg alg)
{
	struct key *k = calloc(1, sizeof(*k));

	if (k == NULL)
		return NULL;
	(void)mlock(k, sizeof(*k)); /* Best effort: RLIMIT_MEMLOCK may be 0. */
	k->alg = alg;
	if (wc_InitRng(&k->rng) != 0)
		goto fail;
	if (init(k) != 0) {
		(void)wc_FreeRng(&k->rng);
		goto fail;
	}
	return k;

fail:
	free(k);
	return NULL;
}

void key_free(struct key *k)
{
	if (k == NULL)
		return;
	switch (k->alg) {
	case KEY_P256:
	case KEY_P384:
		(void)wc_ecc_free(&k->ecc);
		break;
	case KEY_ED25519:
		wc_ed25519_free(&k->ed);
		break;
	case KEY_RSA3072:
		(void)wc_FreeRsaKey(&k->rsa);
		break;
	}
	(void)wc_FreeRng(&k->rng);
	secret_wipe(k, sizeof(*k));
	(void)munlock(k, sizeof(*k));
	free(k);
}

static int generate(struct key *k)
{
	switch (k->alg) {
	case KEY_P256:
		return wc_ecc_make_key_ex(&k->rng, 32, &k->ecc, ECC_SECP256R1);
	case KEY_P384:
		return wc_ecc_make_key_ex(&k->rng, 48, &k->ecc, ECC_SECP384R1);
	case KEY_ED25519:
		return wc_ed25519_make_key(&k->rng, ED25519_KEY_SIZE, &k->ed);
	case KEY_RSA3072:
		return wc_MakeRsaKey(&k->rsa, RSA_BITS, WC_RSA_EXPONENT, &k->rng);
	}
	return BAD_FUNC_ARG;
}

int key_make(enum key_alg alg, struct key **out)
{
	struct key *k = create(alg);

	if (k == NULL)
		return -ENOMEM;
	if (generate(k) != 0) {
		key_free(k);
		return -EIO;
	}
	*out = k;
	return 0;
}

static int rsa_to_pkcs8(struct key *k, uint8_t *out)
{
	uint8_t plain[KEY_PKCS8_MAX];
	word32 len = KEY_PKCS8_MAX;
	int n = wc_RsaKeyToDer(&k->rsa, plain, sizeof(plain));
	int r = n < 0 ? n : wc_CreatePKCS8Key(out, &len, plain, (word32)n, RSAk, NULL, 0);

	secret_wipe(plain, sizeof(plain));
	return r;
}

int key_to_pkcs8(struct key *k, uint8_t out[static KEY_PKCS8_MAX])
{
	word32 len = KEY_PKCS8_MAX;
	int r = BAD_FUNC_ARG;

	switch (k->alg) {
	case KEY_P256:
	case KEY_P384:
		r = wc_EccKeyToPKCS8(&k->ecc, out, &len);
		r = r < 0 ? r : (int)len;
		break;
	case KEY_ED25519:
		r = wc_Ed25519PrivateKeyToDer(&k->ed, out, KEY_PKCS8_MAX);
		break;
	case KEY_RSA3072:
		r = rsa_to_pkcs8(k, out);
		break;
	}
	return r <= 0 ? -EIO : r;
}

/* Which algorithm a PKCS#8 key is of: OneAsymmetricKey ::= SEQUENCE { version, AlgorithmIdentifier, ... } */
static int pkcs8_alg(const uint8_t *p, size_t len, enum key_alg *out)
{
	struct der in = { p, len }, body, alg, oid, null, key, curve = { NULL, 0 };
	uint32_t version;

	if (der_take(&in, DER_SEQUENCE, &body) < 0 || in.len != 0 ||
		der_take_uint(&body, &version) < 0 || version > 1 ||
		der_take(&body, DER_SEQUENCE, &alg) < 0 || der_take(&alg, DER_OID, &oid) < 0 ||
		der_take(&body, DER_OCTET_STRING, &key) < 0)
		return -EBADMSG;
	if (der_take_if(&alg, DER_OID, &curve) < 0 || der_take_if(&alg, DER_NULL, &null) < 0 ||
		alg.len != 0)
		return -EBADMSG;
	if (der_is(&oid, OID_RSA, sizeof(OID_RSA) - 1)) {
		*out = KEY_RSA3072;
		return 0;
	}
	if (der_is(&oid, OID_ED25519, sizeof(OID_ED25519) - 1)) {
		*out = KEY_ED25519;
		return 0;
	}
	bool p256 = der_is(&curve, OID_P256, sizeof(OID_P256) - 1);
	bool p384 = der_is(&curve, OID_P384, sizeof(OID_P384) - 1);
	if (!der_is(&oid, OID_EC, sizeof(OID_EC) - 1) || (!p256 && !p384))
		return -EBADMSG;
	*out = p256 ? KEY_P256 : KEY_P384;
	return 0;
}

static int decode_ed25519(struct key *k, const uint8_t *der, size_t len)
{
	uint8_t pub[ED25519_PUB_KEY_SIZE], private[ED25519_KEY_SIZE];
	word32 at = 0, n = sizeof(private);
	int r = wc_Ed25519PrivateKeyDecode(der, &at, &k->ed, (word32)len);

	/* A version 1 key holds no public half, and an imported one is not to be believed. */
	if (r == 0)
		r = wc_ed25519_make_public(&k->ed, pub, sizeof(pub));
	if (r == 0)
		r = wc_ed25519_export_private_only(&k->ed, private, &n);
	if (r == 0)
		r = wc_ed25519_import_private_key(private, n, pub, sizeof(pub), &k->ed);
	secret_wipe(private, sizeof(private));
	return r;
}

static int decode(struct key *k, const uint8_t *der, size_t len)
{
	word32 at = 0;
	int r = BAD_FUNC_ARG;

	switch (k->alg) {
	case KEY_P256:
	case KEY_P384:
		r = wc_EccPrivateKeyDecode(der, &at, &k->ecc, (word32)len);
		if (r == 0)
			r = wc_ecc_make_pub_ex(&k->ecc, NULL, &k->rng);
		break;
	case KEY_ED25519:
		r = decode_ed25519(k, der, len);
		break;
	case KEY_RSA3072:
		r = wc_RsaPrivateKeyDecode(der, &at, &k->rsa, (word32)len);
		if (r == 0) {
			int bytes = wc_RsaEncryptSize(&k->rsa);
			r = bytes < RSA_MIN_BYTES || bytes > RSA_MAX_BYTES ? BAD_FUNC_ARG : 0;
		}
		break;
	}
	return r;
}

int key_from_pkcs8(const uint8_t *der, size_t len, struct key **out)
{
	enum key_alg alg;

	if (len > KEY_PKCS8_MAX || pkcs8_alg(der, len, &alg) < 0)
		return -EBADMSG;
	struct key *k = create(alg);
	if (k == NULL)
		return -ENOMEM;
	if (decode(k, der, len) != 0) {
		key_free(k);
		return -EBADMSG;
	}
	*out = k;
	return 0;
}

int key_spki(struct key *k, uint8_t out[static KEY_SPKI_MAX])
{
	int r = BAD_FUNC_ARG;

	switch (k->alg) {
	case KEY_P256:
	case KEY_P384:
		r = wc_EccPublicKeyToDer(&k->ecc, out, KEY_SPKI_MAX, 1);
		break;
	case KEY_ED25519:
		r = wc_Ed25519PublicKeyToDer(&k->ed, out, KEY_SPKI_MAX, 1);
		break;
	case KEY_RSA3072:
		r = wc_RsaKeyToPublicDer(&k->rsa, out, KEY_SPKI_MAX);
		break;
	}
	return r <= 0 ? -EIO : r;
}

int key_id(const struct der *spki, uint8_t out[static KEY_ID_LEN])
{
	struct der in = *spki, body, alg, bits;
	uint8_t hash[WC_SHA256_DIGEST_SIZE];

	if (der_take(&in, DER_SEQUENCE, &body) < 0 || der_take(&body, DER_SEQUENCE, &alg) < 0 ||
		der_take_bits(&body, &bits) < 0)
		return -EBADMSG;
	if (wc_Sha256Hash(bits.p, (word32)bits.len, hash) != 0)
		return -EBADMSG;
	memcpy(out, hash, KEY_ID_LEN);
	return 0;
}

void key_put_sigalg(const struct key *k, struct der_out *o)
{
	size_t mark = der_out_len(o);

	if (k->alg == KEY_RSA3072)
		der_put(o, DER_NULL, NULL, 0);
	der_put(o, DER_OID, algs[k->alg].oid, algs[k->alg].oid_len);
	der_wrap(o, DER_SEQUENCE, mark);
}

int key_sign(struct key *k, uint8_t *buf, size_t len, size_t cap)
{
	void *key = k->alg == KEY_ED25519   ? (void *)&k->ed
		    : k->alg == KEY_RSA3072 ? (void *)&k->rsa
					    : (void *)&k->ecc;
	int n;

	if (len > INT32_MAX || cap > INT32_MAX)
		return -EIO;
	n = wc_SignCert_ex(
		(int)len, algs[k->alg].sig, buf, (word32)cap, algs[k->alg].type, key, &k->rng);
	return n <= 0 ? -EIO : n;
}
