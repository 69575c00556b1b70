/* One client's connection on a worker: from accept() to the end of its session. */
#include "server/mail.h"
#include "server/worker.h"

#include "base/log.h"
#include "base/util.h"
#include "sys/sock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum {
	NOTSENT_LOWAT = 128 * 1024,
};

uint64_t client_handle(const struct client *c)
{
	return (uint64_t)c->worker->index << 56 |
	       (uint64_t)(c->worker->generations[c->slot] & 0xffffff) << 32 | c->slot;
}

struct client *client_find(struct worker *w, uint64_t handle)
{
	uint32_t slot = (uint32_t)handle;

	if (slot >= w->n_slots || w->slots[slot] == NULL || w->slots[slot]->over ||
		client_handle(w->slots[slot]) != handle)
		return NULL;
	return w->slots[slot];
}

static struct client *take_slot(struct worker *w)
{
	struct client *c = w->n_free == 0 ? NULL : calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->worker = w;
	c->slot = w->free_slots[--w->n_free];
	w->slots[c->slot] = c;
	list_init(&c->dying);
	/* Generation 0 is never used, so that no handle is 0. */
	if ((++w->generations[c->slot] & 0xffffff) == 0)
		w->generations[c->slot]++;
	return c;
}

static void free_slot(struct client *c)
{
	struct worker *w = c->worker;

	w->slots[c->slot] = NULL;
	w->free_slots[w->n_free++] = c->slot;
	list_remove(&c->dying);
	free(c);
}

void client_reap(struct worker *w)
{
	LIST_EACH (node, &w->dying)
		free_slot(CONTAINER_OF(node, struct client, dying));
}

static void handshake_over(struct client *c)
{
	if (c->counted)
		c->worker->handshakes--;
	c->counted = false;
}

static void bury(struct client *c)
{
	struct worker *w = c->worker;

	handshake_over(c);
	c->over = true;
	list_append(&w->dying, &c->dying);
	if (!c->admitting)
		return;
	struct mail_session *m = malloc(sizeof(*m));
	if (m == NULL)
		abort(); /* The hub would keep its addresses for ever. */
	*m = (struct mail_session){ .mail.type = MAIL_GONE, .handle = client_handle(c) };
	mailbox_post(w->hub, &m->mail);
}

struct refusal {
	const struct endpoint *peer;
	const char *reason, *detail;
	const char *name; /* "": not known. */
};

/* A line for each refusal, but not more than a flood of them is worth. */
static void log_refusal(struct worker *w, const struct refusal *r)
{
	char peer[ENDPOINT_STRLEN];
	bool known = r->name[0] != '\0';

	if (!limit_take(&w->log_limit, io_now_us() / 1000)) {
		w->log_suppressed++;
		return;
	}
	if (w->log_suppressed > 0)
		log_warn("%llu refusals were not logged", (unsigned long long)w->log_suppressed);
	w->log_suppressed = 0;
	log_warn("refused %s: %s: %s%s%s%s", endpoint_format(r->peer, peer), r->reason, r->detail,
		known ? " (" : "", r->name, known ? ")" : "");
}

static void refused(struct client *c, const char *reason, const char *detail)
{
	const struct refusal r = {
		.peer = &c->tunnel.peer,
		.reason = reason,
		.detail = detail,
		.name = c->name,
	};

	log_refusal(c->worker, &r);
}

void client_turn_away(struct worker *w, int fd, const struct endpoint *peer, const char *reason)
{
	const struct refusal r = {
		.peer = peer,
		.reason = reason,
		.detail = "turned away before the handshake",
		.name = "",
	};

	(void)close(fd);
	w->accepted++;
	tally_add(&w->refused, reason, 1);
	log_refusal(w, &r);
}

static struct client *client_of(struct tunnel *t)
{
	return CONTAINER_OF(t, struct client, tunnel);
}

static void on_established(struct tunnel *t)
{
	struct client *c = client_of(t);
	const struct server_conf *conf = c->worker->conf;
	const struct tls_peer *peer = tunnel_peer(t);

	c->ident = peer->ident;
	c->not_after = peer->not_after;
	memcpy(c->name, peer->ident.name, sizeof(c->name));
	struct session_opts o = {
		.role = IDENT_SERVER,
		.features = c->worker->offload,
		.greeting_us = conf->handshake_timeout_s * UINT64_C(1000000),
		.keepalive_us = conf->keepalive_s * UINT64_C(1000000),
		.dead_after_us = conf->dead_after_s * UINT64_C(1000000),
	};
	tunnel_start_session(t, &o);
	client_check_revoked(c); /* The handshake may have begun before the last reload. */
}

