#include "net/limit.h"

#include "base/util.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SETS = 1024, WAYS = 4, IPV6_SOURCE_BITS = 64 };

struct way {
	struct addr source; /* family 0: free. */
	struct limit limit;
};

struct limit_table {
	struct limit_table_opts opts;
	struct way ways[SETS][WAYS];
};

int limit_table_create(const struct limit_table_opts *opts, struct limit_table **out)
{
	struct limit_table *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return -ENOMEM;
	t->opts = *opts;
	*out = t;
	return 0;
}

void limit_table_free(struct limit_table *t)
{
	free(t);
}

/* Multiplication and folding, keyed: the result must be unpredictable, not unforgeable. */
static unsigned set_of(const struct limit_table *t, const struct addr *source)
{
	uint64_t h = t->opts.seed, half;

	for (size_t i = 0; i < sizeof(source->bytes); i += sizeof(half)) {
		memcpy(&half, source->bytes + i, sizeof(half));
		h = (h ^ half) * 0x9e3779b97f4a7c15;
		h ^= h >> 29 ^ t->opts.seed;
	}
	h *= 0xbf58476d1ce4e5b9;
	return (unsigned)(h >> 32) % SETS;
}

bool limit_table_take(struct limit_table *t, const struct addr *source, uint64_t now_ms)
{
	struct addr key = *source;

	if (key.family == 6)
		key = prefix_of(source, IPV6_SOURCE_BITS).addr;
	struct way *set = t->ways[set_of(t, &key)], *quietest = set;
	for (size_t i = 0; i < WAYS; i++) {
		if (addr_equal(&set[i].source, &key))
			return limit_take(&set[i].limit, now_ms);
		if (set[i].limit.last_ms < quietest->limit.last_ms)
			quietest = &set[i];
	}
	quietest->source = key;
	limit_init(&quietest->limit, t->opts.rate, t->opts.burst, now_ms);
	return limit_take(&quietest->limit, now_ms);
}
