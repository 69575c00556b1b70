#ifndef NET_POOL_H
#define NET_POOL_H

#include "net/addr.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Addresses for clients out of one IPv4 or IPv6 prefix.  Pure: no clock, no I/O.
 *
 * Where an owner starts to look is a hash of its name (the same on every gateway, so no lease database is
 * needed); the next free address from there is its own.  An owner that returns gets its old address back as
 * long as nobody else has needed it: others get an address that was leased before only when there is no
 * untouched one.  Kept back: the network's first address (subnet-router anycast), IPv4's broadcast, and
 * those named in pool_reserve().
 *
 * The hash is FNV-1a (64 bits, over the name's bytes) finished as MurmurHash3 finishes 64 bits; the start is
 * 1 + hash mod n from the prefix's address, where n counts the addresses from 1 on, without IPv4's broadcast.
 */
struct pool;

/* Most leases in a larger prefix, remembered ones included: past it the one dropped first is forgotten. */
enum { POOL_MAX_SLOTS = 1 << 20 };

/* prefix: /8 to /30 for IPv4, /64 to /126 for IPv6, no host bits.  Returns 0, -EINVAL or -ENOMEM. */
int pool_create(const struct prefix *prefix, struct pool **out);
void pool_free(struct pool *p);

/* Never hand out a (the gateway's own address).  Returns 0, -ERANGE (not in the prefix), -EBUSY (leased) or -ENOMEM. */
int pool_reserve(struct pool *p, const struct addr *a);

/*
 * Lease an address to owner.  wish (may be NULL) is taken when it is free and in the prefix.  Returns 0
 * and sets *out; -ENOSPC when every address is leased, or -ENOMEM.  An owner that holds one gets the same again.
 */
int pool_take(struct pool *p, const char *owner, const struct addr *wish, struct addr *out);

/* End a lease; the address stays owner's first choice.  Does nothing if a is not leased. */
void pool_drop(struct pool *p, const struct addr *a);

size_t pool_used(const struct pool *p);
uint64_t pool_size(const struct pool *p); /* How many can be leased at once. */

#endif
