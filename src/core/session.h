#ifndef CORE_SESSION_H
#define CORE_SESSION_H

#include "net/ctrl.h"
#include "net/ident.h"
#include "net/limit.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The control side of one session, for both roles (PROTOCOL 4).  No I/O and no clock: the owner reports what has
 * happened and hands in the time, the session answers through its ops.
 *
 *    server   GREETING ──HELLO──> ADMITTING ──session_welcome()──> WELCOMED ──READY──> OPEN
 *    client   GREETING ──WELCOME──> ADMITTING ──session_ready()─────────────────────> OPEN
 *                any state ──BYE, error, timeout, session_close(), session_lost()──> CLOSED
 */
enum session_state {
	SESSION_GREETING,
	SESSION_ADMITTING,
	SESSION_WELCOMED,
	SESSION_OPEN,
	SESSION_CLOSED,
};

/* Why a session has ended. */
struct session_end {
	bool by_peer; /* The peer said BYE; otherwise we did, or the connection is lost. */
	struct ctrl_bye bye;
};

struct session_ops {
	/* Send one control message.  0, or a negative errno: the session then ends. */
	int (*send)(void *arg, const uint8_t *body, size_t len);
	/* Server: answer with session_welcome() or session_close(), now or later. */
	void (*hello)(void *arg, const struct ctrl_hello *hello);
	/* Client: set up, then session_ready() or session_close(). */
	void (*welcome)(void *arg, const struct ctrl_welcome *welcome);
	void (*opened)(void *arg);
	/* Just once, as the last call; the session may not be freed inside it. */
	void (*closed)(void *arg, const struct session_end *end);
};

struct session_opts {
	enum ident_role role;                 /* Ours. */
	unsigned features;                    /* What we can take: OFFLOAD_CAN_*. */
	uint64_t greeting_us;                 /* Time allowed from start to OPEN. */
	uint64_t keepalive_us, dead_after_us; /* Server; a client learns them from WELCOME. */
	const struct session_ops *ops;
	void *arg;
};

struct session {
	struct session_opts opts;
	enum session_state state;
	unsigned peer_features; /* OFFLOAD_CAN_*; valid from ADMITTING on. */
	char peer_software[CTRL_SOFTWARE_LEN + 1];
	uint64_t started_us, last_heard_us, last_ping_us;
	uint64_t ping_id;
	bool ping_waiting;
	uint64_t rtt_us; /* 0: not measured. */
	struct limit ctrl_limit;
};

/* Start a session on a connection whose handshake is done.  A client sends HELLO at once. */
void session_start(struct session *s, const struct session_opts *opts, uint64_t now_us);

/* A control frame has come. */
void session_ctrl_received(struct session *s, const uint8_t *body, size_t len, uint64_t now_us);

/*
 * Packets have come.  False when they may not yet (PROTOCOL 3.2): the session has ended then.  Packets between
 * our READY expected and READY itself do not exist: the stream is ordered.
 */
bool session_packets_received(struct session *s, uint64_t now_us);

/* A frame that PROTOCOL 3 does not allow: ends the session. */
void session_bad_frame(struct session *s);

/* Server: admit.  w->hello, keepalive_s and dead_after_s are filled in here. */
void session_welcome(struct session *s, struct ctrl_welcome *w, uint64_t now_us);

/* Client: everything is set up. */
void session_ready(struct session *s, uint64_t now_us);

/* To be called about once a second: deadlines, keepalive. */
void session_tick(struct session *s, uint64_t now_us);

/* End it with a BYE; text may be NULL.  Does nothing when it is closed already. */
void session_close(struct session *s, const char *code, const char *text);
void session_bye(struct session *s, const struct ctrl_bye *bye); /* The same with all fields. */

/* The connection is gone, there is nobody to say BYE to. */
void session_lost(struct session *s, const char *code, const char *text);

const char *session_state_name(enum session_state state);

#endif
