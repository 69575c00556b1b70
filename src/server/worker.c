#include "server/worker.h"

#include "base/log.h"
#include "base/util.h"
#include "server/mail.h"
#include "sys/sock.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum {
	ACCEPTS_AT_ONCE = 64,
	REFUSALS_LOGGED_PER_S = 10,
	REFUSALS_LOGGED_BURST = 40,
	ROUTES_PER_CLIENT = REGISTRY_MAX_ADDRS,
	LOCAL_ROUTES = 16,
};

/* ---- Packets to sessions. ---- */

static void deliver_local(
	void *arg, uint64_t target, const struct egress_frame *const *frames, size_t n)
{
	struct worker *w = arg;
	struct client *c = client_find(w, target);

	if (c == NULL)
		w->dp.drops[DROP_NOT_OPEN] += n;
	else
		tunnel_send(&c->tunnel, frames, n);
}

static void deliver(void *arg, uint64_t target, const struct egress_frame *const *frames, size_t n)
{
	struct worker *w = arg;
	unsigned owner = HANDLE_WORKER(target);

	if (owner == w->index) {
		deliver_local(w, target, frames, n);
		return;
	}
	struct worker *other = &w->all[owner];
	for (size_t i = 0; i < n; i++)
		if (handover_push(other->from[w->index], frames[i]) < 0)
			w->dp.drops[DROP_HANDOVER]++;
	(void)uv_async_send(&other->wake);
}

static void on_wake(uv_async_t *a)
{
	struct worker *w = a->data;
	struct egress batch;

	for (unsigned i = 0; i < w->n_workers; i++) {
		if (w->from[i] == NULL)
			continue;
		while (handover_peek(w->from[i], &batch) > 0) {
			egress_deliver(&batch, deliver_local, w);
			handover_release(w->from[i]);
		}
	}
}

static void on_device_failed(void *arg, int err)
{
	struct worker *w = arg;
	struct mail_device *m = malloc(sizeof(*m));

	tun_port_close(&w->tun);
	if (m == NULL)
		return;
	*m = (struct mail_device){ .mail.type = MAIL_DEVICE, .err = err };
	mailbox_post(w->hub, &m->mail);
}

/* ---- From the hub. ---- */

static void on_routes(struct worker *w, const struct mail_routes *m)
{
	w->sessions_everywhere = m->sessions;
	if (m->sessions > 1)
		tun_port_pause(&w->tun, false);
	for (size_t i = 0; i < m->lease.n_addrs; i++) {
		struct prefix p = prefix_host(&m->lease.addrs[i]);
		if (m->add && route_set(w->dp.routes, &p, m->handle) < 0)
			log_error("a client's route could not be set: out of memory");
		else if (!m->add)
			(void)route_remove(w->dp.routes, &p);
	}
}

static void on_admitted(struct worker *w, struct mail_admitted *m)
{
	struct client *c = client_find(w, m->handle);

	if (c == NULL || c->tunnel.session.state != SESSION_ADMITTING)
		return; /* It has left meanwhile; MAIL_GONE is on its way. */
	for (size_t i = 0; i < m->welcome.n_addresses && i < REGISTRY_MAX_ADDRS; i++)
		c->lease.addrs[c->lease.n_addrs++] = m->welcome.addresses[i].addr;
	memcpy(m->welcome.session, c->session, sizeof(c->session));
	session_welcome(&c->tunnel.session, &m->welcome, io_now_us());
}

/* New connections use the new context; old ones live on, unless they are revoked now. */
static void on_tls(struct worker *w, const struct mail_tls *m)
{
	tls_ctx_put(w->tls);
	w->tls = m->tls;
	for (uint32_t i = 0; i < w->n_slots; i++)
		if (w->slots[i] != NULL && !w->slots[i]->over)
			client_check_revoked(w->slots[i]);
}

static void stop(struct worker *w)
{
	w->stopping = true;
	for (size_t i = 0; i < w->n_listeners; i++)
		uv_close((uv_handle_t *)&w->listeners[i].poll, NULL);
	tun_port_close(&w->tun);
	uv_close((uv_handle_t *)&w->wake, NULL);
	mailbox_close(&w->mailbox);
	/* The tick goes on until the last connection is gone. */
}

