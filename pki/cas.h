#ifndef PKI_CAS_H
#define PKI_CAS_H

#include "pki/serial.h"
#include "pki/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The CAs that a directory knows.  A CA is a key and a name; it may have had several certificates ('ca renew').  The serial
 * number of the first is its id: it names the key's file, and is the issuer in the index.
 *
 *     next --> active --> old --> retired       ('ca rollover', 'ca rollover --switch', 'ca retire')
 *
 * Peers are given active, root, next and old: CAS_IN_BUNDLE.
 */
enum cas_role {
	CAS_ACTIVE,  /* Signs. */
	CAS_ROOT,    /* Has signed the active one. */
	CAS_NEXT,    /* Will sign; peers get to know it. */
	CAS_OLD,     /* Signs CRLs only. */
	CAS_RETIRED, /* Nothing any more. */
	CAS_FOREIGN, /* Certified here, kept elsewhere. */
};

enum { CAS_MAX = 64 };

struct cas_ca {
	char id[SERIAL_TEXT_LEN];
	char serial[SERIAL_TEXT_LEN]; /* Of its newest certificate. */
	char name[256];
	enum cas_role role;
	int64_t not_before, not_after, revoked_at;
	size_t age; /* 0: the first that was made. */
};

struct cas {
	struct cas_ca ca[CAS_MAX]; /* In the order of their roles, then newest first. */
	size_t n;
};

/* "active", "root", ... */
const char *cas_role_name(enum cas_role role);

int cas_load(struct store *s, struct cas *out); /* 0, -EOVERFLOW or an error of the store. */
const struct cas_ca *cas_find(const struct cas *all, enum cas_role role); /* The first, or NULL. */
bool cas_in_bundle(const struct cas_ca *c);
bool cas_signs_crls(const struct cas_ca *c);

/* Within a transaction: give a CA a role; say that a certificate is one more of a CA. */
int cas_set_role(struct store *s, const char *id, enum cas_role role);
int cas_set_id(struct store *s, const char *serial, const char *id);

#endif
