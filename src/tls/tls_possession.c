#include "tls/tls_possession.h"

#include "net/x509.h"

#include <wolfssl/options.h>

#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/ed25519.h>
#include <wolfssl/wolfcrypt/error-crypt.h>
#include <wolfssl/wolfcrypt/rsa.h>

/*
 * The library comes here for the signatures in the chain as well.  Those come first: the chain is handed to us when it has
 * been gone through, so once the leaf is known only the CertificateVerify is left.
 */
static bool is_certificate_verify(const struct tls_possession *p)
{
	return p->spki.len > 0;
}

static void note(struct tls_possession *p, bool held)
{
	if (!is_certificate_verify(p))
		return;
	if (held && !p->failed)
		p->proven = true;
	else
		p->failed = true;
}

/* NOLINTNEXTLINE(readability-function-size): the library sets the parameters. */
static int verify_ecdsa(WOLFSSL *ssl, const unsigned char *sig, unsigned sig_len,
	const unsigned char *hash, unsigned hash_len, const unsigned char *key_der,
	unsigned key_len, int *result, void *ctx)
{
	struct tls_possession *p = ctx;
	const uint8_t *from = is_certificate_verify(p) ? p->spki.p : key_der;
	word32 len = is_certificate_verify(p) ? (word32)p->spki.len : key_len, idx = 0;
	ecc_key key;

	(void)ssl;
	*result = 0;
	int rc = wc_ecc_init(&key);
	if (rc != 0)
		return rc;
	rc = wc_EccPublicKeyDecode(from, &idx, &key, len);
	if (rc == 0)
		rc = wc_ecc_verify_hash(sig, sig_len, hash, hash_len, result, &key);
	wc_ecc_free(&key);
	note(p, rc == 0 && *result == 1);
	return rc;
}

/* The leaf's key as the library knows it, raw; ours is the content of the BIT STRING. */
static int import_ed25519(
	const struct tls_possession *p, const unsigned char *raw, unsigned len, ed25519_key *key)
{
	struct der in = p->spki;
	struct x509_spki spki;

	if (!is_certificate_verify(p))
		return wc_ed25519_import_public(raw, len, key);
	if (x509_take_spki(&in, &spki) != 0 || spki.alg != X509_KEY_ED25519)
		return BAD_FUNC_ARG;
	return wc_ed25519_import_public(spki.key.p, (word32)spki.key.len, key);
}

/* NOLINTNEXTLINE(readability-function-size): the library sets the parameters. */
static int verify_ed25519(WOLFSSL *ssl, const unsigned char *sig, unsigned sig_len,
	const unsigned char *msg, unsigned msg_len, const unsigned char *key_raw, unsigned key_len,
	int *result, void *ctx)
{
	struct tls_possession *p = ctx;
	ed25519_key key;

	(void)ssl;
	*result = 0;
	int rc = wc_ed25519_init(&key);
	if (rc != 0)
		return rc;
	rc = import_ed25519(p, key_raw, key_len, &key);
	if (rc == 0)
		rc = wc_ed25519_verify_msg(sig, sig_len, msg, msg_len, result, &key);
	wc_ed25519_free(&key);
	note(p, rc == 0 && *result == 1);
	return rc;
}

static enum wc_HashType pss_hash(int mgf)
{
	if (mgf == WC_MGF1SHA256)
		return WC_HASH_TYPE_SHA256;
	if (mgf == WC_MGF1SHA384)
		return WC_HASH_TYPE_SHA384;
	return mgf == WC_MGF1SHA512 ? WC_HASH_TYPE_SHA512 : WC_HASH_TYPE_NONE;
}

/* NOLINTNEXTLINE(readability-function-size): the library sets the parameters. */
static int verify_rsa_pss(WOLFSSL *ssl, unsigned char *sig, unsigned sig_len, unsigned char **out,
	int hash, int mgf, const unsigned char *key_der, unsigned key_len, void *ctx)
{
	struct tls_possession *p = ctx;
	const uint8_t *from = is_certificate_verify(p) ? p->spki.p : key_der;
	word32 len = is_certificate_verify(p) ? (word32)p->spki.len : key_len, idx = 0;
	RsaKey key;

	(void)ssl;
	(void)hash; /* The same as mgf says, in another numbering. */
	int rc = wc_InitRsaKey(&key, NULL);
	if (rc != 0)
		return rc;
	rc = wc_RsaPublicKeyDecode(from, &idx, &key, len);
	if (rc == 0)
		rc = wc_RsaPSS_VerifyInline(sig, sig_len, out, pss_hash(mgf), mgf, &key);
	(void)wc_FreeRsaKey(&key);
	note(p, rc > 0);
	return rc;
}

void tls_possession_install(WOLFSSL_CTX *ctx)
{
	wolfSSL_CTX_SetEccVerifyCb(ctx, verify_ecdsa);
	wolfSSL_CTX_SetEd25519VerifyCb(ctx, verify_ed25519);
	wolfSSL_CTX_SetRsaPssVerifyCb(ctx, verify_rsa_pss);
}

void tls_possession_watch(WOLFSSL *ssl, struct tls_possession *p)
{
	wolfSSL_SetEccVerifyCtx(ssl, p);
	wolfSSL_SetEd25519VerifyCtx(ssl, p);
	wolfSSL_SetRsaPssVerifyCtx(ssl, p);
}
