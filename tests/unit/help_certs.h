#ifndef UNIT_HELP_CERTS_H
#define UNIT_HELP_CERTS_H

#include "net/x509.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Certificates, keys and CRLs of every good and bad kind, made on the spot.  Anything that goes wrong
 * here ends the test program: it is the test's own fault.
 */

enum help_key_kind {
	HELP_P256,
	HELP_P384,
	HELP_ED25519,
	HELP_RSA2048,
	HELP_RSA1024, /* Only its public half; nothing can be signed with it. */
	HELP_N_KEY_KINDS,
};

enum { HELP_KEYS_EACH = 8, HELP_DER_MAX = 4096, HELP_PEM_MAX = 8192 };

/* The nth key of a kind.  Made at its first use and kept to the end of the program. */
struct help_key;
const struct help_key *help_key(enum help_key_kind kind, unsigned n);

/*
 * An Ed25519 private key with its public half beside it (RFC 5958 version 2), on the heap.  The library does not compare
 * such a one with the certificate it signs for.
 */
char *help_ed25519_pem_v2(const struct help_key *key);

struct help_cert {
	uint8_t der[HELP_DER_MAX];
	size_t len;
	const struct help_key *key; /* Its own. */
	char pem[HELP_PEM_MAX], key_pem[HELP_PEM_MAX];
};

enum help_hash {
	HELP_SHA256,
	HELP_SHA384,
	HELP_SHA512,
	HELP_SHA1,
};

/* What goes into a certificate.  Start from one of the functions below and spoil it. */
struct help_spec {
	const char *cn;
	const char *uri[2], *dns[2], *ip[2], *email;
	int64_t not_before, not_after;
	uint32_t serial;
	unsigned version; /* 3; without extensions when 1. */
	bool ca, no_basic;
	int path_len;     /* -1: none. */
	unsigned ku, eku; /* 0: without the extension. */
	enum help_hash hash;
	bool unknown_critical; /* An extension that nobody knows. */
	bool bad_signature;
	/* Content of the nameConstraints extension, made by help_constraints(); len 0: without it. */
	struct der name_constraints;
};

/* One base of a constraint: a kind of name and its content. */
struct help_base {
	uint8_t kind; /* enum x509_san. */
	const void *bytes;
	size_t len;
	bool excluded;
};

/* The extension's content, in buf of HELP_DER_MAX bytes. */
struct der help_constraints(const struct help_base *bases, size_t n, uint8_t *buf);

struct help_spec help_ca(const char *cn);
struct help_spec help_server(
	const char *name, const char *dns);     /* spiffe://net.example/server/NAME */
struct help_spec help_client(const char *name); /* spiffe://net.example/client/NAME */

/* Make a certificate for key, signed by issuer (NULL: by itself).  The key may be NULL: P-256 key 0. */
void help_issue(struct help_cert *out, const struct help_spec *spec, const struct help_key *key,
	const struct help_cert *issuer);

struct help_crl {
	const struct help_cert *issuer;
	const struct help_key *key;       /* NULL: the issuer's. */
	int64_t this_update, next_update; /* next_update 0: without. */
	uint32_t number;
	const uint32_t *serials;
	size_t n;
	int reason; /* Below 0: without. */
	bool unknown_critical, bad_signature;
};

/* DER and PEM of a CRL, on the heap. */
uint8_t *help_crl_der(const struct help_crl *spec, size_t *len);
char *help_crl_pem(const struct help_crl *spec);

/* PEM of any DER, on the heap. */
char *help_pem(const char *label, const uint8_t *der, size_t len);

/* Append pem to text, which has room for cap bytes. */
void help_pem_add(char *text, size_t cap, const char *pem);

/* A whole small VPN: one CA, a server and a client of it. */
struct help_pki {
	struct help_cert ca, server, client;
};
void help_pki_init(struct help_pki *p);

#endif
