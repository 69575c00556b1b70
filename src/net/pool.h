#ifndef NET_POOL_H
#define NET_POOL_H

#include "net/addr.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Addresses for clients out of one IPv4 or IPv6 prefix.  Pure: no clock, no I/O.
 *
 * Where an owner starts to look is a hash of its name (the same on every gateway, so no lease database
 * is needed: DESIGN "addresses"); the next free address from there is its own.  An owner that returns gets its
 * old address back as long as nobody else has needed it.  Kept back: the network's first address
 * (subnet-router anycast), IPv4's broadcast, and those named in pool_reserve().
 */
struct pool;

enum { POOL_MAX_SLOTS = 1 << 20 }; /* Addresses looked at in a larger prefix. */

/* prefix: /8 to /30 for IPv4, /64 to /126 for IPv6.  Returns 0, -EINVAL or -ENOMEM. */
int pool_create(const struct prefix *prefix, struct pool **out);
void pool_free(struct pool *p);

/* Never hand out a (the gateway's own address).  Returns 0, -ERANGE (not in the prefix) or -EBUSY (leased). */
int pool_reserve(struct pool *p, const struct addr *a);

/*
 * Lease an address to owner.  wish (may be NULL) is taken when it is free and in the prefix.  Returns 0
 * and sets *out; -ENOSPC when every address is leased.  An owner that holds one gets the same again.
 */
int pool_take(struct pool *p, const char *owner, const struct addr *wish, struct addr *out);

/* End a lease; the address stays owner's first choice.  Does nothing if a is not leased. */
void pool_drop(struct pool *p, const struct addr *a);

size_t pool_used(const struct pool *p);
uint64_t pool_size(const struct pool *p); /* How many can be leased at once. */

#endif