static void on_bye(struct worker *w, const struct mail_bye *m)
{
	if (m->handle != 0) {
		struct client *c = client_find(w, m->handle);
		if (c != NULL)
			session_bye(&c->tunnel.session, &m->bye);
		return;
	}
	for (uint32_t i = 0; i < w->n_slots; i++) {
		struct client *c = w->slots[i];
		if (c == NULL || c->over)
			continue;
		if (c->tunnel.started)
			session_bye(&c->tunnel.session, &m->bye);
		else
			tunnel_abort(&c->tunnel);
	}
	stop(w);
}

static void receive(void *arg, struct mail *mail)
{
	struct worker *w = arg;

	switch ((enum mail_type)mail->type) {
	case MAIL_ROUTES:
		on_routes(w, (struct mail_routes *)mail);
		break;
	case MAIL_ADMITTED:
		on_admitted(w, (struct mail_admitted *)mail);
		break;
	case MAIL_TLS:
		on_tls(w, (struct mail_tls *)mail);
		break;
	case MAIL_BYE:
		on_bye(w, (struct mail_bye *)mail);
		break;
	case MAIL_REPORT: {
		struct mail_report *m = (struct mail_report *)mail;
		m->sessions = worker_sessions_json(w);
		m->counters = worker_counters_json(w);
		mailbox_post(w->hub, mail);
		return; /* It is the hub's again. */
	}
	case MAIL_ADMIT:
	case MAIL_GONE:
	case MAIL_DEVICE:
		break; /* To the hub only. */
	}
	free(mail);
}

/* ---- Connections. ---- */

/* Why a connection is not even looked at; NULL: it is. */
static const char *turn_away(struct worker *w, const struct endpoint *peer)
{
	struct addr source;

	if (w->handshakes >= w->conf->max_handshakes / w->n_workers + 1)
		return "handshakes";
	if (w->sources != NULL && addr_parse(peer->host, &source) == 0 &&
		!limit_table_take(w->sources, &source, io_now_us() / 1000))
		return "address-rate";
	return NULL;
}

static void on_connection(uv_poll_t *h, int status, int events)
{
	struct listener *l = h->data;
	struct worker *w = l->worker;
	struct endpoint peer;

	(void)status;
	(void)events;
	for (int i = 0; i < ACCEPTS_AT_ONCE; i++) {
		int fd = sock_accept(l->fd, &peer);
		if (fd < 0)
			return;
		const char *reason = turn_away(w, &peer);
		if (reason != NULL)
			client_turn_away(w, fd, &peer, reason);
		else
			client_accept(w, fd, &peer);
	}
}

static void on_tick(void *arg, uint64_t now_us)
{
	struct worker *w = arg;

	for (uint32_t i = 0; i < w->n_slots; i++)
		if (w->slots[i] != NULL && !w->slots[i]->over)
			tunnel_tick(&w->slots[i]->tunnel, now_us);
	client_reap(w);
	if (w->stopping && list_empty(&w->loop.tickers))
		io_loop_stop_tick(&w->loop);
}

static int open_listeners(struct worker *w, char why[static 256])
{
	for (size_t i = 0; i < w->conf->n_listen; i++) {
		const struct endpoint *e = &w->conf->listen[i];
		struct listener *l = &w->listeners[i];
		struct addr a;
		char text[ENDPOINT_STRLEN];

		int r = addr_parse(e->host, &a);
		l->fd = r < 0 ? r : sock_listen(&a, e->port);
		if (l->fd < 0) {
			(void)snprintf(why, 256, "cannot listen on %.100s: %s",
				endpoint_format(e, text), strerror(-l->fd));
			return l->fd;
		}
		l->worker = w;
		w->n_listeners++;
		r = uv_poll_init(&w->loop.uv, &l->poll, l->fd);
		if (r < 0)
			return r;
		l->poll.data = l;
	}
	return 0;
}

