#ifndef CONF_CLIENT_CONF_H
#define CONF_CLIENT_CONF_H

#include "conf/conf.h"
#include "net/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Everything sallyport-client reads from its file.  Read-only after client_conf_load(). */
struct client_conf {
	struct endpoint *remotes; /* Tried in order; at least one. */
	size_t n_remotes;
	char *server_name; /* What the server's certificate must name; NULL: the remote's host. */

	char *network;
	char *certificate, *key, *ca,
		*crl; /* A path, or PEM text (conf_is_pem()); crl may be NULL. */
	bool crl_stale_deny;
	uint32_t crl_grace_days;
	bool require_pq;

	char *device;
	bool offload;
	uint16_t mtu_max;      /* The server's MTU is lowered to it. */
	bool accept_routes;    /* Take the server's routes at all. */
	struct prefix *accept; /* Only routes inside one of these; none: all but a default route. */
	size_t n_accept;
	uint32_t table, fwmark, rule_priority;

	uint32_t connect_timeout_s; /* TCP, TLS and WELCOME together. */
	uint32_t retry_min_s, retry_max_s;

	char *congestion_control;
	char *control;
	unsigned log_level;
};

int client_conf_load(const char *path, struct client_conf *out, struct conf_error *err);
int client_conf_load_string(const char *text, struct client_conf *out, struct conf_error *err);
void client_conf_clear(struct client_conf *c);
const struct conf_table *client_conf_table(void);

#endif
