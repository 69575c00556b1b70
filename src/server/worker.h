#ifndef SERVER_WORKER_H
#define SERVER_WORKER_H

#include "conf/server_conf.h"
#include "core/registry.h"
#include "core/tally.h"
#include "io/handover.h"
#include "io/loop.h"
#include "io/mailbox.h"
#include "io/tunnel.h"
#include "net/limit.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A worker: one thread with its loop, its queue of the TUN device, its listening sockets and its sessions.  It shares nothing with the
 * others but the mailboxes and the handover rings.
 */
enum { WORKER_MAX = 64, WORKER_MAX_LISTEN = 16 };

/* handle = worker (8 bits) | generation (24 bits) | slot (32 bits); never 0, ROUTE_NONE or DATAPLANE_LOCAL. */
#define HANDLE_WORKER(h) ((unsigned)((h) >> 56))

struct client {
	struct tunnel tunnel;
	struct worker *worker;
	uint32_t slot;
	struct list dying; /* In worker->dying once it has ended. */
	bool counted;      /* Among worker->handshakes. */
	bool admitting;    /* MAIL_ADMIT is out: MAIL_GONE must follow. */
	bool was_open, over;
	int64_t since; /* Unix seconds; when it opened. */
	char name[IDENT_NAME_MAX + 1];
	struct ident ident;
	int64_t not_after;
	char session[CTRL_SESSION_LEN + 1];
	struct registry_lease lease;
};

struct listener {
	uv_poll_t poll;
	struct worker *worker;
	int fd;
};

struct worker {
	const struct server_conf *conf;
	struct worker *all; /* The array this one is in. */
	struct mailbox *hub;
	unsigned index, n_workers;
	unsigned offload; /* What the TUN takes: OFFLOAD_CAN_*. */
	const char *offload_why_not;
	struct tls_ctx *tls;

	uv_thread_t thread;
	struct io_loop loop;
	struct dataplane dp;
	struct tun_port tun;
	struct mailbox mailbox;
	uv_async_t wake;                   /* Something is in a handover ring. */
	struct handover *from[WORKER_MAX]; /* from[i]: written by worker i, read by this one. */
	struct listener listeners[WORKER_MAX_LISTEN];
	size_t n_listeners;

	struct client **slots;
	uint32_t *generations, *free_slots;
	uint32_t n_slots, n_free;
	struct list dying;
	uint32_t handshakes;
	size_t sessions_everywhere;
	bool stopping;

	uint64_t accepted, established;
	struct tally refused, ended;
	struct limit log_limit;
	struct limit_table *sources; /* NULL: address_rate is 0. */
	uint64_t log_suppressed;
};

struct worker_opts {
	const struct server_conf *conf;
	struct worker *all;
	unsigned index;
	struct mailbox *hub;
	struct tls_ctx *tls; /* Becomes the worker's. */
	int tun_fd;
	unsigned offload;
	const char *offload_why_not;
	uint16_t mtu;
	const struct addr *local; /* Addresses of this host in the tunnel. */
	size_t n_local;
};

/* Set everything up, listening sockets included; no thread yet.  0, or a negative errno with why. */
int worker_open(struct worker *w, const struct worker_opts *opts, char why[static 256]);

/* Start the thread.  It ends after MAIL_BYE with handle 0. */
int worker_start(struct worker *w);

/* Wait for the thread's end; then, once no worker runs any more (they reach for each other), free everything. */
void worker_join(struct worker *w);
void worker_close(struct worker *w);

/* server/client.c: one connection's life. */
void client_accept(struct worker *w, int fd, const struct endpoint *peer);
void client_turn_away(struct worker *w, int fd, const struct endpoint *peer, const char *reason);
struct client *client_find(struct worker *w, uint64_t handle); /* NULL when it is gone. */
void client_reap(struct worker *w);                            /* Free those that have ended. */
void client_check_revoked(
	struct client *c); /* End it if w->tls says that its certificate is revoked. */
uint64_t client_handle(const struct client *c);

/* server/status.c: this worker's part of the status; NULL when memory is out. */
json_t *worker_sessions_json(const struct worker *w);
json_t *worker_counters_json(const struct worker *w);

#endif
