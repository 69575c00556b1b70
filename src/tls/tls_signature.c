#include "tls/tls_signature.h"

#include "base/util.h"

#include <wolfssl/options.h>

#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/ed25519.h>
#include <wolfssl/wolfcrypt/rsa.h>
#include <wolfssl/wolfcrypt/signature.h>

#include <errno.h>
#include <limits.h>

static int check_ecdsa(const struct x509_spki *k, enum wc_HashType hash, const struct der *tbs,
	const struct der *sig)
{
	ecc_key key;
	word32 idx = 0;
	int rc = -EBADMSG;

	if (wc_ecc_init(&key) != 0)
		return -EBADMSG;
	if (wc_EccPublicKeyDecode(k->all.p, &idx, &key, (word32)k->all.len) == 0 &&
		wc_SignatureVerify(hash, WC_SIGNATURE_TYPE_ECC, tbs->p, (word32)tbs->len, sig->p,
			(word32)sig->len, &key, sizeof(key)) == 0)
		rc = 0;
	wc_ecc_free(&key);
	return rc;
}

static int check_rsa(const struct x509_spki *k, enum wc_HashType hash, const struct der *tbs,
	const struct der *sig)
{
	RsaKey key;
	word32 idx = 0;
	int rc = -EBADMSG;

	if (wc_InitRsaKey(&key, NULL) != 0)
		return -EBADMSG;
	if (wc_RsaPublicKeyDecode(k->all.p, &idx, &key, (word32)k->all.len) == 0 &&
		wc_SignatureVerify(hash, WC_SIGNATURE_TYPE_RSA_W_ENC, tbs->p, (word32)tbs->len,
			sig->p, (word32)sig->len, &key, sizeof(key)) == 0)
		rc = 0;
	(void)wc_FreeRsaKey(&key);
	return rc;
}

static int check_ed25519(const struct x509_spki *k, const struct der *tbs, const struct der *sig)
{
	ed25519_key key;
	int valid = 0, rc = -EBADMSG;

	if (wc_ed25519_init(&key) != 0)
		return -EBADMSG;
	if (wc_ed25519_import_public(k->key.p, (word32)k->key.len, &key) == 0 &&
		wc_ed25519_verify_msg(
			sig->p, (word32)sig->len, tbs->p, (word32)tbs->len, &valid, &key) == 0 &&
		valid == 1)
		rc = 0;
	wc_ed25519_free(&key);
	return rc;
}

static const struct {
	enum wc_HashType hash;
	bool rsa;
} algs[] = {
	[X509_SIG_ECDSA_SHA256] = { WC_HASH_TYPE_SHA256, false },
	[X509_SIG_ECDSA_SHA384] = { WC_HASH_TYPE_SHA384, false },
	[X509_SIG_ECDSA_SHA512] = { WC_HASH_TYPE_SHA512, false },
	[X509_SIG_RSA_SHA256] = { WC_HASH_TYPE_SHA256, true },
	[X509_SIG_RSA_SHA384] = { WC_HASH_TYPE_SHA384, true },
	[X509_SIG_RSA_SHA512] = { WC_HASH_TYPE_SHA512, true },
};

int tls_signature_check(
	const struct der *spki, enum x509_sig alg, const struct der *tbs, const struct der *sig)
{
	struct der in = *spki;
	struct x509_spki k;

	if (x509_take_spki(&in, &k) != 0 || in.len != 0 || k.alg == X509_KEY_OTHER)
		return -EBADMSG;
	if (tbs->len == 0 || tbs->len > INT_MAX || sig->len == 0 || sig->len > INT_MAX)
		return -EBADMSG;
	if (alg == X509_SIG_ED25519)
		return k.alg == X509_KEY_ED25519 ? check_ed25519(&k, tbs, sig) : -EBADMSG;
	if (alg == X509_SIG_OTHER || k.alg == X509_KEY_ED25519 || (size_t)alg >= ARRAY_LEN(algs))
		return -EBADMSG;
	if (algs[alg].rsa != (k.alg == X509_KEY_RSA))
		return -EBADMSG;
	return algs[alg].rsa ? check_rsa(&k, algs[alg].hash, tbs, sig)
			     : check_ecdsa(&k, algs[alg].hash, tbs, sig);
}
