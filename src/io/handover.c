#include "io/handover.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Each frame lies behind one of these, aligned to 8 bytes; len 0 sends the reader to the ring's start. */
struct record {
	uint64_t target;
	uint32_t len;
	uint32_t flow;
};

struct handover {
	_Alignas(64) atomic_size_t head; /* Written bytes, ever.  The writer's. */
	_Alignas(64) atomic_size_t tail; /* Released bytes, ever.  The reader's. */
	size_t seen;                     /* Reader: up to where the last peek went. */
	_Alignas(64) uint8_t bytes[HANDOVER_BYTES];
};

int handover_create(struct handover **out)
{
	struct handover *h = aligned_alloc(64, sizeof(*h));

	if (h == NULL)
		return -ENOMEM;
	atomic_init(&h->head, 0);
	atomic_init(&h->tail, 0);
	h->seen = 0;
	*out = h;
	return 0;
}

void handover_free(struct handover *h)
{
	free(h);
}

static size_t place(size_t len)
{
	return (sizeof(struct record) + len + 7) & ~(size_t)7;
}

int handover_push(struct handover *h, const struct egress_frame *f)
{
	size_t head = atomic_load_explicit(&h->head, memory_order_relaxed);
	size_t tail = atomic_load_explicit(&h->tail, memory_order_acquire);
	size_t at = head % HANDOVER_BYTES, to_end = HANDOVER_BYTES - at;
	size_t need = place(f->len), skip = need > to_end ? to_end : 0;

	if (need + skip > HANDOVER_BYTES - (head - tail))
		return -ENOBUFS;
	if (skip > 0) {
		/* to_end is a multiple of 8, and less than a record is known to be a skip. */
		if (to_end >= sizeof(struct record)) {
			struct record end = { 0 };
			memcpy(h->bytes + at, &end, sizeof(end));
		}
		head += skip;
		at = 0;
	}
	struct record r = { .target = f->target, .len = f->len, .flow = f->flow };
	memcpy(h->bytes + at, &r, sizeof(r));
	memcpy(h->bytes + at + sizeof(r), f->bytes, f->len);
	atomic_store_explicit(&h->head, head + need, memory_order_release);
	return 0;
}

size_t handover_peek(struct handover *h, struct egress *out)
{
	size_t head = atomic_load_explicit(&h->head, memory_order_acquire);
	size_t at = atomic_load_explicit(&h->tail, memory_order_relaxed);

	out->n = 0;
	while (at != head && out->n < EGRESS_MAX) {
		size_t i = at % HANDOVER_BYTES, to_end = HANDOVER_BYTES - i;
		struct record r = { 0 };
		if (to_end >= sizeof(r))
			memcpy(&r, h->bytes + i, sizeof(r));
		if (r.len == 0) {
			at += to_end;
			continue;
		}
		out->frames[out->n++] = (struct egress_frame){
			.target = r.target,
			.bytes = h->bytes + i + sizeof(r),
			.len = r.len,
			.flow = r.flow,
		};
		at += place(r.len);
	}
	h->seen = at;
	return out->n;
}

void handover_release(struct handover *h)
{
	atomic_store_explicit(&h->tail, h->seen, memory_order_release);
}
