#include "pki/pbes2.h"

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/settings.h>

#include <wolfssl/wolfcrypt/aes.h>
#include <wolfssl/wolfcrypt/pwdbased.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/secret.h"
#include "net/der.h"

#define OID_PBES2       "\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0d"
#define OID_PBKDF2      "\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0c"
#define OID_HMAC_SHA256 "\x2a\x86\x48\x86\xf7\x0d\x02\x09"
#define OID_AES256_CBC  "\x60\x86\x48\x01\x65\x03\x04\x01\x2a"

enum { BLOCK = 16, SALT_LEN = 16, SALT_MAX = 64, AES_KEY_LEN = 32 };

struct params {
	uint8_t salt[SALT_MAX];
	size_t salt_len;
	uint32_t iterations;
	uint8_t iv[BLOCK];
};

/* AES-256-CBC over in[0..len), whole blocks, under the key that the passphrase gives. */
static int cipher(const struct pass *pass, const struct params *p, int dir, const uint8_t *in,
	size_t len, uint8_t *out)
{
	uint8_t key[AES_KEY_LEN];
	Aes aes;
	int r = wc_PBKDF2(key, (const byte *)pass->text, (int)pass->len, p->salt, (int)p->salt_len,
		(int)p->iterations, AES_KEY_LEN, WC_SHA256);

	if (r == 0)
		r = wc_AesInit(&aes, NULL, INVALID_DEVID);
	if (r == 0) {
		r = wc_AesSetKey(&aes, key, sizeof(key), p->iv, dir);
		if (r == 0 && dir == AES_ENCRYPTION)
			r = wc_AesCbcEncrypt(&aes, out, in, (word32)len);
		else if (r == 0)
			r = wc_AesCbcDecrypt(&aes, out, in, (word32)len);
		wc_AesFree(&aes);
	}
	secret_wipe(key, sizeof(key));
	return r == 0 ? 0 : -EIO;
}

static void put_oid(struct der_out *o, const char *oid)
{
	der_put(o, DER_OID, oid, strlen(oid));
}

/* EncryptedPrivateKeyInfo, last field first. */
static void put_all(struct der_out *o, const struct params *p, const uint8_t *text, size_t len)
{
	size_t alg, mark;

	der_put(o, DER_OCTET_STRING, text, len);
	alg = der_out_len(o);
	der_put(o, DER_OCTET_STRING, p->iv, sizeof(p->iv));
	put_oid(o, OID_AES256_CBC);
	der_wrap(o, DER_SEQUENCE, alg);
	size_t kdf = der_out_len(o);
	mark = kdf;
	der_put(o, DER_NULL, NULL, 0);
	put_oid(o, OID_HMAC_SHA256);
	der_wrap(o, DER_SEQUENCE, mark);
	der_put_uint(o, p->iterations);
	der_put(o, DER_OCTET_STRING, p->salt, p->salt_len);
	der_wrap(o, DER_SEQUENCE, kdf);
	put_oid(o, OID_PBKDF2);
	der_wrap(o, DER_SEQUENCE, kdf);
	der_wrap(o, DER_SEQUENCE, alg);
	put_oid(o, OID_PBES2);
	der_wrap(o, DER_SEQUENCE, alg);
	der_wrap(o, DER_SEQUENCE, 0);
}

int pbes2_encrypt(const struct pass *pass, const uint8_t *der, size_t len, uint8_t *out, size_t cap)
{
	struct params p = { .salt_len = SALT_LEN, .iterations = PBES2_ITERATIONS };
	size_t pad = BLOCK - len % BLOCK;
	struct der_out o;
	uint8_t *text = malloc(len + BLOCK);
	int r;

	if (text == NULL)
		return -ENOMEM;
	memcpy(text, der, len);
	memset(text + len, (int)pad, pad);
	r = getrandom(p.salt, SALT_LEN, 0) == SALT_LEN && getrandom(p.iv, BLOCK, 0) == BLOCK ? 0
											     : -EIO;
	if (r == 0)
		r = cipher(pass, &p, AES_ENCRYPTION, text, len + pad, text);
	if (r == 0) {
		der_out_init(&o, out, cap);
		put_all(&o, &p, text, len + pad);
		r = o.failed ? -EIO : (int)der_out_len(&o);
		if (r > 0)
			memmove(out, der_out_bytes(&o), (size_t)r);
	}
	secret_free(text, len + BLOCK);
	return r;
}

static bool take_oid(struct der *in, const char *oid)
{
	struct der got;

	return der_take(in, DER_OID, &got) == 0 && der_is(&got, oid, strlen(oid));
}

static int parse_kdf(struct der kdf, struct params *p)
{
	struct der body, salt, prf;
	uint32_t key_len;

	if (!take_oid(&kdf, OID_PBKDF2) || der_take(&kdf, DER_SEQUENCE, &body) < 0 ||
		der_take(&body, DER_OCTET_STRING, &salt) < 0 ||
		der_take_uint(&body, &p->iterations) < 0)
		return -EBADMSG;
	if (salt.len == 0 || salt.len > SALT_MAX || p->iterations == 0 ||
		p->iterations > PBES2_ITERATIONS_MAX)
		return -EBADMSG;
	if (body.len > 0 && body.p[0] == DER_INTEGER &&
		(der_take_uint(&body, &key_len) < 0 || key_len != AES_KEY_LEN))
		return -EBADMSG;
	/* Without it the function would be HMAC-SHA1. */
	if (der_take(&body, DER_SEQUENCE, &prf) < 0 || !take_oid(&prf, OID_HMAC_SHA256))
		return -EBADMSG;
	memcpy(p->salt, salt.p, salt.len);
	p->salt_len = salt.len;
	return 0;
}

static int parse(const uint8_t *der, size_t len, struct params *p, struct der *text)
{
	struct der in = { der, len }, all, alg, pair, kdf, enc, iv;

	if (der_take(&in, DER_SEQUENCE, &all) < 0 || in.len != 0 ||
		der_take(&all, DER_SEQUENCE, &alg) < 0 || !take_oid(&alg, OID_PBES2) ||
		der_take(&alg, DER_SEQUENCE, &pair) < 0 ||
		der_take(&pair, DER_SEQUENCE, &kdf) < 0 ||
		der_take(&pair, DER_SEQUENCE, &enc) < 0 || parse_kdf(kdf, p) < 0)
		return -EBADMSG;
	if (!take_oid(&enc, OID_AES256_CBC) || der_take(&enc, DER_OCTET_STRING, &iv) < 0 ||
		iv.len != BLOCK || der_take(&all, DER_OCTET_STRING, text) < 0)
		return -EBADMSG;
	if (text->len == 0 || text->len % BLOCK != 0)
		return -EBADMSG;
	memcpy(p->iv, iv.p, BLOCK);
	return 0;
}

int pbes2_decrypt(const struct pass *pass, const uint8_t *der, size_t len, uint8_t *out, size_t cap)
{
	struct params p = { .salt_len = 0 };
	struct der text;
	int r = parse(der, len, &p, &text);

	if (r < 0)
		return r;
	if (text.len > cap)
		return -EBADMSG;
	r = cipher(pass, &p, AES_DECRYPTION, text.p, text.len, out);
	if (r < 0)
		return r;
	size_t pad = out[text.len - 1];
	bool good = pad >= 1 && pad <= BLOCK;
	for (size_t i = 0; good && i < pad; i++)
		good = out[text.len - 1 - i] == pad;
	if (!good) {
		secret_wipe(out, text.len);
		return -EKEYREJECTED;
	}
	return (int)(text.len - pad);
}
