#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

/*
 * Hash map from a byte string (copied) to a pointer (not owned).  Keyed with a random seed, so that
 * peers cannot choose colliding keys.  Grows to max entries and no further.
 */
struct map;

int map_create(size_t max, struct map **out); /* 0, -ENOMEM or what getentropy(3) failed with. */
void map_free(struct map *m);                 /* NULL is fine.  Values are not touched. */

void *map_get(const struct map *m, const void *key, size_t len); /* NULL when absent. */

/* Add or replace; value may not be NULL.  Returns 0, -ENOSPC (max entries) or -ENOMEM. */
int map_put(struct map *m, const void *key, size_t len, void *value);

/* Remove and return the value, NULL when absent. */
void *map_remove(struct map *m, const void *key, size_t len);

size_t map_count(const struct map *m);

/* Walk: start with *pos = 0; returns the next value or NULL.  The map must not change meanwhile. */
void *map_next(const struct map *m, size_t *pos);

#endif
