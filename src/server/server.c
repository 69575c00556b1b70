#include "server/server.h"

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

/* ---- Stopping. ---- */

/* Tell the workers to say BYE and end; their threads are joined when the loop is done. */
static void stop(struct server *s, int exit_code)
{
	if (s->stopping)
		return;
	s->stopping = true;
	s->exit_code = exit_code;
	daemon_stopping();
	for (unsigned i = 0; i < s->n_running; i++) {
		struct mail_bye *m = calloc(1, sizeof(*m));
		if (m == NULL)
			abort();
		m->mail.type = MAIL_BYE;
		text_copy(m->bye.code, sizeof(m->bye.code), "shutdown");
		text_copy(m->bye.text, sizeof(m->bye.text), "the server is stopping");
		mailbox_post(&s->workers[i].mailbox, &m->mail);
	}
	for (size_t i = 0; i < ARRAY_LEN(s->signals); i++)
		uv_close((uv_handle_t *)&s->signals[i], NULL);
	reload_stop(s);
	ctl_server_close(s->ctl);
	/* The workers may still post to the mailbox: join them before it goes. */
	for (unsigned i = 0; i < s->n_running; i++)
		worker_join(&s->workers[i]);
	s->n_running = 0;
	mailbox_close(&s->mailbox);
}

static void on_signal(uv_signal_t *h, int signum)
{
	if (signum == SIGHUP) {
		log_info("SIGHUP: reading certificates again");
		reload_tls(h->data);
		return;
	}
	log_info("%s: stopping", strsignal(signum));
	stop(h->data, 0);
}

/* ---- Messages. ---- */

/* An operator's question on its way round the workers. */
struct query {
	struct ctl_request *request;
	json_t *sessions, *counters;
	unsigned waiting;
};

static void on_report(struct server *s, struct mail_report *m)
{
	struct query *q = m->query;

	(void)json_array_extend(q->sessions, m->sessions);
	status_add_counters(q->counters, m->counters);
	json_decref(m->sessions);
	json_decref(m->counters);
	if (--q->waiting > 0)
		return;
	ctl_reply(q->request, status_of_server(s, q->sessions, q->counters));
	free(q);
}

static void receive(void *arg, struct mail *mail)
{
	struct server *s = arg;

	if (s->stopping) {
		free(mail);
		return;
	}
	switch ((enum mail_type)mail->type) {
	case MAIL_ADMIT:
		admission_admit(s, (struct mail_admit *)mail);
		break;
	case MAIL_GONE:
		admission_gone(s, ((struct mail_session *)mail)->handle);
		break;
	case MAIL_REPORT:
		on_report(s, (struct mail_report *)mail);
		break;
	case MAIL_DEVICE:
		log_error("device %s is gone (%s); stopping", s->tun.name,
			strerror(-((struct mail_device *)mail)->err));
		stop(s, 1);
		break;
	case MAIL_ADMITTED:
	case MAIL_BYE:
	case MAIL_ROUTES:
	case MAIL_TLS:
		break; /* To workers only. */
	}
	free(mail);
}

static void ask_workers(struct server *s, struct ctl_request *request)
{
	struct query *q = calloc(1, sizeof(*q));

	if (q == NULL || s->n_running == 0) {
		free(q);
		ctl_reply_error(request, "no memory, or no worker is running");
		return;
	}
	*q = (struct query){
		.request = request,
		.sessions = json_array(),
		.counters = json_object(),
		.waiting = s->n_running,
	};
	for (unsigned i = 0; i < s->n_running; i++) {
		struct mail_report *m = calloc(1, sizeof(*m));
		if (m == NULL)
			abort();
		m->mail.type = MAIL_REPORT;
		m->query = q;
		mailbox_post(&s->workers[i].mailbox, &m->mail);
	}
}

static void on_command(
	void *arg, const char *command, const json_t *args, struct ctl_request *request)
{
	(void)args;
	if (strcmp(command, "status") == 0)
		ask_workers(arg, request);
	else
		ctl_reply_error(request, "unknown command; there is: status");
}

/* ---- Starting. ---- */

int server_load_tls(const struct server_conf *conf, struct tls_ctx **out, char why[static 256])
{
	struct credentials c = {
		.role = IDENT_SERVER,
		.network = conf->network,
		.certificate = conf->certificate,
		.key = conf->key,
		.ca = conf->ca,
		.crl = conf->crl,
		.require_pq = conf->require_pq,
		.crl_stale_deny = conf->crl_stale_deny,
		.crl_grace_days = conf->crl_grace_days,
	};

	return credentials_load(&c, out, why);
}

