#ifndef PKI_PENDING_H
#define PKI_PENDING_H

#include "pki/ca.h"
#include "pki/cert.h"
#include "pki/key.h"

#include <stdbool.h>

/* A CA that has a key and waits for its certificate: between 'ca csr NETWORK' and 'ca import'.  Returns are cli_exit codes. */

struct pending {
	char id[SERIAL_TEXT_LEN];        /* Names the file of the key. */
	char key_id[2 * KEY_ID_LEN + 1]; /* In hexadecimal. */
	char subject[CERT_CN_MAX + 1];   /* The common name it asks for. */
	struct key *key;                 /* After pending_make() and pending_load(). */
};

int pending_find(const struct ca *ca, struct pending *out); /* Silent on CLI_NOT_FOUND. */
int pending_make(const struct cli *cli, struct ca *ca, const char *network, enum key_alg alg,
	bool no_pass, struct pending *out);

/* Load the key; its passphrase is asked for if it has one, and kept in ca. */
int pending_load(const struct cli *cli, struct ca *ca, struct pending *p);
void pending_clear(struct pending *p);

/* Is spki its key? */
bool pending_is(const struct pending *p, const struct der *spki);

/* Within a transaction: it waits no longer. */
int pending_end(struct store *s);

#endif
