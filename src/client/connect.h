#ifndef CLIENT_CONNECT_H
#define CLIENT_CONNECT_H

#include "net/addr.h"

#include <stdint.h>
#include <uv.h>

/* From a remote's name to a connected socket: the name is looked up, each of its addresses tried in order. */
struct connect_ops {
	void (*connected)(void *arg, int fd, const struct endpoint *peer); /* fd is the callee's. */
	void (*failed)(void *arg, const char *why);
};

struct connector {
	uv_loop_t *loop;
	const struct connect_ops *ops;
	void *arg;
	uint32_t fwmark;
	struct connect_lookup *lookup;   /* NULL: none under way. */
	struct connect_attempt *attempt; /* NULL: none under way. */
	struct addrinfo *addresses, *next;
	struct endpoint remote;
	uint64_t attempt_deadline_us;
	char why[256]; /* Of the last attempt that failed. */
};

/* Start; one of the ops is called once, later. */
void connect_start(struct connector *k, const struct endpoint *remote);

/* Stop; no callback comes any more. */
void connect_cancel(struct connector *k);

/* Give up on an address that does not answer. */
void connect_tick(struct connector *k, uint64_t now_us);

#endif