static int check_ports(const struct server_conf *conf, char why[static 256])
{
	char text[ENDPOINT_STRLEN];
	struct addr a;

	for (size_t i = 0; i < conf->n_listen; i++) {
		int r = addr_parse(conf->listen[i].host, &a);
		if (r == 0)
			r = sock_probe(&a, conf->listen[i].port);
		if (r == 0)
			continue;
		(void)snprintf(why, 256, "cannot listen on %.100s: %s%s",
			endpoint_format(&conf->listen[i], text), strerror(-r),
			r == -EADDRINUSE ? "; another program listens there (see: ss -ltnp), or "
					   "choose another port in 'listen'"
					 : "");
		return r;
	}
	return 0;
}

static int open_workers(struct server *s, char why[static 256])
{
	struct addr local[REGISTRY_MAX_ADDRS];

	for (size_t i = 0; i < s->n_own; i++)
		local[i] = s->own[i].addr;
	s->workers = calloc(s->conf->workers, sizeof(*s->workers));
	if (s->workers == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < s->conf->workers; i++) {
		struct worker_opts o = {
			.conf = s->conf,
			.all = s->workers,
			.index = i,
			.hub = &s->mailbox,
			.tun_fd = s->tun.fds[i],
			.offload = s->tun.can,
			.offload_why_not = s->tun.why_not,
			.mtu = s->conf->mtu,
			.local = local,
			.n_local = s->n_own,
		};
		int r = server_load_tls(s->conf, &o.tls, why);
		if (r < 0)
			return r;
		s->n_open++;
		r = worker_open(&s->workers[i], &o, why);
		if (r < 0)
			return r;
	}
	return 0;
}

static int open_registry(struct server *s, char why[static 256])
{
	struct registry_opts o = {
		.pool4 = s->conf->pool4,
		.pool6 = s->conf->pool6,
		.max_clients = s->conf->max_clients,
		.duplicate_reject = s->conf->duplicate_reject,
	};

	for (size_t i = 0; i < s->n_own; i++) {
		if (s->own[i].addr.family == 4)
			o.gateway4 = s->own[i].addr;
		else
			o.gateway6 = s->own[i].addr;
	}
	int r = registry_create(&o, &s->registry);
	if (r == -EINVAL)
		(void)snprintf(why, 256, "pool4 must be /8 to /30 and pool6 /64 to /126");
	return r;
}

static int open_all(struct server *s, char why[static 256])
{
	struct ctl_server_opts ctl = {
		.path = s->conf->control,
		.command = on_command,
		.arg = s,
	};

	(void)snprintf(why, 256, "out of memory or descriptors");
	int r = server_load_tls(s->conf, &s->tls, why);
	if (r == 0)
		r = check_ports(s->conf, why);
	if (r == 0)
		r = server_open_device(s, why);
	if (r == 0)
		r = open_registry(s, why);
	if (r == 0)
		r = mailbox_open(&s->loop, receive, s, &s->mailbox);
	if (r == 0)
		r = open_workers(s, why);
	if (r == 0)
		r = ctl_server_open(&s->loop, &ctl, &s->ctl, why);
	return r;
}

static void start_all(struct server *s)
{
	static const int signums[] = { SIGTERM, SIGINT, SIGHUP };
	char text[ENDPOINT_STRLEN];

	for (size_t i = 0; i < ARRAY_LEN(signums); i++) {
		(void)uv_signal_init(&s->loop, &s->signals[i]);
		s->signals[i].data = s;
		(void)uv_signal_start(&s->signals[i], on_signal, signums[i]);
	}
	while (s->n_running < s->n_open && worker_start(&s->workers[s->n_running]) == 0)
		s->n_running++;
	if (s->n_running < s->n_open) {
		log_error("a worker's thread cannot be started");
		stop(s, 1);
		return;
	}
	reload_watch_crl(s);
	log_info("ready: listening on %s, %s, %u worker%s",
		endpoint_format(&s->conf->listen[0], text), s->tun.name, s->conf->workers,
		s->conf->workers == 1 ? "" : "s");
	if (s->tun.why_not[0] != '\0')
		log_warn("offload is not complete, packets will be slower: %s", s->tun.why_not);
	daemon_ready("listening");
}

int server_run(const struct server_conf *conf)
{
	struct server s = { .conf = conf, .started = io_now_unix() };
	char why[256];

	(void)daemon_raise_nofile(conf->max_clients + conf->max_handshakes + 64);
	if (uv_loop_init(&s.loop) < 0)
		return 1;
	if (open_all(&s, why) == 0) {
		start_all(&s);
		(void)uv_run(&s.loop, UV_RUN_DEFAULT);
	} else {
		log_error("%s", why);
		s.exit_code =
			s.tls == NULL
				? 2
				: 1; /* What the configuration names is wrong, or what is there. */
	}
	/* A start that failed leaves its loops to the end of the process. */
	for (unsigned i = 0; s.stopping && i < s.n_open; i++)
		worker_close(&s.workers[i]);
	free(s.workers);
	registry_free(s.registry);
	if (s.tun_open)
		tun_close(&s.tun); /* Its addresses and routes go with it. */
	tls_ctx_put(s.tls);
	(void)uv_loop_close(&s.loop);
	return s.exit_code;
}
