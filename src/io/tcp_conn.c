#include "io/tcp_conn.h"

#include "base/util.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	HANDSHAKE_BYTES_MAX = 128 * 1024, /* What a peer may send before it is authenticated. */
	BACKLOG_MAX = LOOP_SEALED_BYTES,
	LINGER_US = 2000000,
};

#define REKEY_BYTES (UINT64_C(64) << 30) /* PROTOCOL 1.6 */
#define REKEY_US    (UINT64_C(3600) * 1000000)

enum state {
	HANDSHAKE,
	OPEN,
	LINGER,
	DEAD,
};

struct tcp_conn {
	uv_poll_t poll;
	struct io_ticker ticker; /* In loop->tickers until the end. */
	struct io_loop *loop;
	struct tls_conn *tls;
	const struct tcp_conn_ops *ops; /* NULL once the owner is not to be called any more. */
	void *arg;
	int fd;
	int events; /* What the poll handle watches. */
	enum state state;
	uint64_t deadline_us; /* HANDSHAKE and LINGER. */
	uint64_t rekeyed_us;
	size_t handshake_bytes;
	struct buf backlog; /* Ciphertext the socket has not taken. */
	struct buf partial; /* The start of a frame, while another connection uses loop->plain. */
};

/* ---- The end. ---- */

static void on_poll_closed(uv_handle_t *h)
{
	struct tcp_conn *c = h->data;

	(void)close(c->fd);
	tls_conn_free(c->tls);
	buf_clear(&c->backlog);
	buf_clear(&c->partial);
	free(c);
}

static void finish(struct tcp_conn *c)
{
	if (c->state == DEAD)
		return;
	c->state = DEAD;
	list_remove(&c->ticker.node);
	if (c->loop->plain.owner == c)
		c->loop->plain.owner = NULL;
	uv_close((uv_handle_t *)&c->poll, on_poll_closed);
}

static void on_poll(uv_poll_t *h, int status, int events);

static void watch(struct tcp_conn *c, int events)
{
	if (c->events == events || c->state == DEAD)
		return;
	c->events = events;
	(void)uv_poll_start(&c->poll, events, on_poll);
}

static void linger(struct tcp_conn *c, bool peer_is_gone)
{
	if (c->state == LINGER || c->state == DEAD)
		return;
	c->ops = NULL;
	c->state = LINGER;
	c->deadline_us = io_now_us() + LINGER_US;
	tcp_conn_flush(c);
	if (c->state == DEAD)
		return;
	if (peer_is_gone) {
		finish(c);
		return;
	}
	if (buf_len(&c->backlog) == 0)
		(void)shutdown(c->fd, SHUT_WR);
}

/* Tell the owner, then linger. */
static void fail(struct tcp_conn *c, const struct tls_failure *why, bool peer_is_gone)
{
	const struct tcp_conn_ops *ops = c->ops;

	c->ops = NULL;
	linger(c, peer_is_gone);
	if (ops != NULL)
		ops->closed(c->arg, why);
}

static void fail_as(
	struct tcp_conn *c, enum tls_reason reason, const char *detail, bool peer_is_gone)
{
	struct tls_failure why = { .reason = reason };

	text_copy(why.detail, sizeof(why.detail), detail);
	fail(c, &why, peer_is_gone);
}

void tcp_conn_close(struct tcp_conn *c)
{
	if (c == NULL)
		return;
	if (c->state == OPEN) {
		tls_conn_output(c->tls, &c->loop->sealed);
		tls_conn_shutdown(c->tls);
	}
	linger(c, false);
}

/* ---- Sending. ---- */

bool tcp_conn_blocked(const struct tcp_conn *c)
{
	return buf_len(&c->backlog) > 0;
}

size_t tcp_conn_unflushed(const struct tcp_conn *c)
{
	return buf_len(&c->loop->sealed);
}

/* Send from b until it is empty or the socket is full.  False: the connection is lost. */
static bool send_from(struct tcp_conn *c, struct buf *b)
{
	while (buf_len(b) > 0) {
		ssize_t n = send(c->fd, buf_bytes(b), buf_len(b), MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0)
			buf_consume(b, (size_t)n);
		else if (errno == EAGAIN || errno == ENOBUFS)
			return true;
		else if (errno != EINTR)
			return false;
	}
	return true;
}

static void swap(struct buf *a, struct buf *b)
{
	struct buf t = *a;

	*a = *b;
	*b = t;
}

/* Memory of an empty backlog goes back to where it came from. */
static void give_back(struct tcp_conn *c)
{
	if (c->loop->sealed.data == NULL)
		swap(&c->loop->sealed, &c->backlog);
	buf_clear(&c->backlog);
}

