#ifndef IO_TCP_CONN_H
#define IO_TCP_CONN_H

#include "io/loop.h"
#include "net/frame.h"
#include "tls/tls_conn.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A TCP connection that carries frames in TLS.
 *
 *    HANDSHAKE ──TLS done, our check passed──> OPEN
 *        └── failure ──┐                        │ failure, end of stream, tcp_conn_close()
 *                      └──────────> LINGER <────┘
 *    LINGER: the last words (alert, BYE, close_notify) go out and the peer's end of stream is waited for, 2 s at most, because
 *    closing a socket with unread data would reset the connection and lose them.  Then the memory goes, in the poll
 *    handle's close callback.
 *
 * Memory: made by tcp_conn_create(), freed by itself.  The owner's pointer is good until it has called tcp_conn_close() or its
 * closed() has been called, whichever is first; no callback comes after either.
 */
struct tcp_conn;

struct tcp_conn_ops {
	void (*established)(void *arg);
	/* Our check refused an authenticated peer: tcp_conn_write() may tell it; closed() follows. */
	void (*refused)(void *arg, const struct tls_failure *why);
	void (*frame)(void *arg, const struct frame *f);
	void (*bad_frame)(void *arg); /* PROTOCOL 3.2; the owner closes. */
	void (*drained)(void *arg);   /* No longer blocked. */
	void (*closed)(void *arg, const struct tls_failure *why);
};

struct tcp_conn_opts {
	int fd;                  /* Connected; becomes the connection's own, on failure as well. */
	struct tls_ctx *tls;     /* A reference is taken. */
	const char *server_name; /* Client: the host asked for; else NULL. */
	uint64_t handshake_us;   /* Time allowed for TCP data to become a TLS connection. */
	const struct tcp_conn_ops *ops;
	void *arg;
};

int tcp_conn_create(struct io_loop *l, const struct tcp_conn_opts *opts, struct tcp_conn **out);

/*
 * Encrypt len bytes, whole frames back to back.  They are sent by the next tcp_conn_flush(), which has to follow before anything is
 * done with another connection.  Returns 0, or -EPIPE when the connection is not open or has failed.
 */
int tcp_conn_write(struct tcp_conn *c, const uint8_t *frames, size_t len);
void tcp_conn_flush(struct tcp_conn *c);
size_t tcp_conn_unflushed(
	const struct tcp_conn *c); /* Ciphertext that waits for tcp_conn_flush(). */

/* Write and flush one control frame.  Returns 0 or -EPIPE. */
int tcp_conn_send_ctrl(struct tcp_conn *c, const uint8_t *body, size_t len);

/* The socket takes no more for now; packets should wait (tcp_conn_write() would still queue, up to a maximum). */
bool tcp_conn_blocked(const struct tcp_conn *c);

/* After established() or refused(). */
const struct tls_peer *tcp_conn_peer(const struct tcp_conn *c);
bool tcp_conn_revoked_by(const struct tcp_conn *c, const struct tls_ctx *tls);
struct tls_info tcp_conn_info(const struct tcp_conn *c);
int tcp_conn_fd(const struct tcp_conn *c);

/* Send what waits and close_notify, then close.  No callback follows.  NULL is fine. */
void tcp_conn_close(struct tcp_conn *c);

#endif
