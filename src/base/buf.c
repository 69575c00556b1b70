#include "base/buf.h"

#include "base/util.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { BUF_FIRST_CAP = 256 };

uint8_t *buf_room(struct buf *b, size_t len)
{
	size_t used = b->data == NULL ? 0 : buf_len(b);

	if (len > b->max || used > b->max - len)
		return NULL;
	if (b->data != NULL && b->cap - b->end >= len)
		return b->data + b->end;
	if (b->data != NULL && b->cap - used >= len) {
		memmove(b->data, b->data + b->start, used);
	} else {
		size_t cap = MAX(b->cap * 2, (size_t)BUF_FIRST_CAP);
		while (cap < used + len)
			cap *= 2;
		cap = MIN(cap, b->max);
		uint8_t *data = malloc(cap);
		if (data == NULL)
			return NULL;
		if (b->data != NULL)
			memcpy(data, b->data + b->start, used);
		free(b->data);
		b->data = data;
		b->cap = cap;
	}
	b->start = 0;
	b->end = used;
	return b->data + used;
}

void buf_added(struct buf *b, size_t len)
{
	assert(len <= b->cap - b->end);
	b->end += len;
}

int buf_append(struct buf *b, const void *bytes, size_t len)
{
	if (len == 0)
		return 0;
	if (len > b->max || buf_len(b) > b->max - len)
		return -ENOBUFS;
	uint8_t *to = buf_room(b, len);
	if (to == NULL)
		return -ENOMEM;
	memcpy(to, bytes, len);
	buf_added(b, len);
	return 0;
}

void buf_consume(struct buf *b, size_t len)
{
	assert(len <= buf_len(b));
	b->start += len;
	if (b->start == b->end)
		b->start = b->end = 0;
}

void buf_clear(struct buf *b)
{
	free(b->data);
	*b = (struct buf){ .max = b->max };
}