void tcp_conn_flush(struct tcp_conn *c)
{
	struct buf *sealed = &c->loop->sealed;
	bool alive = true;

	if (c->state == DEAD) {
		buf_consume(sealed, buf_len(sealed));
		return;
	}
	if (buf_len(&c->backlog) == 0) {
		alive = send_from(c, sealed);
		swap(sealed, &c->backlog); /* What is left, without a copy. */
	} else {
		alive = buf_append(&c->backlog, buf_bytes(sealed), buf_len(sealed)) == 0;
		buf_consume(sealed, buf_len(sealed));
	}
	if (buf_len(&c->backlog) == 0)
		give_back(c);
	if (!alive)
		fail_as(c, TLS_REASON_CLOSED, "the connection is lost", true);
	else
		watch(c, UV_READABLE | (buf_len(&c->backlog) > 0 ? UV_WRITABLE : 0));
}

int tcp_conn_write(struct tcp_conn *c, const uint8_t *frames, size_t len)
{
	if (c->state != OPEN)
		return -EPIPE;
	tls_conn_output(c->tls, &c->loop->sealed);
	enum tls_status s = tls_conn_write(c->tls, frames, len);
	/* A peer that has closed reads no more, but what it sent before (a BYE, say) is still to be looked at. */
	if (s == TLS_OK || s == TLS_CLOSED)
		return 0;
	fail(c, tls_conn_failure(c->tls), false);
	return -EPIPE;
}

int tcp_conn_send_ctrl(struct tcp_conn *c, const uint8_t *body, size_t len)
{
	uint8_t hdr[FRAME_HDR_LEN];

	assert(len <= FRAME_CTRL_MAX);
	frame_put_header(hdr, FRAME_CTRL, len);
	int r = tcp_conn_write(c, hdr, sizeof(hdr));
	if (r == 0)
		r = tcp_conn_write(c, body, len);
	tcp_conn_flush(c);
	return r;
}

static void on_writable(struct tcp_conn *c)
{
	if (!send_from(c, &c->backlog)) {
		fail_as(c, TLS_REASON_CLOSED, "the connection is lost", true);
		return;
	}
	if (buf_len(&c->backlog) > 0)
		return;
	give_back(c);
	watch(c, UV_READABLE);
	if (c->state == LINGER)
		(void)shutdown(c->fd, SHUT_WR);
	else if (c->ops != NULL && c->state == OPEN)
		c->ops->drained(c->arg);
}

/* ---- Receiving. ---- */

/* Make loop->plain ours: the left-over of its last owner moves out, our own moves in. */
static void take_plain(struct tcp_conn *c)
{
	struct tcp_conn *last = c->loop->plain.owner;
	size_t left = c->loop->plain.end - c->loop->plain.start;

	if (last == c)
		return;
	if (last != NULL && left > 0 &&
		buf_append(&last->partial, c->loop->plain.bytes + c->loop->plain.start, left) < 0) {
		fail_as(last, TLS_REASON_INTERNAL, "out of memory", false);
		finish(last);
	}
	c->loop->plain.owner = c;
	c->loop->plain.start = 0;
	c->loop->plain.end = buf_len(&c->partial);
	if (c->loop->plain.end > 0)
		memcpy(c->loop->plain.bytes, buf_bytes(&c->partial), c->loop->plain.end);
	buf_clear(&c->partial);
}

/* Hand out the whole frames that are there.  False: the connection is not open any more. */
static bool take_frames(struct tcp_conn *c)
{
	struct frame f;

	for (;;) {
		const uint8_t *at = c->loop->plain.bytes + c->loop->plain.start;
		switch (frame_parse(at, c->loop->plain.end - c->loop->plain.start, &f)) {
		case FRAME_OK:
			c->loop->plain.start += FRAME_HDR_LEN + f.len;
			c->ops->frame(c->arg, &f);
			if (c->state != OPEN)
				return false;
			break;
		case FRAME_BAD:
			c->ops->bad_frame(c->arg);
			return false;
		case FRAME_MORE:
			return true;
		}
	}
}

/* Room for a record behind the left-over, which is less than a frame. */
static void make_room(struct io_loop *l)
{
	if (l->plain.start == l->plain.end) {
		l->plain.start = l->plain.end = 0;
	} else if (LOOP_PLAIN_BYTES - l->plain.end < FRAME_MAX) {
		memmove(l->plain.bytes, l->plain.bytes + l->plain.start,
			l->plain.end - l->plain.start);
		l->plain.end -= l->plain.start;
		l->plain.start = 0;
	}
}

static void read_frames(struct tcp_conn *c)
{
	struct io_loop *l = c->loop;

	take_plain(c);
	for (;;) {
		size_t n;
		make_room(l);
		tls_conn_output(c->tls, &l->sealed);
		enum tls_status s = tls_conn_read(
			c->tls, l->plain.bytes + l->plain.end, LOOP_PLAIN_BYTES - l->plain.end, &n);
		if (s == TLS_OK) {
			l->plain.end += n;
			if (!take_frames(c))
				return;
		} else if (s == TLS_MORE) {
			if (buf_len(&l->sealed) > 0)
				tcp_conn_flush(c); /* Post-handshake messages of the library. */
			return;
		} else if (s == TLS_CLOSED) {
			fail_as(c, TLS_REASON_CLOSED, "the peer has closed the connection", false);
			return;
		} else {
			fail(c, tls_conn_failure(c->tls), false);
			return;
		}
	}
}

