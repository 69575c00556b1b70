#ifndef PKI_ISSUE_H
#define PKI_ISSUE_H

#include "pki/ca.h"
#include "pki/cas.h"
#include "pki/cert.h"
#include "pki/pass.h"

#include <stdint.h>

/*
 * Issuing, so that a kill at any moment leaves no certificate without a record and no serial to be used twice: reserve the
 * serial (committed), write the key, sign, write the certificate, record it.  ca_open() settles what was cut short.
 */

enum {
	ISSUE_CA_DAYS = 3650,
	ISSUE_ROOT_DAYS = 7300,
	ISSUE_LEAF_DAYS = 397,
	ISSUE_CRL_DAYS = 180,
	ISSUE_CRL_DAYS_MIN =
		30, /* A CRL that must be renewed more often gets forgotten, and locks everybody out. */
	ISSUE_DAYS_MAX = 36500,
	ISSUE_BACKDATE_S = 300, /* For clocks of peers that are behind. */
};

/* What there is to say about a CA's certificate. */
struct issue_ca {
	enum cas_role role; /* Of a CA that is new. */
	const char *id;     /* NULL, or: this CA gets another certificate... */
	struct der subject; /* ...and keeps its name (also where a request brings one); or len 0. */
	struct der
		skid; /* Its key identifier, which others' certificates name; or len 0: a new one. */
	unsigned path_len;
	struct key *signer;             /* NULL: the key that is made signs its own certificate. */
	const struct x509_cert *issuer; /* NULL: it is its own. */
	const char *issuer_id;          /* With issuer. */
	struct der constraints;         /* Value of nameConstraints, or len 0. */
};

struct issue_opts {
	enum cert_kind kind;
	const char *name;          /* The identity's NAME. */
	struct san_list *sans;     /* The identity is added to it; NULL for a CA. */
	const struct grant *grant; /* NULL: none. */
	const struct issue_ca *ca; /* With CERT_CA. */
	int64_t days;
	enum key_alg alg;        /* Of the key that is made... */
	const struct der *spki;  /* ...unless the holder has one: NULL, or its public half. */
	const struct pass *pass; /* To encrypt the key made; NULL: in clear. */
	const char
		*key_from; /* With spki: where below the directory its private key is; or NULL. */
};

struct issued {
	struct serial serial;
	int64_t not_before, not_after;
	char cert_path[CA_PATH_LEN],
		key_path[CA_PATH_LEN]; /* Below the directory; key_path "" when none was made. */
};

/*
 * Issue a certificate, and the first CRL if there is none.  A cli_exit code; it has said why.  With --dry-run all is
 * made and checked and nothing kept, here and in issue_crl().
 */
int issue_cert(
	const struct cli *cli, struct ca *ca, const struct issue_opts *opts, struct issued *out);

/*
 * Make the next CRL of every CA that has issued something and whose key is here, and put them into place.  days 0: the
 * default.  *out tells of the active CA's.
 */
int issue_crl(const struct cli *cli, struct ca *ca, int64_t days, struct store_crl *out);

#endif
