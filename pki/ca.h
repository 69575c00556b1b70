#ifndef PKI_CA_H
#define PKI_CA_H

#include "net/ident.h"
#include "net/x509.h"
#include "pki/cli.h"
#include "pki/key.h"
#include "pki/pass.h"
#include "pki/serial.h"
#include "pki/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A CA's directory (0700):
 *
 *     ca.crt            what peers trust: give it to every host
 *     crl.pem           the newest CRL of each CA that has issued something: give it to every server
 *     ca/SERIAL.crt     certificates of CAs
 *     ca/ID.key         their keys, encrypted unless made with --no-pass (0600)
 *     certs/SERIAL.crt  every certificate issued
 *     keys/SERIAL.key   the keys that were made here (0600)
 *     index.db          the index (store.h)
 *     lock              held by a command that changes something; never removed
 *
 * Files named by a serial are written once and never change.
 */

#define CA_BUNDLE "ca.crt"
#define CA_CRL    "crl.pem"

enum ca_mode {
	CA_READ,  /* Takes no lock. */
	CA_WRITE, /* The lock, and what a killed command has left is put in order. */
	CA_SIGN,  /* The CA's key as well. */
	CA_BARE,  /* As CA_WRITE, and there need not be a CA: der is NULL then. */
};

enum { CA_PATH_LEN = 64 };

struct ca {
	int dir, lock;
	struct store *store;
	char network[IDENT_NETWORK_MAX + 1];
	char id[SERIAL_TEXT_LEN]; /* Of the CA that signs: cas.h. */
	struct serial serial;     /* Of its newest certificate. */
	uint8_t *der;             /* That certificate; cert points into it. */
	struct x509_cert cert;
	struct key *key;  /* CA_SIGN. */
	struct pass pass; /* The passphrase of that key; len 0: it has none. */
};

/*
 * With --dry-run ca_open() takes no lock and changes nothing, whatever the mode.
 *
 * All return a cli_exit code and have said why when it is not CLI_OK.  ca_close() suits every struct ca that
 * ca_init() has touched.
 */
void ca_init(struct ca *ca);
int ca_open(const struct cli *cli, enum ca_mode mode, struct ca *ca);
void ca_close(struct ca *ca);

/* The passphrase for a CA key about to be made; *encrypt: there is to be one. */
int ca_new_pass(const struct cli *cli, bool no_pass, struct pass *pass, bool *encrypt);

/* Make the directory, or take up one whose making was cut short.  CLI_FAILED when it holds a CA or foreign files. */
int ca_create(const struct cli *cli, struct ca *ca);

/* Keep others from changing anything while we look (CA_READ).  A medium that cannot be written to needs no lock. */
int ca_hold(const struct cli *cli, struct ca *ca);

/* Load the CA's certificate that is in force, once ca->store is open. */
int ca_load_cert(const struct cli *cli, struct ca *ca);

/* Make ca.crt what it should be: the CAs that peers are to know. */
int ca_write_bundle(const struct cli *cli, const struct ca *ca);

/* Load its key; pass NULL: ask for a passphrase if it has one. */
int ca_load_key(const struct cli *cli, struct ca *ca, const struct pass *pass);

/* The certificate and the key of another CA of the directory, which has the same passphrase. */
struct ca_other {
	uint8_t *der; /* To be freed, and key with key_free(). */
	struct x509_cert cert;
	struct key *key;
};
struct cas_ca;
int ca_load_other(const struct cli *cli, const struct ca *ca, const struct cas_ca *which,
	struct ca_other *out);
void ca_free_other(struct ca_other *o);

/* All of them; -errno of the index is reported. */
struct cas;
int ca_load_cas(const struct ca *ca, struct cas *out);

/* Say that the index has failed. */
int ca_store_failed(const struct ca *ca, int err);

/* "certs/SERIAL.crt", "keys/SERIAL.key"; for a CA's own "ca/SERIAL.crt", "ca/SERIAL.key". */
char *ca_cert_path(const char *kind, const char *serial, char out[static CA_PATH_LEN]);
char *ca_key_path(const char *kind, const char *serial, char out[static CA_PATH_LEN]);

/* Read a certificate of this CA: *der is to be freed, *cert points into it. */
int ca_read_cert(const struct ca *ca, const char *kind, const char *serial, uint8_t **der,
	struct x509_cert *cert);

#endif
