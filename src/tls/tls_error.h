#ifndef TLS_TLS_ERROR_H
#define TLS_TLS_ERROR_H

#include "tls/tls_reason.h"

#include <stddef.h>
#include <stdint.h>

struct WOLFSSL;

/*
 * What a failed call of the library means: err is what wolfSSL_get_error() says; first[0..n_first) are the
 * first bytes that the peer has sent, at most 5, so that somebody who speaks another protocol can be told.
 */
struct tls_error {
	struct WOLFSSL *ssl;
	int err;
	const uint8_t *first;
	size_t n_first;
};

enum tls_reason tls_error_explain(const struct tls_error *e, char detail[static 256]);

#endif
