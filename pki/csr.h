#ifndef PKI_CSR_H
#define PKI_CSR_H

#include "net/x509.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reading certification requests (PKCS #10, RFC 2986).  They come from outside: everything is checked. */

enum { CSR_MAX = 65536, CSR_EXTENSIONS_MAX = 32 };

struct csr {
	struct der tbs, sig; /* CertificationRequestInfo with its header; the signature. */
	enum x509_sig sig_alg;
	struct der subject; /* With its header. */
	struct x509_spki spki;
	struct der san; /* Content of the GeneralNames asked for; len 0: none. */
	struct x509_ext ext[CSR_EXTENSIONS_MAX]; /* All that is asked for. */
	size_t n_ext;
};

/* Parse one request that fills der exactly; *out points into it.  0 or -EBADMSG. */
int csr_parse(const uint8_t *der, size_t len, struct csr *out);

/*
 * Does the request come from the holder of its key, and is that key good enough (PROTOCOL 2.3)?  Returns 0, or -EKEYREJECTED
 * with the reason in why.
 */
int csr_verify(const struct csr *c, char why[static 256]);

struct key;
struct san_list;

/* Making them. */
struct csr_spec {
	const char *common_name; /* 1 to 64 octets of UTF-8... */
	struct der subject;      /* ...unless there is a Name to copy: with its header, or len 0. */
	const struct san_list *sans; /* Names asked for; NULL or empty: none. */
};

/* Make and sign a request, and read it back.  Its length in out; -EINVAL or -EIO with the reason in why. */
int csr_make(const struct csr_spec *spec, struct key *k, uint8_t out[static CSR_MAX],
	char why[static 256]);

#endif
