#include "pki/cas.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

enum { META_KEY_LEN = 64 };

static const char *const role_names[] = {
	[CAS_ACTIVE] = "active",
	[CAS_ROOT] = "root",
	[CAS_NEXT] = "next",
	[CAS_OLD] = "old",
	[CAS_RETIRED] = "retired",
	[CAS_FOREIGN] = "foreign",
};

struct loading {
	struct store *store;
	struct cas *all;
};

const char *cas_role_name(enum cas_role role)
{
	return role_names[role];
}

static char *role_key(const char *id, char out[static META_KEY_LEN])
{
	(void)snprintf(out, META_KEY_LEN, "ca.role.%.40s", id);
	return out;
}

static char *id_key(const char *serial, char out[static META_KEY_LEN])
{
	(void)snprintf(out, META_KEY_LEN, "ca.id.%.40s", serial);
	return out;
}

static int get_id(struct store *s, const char *serial, char out[static SERIAL_TEXT_LEN])
{
	char key[META_KEY_LEN];
	int r = store_meta(s, id_key(serial, key), out, SERIAL_TEXT_LEN);

	if (r == -ENOENT) {
		(void)snprintf(out, SERIAL_TEXT_LEN, "%s", serial);
		r = 0;
	}
	return r;
}

/* A CA whose role was never said is the only one of its directory, or one certified for others. */
static int get_role(struct store *s, const char *id, bool has_key, enum cas_role *out)
{
	char key[META_KEY_LEN], text[16];
	int r = store_meta(s, role_key(id, key), text, sizeof(text));

	if (r == -ENOENT) {
		*out = has_key ? CAS_ACTIVE : CAS_FOREIGN;
		return 0;
	}
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(role_names); i++) {
		if (strcmp(role_names[i], text) == 0) {
			*out = (enum cas_role)i;
			return 0;
		}
	}
	return r < 0 ? r : -EBADMSG;
}

static struct cas_ca *find_id(struct cas *all, const char *id)
{
	for (size_t i = 0; i < all->n; i++) {
		if (strcmp(all->ca[i].id, id) == 0)
			return &all->ca[i];
	}
	return NULL;
}

/* Oldest first, so that a CA's newest certificate is what remains. */
static int add(const struct store_cert *c, void *arg)
{
	struct loading *l = arg;
	char id[SERIAL_TEXT_LEN];
	int r = get_id(l->store, c->serial, id);

	if (r < 0)
		return r;
	struct cas_ca *ca = find_id(l->all, id);
	if (ca == NULL) {
		if (l->all->n == CAS_MAX)
			return -EOVERFLOW;
		ca = &l->all->ca[l->all->n];
		r = get_role(l->store, id, c->has_key, &ca->role);
		if (r < 0)
			return r;
		ca->age = l->all->n++;
		(void)snprintf(ca->id, sizeof(ca->id), "%s", id);
	}
	(void)snprintf(ca->serial, sizeof(ca->serial), "%s", c->serial);
	(void)snprintf(ca->name, sizeof(ca->name), "%s", c->name);
	ca->not_before = c->not_before;
	ca->not_after = c->not_after;
	ca->revoked_at = c->revoked_at;
	return 0;
}

static int by_role(const void *a, const void *b)
{
	const struct cas_ca *x = a, *y = b;

	if (x->role != y->role)
		return x->role < y->role ? -1 : 1;
	return x->age > y->age ? -1 : 1;
}

int cas_load(struct store *s, struct cas *out)
{
	const struct store_filter cas = { .kind = "ca" };
	struct loading l = { .store = s, .all = out };
	int r;

	out->n = 0;
	r = store_each(s, &cas, add, &l);
	if (r == 0)
		qsort(out->ca, out->n, sizeof(out->ca[0]), by_role);
	return r;
}

const struct cas_ca *cas_find(const struct cas *all, enum cas_role role)
{
	for (size_t i = 0; i < all->n; i++) {
		if (all->ca[i].role == role)
			return &all->ca[i];
	}
	return NULL;
}

bool cas_in_bundle(const struct cas_ca *c)
{
	return c->role <= CAS_OLD;
}

/* The next one has issued nothing; and peers that do not know it yet would refuse its CRL. */
bool cas_signs_crls(const struct cas_ca *c)
{
	return c->role == CAS_ACTIVE || c->role == CAS_ROOT || c->role == CAS_OLD;
}

int cas_set_role(struct store *s, const char *id, enum cas_role role)
{
	char key[META_KEY_LEN];

	return store_set_meta(s, role_key(id, key), role_names[role]);
}

int cas_set_id(struct store *s, const char *serial, const char *id)
{
	char key[META_KEY_LEN];

	return store_set_meta(s, id_key(serial, key), id);
}
