#ifndef NET_LIMIT_H
#define NET_LIMIT_H

#include "net/addr.h"

#include <stdbool.h>
#include <stdint.h>

/* Token bucket: rate tokens a second, burst at most; starts full.  { 0 } refuses everything. */
struct limit {
	uint32_t rate, burst;
	uint64_t tokens_milli; /* Thousandths of a token. */
	uint64_t last_ms;
};

void limit_init(struct limit *l, uint32_t rate, uint32_t burst, uint64_t now_ms);

/* Take one token if there is one.  A clock that steps back gives no tokens. */
bool limit_take(struct limit *l, uint64_t now_ms);

/*
 * A token bucket for each source: an IPv4 address, or an IPv6 /64 (who has one address there has all).  A table of fixed size:
 * where it is full, the source that has been quiet for longest is forgotten and starts anew with a full bucket, so that it bounds
 * one noisy source among thousands, and another limit has to bound the thousands.
 */
struct limit_table;

struct limit_table_opts {
	uint32_t rate, burst;
	uint64_t seed; /* Random, so that nobody can choose sources that fall together. */
};

int limit_table_create(
	const struct limit_table_opts *opts, struct limit_table **out); /* 0 or -ENOMEM. */
void limit_table_free(struct limit_table *t);                           /* NULL is fine. */
bool limit_table_take(struct limit_table *t, const struct addr *source, uint64_t now_ms);

#endif
