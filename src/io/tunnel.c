#include "io/tunnel.h"

#include "base/util.h"

#include <errno.h>
#include <string.h>

enum {
	FLUSH_BYTES = 256 * 1024, /* Ciphertext gathered before it is sent. */
	DRAIN_BYTES = 128 * 1024, /* Plaintext taken from the fifo at once. */
};

static void close_conn(struct tunnel *t)
{
	struct tcp_conn *conn = t->conn;

	t->conn = NULL;
	fifo_clear(&t->fifo);
	tcp_conn_close(conn);
}

void tunnel_abort(struct tunnel *t)
{
	close_conn(t);
}

/* ---- From the session. ---- */

static int session_sends(void *arg, const uint8_t *body, size_t len)
{
	struct tunnel *t = arg;

	return t->conn == NULL ? -EPIPE : tcp_conn_send_ctrl(t->conn, body, len);
}

static void session_hello(void *arg, const struct ctrl_hello *hello)
{
	struct tunnel *t = arg;

	t->ops->hello(t, hello);
}

static void session_welcomed(void *arg, const struct ctrl_welcome *welcome)
{
	struct tunnel *t = arg;

	t->ops->welcome(t, welcome);
}

static void session_opened(void *arg)
{
	struct tunnel *t = arg;

	t->ops->opened(t);
}

static void session_closed(void *arg, const struct session_end *end)
{
	struct tunnel *t = arg;

	close_conn(t);
	t->ops->ended(t, end);
}

static const struct session_ops session_ops = {
	.send = session_sends,
	.hello = session_hello,
	.welcome = session_welcomed,
	.opened = session_opened,
	.closed = session_closed,
};

void tunnel_start_session(struct tunnel *t, const struct session_opts *opts)
{
	struct session_opts o = *opts;

	o.ops = &session_ops;
	o.arg = t;
	t->started = true;
	session_start(&t->session, &o, io_now_us());
}

/* ---- To the peer. ---- */

/* Gathers frames for as few records as possible: long runs go as they lie, small ones are copied together. */
struct gather {
	struct tunnel *t;
	const uint8_t *run; /* Frames that follow each other in memory. */
	size_t run_len;
	size_t staged; /* Bytes in loop->stage. */
};

static void put_staged(struct gather *g)
{
	if (g->staged > 0 && g->t->conn != NULL)
		(void)tcp_conn_write(g->t->conn, g->t->loop->stage, g->staged);
	g->staged = 0;
}

static void put_run(struct gather *g)
{
	if (g->run_len == 0)
		return;
	if (g->run_len > LOOP_STAGE_BYTES - g->staged)
		put_staged(g);
	if (g->run_len <= LOOP_STAGE_BYTES / 2) {
		memcpy(g->t->loop->stage + g->staged, g->run, g->run_len);
		g->staged += g->run_len;
	} else {
		put_staged(g);
		if (g->t->conn != NULL)
			(void)tcp_conn_write(g->t->conn, g->run, g->run_len);
	}
	g->run_len = 0;
}

static void put_frame(struct gather *g, const uint8_t *frame, size_t len)
{
	if (g->run_len > 0 && g->run + g->run_len == frame) {
		g->run_len += len;
		return;
	}
	put_run(g);
	g->run = frame;
	g->run_len = len;
}

static void put_all(struct gather *g)
{
	put_run(g);
	put_staged(g);
	if (g->t->conn != NULL)
		tcp_conn_flush(g->t->conn);
}

/* The frame as the peer takes it: itself, or plain frames in loop->cut. */
static const uint8_t *fit(struct tunnel *t, const struct egress_frame *f, size_t *len)
{
	*len = f->len;
	if (dataplane_fits(f->bytes, t->session.peer_features))
		return f->bytes;
	int n = dataplane_rewrite(f->bytes, f->len, t->loop->cut, DATAPLANE_REWRITE_MAX);
	if (n < 0)
		return NULL;
	*len = (size_t)n;
	return t->loop->cut;
}

static void count_sent(struct tunnel *t, size_t body_len)
{
	t->tx_packets++;
	t->tx_bytes += body_len;
}

/* Queue frames, one by one, each with a place of its own. */
static void queue(struct tunnel *t, const uint8_t *frames, size_t len, uint32_t flow)
{
	struct frame f;

	while (len > 0 && frame_parse(frames, len, &f) == FRAME_OK) {
		if (fifo_push(&t->fifo, frames, FRAME_HDR_LEN + f.len, flow) < 0)
			t->dp->drops[DROP_BACKLOG]++;
		else
			count_sent(t, f.len);
		frames += FRAME_HDR_LEN + f.len;
		len -= FRAME_HDR_LEN + f.len;
	}
}

static bool must_queue(const struct tunnel *t)
{
	return tcp_conn_blocked(t->conn) || fifo_bytes(&t->fifo) > 0;
}