static void handshake(struct tcp_conn *c)
{
	tls_conn_output(c->tls, &c->loop->sealed);
	switch (tls_conn_handshake(c->tls, io_now_unix())) {
	case TLS_OK:
		c->state = OPEN;
		c->rekeyed_us = io_now_us();
		tcp_conn_flush(c);
		if (c->state == OPEN)
			c->ops->established(c->arg);
		if (c->state == OPEN)
			read_frames(c);
		return;
	case TLS_MORE:
		tcp_conn_flush(c);
		if (c->handshake_bytes > HANDSHAKE_BYTES_MAX)
			fail_as(c, TLS_REASON_PROTOCOL, "too many bytes before the handshake's end",
				false);
		return;
	case TLS_REFUSED:
		c->state = OPEN; /* For one last message. */
		c->ops->refused(c->arg, tls_conn_failure(c->tls));
		fail(c, tls_conn_failure(c->tls), false);
		return;
	case TLS_CLOSED:
		fail_as(c, TLS_REASON_CLOSED, "the peer has closed the connection", false);
		return;
	case TLS_FAILED:
		fail(c, tls_conn_failure(c->tls), false);
		return;
	}
}

static void on_readable(struct tcp_conn *c)
{
	ssize_t n = recv(c->fd, c->loop->rx, LOOP_RX_BYTES, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (c->state == LINGER) {
		if (n <= 0)
			finish(c);
		return;
	}
	if (n <= 0) {
		fail_as(c, TLS_REASON_CLOSED,
			n == 0 ? "the peer has closed the connection" : strerror(errno), true);
		return;
	}
	tls_conn_input(c->tls, c->loop->rx, (size_t)n);
	if (c->state == HANDSHAKE) {
		c->handshake_bytes += (size_t)n;
		handshake(c);
	} else {
		read_frames(c);
	}
}

static void on_poll(uv_poll_t *h, int status, int events)
{
	struct tcp_conn *c = h->data;

	if ((events & UV_WRITABLE) && status == 0 && c->state != DEAD)
		on_writable(c);
	if (((events & UV_READABLE) || status < 0) && c->state != DEAD)
		on_readable(c);
	if (status < 0 && c->state != DEAD) {
		/* libuv has stopped watching: an error was pending, which recv() did not tell. */
		c->events = 0;
		watch(c, UV_READABLE | (buf_len(&c->backlog) > 0 ? UV_WRITABLE : 0));
	}
}

/* ---- The rest. ---- */

static void on_tick(struct io_ticker *ticker, uint64_t now_us)
{
	struct tcp_conn *c = CONTAINER_OF(ticker, struct tcp_conn, ticker);

	if (c->state == OPEN) {
		if (tls_conn_bytes_sent(c->tls) < REKEY_BYTES && now_us - c->rekeyed_us < REKEY_US)
			return;
		c->rekeyed_us = now_us;
		tls_conn_output(c->tls, &c->loop->sealed);
		(void)tls_conn_update_keys(c->tls);
		tcp_conn_flush(c);
	} else if (now_us >= c->deadline_us) {
		if (c->state == HANDSHAKE)
			fail_as(c, TLS_REASON_CLOSED, "the handshake was not done in time", false);
		else
			finish(c);
	}
}

int tcp_conn_create(struct io_loop *l, const struct tcp_conn_opts *opts, struct tcp_conn **out)
{
	struct tcp_conn *c = calloc(1, sizeof(*c));
	int r = -ENOMEM;

	if (c == NULL)
		goto fail;
	c->loop = l;
	c->ticker.on_tick = on_tick;
	c->fd = opts->fd;
	c->ops = opts->ops;
	c->arg = opts->arg;
	c->deadline_us = io_now_us() + opts->handshake_us;
	c->backlog.max = BACKLOG_MAX;
	c->partial.max = FRAME_MAX;
	r = tls_conn_create(opts->tls, opts->server_name, &c->tls);
	if (r < 0)
		goto fail;
	r = uv_poll_init(&l->uv, &c->poll, c->fd);
	if (r < 0)
		goto fail;
	c->poll.data = c;
	list_append(&l->tickers, &c->ticker.node);
	watch(c, UV_READABLE);
	*out = c;
	if (opts->server_name != NULL) {
		tls_conn_input(c->tls, NULL, 0);
		handshake(c); /* The ClientHello. */
	}
	return 0;

fail:
	if (c != NULL)
		tls_conn_free(c->tls);
	free(c);
	(void)close(opts->fd);
	return r;
}

const struct tls_peer *tcp_conn_peer(const struct tcp_conn *c)
{
	return tls_conn_peer(c->tls);
}

bool tcp_conn_revoked_by(const struct tcp_conn *c, const struct tls_ctx *tls)
{
	return tls_conn_revoked_by(c->tls, tls);
}

struct tls_info tcp_conn_info(const struct tcp_conn *c)
{
	return tls_conn_info(c->tls);
}

int tcp_conn_fd(const struct tcp_conn *c)
{
	return c->fd;
}
