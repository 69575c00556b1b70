#include "net/limit.h"

enum { MILLI = 1000 };

void limit_init(struct limit *l, uint32_t rate, uint32_t burst, uint64_t now_ms)
{
	*l = (struct limit){
		.rate = rate,
		.burst = burst,
		.tokens_milli = (uint64_t)burst * MILLI,
		.last_ms = now_ms,
	};
}

/* A rate of n tokens a second is n thousandths of a token a millisecond. */
static void refill(struct limit *l, uint64_t now_ms)
{
	if (now_ms <= l->last_ms || l->rate == 0)
		return;
	uint64_t elapsed = now_ms - l->last_ms;
	uint64_t missing = (uint64_t)l->burst * MILLI - l->tokens_milli;

	/* Compared before it is multiplied: elapsed may be anything. */
	if (elapsed > missing / l->rate)
		l->tokens_milli += missing;
	else
		l->tokens_milli += elapsed * l->rate;
	l->last_ms = now_ms;
}

bool limit_take(struct limit *l, uint64_t now_ms)
{
	refill(l, now_ms);
	if (l->tokens_milli < MILLI)
		return false;
	l->tokens_milli -= MILLI;
	return true;
}
