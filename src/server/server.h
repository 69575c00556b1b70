#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include "conf/server_conf.h"
#include "core/registry.h"
#include "io/ctl_server.h"
#include "server/mail.h"
#include "server/worker.h"

#include "sys/tun.h"

/*
 * The hub: the main thread.  It owns the device, the addresses and the list of who is connected, answers the
 * operator, and tells the workers what they need to know.  It sees no packet.
 */
struct server {
	const struct server_conf *conf;
	struct tls_ctx *tls; /* For what it says of itself; each worker has its own. */
	struct tun tun;
	bool tun_open;
	struct prefix own[REGISTRY_MAX_ADDRS]; /* Our addresses, with the pools' lengths. */
	size_t n_own;
	struct registry *registry;
	int64_t started; /* Unix seconds. */

	uv_loop_t loop;
	struct mailbox mailbox;
	uv_signal_t signals[3];
	uv_fs_poll_t crl_watch; /* Used when conf->crl is a file. */
	bool crl_watched;
	struct ctl_server *ctl;
	struct worker *workers;
	unsigned n_open, n_running;
	bool stopping;
	int exit_code;
};

/* Run until a signal ends it.  Returns the exit code: 0 or 1. */
int server_run(const struct server_conf *conf);

/* Read what conf names and check it, as far as that goes without changing anything.  0, or a negative errno; why says it. */
int server_load_tls(const struct server_conf *conf, struct tls_ctx **out, char why[static 256]);

/* server/reload.c: read certificate, key, CA bundle and CRLs again; on an error nothing changes, and the log says why. */
void reload_tls(struct server *s);
void reload_watch_crl(struct server *s); /* ... whenever the CRL's file changes. */
void reload_stop(struct server *s);

/* server/setup.c: the device with its addresses. */
int server_open_device(struct server *s, char why[static 256]);

/* server/admission.c: sessions coming and going. */
void admission_admit(struct server *s, const struct mail_admit *m);
void admission_gone(struct server *s, uint64_t handle);

/* server/status.c */
json_t *status_of_server(
	const struct server *s, json_t *sessions, json_t *counters); /* Takes both references. */
void status_add_counters(json_t *to, json_t *from);

#endif
