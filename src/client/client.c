#include "client/client.h"

#include "base/log.h"
#include "base/util.h"
#include "io/credentials.h"
#include "sys/daemon.h"
#include "sys/sock.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
	NOTSENT_LOWAT = 128 * 1024,
	THE_SERVER = 1, /* The only session's handle. */
};

/* ---- Trying. ---- */

static void set_state(struct client *c, enum client_state state)
{
	if (c->state != CLIENT_STOPPING)
		c->state = state;
}

static void try_now(struct client *c)
{
	set_state(c, CLIENT_CONNECTING);
	c->current = c->moved_to.port != 0 ? c->moved_to : c->conf->remotes[c->remote];
	c->deadline_us = io_now_us() + c->conf->connect_timeout_s * UINT64_C(1000000);
	connect_start(&c->connector, &c->current);
}

/* Wait, then try again: at least as long as the server has asked for. */
static void try_later(struct client *c, uint32_t at_least_s)
{
	uint64_t random = 0;

	if (c->state == CLIENT_STOPPING)
		return;
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		random = io_now_us();
	uint64_t wait_ms = backoff_next(&c->backoff, random) + at_least_s * UINT64_C(1000);
	set_state(c, CLIENT_WAITING);
	c->wake_us = io_now_us() + wait_ms * 1000;
	log_info("trying again in %llu.%llu s", (unsigned long long)(wait_ms / 1000),
		(unsigned long long)(wait_ms % 1000 / 100));
}

/* This remote did not work: the next one's turn. */
static void next_remote(struct client *c)
{
	if (c->moved_to.port != 0)
		c->moved_to.port = 0;
	else
		c->remote = (c->remote + 1) % c->conf->n_remotes;
}

static void connect_failed(void *arg, const char *why)
{
	struct client *c = arg;
	char text[ENDPOINT_STRLEN];

	log_warn("cannot connect to %s: %s", endpoint_format(&c->current, text), why);
	next_remote(c);
	try_later(c, 0);
}

/* ---- The session. ---- */

static struct client *client_of(struct tunnel *t)
{
	return CONTAINER_OF(t, struct client, tunnel);
}

static void on_established(struct tunnel *t)
{
	struct client *c = client_of(t);
	const struct tls_peer *peer = tunnel_peer(t);
	uint64_t now_us = io_now_us();

	c->server = peer->ident;
	c->server_expires = peer->not_after;
	struct session_opts o = {
		.role = IDENT_CLIENT,
		.features = c->setup.tun.can,
		.greeting_us = c->deadline_us > now_us ? c->deadline_us - now_us : 1,
	};
	tunnel_start_session(t, &o);
}

static void on_welcome(struct tunnel *t, const struct ctrl_welcome *w)
{
	struct client *c = client_of(t);
	char why[256];

	if (setup_apply(&c->setup, w, &c->dp, THE_SERVER, why) < 0) {
		log_error("cannot set up the tunnel: %s", why);
		session_close(&t->session, "internal", "the client cannot set up the tunnel");
		return;
	}
	c->welcome = *w;
	session_ready(&t->session, io_now_us());
}

static void warn_of_expiry(const struct ctrl_welcome *w)
{
	enum { DAYS = 30 };

	if (w->days_certificate != CTRL_DAYS_UNKNOWN && w->days_certificate < DAYS)
		log_warn("our certificate expires in %d days: ask for a new one",
			w->days_certificate);
	if (w->days_ca != CTRL_DAYS_UNKNOWN && w->days_ca < DAYS)
		log_warn("the CA expires in %d days", w->days_ca);
}

static void on_opened(struct tunnel *t)
{
	struct client *c = client_of(t);
	struct tls_info tls = tunnel_info(t);
	char addrs[CTRL_MAX_ADDRS * PREFIX_STRLEN] = "", text[ENDPOINT_STRLEN];
	size_t used = 0;

	set_state(c, CLIENT_OPEN);
	c->since = io_now_unix();
	backoff_reset(&c->backoff);
	for (size_t i = 0; i < c->setup.n_addresses; i++)
		used += (size_t)snprintf(addrs + used, sizeof(addrs) - used, "%s%s",
			i > 0 ? " " : "", addr_format(&c->setup.addresses[i].addr, text));
	log_info("connected to %s as %s, %s, %s", endpoint_format(&c->current, text), addrs,
		tls.suite, tls.group);
	warn_of_expiry(&c->welcome);
	daemon_ready("connected");
}

