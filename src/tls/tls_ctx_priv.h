#ifndef TLS_TLS_CTX_PRIV_H
#define TLS_TLS_CTX_PRIV_H

#include "net/ident.h"
#include "tls/tls_trust.h"

struct WOLFSSL_CTX;

/* What tls_conn needs to see of a context.  For tls_ctx.c and tls_conn.c only. */
struct tls_ctx {
	unsigned refs;
	struct WOLFSSL_CTX *ssl;
	struct tls_trust *trust;
	struct ident ident;
	int64_t not_after; /* Of our certificate. */
	bool require_pq, crl_stale_deny;
	int64_t crl_grace_s;
};

#endif
