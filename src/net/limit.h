#ifndef NET_LIMIT_H
#define NET_LIMIT_H

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

#endif