static void on_blocked(struct tunnel *t, bool blocked)
{
	tun_port_pause(&client_of(t)->tun, blocked);
}

static void connection_over(struct client *c)
{
	c->connected = false;
	c->since = 0;
	tun_port_pause(&c->tun, false);
}

static void on_refused(struct tunnel *t, const struct tls_failure *why)
{
	struct client *c = client_of(t);
	char text[ENDPOINT_STRLEN];

	log_warn("cannot connect to %s: %s: %s", endpoint_format(&c->current, text),
		tls_reason_name(why->reason), why->detail);
	connection_over(c);
	next_remote(c);
	try_later(c, 0);
}

static void on_ended(struct tunnel *t, const struct session_end *end)
{
	struct client *c = client_of(t);
	bool was_open = c->state == CLIENT_OPEN;

	log_info("disconnected: %s: %s%s", end->bye.code, end->bye.text,
		end->by_peer ? " (said by the server)" : "");
	connection_over(c);
	if (!was_open)
		next_remote(c);
	if (end->by_peer && end->bye.move_to.port != 0)
		c->moved_to = end->bye.move_to;
	try_later(c, end->by_peer ? end->bye.retry_after_s : 0);
}

static const struct tunnel_ops tunnel_ops = {
	.established = on_established,
	.welcome = on_welcome,
	.opened = on_opened,
	.blocked = on_blocked,
	.refused = on_refused,
	.ended = on_ended,
};

static void connected(void *arg, int fd, const struct endpoint *peer)
{
	struct client *c = arg;
	struct sock_tuning tuning = {
		.congestion = c->conf->congestion_control,
		.notsent_lowat = NOTSENT_LOWAT,
	};
	uint64_t now_us = io_now_us();
	struct tunnel_opts o = {
		.fd = fd,
		.peer = *peer,
		.tls = c->tls,
		.server_name =
			c->conf->server_name != NULL ? c->conf->server_name : c->current.host,
		.handshake_us = c->deadline_us > now_us ? c->deadline_us - now_us : 1,
		.dp = &c->dp,
		.tun = &c->tun,
		.handle = THE_SERVER,
		.ops = &tunnel_ops,
	};

	if (sock_tune(fd, &tuning) == 1)
		log_info("congestion control %s is not to be had here; the kernel's is used",
			c->conf->congestion_control);
	c->connected = true;
	if (tunnel_start(&c->tunnel, &c->loop, &o) < 0) {
		connection_over(c);
		connect_failed(c, "out of memory");
	}
}

static const struct connect_ops connect_ops = {
	.connected = connected,
	.failed = connect_failed,
};

/* ---- The loop. ---- */

static void deliver(void *arg, uint64_t target, const struct egress_frame *const *frames, size_t n)
{
	struct client *c = arg;

	(void)target;
	if (c->connected)
		tunnel_send(&c->tunnel, frames, n);
	else
		c->dp.drops[DROP_NOT_OPEN] += n;
}

static void stop(struct client *c)
{
	if (c->state == CLIENT_STOPPING)
		return;
	c->state = CLIENT_STOPPING;
	daemon_stopping();
	connect_cancel(&c->connector);
	if (c->connected && c->tunnel.started)
		session_close(&c->tunnel.session, "shutdown", "the client is stopping");
	else if (c->connected)
		tunnel_abort(&c->tunnel);
	tun_port_close(&c->tun);
	ctl_server_close(c->ctl);
	for (size_t i = 0; i < ARRAY_LEN(c->signals); i++)
		uv_close((uv_handle_t *)&c->signals[i], NULL);
}

static void on_device_failed(void *arg, int err)
{
	struct client *c = arg;

	log_error("device %s is gone (%s); stopping", c->setup.tun.name, strerror(-err));
	c->exit_code = 1;
	stop(c);
}

static void on_signal(uv_signal_t *h, int signum)
{
	log_info("%s: stopping", strsignal(signum));
	stop(h->data);
}

