#ifndef PKI_CRL_H
#define PKI_CRL_H

#include "net/x509.h"
#include "pki/key.h"
#include "pki/serial.h"

#include <stddef.h>
#include <stdint.h>

/* Certificate revocation lists (RFC 5280 5). */

enum {
	CRL_ENTRIES_MAX = 1000000,
	CRL_HOLD = 6,        /* certificateHold: the only one that can be taken back. */
	CRL_UNSPECIFIED = 0, /* Written as no reason at all. */
};

struct crl_entry {
	struct serial serial;
	int64_t date;
	int reason; /* CRLReason. */
};

struct crl_spec {
	const struct x509_cert *issuer;
	uint64_t number;
	int64_t this_update, next_update;
	const struct crl_entry *entries; /* In the order of their serials, each once. */
	size_t n;
};

/* "keyCompromise" and the like to CRLReason and back.  -EINVAL; NULL. */
int crl_reason_parse(const char *text);
const char *crl_reason_name(int reason);

/*
 * Make and sign a CRL.  Returns its length and sets *out, to be freed; -EINVAL (why: the rule that it would break),
 * -EIO, -ENOMEM.
 */
int crl_make(const struct crl_spec *spec, struct key *signer, uint8_t **out, char why[static 256]);

#endif
