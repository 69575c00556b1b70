#ifndef PKI_PKCS12_H
#define PKI_PKCS12_H

#include "net/der.h"
#include "pki/key.h"
#include "pki/pass.h"

#include <stddef.h>
#include <stdint.h>

/*
 * PKCS #12 files (RFC 7292): a certificate, its key and its CAs under one passphrase.  The key is encrypted by PBES2
 * (pbes2.h), the certificates are in clear, an HMAC-SHA256 seals both; friendlyName and localKeyID tie them together,
 * without which NSS refuses them.
 */

enum { PKCS12_ITERATIONS = 600000, PKCS12_CAS_MAX = 8, PKCS12_NAME_MAX = 256 };

struct pkcs12_spec {
	const char *name; /* UTF-8: what programs show. */
	struct der cert;
	const struct der *cas;
	size_t n_cas; /* At most PKCS12_CAS_MAX. */
	struct key *key;
	const struct pass *pass; /* UTF-8. */
};

/* Returns the length and sets *out, to be freed; -EINVAL (name or passphrase is not UTF-8), -ENOMEM or -EIO. */
int pkcs12_make(const struct pkcs12_spec *spec, uint8_t **out);

#endif