static int open_tables(struct worker *w)
{
	w->n_slots = w->conf->max_clients + w->conf->max_handshakes;
	w->slots = calloc(w->n_slots, sizeof(struct client *));
	w->generations = calloc(w->n_slots, sizeof(*w->generations));
	w->free_slots = calloc(w->n_slots, sizeof(*w->free_slots));
	if (w->slots == NULL || w->generations == NULL || w->free_slots == NULL)
		return -ENOMEM;
	while (w->n_free < w->n_slots) {
		w->free_slots[w->n_free] = w->n_slots - 1 - w->n_free;
		w->n_free++;
	}
	struct limit_table_opts limits = {
		/* Connections are spread over the workers. */
		.rate = (w->conf->address_rate + w->n_workers - 1) / w->n_workers,
		.burst = w->conf->address_rate * 10,
	};
	if (getrandom(&limits.seed, sizeof(limits.seed), 0) != sizeof(limits.seed))
		return -EIO;
	if (limits.rate > 0 && limit_table_create(&limits, &w->sources) < 0)
		return -ENOMEM;
	for (unsigned i = 0; i < w->n_workers; i++)
		if (i != w->index && handover_create(&w->from[i]) < 0)
			return -ENOMEM;
	return dataplane_init(
		&w->dp, (size_t)w->conf->max_clients * ROUTES_PER_CLIENT + LOCAL_ROUTES);
}

int worker_open(struct worker *w, const struct worker_opts *opts, char why[static 256])
{
	*w = (struct worker){
		.conf = opts->conf,
		.all = opts->all,
		.hub = opts->hub,
		.index = opts->index,
		.n_workers = opts->conf->workers,
		.offload = opts->offload,
		.offload_why_not = opts->offload_why_not,
		.tls = opts->tls,
	};
	(void)snprintf(why, 256, "worker %u could not be set up", w->index);
	list_init(&w->dying);
	limit_init(&w->log_limit, REFUSALS_LOGGED_PER_S, REFUSALS_LOGGED_BURST, io_now_us() / 1000);
	int r = io_loop_init(&w->loop);
	if (r < 0)
		return r;
	w->loop.on_tick = on_tick;
	w->loop.arg = w;
	r = open_tables(w);
	if (r < 0)
		return r;
	w->dp.client_to_client = opts->conf->client_to_client;
	dataplane_set_mtu(&w->dp, opts->mtu);
	for (size_t i = 0; i < opts->n_local && r == 0; i++) {
		struct prefix p = prefix_host(&opts->local[i]);
		r = route_set(w->dp.routes, &p, DATAPLANE_LOCAL);
	}
	struct tun_port_opts to = {
		.fd = opts->tun_fd,
		.dp = &w->dp,
		.deliver = deliver,
		.failed = on_device_failed,
		.arg = w,
	};
	if (r == 0)
		r = tun_port_open(&w->loop, &to, &w->tun);
	if (r == 0)
		r = mailbox_open(&w->loop.uv, receive, w, &w->mailbox);
	if (r == 0)
		r = uv_async_init(&w->loop.uv, &w->wake, on_wake);
	w->wake.data = w;
	return r < 0 ? r : open_listeners(w, why);
}

static void run(void *arg)
{
	struct worker *w = arg;

	for (size_t i = 0; i < w->n_listeners; i++)
		(void)uv_poll_start(&w->listeners[i].poll, UV_READABLE, on_connection);
	(void)uv_run(&w->loop.uv, UV_RUN_DEFAULT);
}

int worker_start(struct worker *w)
{
	sigset_t all, old;

	/* Signals are the hub's. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	int r = uv_thread_create(&w->thread, run, w);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	return r;
}

void worker_join(struct worker *w)
{
	(void)uv_thread_join(&w->thread);
}

void worker_close(struct worker *w)
{
	for (uint32_t i = 0; i < w->n_slots; i++)
		free(w->slots[i]);
	for (size_t i = 0; i < w->n_listeners; i++)
		(void)close(w->listeners[i].fd);
	for (unsigned i = 0; i < w->n_workers; i++)
		handover_free(w->from[i]);
	limit_table_free(w->sources);
	free(w->slots);
	free(w->generations);
	free(w->free_slots);
	dataplane_clear(&w->dp);
	tls_ctx_put(w->tls);
	io_loop_clear(&w->loop);
}
