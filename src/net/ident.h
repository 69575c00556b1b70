#ifndef NET_IDENT_H
#define NET_IDENT_H

#include "net/x509.h"

#include <stdbool.h>

/* Identity of a certificate's holder: PROTOCOL 2.1. */

enum ident_role {
	IDENT_CLIENT,
	IDENT_SERVER,
};

enum { IDENT_NETWORK_MAX = 253, IDENT_NAME_MAX = 64, IDENT_URI_MAX = 9 + 253 + 8 + 64 };

struct ident {
	enum ident_role role;
	char network[IDENT_NETWORK_MAX + 1];
	char name[IDENT_NAME_MAX + 1];
};

bool ident_valid_network(const char *network);
bool ident_valid_name(const char *name);

/* "spiffe://NETWORK/ROLE/NAME".  Returns 0 or -EINVAL. */
int ident_parse(const char *uri, size_t len, struct ident *out);
char *ident_format(const struct ident *id, char out[static IDENT_URI_MAX + 1]);

/* The identity in cert's subject alternative names.  -ENOENT: no spiffe URI; -EINVAL: malformed, or more than one. */
int ident_of_cert(const struct x509_cert *cert, struct ident *out);

/*
 * Does cert name this host?  host is a DNS name or an address in text; names are compared whole and
 * case-insensitively with dNSNames (no wildcards), addresses with iPAddresses.  The subject is never looked at.
 */
bool ident_cert_names_host(const struct x509_cert *cert, const char *host);

#endif
