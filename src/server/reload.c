/* New certificates and revocations without a restart. */
#include "server/server.h"

#include "base/log.h"
#include "conf/conf.h"

#include <stdlib.h>

enum { CRL_POLL_MS = 500 };

static void send_tls(struct server *s, unsigned worker, struct tls_ctx *tls)
{
	struct mail_tls *m = calloc(1, sizeof(*m));

	if (m == NULL)
		abort(); /* Some workers would know of revocations that others do not. */
	m->mail.type = MAIL_TLS;
	m->tls = tls;
	mailbox_post(&s->workers[worker].mailbox, &m->mail);
}

void reload_tls(struct server *s)
{
	struct tls_ctx *fresh[WORKER_MAX + 1] = { NULL };
	char why[256];

	/* All of them before the first is used: a file that changes meanwhile must not divide the workers. */
	for (unsigned i = 0; i <= s->n_running; i++) {
		if (server_load_tls(s->conf, &fresh[i], why) == 0)
			continue;
		log_error("reload failed, nothing has changed: %s", why);
		for (unsigned k = 0; k < i; k++)
			tls_ctx_put(fresh[k]);
		return;
	}
	for (unsigned i = 0; i < s->n_running; i++)
		send_tls(s, i, fresh[i]);
	tls_ctx_put(s->tls);
	s->tls = fresh[s->n_running];
	log_info("certificates are in use anew; %zu are revoked", tls_ctx_revoked_count(s->tls));
}

static void on_crl_changed(
	uv_fs_poll_t *h, int status, const uv_stat_t *before, const uv_stat_t *now)
{
	(void)before;
	(void)now;
	if (status < 0)
		return; /* Gone, or between two names: the next change will tell. */
	log_info("the CRL has changed: reading certificates again");
	reload_tls(h->data);
}

void reload_watch_crl(struct server *s)
{
	if (s->conf->crl == NULL || conf_is_pem(s->conf->crl))
		return;
	s->crl_watched = uv_fs_poll_init(&s->loop, &s->crl_watch) == 0;
	s->crl_watch.data = s;
	if (s->crl_watched)
		(void)uv_fs_poll_start(&s->crl_watch, on_crl_changed, s->conf->crl, CRL_POLL_MS);
}

void reload_stop(struct server *s)
{
	if (s->crl_watched)
		uv_close((uv_handle_t *)&s->crl_watch, NULL);
	s->crl_watched = false;
}
