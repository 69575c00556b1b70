#ifndef CLIENT_CLIENT_H
#define CLIENT_CLIENT_H

#include "client/connect.h"
#include "conf/client_conf.h"
#include "core/backoff.h"
#include "io/ctl_server.h"
#include "io/tunnel.h"
#include "sys/netif.h"
#include "sys/tun.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The client: one thread, one session.
 *
 *    CONNECTING: names are looked up, addresses tried in order, TLS, HELLO, WELCOME, set up
 *        │ READY                       │ failed
 *        v                             v
 *      OPEN ──lost, BYE──────────> WAITING ──full-jitter backoff, or what the server asked for──> CONNECTING
 *
 * The device and its addresses stay while it waits, so that inner connections live through a reconnect.
 */
enum client_state {
	CLIENT_CONNECTING,
	CLIENT_OPEN,
	CLIENT_WAITING,
	CLIENT_STOPPING,
};

/* client/setup.c: addresses and routes as the server has told, on the device. */
enum { SETUP_MAX_ROUTES = CTRL_MAX_ROUTES + CTRL_MAX_ADDRS };

struct setup {
	const struct client_conf *conf;
	struct tun tun;
	bool tun_open;
	struct netif *netif;
	struct prefix addresses[CTRL_MAX_ADDRS]; /* Host prefixes. */
	size_t n_addresses;
	struct prefix routes[SETUP_MAX_ROUTES];
	size_t n_routes;
	uint16_t mtu;
};

/* Sweep what a killed client has left, open the device.  0 or a negative errno with why. */
int setup_open(struct setup *s, const struct client_conf *conf, char why[static 256]);

/* Make the device, the routing table and the dataplane what w says, within what conf accepts. */
int setup_apply(struct setup *s, const struct ctrl_welcome *w, struct dataplane *dp,
	uint64_t handle, char why[static 256]);

/* Undo everything. */
void setup_close(struct setup *s);

struct client {
	const struct client_conf *conf;
	enum client_state state;
	struct io_loop loop;
	struct tls_ctx *tls;
	struct setup setup;
	struct dataplane dp;
	struct tun_port tun;
	struct tunnel tunnel;
	bool connected; /* The tunnel has a connection. */

	struct connector connector;
	size_t remote; /* Index of the one in use, or to be tried next. */
	struct endpoint
		moved_to;        /* Where the server has sent us, for the next try; port 0: none. */
	struct endpoint current; /* What is being tried or used. */
	uint64_t deadline_us;    /* CONNECTING must be over by then. */
	struct backoff backoff;
	uint64_t wake_us; /* WAITING ends then. */

	struct ident server;
	int64_t server_expires;
	struct ctrl_welcome welcome; /* The last one. */
	int64_t started, since;      /* Unix seconds; since 0: not open. */
	int exit_code;
	struct ctl_server *ctl;
	uv_signal_t signals[2];
};

/* Run until a signal ends it.  Returns the exit code. */
int client_run(const struct client_conf *conf);

int client_load_tls(const struct client_conf *conf, struct tls_ctx **out, char why[static 256]);

/* client/status.c */
json_t *status_of_client(const struct client *c);

#endif
