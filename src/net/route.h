#ifndef NET_ROUTE_H
#define NET_ROUTE_H

#include "net/addr.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Longest-prefix match for IPv4 and IPv6: a path-compressed binary trie for each family (as in
 * WireGuard's allowedips).  Values are the caller's 64-bit handles; ROUTE_NONE stands for none.
 */
struct route_table;

#define ROUTE_NONE UINT64_MAX

int route_create(size_t max, struct route_table **out); /* max prefixes; 0 or -ENOMEM. */
void route_free(struct route_table *t);                 /* NULL is fine. */

/* Add p, or change its value.  Returns 0, -EINVAL (host bits set, value ROUTE_NONE), -ENOSPC (max reached) or -ENOMEM. */
int route_set(struct route_table *t, const struct prefix *p, uint64_t value);

/* Remove just p.  Returns 0 or -ENOENT. */
int route_remove(struct route_table *t, const struct prefix *p);

/* The value of the longest prefix that holds a, or ROUTE_NONE. */
uint64_t route_lookup(const struct route_table *t, const struct addr *a);

/* The value of exactly p, or ROUTE_NONE. */
uint64_t route_get(const struct route_table *t, const struct prefix *p);

size_t route_count(const struct route_table *t);

#endif
