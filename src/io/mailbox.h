#ifndef IO_MAILBOX_H
#define IO_MAILBOX_H

#include <uv.h>

/*
 * Messages from other threads to a loop, in order.  For what changes rarely (sessions, routes, status); packets go through
 * io/handover.h.
 */
struct mail {
	struct mail *next;
	int type; /* The users' own enumeration. */
};

struct mailbox {
	uv_async_t async;
	uv_mutex_t mutex;
	struct mail *first, **last;
	void (*receive)(void *arg, struct mail *m); /* Frees m, which came from malloc(). */
	void *arg;
};

int mailbox_open(uv_loop_t *loop, void (*receive)(void *arg, struct mail *m), void *arg,
	struct mailbox *out);

/* From any thread, as long as the mailbox is open.  The mailbox becomes the owner of m. */
void mailbox_post(struct mailbox *mb, struct mail *m);

/* On the loop's thread, when nobody posts any more: what is left is freed unread. */
void mailbox_close(struct mailbox *mb);

#endif
