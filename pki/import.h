#ifndef PKI_IMPORT_H
#define PKI_IMPORT_H

#include "net/x509.h"
#include "pki/ca.h"
#include "pki/san.h"

/* Certificates and keys from another tool's directory into ours.  All return 0 or a negative errno. */

/* *der is to be freed, *cert points into it.  -EBADMSG: no certificate. */
int import_read_cert(int dir, const char *path, uint8_t **der, struct x509_cert *cert);

/* What the index has to know of a certificate that another tool has made. */
struct import_leaf {
	const char *kind;
	char name[256], sans[SAN_TEXT_LEN];
};
void import_read_leaf(const struct x509_cert *cert, struct import_leaf *out);

/* Write it where it belongs; one that is there already must be the same. */
int import_put_cert(const struct ca *ca, const char *kind, const struct x509_cert *cert);

/*
 * The same for its key in from/path: PKCS #8, also encrypted by PBES2, is taken as it is, older forms in clear become PKCS #8.
 * -ENOENT; -ENOTSUP: encrypted in another way; -EBADMSG: no key, or that of another certificate.
 */
int import_put_key(const struct ca *ca, const char *kind, const char *serial,
	const struct x509_cert *cert, int from, const char *path);

#endif
