#include "core/backoff.h"

#include "base/util.h"

uint64_t backoff_next(struct backoff *b, uint64_t random)
{
	uint64_t ceiling = b->max_ms;

	if (b->tries < 32 && b->min_ms << b->tries < b->max_ms)
		ceiling = b->min_ms << b->tries;
	if (b->tries < 32)
		b->tries++;
	return ceiling == 0 ? 0 : random % (ceiling + 1);
}

void backoff_reset(struct backoff *b)
{
	b->tries = 0;
}
