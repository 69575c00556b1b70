#ifndef IO_TUNNEL_H
#define IO_TUNNEL_H

#include "core/dataplane.h"
#include "core/fifo.h"
#include "core/session.h"
#include "io/egress.h"
#include "io/tcp_conn.h"
#include "io/tun_port.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One session on its connection: joins tcp_conn (TLS and frames), core/session (control) and the dataplane
 * with the TUN device.  The same for server and client.
 *
 *    peer -> tcp_conn -> tunnel -> dataplane -> TUN
 *    TUN -> dataplane -> (egress, by session) -> tunnel -> tcp_conn -> peer
 *                                                  └─ fifo while the socket is not writable
 */
struct tunnel;

struct tunnel_ops {
	/* The peer is authenticated: tunnel_peer() is there.  Answers with what the session's ops ask for. */
	void (*established)(struct tunnel *t);
	void (*hello)(struct tunnel *t, const struct ctrl_hello *hello);       /* Server. */
	void (*welcome)(struct tunnel *t, const struct ctrl_welcome *welcome); /* Client. */
	void (*opened)(struct tunnel *t);
	void (*blocked)(struct tunnel *t, bool blocked);
	/* The connection failed before a session was there; or the session has ended.  Just one of them, as the last call. */
	void (*refused)(struct tunnel *t, const struct tls_failure *why);
	void (*ended)(struct tunnel *t, const struct session_end *end);
};

struct tunnel {
	struct tcp_conn *conn; /* NULL once closed. */
	struct session session;
	bool started; /* The session is. */
	struct fifo fifo;
	struct io_loop *loop;
	struct dataplane *dp;
	struct tun_port *tun;
	uint64_t handle; /* The dataplane's name for this session. */
	const struct tunnel_ops *ops;
	struct endpoint peer;
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
};

struct tunnel_opts {
	int fd; /* Connected; becomes the tunnel's. */
	struct endpoint peer;
	struct tls_ctx *tls;
	const char *server_name; /* Client only. */
	uint64_t handshake_us;
	struct dataplane *dp;
	struct tun_port *tun;
	uint64_t handle;
	const struct tunnel_ops *ops;
};

/* Start on zeroed or old memory.  Returns 0, or a negative errno with nothing to undo. */
int tunnel_start(struct tunnel *t, struct io_loop *l, const struct tunnel_opts *opts);

/* From established() on: start the session.  opts->ops and opts->arg are set here. */
void tunnel_start_session(struct tunnel *t, const struct session_opts *opts);

/* Frames from the TUN or another worker.  May drop, and counts then. */
void tunnel_send(struct tunnel *t, const struct egress_frame *const *frames, size_t n);

void tunnel_tick(struct tunnel *t, uint64_t now_us);

/* Close without a BYE and without a callback; session_close() is the polite way. */
void tunnel_abort(struct tunnel *t);

const struct tls_peer *tunnel_peer(
	const struct tunnel *t); /* NULL before established(), and once closed. */
struct tls_info tunnel_info(const struct tunnel *t);

#endif
