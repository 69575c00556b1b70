#ifndef TLS_TLS_VERIFY_H
#define TLS_TLS_VERIFY_H

#include "net/ident.h"
#include "tls/tls_reason.h"
#include "tls/tls_trust.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Our own check of a peer's certificate (PROTOCOL 2.2), independent of what the TLS library has decided:
 * own parser, own path building, wolfCrypt only for the signatures.
 */

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
