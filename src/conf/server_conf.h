#ifndef CONF_SERVER_CONF_H
#define CONF_SERVER_CONF_H

#include "conf/conf.h"
#include "net/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Everything sallyport-server reads from its file.  Read-only after server_conf_load(). */
struct server_conf {
	struct endpoint *listen; /* Hosts are addresses. */
	size_t n_listen;
	unsigned workers;

	char *network;
	char *certificate, *key, *ca,
		*crl; /* A path, or PEM text (conf_is_pem()); crl may be NULL. */
	bool crl_stale_deny;
	uint32_t crl_grace_days;
	bool require_pq;

	char *device;
	uint16_t mtu;
	bool offload;
	struct prefix pool4, pool6; /* len 0 and family 0: none; one at least is there. */
	struct prefix *routes;      /* Told to clients, beside the pools. */
	size_t n_routes;
	struct addr *dns_servers;
	size_t n_dns_servers;
	char **dns_domains;
	size_t n_dns_domains;

	bool client_to_client;
	bool duplicate_reject; /* duplicate = "reject"; else "replace". */
	uint32_t max_clients;
	uint32_t max_handshakes;
	uint32_t address_rate; /* 0: no limit. */
	uint32_t handshake_timeout_s;
	uint32_t keepalive_s, dead_after_s;

	char *congestion_control;
	char *control;      /* Path of the status socket. */
	unsigned log_level; /* enum log_level. */
};

int server_conf_load(const char *path, struct server_conf *out, struct conf_error *err);
int server_conf_load_string(const char *text, struct server_conf *out, struct conf_error *err);
void server_conf_clear(struct server_conf *c);
const struct conf_table *server_conf_table(void);

#endif
