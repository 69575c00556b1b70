#ifndef UNIT_HELP_RANDOM_H
#define UNIT_HELP_RANDOM_H

#include <stdint.h>

/* The next of a fixed series of numbers (Marsaglia's xorshift32), so that a failure can be repeated.  *seed is not 0. */
static inline uint32_t help_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

#endif
