#include "core/registry.h"

#include "base/map.h"
#include "net/ident.h"
#include "net/pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct entry {
	char identity[IDENT_URI_MAX + 1];
	uint64_t handle;
	struct addr addrs[REGISTRY_MAX_ADDRS]; /* From pools[i]; family 0: none. */
};

struct registry {
	struct registry_opts opts;
	struct pool *pools[REGISTRY_MAX_ADDRS]; /* IPv4, IPv6; NULL: none. */
	struct map *by_identity;
	struct map *by_handle; /* One more than clients: a replacement has two for a moment. */
};

static int add_pool(struct pool **pool, const struct prefix *prefix, const struct addr *gateway)
{
	if (prefix->addr.family == 0)
		return 0;
	int r = pool_create(prefix, pool);
	if (r == 0)
		r = pool_reserve(*pool, gateway);
	return r == -ERANGE ? -EINVAL : r;
}

int registry_create(const struct registry_opts *opts, struct registry **out)
{
	struct registry *r = calloc(1, sizeof(*r));
	int e = -ENOMEM;

	if (r == NULL)
		return -ENOMEM;
	r->opts = *opts;
	if (map_create(opts->max_clients, &r->by_identity) < 0 ||
		map_create(opts->max_clients + 1, &r->by_handle) < 0)
		goto fail;
	e = add_pool(&r->pools[0], &opts->pool4, &opts->gateway4);
	if (e == 0)
		e = add_pool(&r->pools[1], &opts->pool6, &opts->gateway6);
	if (e < 0)
		goto fail;
	*out = r;
	return 0;

fail:
	registry_free(r);
	return e;
}

void registry_free(struct registry *r)
{
	size_t pos = 0;

	if (r == NULL)
		return;
	if (r->by_identity != NULL)
		for (struct entry *e; (e = map_next(r->by_identity, &pos)) != NULL;)
			free(e);
	map_free(r->by_identity);
	map_free(r->by_handle);
	for (size_t i = 0; i < REGISTRY_MAX_ADDRS; i++)
		pool_free(r->pools[i]);
	free(r);
}

static void drop_leases(struct registry *r, struct entry *e)
{
	for (size_t i = 0; i < REGISTRY_MAX_ADDRS; i++)
		if (e->addrs[i].family != 0)
			pool_drop(r->pools[i], &e->addrs[i]);
}

static int take_leases(struct registry *r, struct entry *e)
{
	for (size_t i = 0; i < REGISTRY_MAX_ADDRS; i++) {
		if (r->pools[i] == NULL)
			continue;
		int err = pool_take(r->pools[i], e->identity, NULL, &e->addrs[i]);
		if (err < 0) {
			e->addrs[i] = (struct addr){ 0 };
			drop_leases(r, e);
			return err;
		}
	}
	return 0;
}

static void fill(const struct entry *e, struct registry_lease *out)
{
	*out = (struct registry_lease){ 0 };
	for (size_t i = 0; i < REGISTRY_MAX_ADDRS; i++)
		if (e->addrs[i].family != 0)
			out->addrs[out->n_addrs++] = e->addrs[i];
}

static int admit_new(struct registry *r, const char *identity, uint64_t handle, struct entry **out)
{
	if (map_count(r->by_identity) >= r->opts.max_clients)
		return -ENOSPC;
	struct entry *e = calloc(1, sizeof(*e));
	if (e == NULL)
		return -ENOMEM;
	size_t len = strnlen(identity, IDENT_URI_MAX);
	memcpy(e->identity, identity, len);
	e->handle = handle;
	int err = take_leases(r, e);
	if (err == 0)
		err = map_put(r->by_identity, e->identity, len, e);
	if (err < 0)
		goto fail;
	err = map_put(r->by_handle, &handle, sizeof(handle), e);
	if (err == 0) {
		*out = e;
		return 0;
	}
	(void)map_remove(r->by_identity, e->identity, len);
fail:
	drop_leases(r, e);
	free(e);
	return err;
}

int registry_admit(
	struct registry *r, const char *identity, uint64_t handle, struct registry_lease *out)
{
	struct entry *e = map_get(r->by_identity, identity, strlen(identity));

	if (e == NULL) {
		int err = admit_new(r, identity, handle, &e);
		if (err == 0)
			fill(e, out);
		return err;
	}
	if (r->opts.duplicate_reject)
		return -EEXIST;
	uint64_t old = e->handle;
	int err = map_put(r->by_handle, &handle, sizeof(handle), e);
	if (err < 0)
		return err;
	(void)map_remove(r->by_handle, &old, sizeof(old));
	e->handle = handle;
	fill(e, out);
	out->replaces = true;
	out->old = old;
	return 0;
}

int registry_release(struct registry *r, uint64_t handle, struct registry_lease *out)
{
	struct entry *e = map_remove(r->by_handle, &handle, sizeof(handle));

	if (e == NULL)
		return 0;
	(void)map_remove(r->by_identity, e->identity, strlen(e->identity));
	drop_leases(r, e);
	fill(e, out);
	free(e);
	return 1;
}

size_t registry_count(const struct registry *r)
{
	return map_count(r->by_identity);
}
