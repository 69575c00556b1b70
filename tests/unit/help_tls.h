#ifndef UNIT_HELP_TLS_H
#define UNIT_HELP_TLS_H

#include "help_certs.h"
#include "tls/tls_conn.h"

/* Two TLS ends joined in memory. */

struct help_end {
	struct tls_ctx *ctx;
	struct tls_conn *conn;
	struct buf out; /* What it has sent and the other end has not read. */
	enum tls_status status;
};

struct help_link {
	struct help_end server, client;
	size_t step; /* Most bytes given at a time; 0: all there are. */
};

/* Options for a context; the PEM texts are those of cert and its CA.  chain, if any, goes after cert. */
struct tls_ctx_opts help_ctx_opts(
	enum ident_role role, const struct help_cert *cert, const struct help_cert *ca);

/* Makes both contexts; fails the test when that fails. */
void help_link_init(
	struct help_link *l, const struct tls_ctx_opts *server, const struct tls_ctx_opts *client);
void help_link_clear(struct help_link *l);

/* Connect once more with the same contexts.  server_name: what the client asks for. */
void help_link_open(struct help_link *l, const char *server_name);

/* Shake hands until neither end can go on; or one step of each, which says whether anything happened. */
void help_link_shake(struct help_link *l);
bool help_link_step(struct help_link *l);

/* Everything that has arrived at to, in out; returns its length and leaves the last status in to->status. */
size_t help_link_read(struct help_link *l, struct help_end *to, uint8_t *out, size_t cap);

#endif
