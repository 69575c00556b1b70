#include "core/session.h"

#include "base/util.h"
#include "net/frame.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { CTRL_RATE = 64, CTRL_BURST = 128 }; /* PROTOCOL 6 */

#define IN(state) (1U << (state))

static void set_state(struct session *s, enum session_state next)
{
	static const unsigned legal[] = {
		[SESSION_GREETING] = IN(SESSION_ADMITTING) | IN(SESSION_CLOSED),
		[SESSION_ADMITTING] = IN(SESSION_WELCOMED) | IN(SESSION_OPEN) | IN(SESSION_CLOSED),
		[SESSION_WELCOMED] = IN(SESSION_OPEN) | IN(SESSION_CLOSED),
		[SESSION_OPEN] = IN(SESSION_CLOSED),
		[SESSION_CLOSED] = 0,
	};

	assert(legal[s->state] & IN(next));
	s->state = next;
}

static void end(struct session *s, const struct session_end *why)
{
	if (s->state == SESSION_CLOSED)
		return;
	set_state(s, SESSION_CLOSED);
	s->opts.ops->closed(s->opts.arg, why);
}

static struct session_end make_end(const char *code, const char *text)
{
	struct session_end e = { 0 };

	text_copy(e.bye.code, sizeof(e.bye.code), code);
	text_copy(e.bye.text, sizeof(e.bye.text), text != NULL ? text : "");
	return e;
}

/* Encode and send.  A failure ends the session. */
static bool put(struct session *s, const struct ctrl_msg *msg)
{
	static _Thread_local uint8_t body[FRAME_CTRL_MAX];
	int n = ctrl_encode(msg, body, sizeof(body));

	if (n > 0 && s->opts.ops->send(s->opts.arg, body, (size_t)n) == 0)
		return true;
	session_lost(s, "internal", "a control message could not be sent");
	return false;
}

static struct ctrl_hello our_hello(const struct session *s)
{
	struct ctrl_hello h = { .version = CTRL_VERSION, .features = s->opts.features };

	(void)snprintf(h.software, sizeof(h.software), "sallyport %s", SALLYPORT_VERSION);
	return h;
}

static void ping(struct session *s, uint64_t now_us)
{
	struct ctrl_msg msg = { .type = CTRL_PING, .ping = { .id = ++s->ping_id } };

	s->last_ping_us = now_us;
	s->ping_waiting = true;
	(void)put(s, &msg);
}

static void opened(struct session *s, uint64_t now_us)
{
	set_state(s, SESSION_OPEN);
	s->opts.ops->opened(s->opts.arg);
	if (s->state == SESSION_OPEN)
		ping(s, now_us);
}

void session_start(struct session *s, const struct session_opts *opts, uint64_t now_us)
{
	*s = (struct session){
		.opts = *opts,
		.state = SESSION_GREETING,
		.started_us = now_us,
		.last_heard_us = now_us,
	};
	limit_init(&s->ctrl_limit, CTRL_RATE, CTRL_BURST, now_us / 1000);
	if (opts->role == IDENT_CLIENT) {
		struct ctrl_msg msg = { .type = CTRL_HELLO, .hello = our_hello(s) };
		(void)put(s, &msg);
	}
}

static void take_hello(struct session *s, const struct ctrl_hello *h)
{
	s->peer_features = h->features;
	memcpy(s->peer_software, h->software, sizeof(s->peer_software));
}

static void on_hello(struct session *s, const struct ctrl_msg *msg, uint64_t now_us)
{
	(void)now_us;
	take_hello(s, &msg->hello);
	set_state(s, SESSION_ADMITTING);
	s->opts.ops->hello(s->opts.arg, &msg->hello);
}

static void on_welcome(struct session *s, const struct ctrl_msg *msg, uint64_t now_us)
{
	(void)now_us;
	take_hello(s, &msg->welcome.hello);
	s->opts.keepalive_us = msg->welcome.keepalive_s * UINT64_C(1000000);
	s->opts.dead_after_us = msg->welcome.dead_after_s * UINT64_C(1000000);
	set_state(s, SESSION_ADMITTING);
	s->opts.ops->welcome(s->opts.arg, &msg->welcome);
}

static void on_ready(struct session *s, const struct ctrl_msg *msg, uint64_t now_us)
{
	(void)msg;
	opened(s, now_us);
}

static void on_ping(struct session *s, const struct ctrl_msg *msg, uint64_t now_us)
{
	struct ctrl_msg pong = { .type = CTRL_PONG, .ping = msg->ping };

	(void)now_us;
	(void)put(s, &pong);
}

static void on_pong(struct session *s, const struct ctrl_msg *msg, uint64_t now_us)
{
	if (!s->ping_waiting || msg->ping.id != s->ping_id)
		return; /* An answer that came too late to measure anything. */
	s->ping_waiting = false;
	s->rtt_us = MAX(now_us - s->last_ping_us, UINT64_C(1));
}

static void on_bye(struct session *s, const struct ctrl_msg *msg, uint64_t now_us)
{
	struct session_end e = { .by_peer = true, .bye = msg->bye };

	(void)now_us;
	end(s, &e);
}

