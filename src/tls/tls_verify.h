#ifndef TLS_TLS_VERIFY_H
#define TLS_TLS_VERIFY_H

#include "net/ident.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Our own check of a peer's certificate (PROTOCOL 2.2), independent of what the TLS library has decided:
 * own parser, own path building, wolfCrypt only for the signatures.
 */

enum tls_reason {
	TLS_REASON_NONE,
	TLS_REASON_NO_CERTIFICATE,
	TLS_REASON_NO_POSSESSION,
	TLS_REASON_BAD_CERTIFICATE,
	TLS_REASON_UNKNOWN_CA,
	TLS_REASON_NOT_YET_VALID,
	TLS_REASON_EXPIRED,
	TLS_REASON_WRONG_USAGE,
	TLS_REASON_REVOKED,
	TLS_REASON_CRL_STALE,
	TLS_REASON_BAD_IDENTITY,
	TLS_REASON_WRONG_NAME,
	/* Not about a certificate: */
	TLS_REASON_ALERT,    /* The peer sent a fatal alert: it refuses us. */
	TLS_REASON_PROTOCOL, /* Not TLS 1.3, garbage, wrong ALPN, bad record. */
	TLS_REASON_CLOSED,   /* The peer ended the connection before the handshake did. */
	TLS_REASON_INTERNAL,
	TLS_N_REASONS,
};

/* As in PROTOCOL 2.2 and 4.8: "unknown-ca", "expired", ...; for the others "alert", "protocol", "closed", "internal". */
const char *tls_reason_name(enum tls_reason r);

/* CA certificates that we trust.  Keeps copies. */
struct tls_trust;
enum { TLS_TRUST_MAX = 64 };

/* From PEM text.  Returns 0, -EINVAL (why says what) or -ENOMEM. */
int tls_trust_create(const char *pem, struct tls_trust **out, char why[static 256]);
void tls_trust_free(struct tls_trust *t);

/* Add the CRLs in PEM text (any number): signature checked against the bundle, serials taken.  -EINVAL: why says what. */
int tls_trust_add_crls(struct tls_trust *t, const char *pem, char why[static 256]);
size_t tls_trust_revoked_count(const struct tls_trust *t);
int64_t tls_trust_crl_next_update(const struct tls_trust *t); /* The earliest; INT64_MAX: no CRL. */
int64_t tls_trust_ca_expiry(const struct tls_trust *t);       /* The earliest of the CAs. */
bool tls_trust_is_revoked(
	const struct tls_trust *t, const struct der *issuer, const struct der *serial);

enum { TLS_CHAIN_MAX = 4 }; /* Certificates a peer may send, its leaf included. */

struct tls_verify_opts {
	enum ident_role role; /* The peer's, as it must be. */
	const char *network;
	const char *server_name; /* Client only: the host asked for; NULL for a server. */
	int64_t now;             /* Unix seconds. */
	bool crl_stale_deny;
	int64_t crl_grace_s;
};

/*
 * Check chain[0] (the leaf) with chain[1..n) as possible intermediates.  Returns TLS_REASON_NONE and sets *id, or the
 * reason; detail (256 bytes) says it for the log.  CAs above the leaf are held against dates and revocation as well.
 */
enum tls_reason tls_verify_chain(const struct tls_trust *t, const struct der *chain, size_t n,
	const struct tls_verify_opts *opts, struct ident *id, char detail[static 256]);

/* Does sig over tbs come from the key in spki (with header)?  0 or -EBADMSG.  Keys of PROTOCOL 2.3 only. */
int tls_verify_signature(
	const struct der *spki, enum x509_sig alg, const struct der *tbs, const struct der *sig);

#endif