static void on_tick(void *arg, uint64_t now_us)
{
	struct client *c = arg;

	connect_tick(&c->connector, now_us);
	if (c->connected)
		tunnel_tick(&c->tunnel, now_us);
	if (c->state == CLIENT_WAITING && now_us >= c->wake_us)
		try_now(c);
	if (c->state == CLIENT_STOPPING && list_empty(&c->loop.tickers))
		io_loop_stop_tick(&c->loop);
}

static void on_command(
	void *arg, const char *command, const json_t *args, struct ctl_request *request)
{
	(void)args;
	if (strcmp(command, "status") == 0)
		ctl_reply(request, status_of_client(arg));
	else
		ctl_reply_error(request, "unknown command; there is: status");
}

int client_load_tls(const struct client_conf *conf, struct tls_ctx **out, char why[static 256])
{
	struct credentials k = {
		.role = IDENT_CLIENT,
		.network = conf->network,
		.certificate = conf->certificate,
		.key = conf->key,
		.ca = conf->ca,
		.crl = conf->crl,
		.require_pq = conf->require_pq,
		.crl_stale_deny = conf->crl_stale_deny,
		.crl_grace_days = conf->crl_grace_days,
	};

	return credentials_load(&k, out, why);
}

static int open_all(struct client *c, char why[static 256])
{
	struct ctl_server_opts ctl = {
		.path = c->conf->control,
		.command = on_command,
		.arg = c,
	};

	(void)snprintf(why, 256, "out of memory or descriptors");
	int r = client_load_tls(c->conf, &c->tls, why);
	if (r == 0)
		r = ctl_server_open(&c->loop.uv, &ctl, &c->ctl, why);
	if (r == 0)
		r = dataplane_init(&c->dp, SETUP_MAX_ROUTES + CTRL_MAX_ADDRS);
	if (r == 0)
		r = setup_open(&c->setup, c->conf, why);
	if (r < 0)
		return r;
	struct tun_port_opts to = {
		.fd = c->setup.tun.fds[0],
		.dp = &c->dp,
		.deliver = deliver,
		.failed = on_device_failed,
		.arg = c,
	};
	return tun_port_open(&c->loop, &to, &c->tun);
}

static void start_all(struct client *c)
{
	static const int signums[] = { SIGTERM, SIGINT };

	for (size_t i = 0; i < ARRAY_LEN(signums); i++) {
		(void)uv_signal_init(&c->loop.uv, &c->signals[i]);
		c->signals[i].data = c;
		(void)uv_signal_start(&c->signals[i], on_signal, signums[i]);
	}
	if (c->setup.tun.why_not[0] != '\0')
		log_warn("offload is not complete, packets will be slower: %s",
			c->setup.tun.why_not);
	try_now(c);
}

int client_run(const struct client_conf *conf)
{
	struct client *c = calloc(1, sizeof(*c));
	char why[256];

	if (c == NULL || io_loop_init(&c->loop) < 0) {
		free(c);
		return 1;
	}
	c->conf = conf;
	c->started = io_now_unix();
	c->loop.on_tick = on_tick;
	c->loop.arg = c;
	c->backoff = (struct backoff){
		.min_ms = conf->retry_min_s * UINT64_C(1000),
		.max_ms = conf->retry_max_s * UINT64_C(1000),
	};
	c->connector = (struct connector){
		.loop = &c->loop.uv,
		.ops = &connect_ops,
		.arg = c,
		.fwmark = conf->fwmark,
	};
	bool opened = open_all(c, why) == 0;
	if (opened) {
		start_all(c);
		(void)uv_run(&c->loop.uv, UV_RUN_DEFAULT);
	} else {
		log_error("%s", why);
		c->exit_code =
			c->tls == NULL
				? 2
				: 1; /* What the configuration names is wrong, or what is there. */
		ctl_server_close(c->ctl);
	}
	setup_close(&c->setup);
	dataplane_clear(&c->dp);
	tls_ctx_put(c->tls);
	int exit_code = c->exit_code;
	if (opened) { /* A start that failed leaves its loop to the end of the process. */
		io_loop_clear(&c->loop);
		free(c);
	}
	return exit_code;
}
