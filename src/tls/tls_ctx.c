#include "tls/tls_ctx.h"

#include "base/secret.h"
#include "tls/tls_ctx_priv.h"
#include "tls/tls_possession.h"
#include "tls/tls_verify.h"

#include <wolfssl/options.h>

#include <wolfssl/ssl.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

enum { WHY_CAP = 256, MIN_RSA_BITS = 2048, MIN_ECC_BITS = 256 };

int tls_global_init(void)
{
	return wolfSSL_Init() == WOLFSSL_SUCCESS ? 0 : -EIO;
}

const char *tls_library_version(void)
{
	return "wolfSSL " LIBWOLFSSL_VERSION_STRING;
}

bool tls_has_aes_hardware(void)
{
#if defined(__x86_64__) || defined(__i386__)
	return __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul");
#elif defined(__aarch64__)
	return (getauxval(AT_HWCAP) & HWCAP_AES) != 0;
#else
	return false;
#endif
}

__attribute__((format(printf, 2, 3))) static int wrong(
	char why[static WHY_CAP], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, WHY_CAP, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/* Our own chain must stand up to the check that the other side will make. */
static int check_own_chain(
	struct tls_ctx *c, const struct tls_ctx_opts *opts, char why[static WHY_CAP])
{
	const struct tls_verify_opts verify = {
		.role = opts->role, .network = opts->network, .now = opts->now
	};
	size_t len = strlen(opts->cert), pos = 0, n = 0, used = 0;
	struct der chain[TLS_CHAIN_MAX];
	char detail[256];
	uint8_t *der = malloc(len + 1);
	int got, rc = 0;

	if (der == NULL)
		return -ENOMEM;
	while ((got = x509_pem_next(opts->cert, len, &pos, "CERTIFICATE", der + used, len - used)) >
		0) {
		if (n == TLS_CHAIN_MAX) {
			rc = wrong(why, "the certificate file has more than %d certificates",
				TLS_CHAIN_MAX);
			goto out;
		}
		chain[n++] = (struct der){ der + used, (size_t)got };
		used += (size_t)got;
	}
	if (got < 0 || n == 0) {
		rc = wrong(why, "the certificate file %s",
			n == 0 ? "has no PEM block CERTIFICATE" : "is not well-formed PEM");
		goto out;
	}
	enum tls_reason reason = tls_verify_chain(c->trust, chain, n, &verify, &c->ident, detail);
	struct x509_cert leaf;
	if (reason != TLS_REASON_NONE)
		rc = wrong(why, "our own certificate would be refused: %s: %.200s",
			tls_reason_name(reason), detail);
	else if (x509_parse(chain[0].p, chain[0].len, &leaf) == 0)
		c->not_after = leaf.not_after;
out:
	free(der);
	return rc;
}

static int set_algorithms(WOLFSSL_CTX *ssl, bool require_pq)
{
	int groups[] = { WOLFSSL_X25519MLKEM768, WOLFSSL_ECC_X25519, WOLFSSL_ECC_SECP256R1 };
	const char *suites = tls_has_aes_hardware() ? "TLS13-AES256-GCM-SHA384:TLS13-AES128-GCM-"
						      "SHA256:TLS13-CHACHA20-POLY1305-SHA256"
						    : "TLS13-CHACHA20-POLY1305-SHA256:TLS13-AES256-"
						      "GCM-SHA384:TLS13-AES128-GCM-SHA256";

	if (wolfSSL_CTX_set_groups(ssl, groups, require_pq ? 1 : 3) != WOLFSSL_SUCCESS ||
		wolfSSL_CTX_set_cipher_list(ssl, suites) != WOLFSSL_SUCCESS)
		return -EIO;
	/* A client that puts ChaCha20 first has no AES instructions: let it have its way, unless we have none. */
	if (tls_has_aes_hardware() && wolfSSL_CTX_UseClientSuites(ssl) != 0)
		return -EIO;
	return 0;
}

static int set_policy(WOLFSSL_CTX *ssl, enum ident_role role)
{
	wolfSSL_CTX_set_verify(
		ssl, WOLFSSL_VERIFY_PEER | WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	(void)wolfSSL_CTX_set_session_cache_mode(ssl, WOLFSSL_SESS_CACHE_OFF);
	if (wolfSSL_CTX_SetMinRsaKey_Sz(ssl, MIN_RSA_BITS) != WOLFSSL_SUCCESS ||
		wolfSSL_CTX_SetMinEccKey_Sz(ssl, MIN_ECC_BITS) != WOLFSSL_SUCCESS)
		return -EIO;
	if (role == IDENT_SERVER &&
		(wolfSSL_CTX_no_ticket_TLSv13(ssl) != 0 || wolfSSL_CTX_mutual_auth(ssl, 1) != 0))
		return -EIO;
	return 0;
}

static const uint8_t *bytes(const char *text)
{
	return (const uint8_t *)text;
}

static int load_ca(WOLFSSL_CTX *ssl, const char *pem, char why[static WHY_CAP])
{
	char text[WOLFSSL_MAX_ERROR_SZ];

	/* An expired CA beside its successor is no reason not to start; our own check refuses what it has issued. */
	int rc = wolfSSL_CTX_load_verify_buffer_ex(ssl, bytes(pem), (long)strlen(pem),
		WOLFSSL_FILETYPE_PEM, 0, WOLFSSL_LOAD_FLAG_DATE_ERR_OKAY);
	if (rc != WOLFSSL_SUCCESS)
		return wrong(why, "the CA bundle cannot be loaded: %s",
			wolfSSL_ERR_error_string((unsigned long)rc, text));
	return 0;
}

static int load_certificate(WOLFSSL_CTX *ssl, const char *pem, char why[static WHY_CAP])
{
	char text[WOLFSSL_MAX_ERROR_SZ];

	int rc = wolfSSL_CTX_use_certificate_chain_buffer(ssl, bytes(pem), (long)strlen(pem));
	if (rc != WOLFSSL_SUCCESS)
		return wrong(why, "the certificate cannot be loaded: %s",
			wolfSSL_ERR_error_string((unsigned long)rc, text));
	return 0;
}

static int load_key(WOLFSSL_CTX *ssl, const char *pem, char why[static WHY_CAP])
{
	char text[WOLFSSL_MAX_ERROR_SZ];

	if (strstr(pem, "ENCRYPTED") != NULL)
		return wrong(why,
			"the private key is encrypted; a daemon needs it without a passphrase");
	int rc = wolfSSL_CTX_use_PrivateKey_buffer(
		ssl, bytes(pem), (long)strlen(pem), WOLFSSL_FILETYPE_PEM);
	if (rc != WOLFSSL_SUCCESS)
		return wrong(why, "the private key cannot be read: %s",
			wolfSSL_ERR_error_string((unsigned long)rc, text));
	if (wolfSSL_CTX_check_private_key(ssl) != WOLFSSL_SUCCESS)
		return wrong(why, "the private key does not belong to the certificate");
	return 0;
}

/* Put the source of what was wrong before why. */
static int named(int rc, const char *source, char why[static WHY_CAP])
{
	char text[WHY_CAP];

	if (rc != -EINVAL || source == NULL)
		return rc;
	(void)snprintf(text, sizeof(text), "%s", why);
	(void)snprintf(why, WHY_CAP, "%.120s: %.130s", source, text);
	return rc;
}

int tls_ctx_create(const struct tls_ctx_opts *opts, struct tls_ctx **out, char why[static WHY_CAP])
{
	struct tls_ctx *c = calloc(1, sizeof(*c));
	int rc = -ENOMEM;

	(void)snprintf(why, WHY_CAP, "out of memory");
	if (c == NULL)
		goto fail;
	c->refs = 1;
	c->require_pq = opts->require_pq;
	c->crl_stale_deny = opts->crl_stale_deny;
	c->crl_grace_s = opts->crl_grace_s;
	rc = named(tls_trust_create(opts->ca, &c->trust, why), opts->sources.ca, why);
	if (rc == 0 && opts->crl != NULL)
		rc = named(tls_trust_add_crls(c->trust, opts->crl, why), opts->sources.crl, why);
	if (rc == 0)
		rc = named(check_own_chain(c, opts, why), opts->sources.cert, why);
	if (rc != 0)
		goto fail;
	c->ssl = wolfSSL_CTX_new(opts->role == IDENT_SERVER ? wolfTLSv1_3_server_method()
							    : wolfTLSv1_3_client_method());
	rc = -ENOMEM;
	if (c->ssl == NULL || set_algorithms(c->ssl, opts->require_pq) != 0 ||
		set_policy(c->ssl, opts->role) != 0)
		goto fail;
	tls_possession_install(c->ssl);
	rc = named(load_ca(c->ssl, opts->ca, why), opts->sources.ca, why);
	if (rc == 0)
		rc = named(load_certificate(c->ssl, opts->cert, why), opts->sources.cert, why);
	if (rc == 0)
		rc = named(load_key(c->ssl, opts->key, why), opts->sources.key, why);
	if (rc != 0)
		goto fail;
	*out = c;
	return 0;
fail:
	tls_ctx_put(c);
	return rc;
}

struct tls_ctx *tls_ctx_get(struct tls_ctx *c)
{
	c->refs++;
	return c;
}

void tls_ctx_put(struct tls_ctx *c)
{
	if (c == NULL || --c->refs > 0)
		return;
	wolfSSL_CTX_free(c->ssl);
	tls_trust_free(c->trust);
	free(c);
}

const struct ident *tls_ctx_ident(const struct tls_ctx *c)
{
	return &c->ident;
}

struct tls_expiry tls_ctx_expiry(const struct tls_ctx *c)
{
	return (struct tls_expiry){ .certificate = c->not_after,
		.ca = tls_trust_ca_expiry(c->trust),
		.crl = tls_trust_crl_next_update(c->trust) };
}

size_t tls_ctx_revoked_count(const struct tls_ctx *c)
{
	return tls_trust_revoked_count(c->trust);
}
