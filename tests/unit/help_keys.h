#ifndef UNIT_HELP_KEYS_H
#define UNIT_HELP_KEYS_H

#include "help_certs.h"
#include "net/der.h"

/* What help_certs.c needs of keys: their DER, and signing with them. */

void help_must(bool ok, const char *what); /* Else end the program. */
void help_put_spki(struct der_out *o, const struct help_key *key);
void help_put_sig_alg(struct der_out *o, const struct help_key *key, enum help_hash hash);
void help_write_key_pem(const struct help_key *key, char *out, size_t cap);

/* SEQUENCE { tbs, algorithm, BIT STRING }: the same for certificates and CRLs. */
void help_sign(struct der_out *o, const uint8_t *tbs, size_t len, const struct help_key *key,
	enum help_hash hash);

#endif
