#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

/*
 * A byte queue with a hard maximum: bytes are appended at the end and consumed at the start.  It
 * allocates on the first append and gives everything back in buf_clear(); { .max = N } is a valid
 * empty one.  Bytes in use are data[start..end).
 */
struct buf {
	uint8_t *data;
	size_t start, end, cap;
	size_t max; /* cap never exceeds it. */
};

static inline size_t buf_len(const struct buf *b)
{
	return b->end - b->start;
}

static inline uint8_t *buf_bytes(const struct buf *b)
{
	return b->data + b->start;
}

/*
 * Make room for len more bytes at the end and return where they go; buf_added() then takes them in.
 * NULL when that would pass max (or memory is out); the buffer is unchanged then.
 */
uint8_t *buf_room(struct buf *b, size_t len);
void buf_added(struct buf *b, size_t len);

/* Append a copy.  Returns 0, -ENOBUFS (past max) or -ENOMEM. */
int buf_append(struct buf *b, const void *bytes, size_t len);

/* Drop len bytes (len <= buf_len()) from the start. */
void buf_consume(struct buf *b, size_t len);

/* Free the memory; max stays. */
void buf_clear(struct buf *b);

#endif
