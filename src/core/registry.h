#ifndef CORE_REGISTRY_H
#define CORE_REGISTRY_H

#include "net/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Who is connected and with which addresses.  One for the whole server, used by one thread.  Sessions are the
 * owner's handles; identities are their URIs (PROTOCOL 2.1).
 */
struct registry;

struct registry_opts {
	struct prefix pool4, pool6;     /* family 0: none. */
	struct addr gateway4, gateway6; /* Kept back. */
	size_t max_clients;
	bool duplicate_reject; /* The same identity again: refuse the new one, or replace the old one. */
};

/* Returns 0, -EINVAL (a pool) or -ENOMEM. */
int registry_create(const struct registry_opts *opts, struct registry **out);
void registry_free(struct registry *r);

enum { REGISTRY_MAX_ADDRS = 2 };

struct registry_lease {
	struct addr addrs[REGISTRY_MAX_ADDRS];
	size_t n_addrs;
	bool replaces; /* old is the same identity's session until now; its addresses have moved over. */
	uint64_t old;
};

/*
 * Admit identity as session handle.  Returns 0 and sets *out; -EEXIST (connected already, duplicate_reject);
 * -ENOSPC (max_clients, or a pool is empty); -ENOMEM.
 */
int registry_admit(
	struct registry *r, const char *identity, uint64_t handle, struct registry_lease *out);

/*
 * Session handle has ended.  Returns 1 and sets *out to the addresses that are free now; 0 when it held none (never admitted,
 * or replaced).
 */
int registry_release(struct registry *r, uint64_t handle, struct registry_lease *out);

size_t registry_count(const struct registry *r);

#endif
