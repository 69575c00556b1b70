#ifndef PKI_PBES2_H
#define PKI_PBES2_H

#include "pki/pass.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Encrypted private keys: EncryptedPrivateKeyInfo (RFC 5958) by PBES2 (RFC 8018) with PBKDF2-HMAC-SHA256 and
 * AES-256-CBC, which OpenSSL, GnuTLS and wolfSSL read.
 */

enum {
	PBES2_ITERATIONS = 600000,
	PBES2_ITERATIONS_MAX = 10000000, /* In files read. */
	PBES2_OVERHEAD = 256,
};

/* Encrypt der[0..len) into out of cap bytes, at least len + PBES2_OVERHEAD.  The length, or -EIO. */
int pbes2_encrypt(
	const struct pass *pass, const uint8_t *der, size_t len, uint8_t *out, size_t cap);

/*
 * The reverse; out has at least len bytes.  Returns the length; -EKEYREJECTED: wrong passphrase (the padding does
 * not fit; one wrong passphrase in 256 gets past that, so the caller must check the key); -EBADMSG: not this
 * format; -EIO.
 */
int pbes2_decrypt(
	const struct pass *pass, const uint8_t *der, size_t len, uint8_t *out, size_t cap);

#endif
