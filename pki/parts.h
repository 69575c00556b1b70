#ifndef PKI_PARTS_H
#define PKI_PARTS_H

#include "pki/ca.h"
#include "pki/pick.h"

/* What an export is put together from. */
struct parts {
	char *cert, *key, *ca,
		*crl;       /* PEM texts; key: as it is stored, or in clear (PARTS_CLEAR_KEY). */
	struct key *loaded; /* PARTS_CLEAR_KEY. */
};

enum parts_key {
	PARTS_NO_KEY,
	PARTS_STORED_KEY, /* Encrypted where it is so in the directory. */
	PARTS_CLEAR_KEY,  /* Decrypted with the subject key's passphrase. */
};

/*
 * Read everything for certificate p; the key is held against the certificate.  pass: of an encrypted key; NULL: ask
 * for it when it is needed.  A cli_exit code; it has said why.
 * parts_free() suits a zeroed struct too.
 */
int parts_gather(const struct cli *cli, const struct ca *ca, const struct picked *p,
	enum parts_key key, const struct pass *pass, struct parts *out);
void parts_free(struct parts *p);

#endif
