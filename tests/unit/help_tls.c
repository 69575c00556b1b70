#include "help_tls.h"

#include "base/util.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { OUT_MAX = 1 << 21 };

struct tls_ctx_opts help_ctx_opts(
	enum ident_role role, const struct help_cert *cert, const struct help_cert *ca)
{
	return (struct tls_ctx_opts){ .role = role,
		.network = "net.example",
		.cert = cert->pem,
		.key = cert->key_pem,
		.ca = ca->pem,
		.now = time(NULL) };
}

static void make_ctx(struct help_end *e, const struct tls_ctx_opts *opts)
{
	char why[256] = "";

	assert_int_equal(tls_global_init(), 0);
	e->out = (struct buf){ .max = OUT_MAX };
	if (tls_ctx_create(opts, &e->ctx, why) != 0)
		fail_msg("tls_ctx_create: %s", why);
}

void help_link_init(
	struct help_link *l, const struct tls_ctx_opts *server, const struct tls_ctx_opts *client)
{
	memset(l, 0, sizeof(*l));
	make_ctx(&l->server, server);
	make_ctx(&l->client, client);
}

static void close_conn(struct help_end *e)
{
	tls_conn_free(e->conn);
	e->conn = NULL;
	buf_clear(&e->out);
}

void help_link_clear(struct help_link *l)
{
	close_conn(&l->server);
	close_conn(&l->client);
	tls_ctx_put(l->server.ctx);
	tls_ctx_put(l->client.ctx);
}

void help_link_open(struct help_link *l, const char *server_name)
{
	close_conn(&l->server);
	close_conn(&l->client);
	assert_int_equal(tls_conn_create(l->server.ctx, NULL, &l->server.conn), 0);
	assert_int_equal(tls_conn_create(l->client.ctx, server_name, &l->client.conn), 0);
	l->server.status = l->client.status = TLS_MORE;
}

static struct help_end *other(struct help_link *l, const struct help_end *e)
{
	return e == &l->server ? &l->client : &l->server;
}

/* Give e what the other has sent; returns how much it took. */
static size_t feed(struct help_link *l, struct help_end *e)
{
	struct help_end *from = other(l, e);
	size_t n = buf_len(&from->out);

	if (l->step > 0)
		n = MIN(n, l->step);
	tls_conn_input(e->conn, n > 0 ? buf_bytes(&from->out) : NULL, n);
	tls_conn_output(e->conn, &e->out);
	return n;
}

static size_t taken(struct help_link *l, struct help_end *e, size_t given)
{
	size_t n = given - tls_conn_input_left(e->conn);

	buf_consume(&other(l, e)->out, n);
	tls_conn_input(e->conn, NULL, 0);
	return n;
}

static bool shake_one(struct help_link *l, struct help_end *e)
{
	if (e->status != TLS_MORE)
		return false;
	size_t before = buf_len(&e->out), given = feed(l, e);
	e->status = tls_conn_handshake(e->conn, time(NULL));
	return taken(l, e, given) > 0 || buf_len(&e->out) != before || e->status != TLS_MORE;
}

bool help_link_step(struct help_link *l)
{
	bool moved = shake_one(l, &l->client);

	moved |= shake_one(l, &l->server);
	return moved;
}

void help_link_shake(struct help_link *l)
{
	while (help_link_step(l))
		continue;
}

size_t help_link_read(struct help_link *l, struct help_end *to, uint8_t *out, size_t cap)
{
	size_t total = 0, n, given, took;

	do {
		given = feed(l, to);
		to->status = tls_conn_read(to->conn, out + total, cap - total, &n);
		took = taken(l, to, given);
		total += n;
	} while ((took > 0 || n > 0) && (to->status == TLS_OK || to->status == TLS_MORE) &&
		 total < cap);
	return total;
}
