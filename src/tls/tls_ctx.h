#ifndef TLS_TLS_CTX_H
#define TLS_TLS_CTX_H

#include "net/ident.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What all connections of one worker share: our certificate and key, the CA bundle, the revoked serials, the TLS settings.
 * Immutable once made; a reload makes a new one and lets the old one go with its last connection.
 * Not shared between threads.
 */
struct tls_ctx;

/* Once for each process, before any thread starts.  Returns 0 or -EIO. */
int tls_global_init(void);

const char *tls_library_version(void); /* "wolfSSL 5.9.2". */
bool tls_has_aes_hardware(void);

struct tls_ctx_opts {
	enum ident_role role; /* Ours. */
	const char *network;  /* The NETWORK that identities must have. */
	/* PEM texts, NUL-terminated; not kept.  cert: our leaf first, then intermediates. */
	const char *cert, *key, *ca,
		*crl; /* crl may be NULL; several CRLs may follow each other. */
	/* Where each has come from, a path, for the messages in why; NULL: not said. */
	struct tls_sources {
		const char *cert, *key, *ca, *crl;
	} sources;
	bool require_pq;
	bool crl_stale_deny;
	int64_t crl_grace_s; /* After nextUpdate, before crl_stale_deny acts. */
	int64_t now;         /* Unix seconds, for the checks below. */
};

/*
 * Make a context.  Returns 0; -EINVAL when something given is wrong (unreadable, key and certificate do not
 * belong together, our certificate does not lead to the bundle or would be refused by our own checks, a
 * CRL of no CA in the bundle or with a bad signature); -ENOMEM.  why says what and what to do.
 */
int tls_ctx_create(const struct tls_ctx_opts *opts, struct tls_ctx **out, char why[static 256]);
struct tls_ctx *tls_ctx_get(struct tls_ctx *c); /* Another reference. */
void tls_ctx_put(struct tls_ctx *c);            /* The last one frees it.  NULL is fine. */

const struct ident *tls_ctx_ident(const struct tls_ctx *c); /* Our own identity. */

/* Ends of validity, Unix seconds; the earliest where there are several; INT64_MAX without a CRL. */
struct tls_expiry {
	int64_t certificate, ca, crl;
};
struct tls_expiry tls_ctx_expiry(const struct tls_ctx *c);
size_t tls_ctx_revoked_count(const struct tls_ctx *c);

#endif
