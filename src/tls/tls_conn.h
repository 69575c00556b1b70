#ifndef TLS_TLS_CONN_H
#define TLS_TLS_CONN_H

#include "base/buf.h"
#include "net/ident.h"
#include "tls/tls_ctx.h"
#include "tls/tls_verify.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One TLS 1.3 connection on memory: ciphertext in, plaintext out, and back.  No sockets, no clock.
 *
 * Before each call set where ciphertext comes from (tls_conn_input) and goes to (tls_conn_output); both
 * may change between calls, so that buffers are shared by all connections of a worker.  Input that a call
 * leaves unread stays the caller's: ask tls_conn_input_left() and offer it again.
 */
struct tls_conn;

enum tls_status {
	TLS_OK,
	TLS_MORE,    /* Needs more ciphertext. */
	TLS_CLOSED,  /* The peer sent close_notify. */
	TLS_REFUSED, /* Handshake only: it went through, our own check said no; one last tls_conn_write() may tell the peer. */
	TLS_FAILED,  /* The connection is of no more use; the output may hold an alert to send. */
};

struct tls_peer {
	struct ident ident;
	char serial[2 * X509_SERIAL_MAX + 1]; /* Lower-case hexadecimal. */
	struct der issuer;                    /* Name with its header; belongs to the tls_conn. */
	int64_t not_after;                    /* Unix seconds. */
};

struct tls_info {
	const char *version; /* "TLSv1.3" */
	const char *suite;   /* "TLS_AES_256_GCM_SHA384" */
	const char *group;   /* "X25519MLKEM768" */
};

struct tls_failure {
	enum tls_reason reason;
	char detail[256]; /* For the log; without control characters. */
};

/* server_name: client only, the host asked for (copied).  Keeps a reference to ctx.  0, -EINVAL or -ENOMEM. */
int tls_conn_create(struct tls_ctx *ctx, const char *server_name, struct tls_conn **out);
void tls_conn_free(struct tls_conn *c); /* NULL is fine. */

void tls_conn_input(struct tls_conn *c, const uint8_t *bytes, size_t len);
size_t tls_conn_input_left(const struct tls_conn *c);
void tls_conn_output(struct tls_conn *c, struct buf *out); /* Must have room, or writes fail. */

/* Go on with the handshake.  now is Unix seconds, for certificate dates. */
enum tls_status tls_conn_handshake(struct tls_conn *c, int64_t now);

/* After TLS_OK, or TLS_REFUSED where a certificate could be read; else NULL. */
const struct tls_peer *tls_conn_peer(const struct tls_conn *c);
/* Has the peer's certificate been revoked, by what ctx knows (which may be newer than the connection's own)? */
bool tls_conn_revoked_by(const struct tls_conn *c, const struct tls_ctx *ctx);

struct tls_info tls_conn_info(const struct tls_conn *c);
const struct tls_failure *tls_conn_failure(
	const struct tls_conn *c); /* After TLS_REFUSED, TLS_FAILED. */

/*
 * Decrypt: as much as is there, up to cap bytes into out; *n is set.  TLS_OK with *n > 0, or TLS_MORE, TLS_CLOSED, TLS_FAILED with
 * *n == 0.
 */
enum tls_status tls_conn_read(struct tls_conn *c, uint8_t *out, size_t cap, size_t *n);

/*
 * Encrypt all len bytes in records of up to 16 KiB.  TLS_OK; TLS_CLOSED, with nothing written, once the peer has sent
 * close_notify; or TLS_FAILED (output full: internal).
 */
enum tls_status tls_conn_write(struct tls_conn *c, const uint8_t *bytes, size_t len);

/* Most ciphertext that writing len bytes can make. */
size_t tls_conn_sealed_max(size_t len);

/* New sending keys (RFC 8446 4.6.3), and ask the peer for the same. */
enum tls_status tls_conn_update_keys(struct tls_conn *c);
uint64_t tls_conn_bytes_sent(const struct tls_conn *c); /* Plaintext since the last key update. */

/* Put close_notify into the output. */
void tls_conn_shutdown(struct tls_conn *c);

#endif
