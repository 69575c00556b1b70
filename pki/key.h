#ifndef PKI_KEY_H
#define PKI_KEY_H

#include "net/x509.h"

#include <stddef.h>
#include <stdint.h>

/* Private keys: made, stored as PKCS#8 (RFC 5958) and signed with. */

enum key_alg {
	KEY_P256,
	KEY_P384,
	KEY_ED25519,
	KEY_RSA3072,
};

enum {
	KEY_PKCS8_MAX = 4096, /* Enough for RSA 4096 and its encryption. */
	KEY_SPKI_MAX = 1200,
	KEY_SIG_MAX = 1100, /* Most that key_sign() adds. */
	KEY_ID_LEN = 20,
};

struct key;

/* "p256", "p384", "ed25519", "rsa3072".  0 or -EINVAL. */
int key_alg_parse(const char *text, enum key_alg *out);
const char *key_alg_name(enum key_alg alg);

int key_make(enum key_alg alg, struct key **out); /* 0, -ENOMEM or -EIO. */
void key_free(struct key *k);                     /* Wiped.  NULL is fine. */
enum key_alg key_alg_of(const struct key *k);
enum key_alg key_alg_like(enum x509_key kind); /* What to make to follow such a key. */

/* Unencrypted PKCS#8.  The length, or -EIO.  key_from_pkcs8() returns -EBADMSG for what is no key of ours. */
int key_to_pkcs8(struct key *k, uint8_t out[static KEY_PKCS8_MAX]);
int key_from_pkcs8(const uint8_t *der, size_t len, struct key **out);

/* SubjectPublicKeyInfo.  The length, or -EIO. */
int key_spki(struct key *k, uint8_t out[static KEY_SPKI_MAX]);

/* The key's identifier: RFC 7093 2(1), the first 160 bits of SHA-256 over the BIT STRING's content.  0 or -EBADMSG. */
int key_id(const struct der *spki, uint8_t out[static KEY_ID_LEN]);

/* Put the AlgorithmIdentifier of this key's signatures. */
void key_put_sigalg(const struct key *k, struct der_out *o);

/*
 * Sign buf[0..len), a TBSCertificate, TBSCertList or the like, and make it the signed whole, in place.  cap is at least
 * len + KEY_SIG_MAX.  Returns the new length or -EIO.
 */
int key_sign(struct key *k, uint8_t *buf, size_t len, size_t cap);

#endif
