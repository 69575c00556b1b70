#ifndef TLS_TLS_SIGNATURE_H
#define TLS_TLS_SIGNATURE_H

#include "net/x509.h"

/*
 * Does sig over tbs come from the key in spki (with header)?  0 or -EBADMSG.  Keys and algorithms of PROTOCOL 2.3
 * only, and the algorithm must be one for that kind of key.
 */
int tls_signature_check(
	const struct der *spki, enum x509_sig alg, const struct der *tbs, const struct der *sig);

#endif
