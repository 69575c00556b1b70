#ifndef CORE_BACKOFF_H
#define CORE_BACKOFF_H

#include <stdint.h>

/*
 * Exponential backoff with full jitter: the n-th wait is uniform between 0 and min(max, min * 2^n), so that clients of a
 * restarted server do not come back in step.
 */
struct backoff {
	uint64_t min_ms, max_ms;
	unsigned tries;
};

/* The next wait, in milliseconds.  random: 64 uniform bits. */
uint64_t backoff_next(struct backoff *b, uint64_t random);

/* It worked: start over. */
void backoff_reset(struct backoff *b);

#endif
