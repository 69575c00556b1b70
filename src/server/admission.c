/* Sessions coming and going: who gets which addresses, and who has to be told. */
#include "server/server.h"

#include "base/log.h"
#include "base/util.h"
#include "io/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void *mail_new(size_t size)
{
	void *m = calloc(1, size);

	if (m == NULL)
		abort(); /* Out of memory for a few bytes: routes would be wrong from here on. */
	return m;
}

static void send_bye(struct server *s, uint64_t handle, const char *code, const char *text)
{
	struct mail_bye *m = mail_new(sizeof(*m));

	m->mail.type = MAIL_BYE;
	m->handle = handle;
	text_copy(m->bye.code, sizeof(m->bye.code), code);
	text_copy(m->bye.text, sizeof(m->bye.text), text);
	mailbox_post(&s->workers[HANDLE_WORKER(handle)].mailbox, &m->mail);
}

static void send_routes(
	struct server *s, bool add, uint64_t handle, const struct registry_lease *lease)
{
	for (unsigned i = 0; i < s->n_running; i++) {
		struct mail_routes *m = mail_new(sizeof(*m));
		m->mail.type = MAIL_ROUTES;
		m->add = add;
		m->handle = handle;
		m->lease = *lease;
		m->sessions = registry_count(s->registry);
		mailbox_post(&s->workers[i].mailbox, &m->mail);
	}
}

static void fill_dns(const struct server_conf *conf, struct ctrl_dns *dns)
{
	dns->n_servers = MIN(conf->n_dns_servers, (size_t)CTRL_MAX_DNS_SERVERS);
	for (size_t i = 0; i < dns->n_servers; i++)
		dns->servers[i] = conf->dns_servers[i];
	dns->n_domains = MIN(conf->n_dns_domains, (size_t)CTRL_MAX_DNS_DOMAINS);
	for (size_t i = 0; i < dns->n_domains; i++)
		text_copy(dns->domains[i], sizeof(dns->domains[i]), conf->dns_domains[i]);
}

static void fill_welcome(const struct server *s, const struct mail_admit *who,
	const struct registry_lease *lease, struct ctrl_welcome *w)
{
	const struct server_conf *conf = s->conf;
	struct tls_expiry e = tls_ctx_expiry(s->tls);
	int64_t now = io_now_unix();

	for (size_t i = 0; i < lease->n_addrs; i++) {
		uint8_t len = lease->addrs[i].family == 4 ? conf->pool4.len : conf->pool6.len;
		w->addresses[w->n_addresses++] =
			(struct prefix){ .addr = lease->addrs[i], .len = len };
	}
	w->n_routes = MIN(conf->n_routes, (size_t)CTRL_MAX_ROUTES);
	for (size_t i = 0; i < w->n_routes; i++)
		w->routes[i] = conf->routes[i];
	fill_dns(conf, &w->dns);
	w->mtu = conf->mtu;
	w->time = now;
	w->days_certificate = (int32_t)report_days(who->not_after, now);
	w->days_ca = (int32_t)report_days(e.ca, now);
	w->days_crl = e.crl == INT64_MAX ? CTRL_DAYS_UNKNOWN : (int32_t)report_days(e.crl, now);
}

static void refuse(struct server *s, const struct mail_admit *m, int err)
{
	if (err == -EEXIST)
		send_bye(s, m->handle, "duplicate", "this identity is connected already");
	else if (err == -ENOSPC && registry_count(s->registry) >= s->conf->max_clients)
		send_bye(s, m->handle, "full", "max_clients is reached");
	else if (err == -ENOSPC)
		send_bye(s, m->handle, "full",
			"no address is left; the server's pool4 or pool6 needs to be larger");
	else
		send_bye(s, m->handle, "internal", strerror(-err));
}

void admission_admit(struct server *s, const struct mail_admit *m)
{
	struct registry_lease lease;
	char identity[IDENT_URI_MAX + 1];

	int r = registry_admit(s->registry, ident_format(&m->ident, identity), m->handle, &lease);
	if (r < 0) {
		refuse(s, m, r);
		return;
	}
	/* Routes first: when the client hears of its addresses, every worker knows them. */
	send_routes(s, true, m->handle, &lease);
	if (lease.replaces)
		send_bye(s, lease.old, "replaced", "the same identity has connected again");
	struct mail_admitted *a = mail_new(sizeof(*a));
	a->mail.type = MAIL_ADMITTED;
	a->handle = m->handle;
	fill_welcome(s, m, &lease, &a->welcome);
	mailbox_post(&s->workers[HANDLE_WORKER(m->handle)].mailbox, &a->mail);
}

void admission_gone(struct server *s, uint64_t handle)
{
	struct registry_lease lease;

	if (registry_release(s->registry, handle, &lease) == 1)
		send_routes(s, false, handle, &lease);
}
