#include "help_rogue.h"

#include "base/util.h"

#include <wolfssl/options.h>

#include <wolfssl/ssl.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { WIRE_MAX = 1 << 20 };

struct wire {
	struct buf to_rogue, to_victim;
};

static int rogue_receive(WOLFSSL *ssl, char *to, int len, void *ctx)
{
	struct wire *w = ctx;
	size_t n = MIN((size_t)len, buf_len(&w->to_rogue));

	(void)ssl;
	if (n == 0)
		return WOLFSSL_CBIO_ERR_WANT_READ;
	memcpy(to, buf_bytes(&w->to_rogue), n);
	buf_consume(&w->to_rogue, n);
	return (int)n;
}

static int rogue_send(WOLFSSL *ssl, char *from, int len, void *ctx)
{
	struct wire *w = ctx;

	(void)ssl;
	return buf_append(&w->to_victim, from, (size_t)len) == 0 ? len : WOLFSSL_CBIO_ERR_GENERAL;
}

static WOLFSSL_CTX *make_ctx(const struct help_rogue *r)
{
	WOLFSSL_CTX *ctx = wolfSSL_CTX_new(
		r->server ? wolfTLSv1_3_server_method() : wolfTLSv1_3_client_method());
	int group = r->group;

	assert_non_null(ctx);
	if (r->cert != NULL) {
		assert_int_equal(wolfSSL_CTX_use_certificate_chain_buffer(
					 ctx, (const uint8_t *)r->cert, (long)strlen(r->cert)),
			WOLFSSL_SUCCESS);
		assert_int_equal(wolfSSL_CTX_use_PrivateKey_buffer(ctx, (const uint8_t *)r->key,
					 (long)strlen(r->key), WOLFSSL_FILETYPE_PEM),
			WOLFSSL_SUCCESS);
	}
	wolfSSL_CTX_set_verify(ctx, WOLFSSL_VERIFY_NONE, NULL);
	if (group != 0)
		assert_int_equal(wolfSSL_CTX_set_groups(ctx, &group, 1), WOLFSSL_SUCCESS);
	return ctx;
}

static WOLFSSL *make_ssl(const struct help_rogue *r, WOLFSSL_CTX *ctx, struct wire *w)
{
	WOLFSSL *ssl = wolfSSL_new(ctx);
	char alpn[64];

	assert_non_null(ssl);
	if (r->alpn != NULL) {
		memcpy(alpn, r->alpn, strlen(r->alpn) + 1);
		assert_int_equal(wolfSSL_UseALPN(ssl, alpn, (unsigned)strlen(alpn),
					 WOLFSSL_ALPN_CONTINUE_ON_MISMATCH),
			WOLFSSL_SUCCESS);
	}
	wolfSSL_SSLSetIORecv(ssl, rogue_receive);
	wolfSSL_SSLSetIOSend(ssl, rogue_send);
	wolfSSL_SetIOReadCtx(ssl, w);
	wolfSSL_SetIOWriteCtx(ssl, w);
	return ssl;
}

/* One step of the victim; returns whether anything happened. */
static bool step(struct tls_conn *c, struct wire *w, int64_t now, enum tls_status *status)
{
	size_t given = buf_len(&w->to_victim), before = buf_len(&w->to_rogue);

	if (*status != TLS_MORE)
		return false;
	tls_conn_input(c, given > 0 ? buf_bytes(&w->to_victim) : NULL, given);
	tls_conn_output(c, &w->to_rogue);
	*status = tls_conn_handshake(c, now);
	size_t took = given - tls_conn_input_left(c);
	buf_consume(&w->to_victim, took);
	return took > 0 || buf_len(&w->to_rogue) != before || *status != TLS_MORE;
}

static void fill(struct help_verdict *v, struct tls_conn *c, struct wire *w, WOLFSSL *ssl)
{
	const struct tls_failure *f = tls_conn_failure(c);
	const struct tls_peer *peer = tls_conn_peer(c);

	v->info = tls_conn_info(c);
	if (v->status != TLS_OK) {
		v->reason = f->reason;
		memcpy(v->detail, f->detail, sizeof(v->detail));
	}
	v->have_peer = peer != NULL;
	if (peer != NULL)
		v->ident = peer->ident;
	if (v->status != TLS_REFUSED)
		return;
	tls_conn_output(c, &w->to_rogue);
	assert_int_equal(tls_conn_write(c, (const uint8_t *)"BYE", 3), TLS_OK);
	tls_conn_shutdown(c);
	int n = wolfSSL_read(ssl, v->last_words, sizeof(v->last_words) - 1);
	v->last_words[n > 0 ? n : 0] = '\0';
}

struct help_verdict help_rogue_meets(
	const struct help_rogue *r, struct tls_ctx *ctx, const char *server_name, int64_t now)
{
	struct wire w = { .to_rogue = { .max = WIRE_MAX }, .to_victim = { .max = WIRE_MAX } };
	struct help_verdict v = { .status = TLS_MORE };
	WOLFSSL_CTX *rogue_ctx = make_ctx(r);
	WOLFSSL *ssl = make_ssl(r, rogue_ctx, &w);
	struct tls_conn *c = NULL;
	bool moved = true;
	int rc = 0;

	assert_int_equal(tls_conn_create(ctx, server_name, &c), 0);
	while (moved) {
		size_t before = buf_len(&w.to_victim);
		if (rc != WOLFSSL_SUCCESS)
			rc = r->server ? wolfSSL_accept(ssl) : wolfSSL_connect(ssl);
		moved = buf_len(&w.to_victim) != before;
		moved |= step(c, &w, now, &v.status);
	}
	fill(&v, c, &w, ssl);
	tls_conn_free(c);
	wolfSSL_free(ssl);
	wolfSSL_CTX_free(rogue_ctx);
	buf_clear(&w.to_rogue);
	buf_clear(&w.to_victim);
	return v;
}
