#include "client/client.h"

#include "io/report.h"

#include <unistd.h>

static const char *state_name(enum client_state state)
{
	static const char *const names[] = {
		[CLIENT_CONNECTING] = "connecting",
		[CLIENT_OPEN] = "open",
		[CLIENT_WAITING] = "waiting",
		[CLIENT_STOPPING] = "stopping",
	};

	return names[state];
}

static json_t *prefixes(const struct prefix *list, size_t n)
{
	json_t *a = json_array();
	char text[PREFIX_STRLEN];

	for (size_t i = 0; i < n; i++)
		(void)json_array_append_new(a, json_string(prefix_format(&list[i], text)));
	return a;
}

static json_t *sessions(const struct client *c)
{
	json_t *a = json_array();
	char identity[IDENT_URI_MAX + 1];

	if (!c->connected || !c->tunnel.started)
		return a;
	struct report_session r = {
		.tunnel = &c->tunnel,
		.identity = ident_format(&c->server, identity),
		.name = c->server.name,
		.session = c->welcome.session,
		.since = c->since,
		.expires = c->server_expires,
		.offload = c->setup.tun.can,
		.offload_why_not = c->setup.tun.why_not,
	};
	json_t *j = report_session(&r);
	(void)json_object_set_new(
		j, "addresses", prefixes(c->setup.addresses, c->setup.n_addresses));
	(void)json_array_append_new(a, j);
	return a;
}

json_t *status_of_client(const struct client *c)
{
	int64_t now = io_now_unix();
	char identity[IDENT_URI_MAX + 1], remote[ENDPOINT_STRLEN];
	json_t *j = json_pack("{s:s, s:s, s:s, s:i, s:I, s:I, s:s, s:s, s:s, s:s}", "program",
		"sallyport-client", "version", SALLYPORT_VERSION, "library", tls_library_version(),
		"pid", (int)getpid(), "started", (json_int_t)c->started, "now", (json_int_t)now,
		"state", state_name(c->state), "network", c->conf->network, "identity",
		ident_format(tls_ctx_ident(c->tls), identity), "remote",
		endpoint_format(&c->current, remote));
	json_t *more = json_pack("{s:s, s:i, s:o*, s:o*, s:o*, s:o*, s:o*, s:{s:o*}}", "device",
		c->setup.tun.name, "mtu", (int)c->setup.mtu, "offload",
		report_device_offload(c->setup.tun.can, c->setup.tun.why_not), "addresses",
		prefixes(c->setup.addresses, c->setup.n_addresses), "routes",
		prefixes(c->setup.routes, c->setup.n_routes), "days", report_expiry(c->tls, now),
		"sessions", sessions(c), "counters", "drops", report_drops(&c->dp));

	(void)json_object_update_new(j, more);
	if (c->state == CLIENT_WAITING && c->wake_us > io_now_us())
		(void)json_object_set_new(j, "retry_in_s",
			json_integer((json_int_t)((c->wake_us - io_now_us() + 999999) / 1000000)));
	return j;
}
