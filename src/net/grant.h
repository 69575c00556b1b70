#ifndef NET_GRANT_H
#define NET_GRANT_H

#include "net/addr.h"
#include "net/der.h"
#include "net/x509.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What a certificate grants its holder beyond its identity, in an extension of ours (PROTOCOL 2.6).  In a CA's certificate the
 * same extension bounds what that CA may grant.
 */

enum { GRANT_MAX = 32, GRANT_GROUP_MAX = 32, GRANT_DER_MAX = 4096 };

struct grant {
	char group[GRANT_MAX][GRANT_GROUP_MAX + 1];
	struct addr address[GRANT_MAX];
	struct prefix network[GRANT_MAX];
	size_t n_groups, n_addresses, n_networks;
};

/* The extension's OID, content only. */
extern const struct der grant_oid;

/* From text, each once.  0, -EINVAL or -ENOSPC. */
int grant_add_group(struct grant *g, const char *name);
int grant_add_address(struct grant *g, const char *address);
int grant_add_network(struct grant *g, const char *prefix);

/* Nothing in it: then there is no extension. */
bool grant_is_empty(const struct grant *g);

/* The extension's value.  Returns 0 or -EBADMSG; only what grant_put() can write is taken. */
int grant_parse(const struct der *value, struct grant *out);
void grant_put(const struct grant *g, struct der_out *o);

/* The one of cert: -ENOENT when it has none (*out is empty then), -EBADMSG when it is malformed or critical. */
int grant_of_cert(const struct x509_cert *cert, struct grant *out);

/*
 * Does bounds allow g?  A kind that bounds does not name is not bounded; addresses and networks have to lie in its
 * networks.  0, or -EACCES with what is outside in why.
 */
int grant_within(const struct grant *g, const struct grant *bounds, char why[static 128]);

/* The same for a CA below another: it may not have wider bounds. */
int grant_narrower(const struct grant *lower, const struct grant *upper, char why[static 128]);

#endif
