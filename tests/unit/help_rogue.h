#ifndef UNIT_HELP_ROGUE_H
#define UNIT_HELP_ROGUE_H

#include "help_certs.h"
#include "tls/tls_conn.h"

/*
 * A peer that keeps no rules: the TLS library without our code, with whatever certificate and key it is given and
 * without looking at the other side's.
 */
struct help_rogue {
	bool server;
	const char *cert, *key; /* PEM; NULL: none. */
	const char *alpn;       /* NULL: none. */
	int group;              /* A group of the library's; 0: the library's choice. */
};

struct help_verdict {
	enum tls_status status;
	enum tls_reason reason;
	char detail[256];
	struct ident ident; /* Of tls_conn_peer(), if any. */
	bool have_peer;
	struct tls_info info;
	char last_words
		[64]; /* What the rogue could read of the victim's one write after TLS_REFUSED. */
};

/* Let it meet a connection of ctx at that time. */
struct help_verdict help_rogue_meets(
	const struct help_rogue *r, struct tls_ctx *ctx, const char *server_name, int64_t now);

#endif
