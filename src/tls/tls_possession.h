#ifndef TLS_TLS_POSSESSION_H
#define TLS_TLS_POSSESSION_H

#include "net/der.h"

#include <stdbool.h>

struct WOLFSSL;
struct WOLFSSL_CTX;

/*
 * Proof of possession, seen with our own eyes (PROTOCOL 2.2).  The library hands the signature of a peer's
 * CertificateVerify to these callbacks.  They check it with the key of the leaf that *we* have parsed and note that it
 * held, so that a library that skips the message, or checks it with another key, lets nobody in.
 *
 * ECDSA and Ed25519 are checked whole.  For RSA-PSS the library asks in two steps and shows us only the first: the callback
 * sees that the leaf's key has made a well-formed PSS signature with this hash, the library compares it with the
 * transcript.  Without the key neither step can be met.
 */
struct tls_possession {
	struct der
		spki; /* Of the leaf, with its header; len 0 until the chain has been seen.  Not owned. */
	bool proven;
	bool failed;
};

void tls_possession_install(struct WOLFSSL_CTX *ctx);

/* p must outlive the handshake. */
void tls_possession_watch(struct WOLFSSL *ssl, struct tls_possession *p);

#endif