void client_check_revoked(struct client *c)
{
	struct tunnel *t = &c->tunnel;

	if (t->started && t->conn != NULL && tcp_conn_revoked_by(t->conn, c->worker->tls))
		session_close(&t->session, tls_reason_name(TLS_REASON_REVOKED),
			"the certificate has been revoked");
}

static void on_hello(struct tunnel *t, const struct ctrl_hello *hello)
{
	struct client *c = client_of(t);
	struct mail_admit *m = malloc(sizeof(*m));

	(void)hello;
	if (m == NULL) {
		session_close(&t->session, "internal", "out of memory");
		return;
	}
	*m = (struct mail_admit){
		.mail.type = MAIL_ADMIT,
		.handle = client_handle(c),
		.ident = c->ident,
		.not_after = c->not_after,
	};
	c->admitting = true;
	mailbox_post(c->worker->hub, &m->mail);
}

static void on_opened(struct tunnel *t)
{
	struct client *c = client_of(t);
	struct tls_info tls = tunnel_info(t);
	char peer[ENDPOINT_STRLEN], addrs[REGISTRY_MAX_ADDRS * ADDR_STRLEN + 1] = "",
									     text[ADDR_STRLEN];
	size_t used = 0;

	handshake_over(c);
	c->was_open = true;
	c->since = io_now_unix();
	c->worker->established++;
	for (size_t i = 0; i < c->lease.n_addrs; i++)
		used += (size_t)snprintf(addrs + used, sizeof(addrs) - used, "%s%s",
			i > 0 ? " " : "", addr_format(&c->lease.addrs[i], text));
	log_info("client %s (%s): connected as %s, %s, %s", c->name,
		endpoint_format(&t->peer, peer), addrs, tls.suite, tls.group);
}

/*
 * While the only session of the server cannot send, packets wait in the kernel's queue.  With several, one must not
 * stall the others: its packets wait in its own queue.
 */
static void on_blocked(struct tunnel *t, bool blocked)
{
	struct worker *w = client_of(t)->worker;

	tun_port_pause(&w->tun, blocked && w->sessions_everywhere == 1);
}

static void on_refused(struct tunnel *t, const struct tls_failure *why)
{
	struct client *c = client_of(t);

	tally_add(&c->worker->refused, tls_reason_name(why->reason), 1);
	refused(c, tls_reason_name(why->reason), why->detail);
	bury(c);
}

static void on_ended(struct tunnel *t, const struct session_end *end)
{
	struct client *c = client_of(t);
	const char *code = end->by_peer ? "peer" : end->bye.code;
	char peer[ENDPOINT_STRLEN];

	tun_port_pause(&c->worker->tun, false);
	if (c->was_open) {
		tally_add(&c->worker->ended, code, 1);
		log_info("client %s (%s): gone: %s: %s%s", c->name, endpoint_format(&t->peer, peer),
			end->bye.code, end->bye.text, end->by_peer ? " (said by the client)" : "");
	} else {
		tally_add(&c->worker->refused, code, 1);
		refused(c, end->bye.code, end->bye.text);
	}
	bury(c);
}

static const struct tunnel_ops client_ops = {
	.established = on_established,
	.hello = on_hello,
	.opened = on_opened,
	.blocked = on_blocked,
	.refused = on_refused,
	.ended = on_ended,
};

void client_accept(struct worker *w, int fd, const struct endpoint *peer)
{
	struct sock_tuning tuning = {
		.congestion = w->conf->congestion_control,
		.notsent_lowat = NOTSENT_LOWAT,
	};
	struct client *c = take_slot(w);

	if (c == NULL) {
		client_turn_away(w, fd, peer, "full");
		return;
	}
	w->accepted++;
	(void)sock_tune(fd, &tuning);
	uint8_t random[CTRL_SESSION_LEN / 2];
	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		abort(); /* Cannot happen once the kernel's generator is seeded. */
	hex_encode(random, sizeof(random), c->session);
	c->counted = true;
	w->handshakes++;
	struct tunnel_opts o = {
		.fd = fd,
		.peer = *peer,
		.tls = w->tls,
		.handshake_us = w->conf->handshake_timeout_s * UINT64_C(1000000),
		.dp = &w->dp,
		.tun = &w->tun,
		.handle = client_handle(c),
		.ops = &client_ops,
	};
	if (tunnel_start(&c->tunnel, &w->loop, &o) < 0) {
		tally_add(&w->refused, "internal", 1);
		bury(c);
	}
}
