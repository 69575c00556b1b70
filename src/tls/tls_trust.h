#ifndef TLS_TLS_TRUST_H
#define TLS_TLS_TRUST_H

#include "net/x509.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* CA certificates that we trust.  Keeps copies. */
struct tls_trust;
enum { TLS_TRUST_MAX = 64 };

/* From PEM text.  Returns 0, -EINVAL (why says what) or -ENOMEM. */
int tls_trust_create(const char *pem, struct tls_trust **out, char why[static 256]);
void tls_trust_free(struct tls_trust *t);

/* The CAs, for path building: i < tls_trust_count(). */
size_t tls_trust_count(const struct tls_trust *t);
const struct x509_cert *tls_trust_ca(const struct tls_trust *t, size_t i);

/* Add the CRLs in PEM text (any number): signature checked against the bundle, serials taken.  -EINVAL: why says what. */
int tls_trust_add_crls(struct tls_trust *t, const char *pem, char why[static 256]);
size_t tls_trust_revoked_count(const struct tls_trust *t);
int64_t tls_trust_crl_next_update(
	const struct tls_trust *t); /* The earliest of the CAs' newest; INT64_MAX: no CRL. */
int64_t tls_trust_ca_expiry(const struct tls_trust *t); /* The earliest of the CAs. */

/* issuer: a Name with its header; serial: content of the INTEGER. */
bool tls_trust_is_revoked(
	const struct tls_trust *t, const struct der *issuer, const struct der *serial);

#endif
