#ifndef PKI_CERT_H
#define PKI_CERT_H

#include "net/grant.h"
#include "net/x509.h"
#include "pki/key.h"
#include "pki/san.h"
#include "pki/serial.h"

#include <stddef.h>
#include <stdint.h>

/* Making certificates (RFC 5280): our own TBSCertificate, signed by wolfCrypt, then held against lint.h. */

enum cert_kind {
	CERT_CA,     /* keyCertSign, cRLSign. */
	CERT_SERVER, /* digitalSignature, serverAuth. */
	CERT_CLIENT, /* digitalSignature, clientAuth. */
};

enum {
	CERT_MAX = 32768,
	CERT_CN_MAX = 64,
};

struct cert_spec {
	enum cert_kind kind;
	const struct serial *serial;
	const char *common_name; /* 1 to CERT_CN_MAX octets of UTF-8... */
	struct der subject;      /* ...unless there is a Name to copy: with its header, or len 0. */
	int64_t not_before, not_after;
	struct der spki;                /* The holder's key, with header. */
	const struct san_list *sans;    /* NULL for a CA. */
	const struct x509_cert *issuer; /* NULL: signed by itself. */
	unsigned path_len;              /* Of a CA. */
	struct der skid;           /* Of a CA: its key identifier, or len 0: made from the key. */
	struct der constraints;    /* Of a CA: value of nameConstraints, or len 0. */
	const struct grant *grant; /* NULL or empty: none. */
};

/*
 * Make and sign a certificate with the issuer's key.  Returns its length in out; -EINVAL when it would break a rule
 * (why says which), -EIO when signing fails.  Nothing that the lint objects to comes out.
 */
int cert_make(const struct cert_spec *spec, struct key *signer, uint8_t out[static CERT_MAX],
	char why[static 256]);

/* The value of nameConstraints in a certificate, to be given to another; len 0: it has none. */
struct der cert_constraints(const struct x509_cert *c);

/* "ca", "server", "client". */
const char *cert_kind_name(enum cert_kind kind);

#endif
