#ifndef SERVER_MAIL_H
#define SERVER_MAIL_H

#include "core/registry.h"
#include "io/mailbox.h"
#include "net/ctrl.h"
#include "net/ident.h"
#include "tls/tls_ctx.h"

#include <jansson.h>
#include <stdbool.h>

/*
 * What the hub and the workers tell each other.  All of it is malloc()ed by the sender and freed by the receiver.
 *
 *    worker ──ADMIT──> hub ──ROUTES──> every worker, then ──ADMITTED or BYE──> worker
 *    worker ──GONE───> hub ──ROUTES──> every worker
 */
enum mail_type {
	MAIL_ADMIT,    /* To the hub: struct mail_admit. */
	MAIL_GONE,     /* To the hub: struct mail_session; for each session that sent MAIL_ADMIT. */
	MAIL_REPORT,   /* Both ways: struct mail_report. */
	MAIL_ADMITTED, /* To a worker: struct mail_admitted. */
	MAIL_BYE,      /* To a worker: struct mail_bye; handle 0: to all sessions, and end. */
	MAIL_ROUTES,   /* To a worker: struct mail_routes. */
	MAIL_TLS,      /* To a worker: struct mail_tls. */
	MAIL_DEVICE,   /* To the hub: struct mail_device. */
};

struct mail_session {
	struct mail mail;
	uint64_t handle;
};

struct mail_admit {
	struct mail mail;
	uint64_t handle;
	struct ident ident;
	int64_t not_after;
};

struct mail_admitted {
	struct mail mail;
	uint64_t handle;
	struct ctrl_welcome welcome;
};

struct mail_bye {
	struct mail mail;
	uint64_t handle;
	struct ctrl_bye bye;
};

struct mail_routes {
	struct mail mail;
	bool add;
	uint64_t handle;
	struct registry_lease lease;
	size_t sessions; /* That there are now, on all workers. */
};

/* A question from the operator goes round all workers; each adds its part. */
struct mail_report {
	struct mail mail;
	void *query;      /* The hub's. */
	json_t *sessions; /* Array. */
	json_t *counters; /* Object of the form of status.c. */
};

/* New certificate, CA bundle and revocations; the reference becomes the worker's. */
struct mail_tls {
	struct mail mail;
	struct tls_ctx *tls;
};

struct mail_device {
	struct mail mail;
	int err;
};

#endif
