#include "core/fifo.h"

#include "base/util.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Frames lie in bytes[start..end); what belongs to each is in the ring meta[first..first+n). */
struct fifo_store {
	size_t start, end;
	size_t first, n;
	unsigned active; /* Buckets that hold something. */
	uint32_t held[FIFO_BUCKETS];
	struct {
		uint32_t len;
		uint8_t bucket;
	} meta[FIFO_FRAMES];
	uint8_t bytes[FIFO_BYTES];
};

static int refuse(const struct fifo_store *s, size_t len, unsigned bucket)
{
	size_t used = s->end - s->start;

	if (s->n == FIFO_FRAMES || len > FIFO_BYTES - used)
		return 1;
	if (used + len <= FIFO_BYTES / 2)
		return 0;
	unsigned flows = s->active + (s->held[bucket] == 0);
	return s->held[bucket] + len > FIFO_BYTES / MAX(flows, 2U);
}

int fifo_push(struct fifo *f, const uint8_t *frame, size_t len, uint32_t flow)
{
	unsigned bucket = flow % FIFO_BUCKETS;

	if (f->store == NULL) {
		f->store = malloc(sizeof(*f->store));
		if (f->store == NULL)
			return -ENOMEM;
		memset(f->store, 0, offsetof(struct fifo_store, meta));
	}
	struct fifo_store *s = f->store;
	if (refuse(s, len, bucket))
		return -ENOBUFS;
	if (FIFO_BYTES - s->end < len) {
		memmove(s->bytes, s->bytes + s->start, s->end - s->start);
		s->end -= s->start;
		s->start = 0;
	}
	memcpy(s->bytes + s->end, frame, len);
	s->end += len;
	size_t slot = (s->first + s->n++) % FIFO_FRAMES;
	s->meta[slot].len = (uint32_t)len;
	s->meta[slot].bucket = (uint8_t)bucket;
	s->active += s->held[bucket] == 0;
	s->held[bucket] += (uint32_t)len;
	return 0;
}

size_t fifo_bytes(const struct fifo *f)
{
	return f->store == NULL ? 0 : f->store->end - f->store->start;
}

size_t fifo_peek(const struct fifo *f, size_t max, const uint8_t **bytes)
{
	const struct fifo_store *s = f->store;
	size_t len = 0;

	if (s == NULL || s->n == 0)
		return 0;
	for (size_t i = 0; i < s->n; i++) {
		size_t next = s->meta[(s->first + i) % FIFO_FRAMES].len;
		if (i > 0 && len + next > max)
			break;
		len += next;
	}
	*bytes = s->bytes + s->start;
	return len;
}

void fifo_pop(struct fifo *f, size_t len)
{
	struct fifo_store *s = f->store;

	while (len > 0) {
		size_t slot = s->first;
		assert(s->n > 0 && s->meta[slot].len <= len);
		s->first = (s->first + 1) % FIFO_FRAMES;
		s->n--;
		len -= s->meta[slot].len;
		s->start += s->meta[slot].len;
		s->held[s->meta[slot].bucket] -= s->meta[slot].len;
		s->active -= s->held[s->meta[slot].bucket] == 0;
	}
	if (s->n == 0)
		s->start = s->end = 0;
}

void fifo_clear(struct fifo *f)
{
	free(f->store);
	f->store = NULL;
}