/* What may come when, and who deals with it: the only place that decides (PROTOCOL 4.2). */
static const struct {
	unsigned server, client; /* States in which each role takes it. */
	void (*on)(struct session *s, const struct ctrl_msg *msg, uint64_t now_us);
} dispatch[CTRL_N_TYPES] = {
	[CTRL_HELLO] = { IN(SESSION_GREETING), 0, on_hello },
	[CTRL_WELCOME] = { 0, IN(SESSION_GREETING), on_welcome },
	[CTRL_READY] = { IN(SESSION_WELCOMED), 0, on_ready },
	[CTRL_PING] = { IN(SESSION_WELCOMED) | IN(SESSION_OPEN),
		IN(SESSION_ADMITTING) | IN(SESSION_OPEN), on_ping },
	[CTRL_PONG] = { IN(SESSION_WELCOMED) | IN(SESSION_OPEN),
		IN(SESSION_ADMITTING) | IN(SESSION_OPEN), on_pong },
	[CTRL_BYE] = { ~0U, ~0U, on_bye },
};

void session_ctrl_received(struct session *s, const uint8_t *body, size_t len, uint64_t now_us)
{
	struct ctrl_msg msg;
	char why[128], text[192];

	if (s->state == SESSION_CLOSED)
		return;
	s->last_heard_us = now_us;
	if (!limit_take(&s->ctrl_limit, now_us / 1000)) {
		session_close(s, "protocol", "too many control messages");
		return;
	}
	if (ctrl_decode(body, len, &msg, why) < 0) {
		session_close(s, "protocol", why);
		return;
	}
	unsigned states = s->opts.role == IDENT_SERVER ? dispatch[msg.type].server
						       : dispatch[msg.type].client;
	if (!(states & IN(s->state))) {
		(void)snprintf(text, sizeof(text), "%s in state %s", ctrl_type_name(msg.type),
			session_state_name(s->state));
		session_close(s, "protocol", text);
		return;
	}
	dispatch[msg.type].on(s, &msg, now_us);
}

bool session_packets_received(struct session *s, uint64_t now_us)
{
	/* The server may send at once when it has seen READY, which is after we have sent it. */
	if (s->state != SESSION_OPEN) {
		session_close(s, "protocol", "a packet before the session is open");
		return false;
	}
	s->last_heard_us = now_us;
	return true;
}

void session_bad_frame(struct session *s)
{
	session_close(s, "protocol", "a frame of unknown type or with a length out of range");
}

void session_welcome(struct session *s, struct ctrl_welcome *w, uint64_t now_us)
{
	assert(s->opts.role == IDENT_SERVER && s->state == SESSION_ADMITTING);
	w->hello = our_hello(s);
	w->keepalive_s = (uint16_t)(s->opts.keepalive_us / 1000000);
	w->dead_after_s = (uint16_t)(s->opts.dead_after_us / 1000000);
	struct ctrl_msg msg = { .type = CTRL_WELCOME, .welcome = *w };
	(void)now_us;
	set_state(s, SESSION_WELCOMED);
	(void)put(s, &msg);
}

void session_ready(struct session *s, uint64_t now_us)
{
	struct ctrl_msg msg = { .type = CTRL_READY };

	assert(s->opts.role == IDENT_CLIENT && s->state == SESSION_ADMITTING);
	if (put(s, &msg))
		opened(s, now_us);
}

void session_tick(struct session *s, uint64_t now_us)
{
	if (s->state == SESSION_CLOSED)
		return;
	if (s->state != SESSION_OPEN) {
		if (now_us - s->started_us >= s->opts.greeting_us)
			session_close(s, "timeout", "the session was not set up in time");
		return;
	}
	uint64_t silent = now_us - s->last_heard_us;
	if (silent >= s->opts.dead_after_us)
		session_close(s, "timeout", "nothing heard for too long");
	else if (silent >= s->opts.keepalive_us && now_us - s->last_ping_us >= s->opts.keepalive_us)
		ping(s, now_us);
}

void session_bye(struct session *s, const struct ctrl_bye *bye)
{
	struct session_end e = { .bye = *bye };
	struct ctrl_msg msg = { .type = CTRL_BYE, .bye = *bye };
	uint8_t body[1024];

	if (s->state == SESSION_CLOSED)
		return;
	/* Best effort: a peer that cannot be told will see the connection close. */
	int n = ctrl_encode(&msg, body, sizeof(body));
	if (n > 0)
		(void)s->opts.ops->send(s->opts.arg, body, (size_t)n);
	end(s, &e);
}

void session_close(struct session *s, const char *code, const char *text)
{
	struct session_end e = make_end(code, text);

	session_bye(s, &e.bye);
}

void session_lost(struct session *s, const char *code, const char *text)
{
	struct session_end e = make_end(code, text);

	end(s, &e);
}

const char *session_state_name(enum session_state state)
{
	static const char *const names[] = {
		[SESSION_GREETING] = "greeting",
		[SESSION_ADMITTING] = "admitting",
		[SESSION_WELCOMED] = "welcomed",
		[SESSION_OPEN] = "open",
		[SESSION_CLOSED] = "closed",
	};

	return names[state];
}
