/* The status reply: each worker gives its part, the hub joins them. */
#include "server/server.h"

#include "base/util.h"
#include "io/report.h"

#include <unistd.h>

static json_t *client_json(const struct client *c)
{
	const struct worker *w = c->worker;
	char identity[IDENT_URI_MAX + 1], text[ADDR_STRLEN];
	struct report_session r = {
		.tunnel = &c->tunnel,
		.identity = ident_format(&c->ident, identity),
		.name = c->name,
		.session = c->session,
		.since = c->since,
		.expires = c->not_after,
		.offload = w->offload,
		.offload_why_not = w->offload_why_not,
	};
	json_t *j = report_session(&r), *addrs = json_array();

	for (size_t i = 0; i < c->lease.n_addrs; i++)
		(void)json_array_append_new(
			addrs, json_string(addr_format(&c->lease.addrs[i], text)));
	(void)json_object_set_new(j, "addresses", addrs);
	(void)json_object_set_new(j, "worker", json_integer(w->index));
	return j;
}

json_t *worker_sessions_json(const struct worker *w)
{
	json_t *a = json_array();

	for (uint32_t i = 0; i < w->n_slots; i++) {
		const struct client *c = w->slots[i];
		/* Nobody is shown before it has proved who it is. */
		if (c != NULL && !c->over && c->tunnel.started)
			(void)json_array_append_new(a, client_json(c));
	}
	return a;
}

static json_t *tally_json(const struct tally *t)
{
	json_t *j = json_object();

	for (size_t i = 0; i < t->used; i++)
		(void)json_object_set_new(
			j, t->rows[i].name, json_integer((json_int_t)t->rows[i].n));
	return j;
}

json_t *worker_counters_json(const struct worker *w)
{
	return json_pack("{s:I, s:I, s:o*, s:o*, s:o*}", "accepted", (json_int_t)w->accepted,
		"established", (json_int_t)w->established, "refused", tally_json(&w->refused),
		"ended", tally_json(&w->ended), "drops", report_drops(&w->dp));
}

/* Add the numbers of from to those of the same name in to, objects within as well. */
void status_add_counters(json_t *to, json_t *from)
{
	const char *name;
	json_t *value;

	json_object_foreach (from, name, value) {
		json_t *have = json_object_get(to, name);
		if (have == NULL)
			(void)json_object_set(to, name, value);
		else if (json_is_object(value))
			status_add_counters(have, value);
		else
			(void)json_integer_set(
				have, json_integer_value(have) + json_integer_value(value));
	}
}

json_t *status_of_server(const struct server *s, json_t *sessions, json_t *counters)
{
	const struct server_conf *conf = s->conf;
	int64_t now = io_now_unix();
	char identity[IDENT_URI_MAX + 1], text[ENDPOINT_STRLEN];
	json_t *listen = json_array(), *addresses = json_array();

	for (size_t i = 0; i < conf->n_listen; i++)
		(void)json_array_append_new(
			listen, json_string(endpoint_format(&conf->listen[i], text)));
	for (size_t i = 0; i < s->n_own; i++)
		(void)json_array_append_new(
			addresses, json_string(prefix_format(&s->own[i], text)));
	json_t *j = json_pack("{s:s, s:s, s:s, s:i, s:I, s:I, s:s, s:s, s:s}", "program",
		"sallyport-server", "version", SALLYPORT_VERSION, "library", tls_library_version(),
		"pid", (int)getpid(), "started", (json_int_t)s->started, "now", (json_int_t)now,
		"state", "running", "network", conf->network, "identity",
		ident_format(tls_ctx_ident(s->tls), identity));
	json_t *more = json_pack("{s:s, s:i, s:i, s:o*, s:o*, s:o*, s:o*, s:o*, s:o*}", "device",
		s->tun.name, "mtu", (int)conf->mtu, "workers", (int)conf->workers, "offload",
		report_device_offload(s->tun.can, s->tun.why_not), "listen", listen, "addresses",
		addresses, "days", report_expiry(s->tls, now), "sessions", sessions, "counters",
		counters);
	(void)json_object_update_new(j, more);
	return j;
}
