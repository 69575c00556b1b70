#ifndef CORE_FIFO_H
#define CORE_FIFO_H

#include <stddef.h>
#include <stdint.h>

/*
 * Frames that wait while a session's socket is not writable: first in, first out, with a hard maximum and fair
 * dropping.  Once the queue is half full, a flow that already holds its equal share is refused, so that a
 * bulk transfer cannot push out the ping beside it.  Flows share 64 buckets by hash.
 *
 * Memory is taken with the first frame and given back by fifo_clear().  { 0 } is a valid empty queue.
 */
enum {
	FIFO_BYTES = 512 * 1024,
	FIFO_FRAMES = 2048,
	FIFO_BUCKETS = 64,
};

struct fifo_store;

struct fifo {
	struct fifo_store *store; /* NULL until needed. */
};

/* Append a copy of a frame.  Returns 0, -ENOBUFS (refused) or -ENOMEM. */
int fifo_push(struct fifo *f, const uint8_t *frame, size_t len, uint32_t flow);

size_t fifo_bytes(const struct fifo *f);

/*
 * The oldest frames that follow each other in memory, at most max bytes of them but one frame at least: sets *bytes and returns
 * their length, 0 when empty.  fifo_pop() then takes just these out.
 */
size_t fifo_peek(const struct fifo *f, size_t max, const uint8_t **bytes);
void fifo_pop(struct fifo *f, size_t len);

void fifo_clear(struct fifo *f);

#endif
