#ifndef SYS_NETIF_H
#define SYS_NETIF_H

#include "net/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Interfaces, addresses, routes and rules by rtnetlink.  All calls are synchronous, on a socket of the handle, and
 * return 0 or the kernel's negative errno.  What is there already (-EEXIST) or gone already (-ESRCH, -ENODEV, -EADDRNOTAVAIL)
 * is success, so that each call can be repeated.
 */
struct netif;

enum {
	NETIF_PROTO = 83, /* Our routes and rules carry this `proto`, to be told from others. */
	NETIF_TABLE_MAIN = 254,
};

int netif_open(struct netif **out);
void netif_close(struct netif *n); /* NULL is fine. */

int netif_set_up(struct netif *n, int ifindex, uint16_t mtu, uint32_t txqueuelen);
int netif_add_address(struct netif *n, int ifindex,
	const struct prefix *p); /* Host bits are the address; no DAD. */
int netif_del_address(struct netif *n, int ifindex, const struct prefix *p);

struct netif_route {
	struct prefix dst;
	int ifindex;
	uint32_t table;     /* NETIF_TABLE_MAIN or our own. */
	struct addr source; /* Preferred source; family 0: none. */
};
/* A route of ours to dst in table by ifindex is replaced.  Somebody else's stays: -EEXIST. */
int netif_add_route(struct netif *n, const struct netif_route *r);
int netif_del_route(struct netif *n, const struct netif_route *r);

/*
 * Policy rules for a table of our own, for both families: "not fwmark MARK lookup TABLE" at priority, with our
 * proto, so that all but the tunnel's own socket looks there first.
 */
struct netif_rule {
	uint32_t priority, table, fwmark;
};
int netif_add_rules(struct netif *n, const struct netif_rule *r);

/* Delete all rules of our proto that look up table, and all routes of our proto in table. */
int netif_sweep(struct netif *n, uint32_t table);

/* Is a an address of this host (any interface)?  1, 0 or a negative errno. */
int netif_has_address(struct netif *n, const struct addr *a);

/* Does prefix overlap with one an interface other than ifindex is in?  1 (its name in ifname), 0 or a negative errno. */
int netif_overlap(struct netif *n, int ifindex, const struct prefix *p, char ifname[static 16]);

#endif
