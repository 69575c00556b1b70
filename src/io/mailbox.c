#include "io/mailbox.h"

#include <stdlib.h>

static struct mail *take_all(struct mailbox *mb)
{
	uv_mutex_lock(&mb->mutex);
	struct mail *m = mb->first;
	mb->first = NULL;
	mb->last = &mb->first;
	uv_mutex_unlock(&mb->mutex);
	return m;
}

static void on_async(uv_async_t *a)
{
	struct mailbox *mb = a->data;

	for (struct mail *m = take_all(mb), *next; m != NULL; m = next) {
		next = m->next;
		mb->receive(mb->arg, m);
	}
}

int mailbox_open(
	uv_loop_t *loop, void (*receive)(void *arg, struct mail *m), void *arg, struct mailbox *out)
{
	*out = (struct mailbox){ .receive = receive, .arg = arg };
	out->last = &out->first;
	int r = uv_mutex_init(&out->mutex);
	if (r < 0)
		return r;
	r = uv_async_init(loop, &out->async, on_async);
	if (r < 0)
		uv_mutex_destroy(&out->mutex);
	out->async.data = out;
	return r;
}

void mailbox_post(struct mailbox *mb, struct mail *m)
{
	m->next = NULL;
	uv_mutex_lock(&mb->mutex);
	*mb->last = m;
	mb->last = &m->next;
	uv_mutex_unlock(&mb->mutex);
	(void)uv_async_send(&mb->async);
}

static void on_closed(uv_handle_t *h)
{
	struct mailbox *mb = h->data;

	for (struct mail *m = take_all(mb), *next; m != NULL; m = next) {
		next = m->next;
		free(m);
	}
	uv_mutex_destroy(&mb->mutex);
}

void mailbox_close(struct mailbox *mb)
{
	uv_close((uv_handle_t *)&mb->async, on_closed);
}
