#ifndef PKI_CRLFILE_H
#define PKI_CRLFILE_H

#include "net/x509.h"
#include "pki/ca.h"

#include <stdbool.h>
#include <stdint.h>

/* The CRL that is in place (crl.pem), as peers see it. */
struct crlfile {
	uint8_t *der;
	struct x509_crl crl; /* Points into der. */
	int64_t number;      /* 0: none, or one beyond 63 bits. */
	int64_t top;         /* The highest of all CRLs in the file: several CAs count together. */
};

/* Number of a CRL: 0 when it has none or one beyond 63 bits. */
int64_t crlfile_number(const struct x509_crl *crl);

/*
 * Load the CRL of a CA (NULL: the one in force): its signature is checked.  0, -ENOENT (there is none), -EBADMSG
 * (not a CRL of this CA), or an error of reading.  crlfile_free() suits a zeroed struct too.
 */
int crlfile_load(const struct ca *ca, const struct x509_cert *cert, struct crlfile *out);
void crlfile_free(struct crlfile *f);

/* Is serial on it? */
bool crlfile_lists(const struct x509_crl *crl, const struct der *serial);

#endif