void tunnel_send(struct tunnel *t, const struct egress_frame *const *frames, size_t n)
{
	struct gather g = { .t = t };
	bool was_blocked = t->conn != NULL && must_queue(t);

	for (size_t i = 0; i < n; i++) {
		size_t len;
		if (t->conn == NULL || t->session.state != SESSION_OPEN) {
			t->dp->drops[DROP_NOT_OPEN] += n - i;
			return;
		}
		const uint8_t *bytes = fit(t, frames[i], &len);
		if (bytes == NULL) {
			t->dp->drops[DROP_MALFORMED]++;
			continue;
		}
		if (must_queue(t)) {
			queue(t, bytes, len, frames[i]->flow);
			continue;
		}
		count_sent(t, frames[i]->len - FRAME_HDR_LEN);
		put_frame(&g, bytes, len);
		/* loop->cut is used again for the next one. */
		if (bytes == t->loop->cut || tcp_conn_unflushed(t->conn) >= FLUSH_BYTES)
			put_all(&g);
	}
	if (t->conn != NULL)
		put_all(&g);
	if (!was_blocked && t->conn != NULL && must_queue(t))
		t->ops->blocked(t, true);
}

static void on_drained(void *arg)
{
	struct tunnel *t = arg;
	const uint8_t *bytes;
	size_t len;

	while ((len = fifo_peek(&t->fifo, DRAIN_BYTES, &bytes)) > 0) {
		if (tcp_conn_write(t->conn, bytes, len) < 0)
			return;
		fifo_pop(&t->fifo, len);
		tcp_conn_flush(t->conn);
		if (t->conn == NULL || tcp_conn_blocked(t->conn))
			return;
	}
	t->ops->blocked(t, false);
}

/* ---- From the peer. ---- */

static void on_frame(void *arg, const struct frame *f)
{
	struct tunnel *t = arg;
	struct dataplane_in in;

	if (!t->started)
		return;
	if (f->type == FRAME_CTRL) {
		session_ctrl_received(&t->session, f->body, f->len, io_now_us());
		return;
	}
	if (!session_packets_received(&t->session, io_now_us()))
		return;
	t->rx_packets++;
	t->rx_bytes += f->len;
	if (dataplane_from_peer(t->dp, t->handle, f, &in) == 0)
		tun_port_write(t->tun, &in);
}

static void on_bad_frame(void *arg)
{
	struct tunnel *t = arg;

	session_bad_frame(&t->session);
}

static void on_established(void *arg)
{
	struct tunnel *t = arg;

	t->ops->established(t);
}

/* The peer is who it says, but is refused: tell it why (PROTOCOL 2.5). */
static void on_refused(void *arg, const struct tls_failure *why)
{
	struct tunnel *t = arg;
	struct ctrl_msg msg = { .type = CTRL_BYE };
	uint8_t body[1024];

	text_copy(msg.bye.code, sizeof(msg.bye.code), tls_reason_name(why->reason));
	text_copy(msg.bye.text, sizeof(msg.bye.text), why->detail);
	int n = ctrl_encode(&msg, body, sizeof(body));
	if (n > 0)
		(void)tcp_conn_send_ctrl(t->conn, body, (size_t)n);
}

static void on_closed(void *arg, const struct tls_failure *why)
{
	struct tunnel *t = arg;

	t->conn = NULL;
	fifo_clear(&t->fifo);
	if (t->started)
		session_lost(&t->session, tls_reason_name(why->reason), why->detail);
	else
		t->ops->refused(t, why);
}

static const struct tcp_conn_ops conn_ops = {
	.established = on_established,
	.refused = on_refused,
	.frame = on_frame,
	.bad_frame = on_bad_frame,
	.drained = on_drained,
	.closed = on_closed,
};

int tunnel_start(struct tunnel *t, struct io_loop *l, const struct tunnel_opts *opts)
{
	*t = (struct tunnel){
		.loop = l,
		.dp = opts->dp,
		.tun = opts->tun,
		.handle = opts->handle,
		.ops = opts->ops,
		.peer = opts->peer,
	};
	struct tcp_conn_opts co = {
		.fd = opts->fd,
		.tls = opts->tls,
		.server_name = opts->server_name,
		.handshake_us = opts->handshake_us,
		.ops = &conn_ops,
		.arg = t,
	};
	return tcp_conn_create(l, &co, &t->conn);
}

void tunnel_tick(struct tunnel *t, uint64_t now_us)
{
	if (t->started && t->conn != NULL)
		session_tick(&t->session, now_us);
	if (fifo_bytes(&t->fifo) == 0)
		fifo_clear(&t->fifo);
}

const struct tls_peer *tunnel_peer(const struct tunnel *t)
{
	return t->conn == NULL ? NULL : tcp_conn_peer(t->conn);
}

struct tls_info tunnel_info(const struct tunnel *t)
{
	return t->conn == NULL ? (struct tls_info){ 0 } : tcp_conn_info(t->conn);
}
