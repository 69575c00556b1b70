#include "tls/tls_conn.h"

#include "base/util.h"
#include "tls/tls_ctx_priv.h"
#include "tls/tls_error.h"
#include "tls/tls_possession.h"

#include <wolfssl/options.h>

#include <wolfssl/ssl.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A record of RFC 8446 5.2: header, content, its type, the AEAD's tag. */
enum { RECORD_CONTENT = 16384, RECORD_OVERHEAD = 5 + 1 + 16, FIRST_BYTES = 5, MAX_HOST = 255 };

static const char alpn[] = "sallyport/1";

/* What only the handshake needs; gone when it is over. */
struct handshake {
	char *server_name;
	uint8_t *chain_bytes;
	struct der chain[TLS_CHAIN_MAX]; /* In chain_bytes. */
	size_t n_chain; /* As many as were sent; the first TLS_CHAIN_MAX are kept. */
	struct tls_possession possession;
	enum tls_reason verdict; /* Ours on a chain that the library refuses. */
	char detail[256];
	uint8_t first[FIRST_BYTES];
	size_t n_first;
	int64_t now;
};

enum state { HANDSHAKE, OPEN, CLOSED, REFUSED, FAILED };

struct tls_conn {
	WOLFSSL *ssl;
	struct tls_ctx *ctx;
	const uint8_t *in;
	size_t in_len;
	struct buf *out;
	enum state state;
	bool have_peer;
	uint64_t sent;
	struct handshake *hs;
	uint8_t *issuer; /* What peer.issuer points to. */
	uint8_t serial[X509_SERIAL_MAX];
	size_t serial_len;
	struct tls_peer peer;
	struct tls_info info;
	struct tls_failure failure;
};

static int receive(WOLFSSL *ssl, char *to, int len, void *ctx)
{
	struct tls_conn *c = ctx;
	size_t n = MIN((size_t)len, c->in_len);

	(void)ssl;
	if (n == 0)
		return WOLFSSL_CBIO_ERR_WANT_READ;
	memcpy(to, c->in, n);
	c->in += n;
	c->in_len -= n;
	return (int)n;
}

static int transmit(WOLFSSL *ssl, char *from, int len, void *ctx)
{
	const struct tls_conn *c = ctx;

	(void)ssl;
	if (c->out == NULL || buf_append(c->out, from, (size_t)len) != 0)
		return WOLFSSL_CBIO_ERR_GENERAL;
	return len;
}

static int keep_chain(struct handshake *hs, const WOLFSSL_X509_STORE_CTX *store)
{
	size_t total = 0, kept = MIN((size_t)store->totalCerts, (size_t)TLS_CHAIN_MAX);
	struct x509_cert leaf;

	if (hs->chain_bytes != NULL || store->totalCerts <= 0)
		return 0;
	for (size_t i = 0; i < kept; i++)
		total += store->certs[i].length;
	hs->chain_bytes = malloc(total + 1);
	if (hs->chain_bytes == NULL)
		return -ENOMEM;
	uint8_t *to = hs->chain_bytes;
	for (size_t i = 0; i < kept; i++) {
		size_t len = store->certs[i].length;
		memcpy(to, store->certs[i].buffer, len);
		hs->chain[i] = (struct der){ to, len };
		to += len;
	}
	hs->n_chain = (size_t)store->totalCerts;
	if (x509_parse(hs->chain[0].p, hs->chain[0].len, &leaf) == 0)
		hs->possession.spki = leaf.spki;
	return 0;
}

static enum tls_reason check_chain(
	const struct tls_conn *c, struct ident *id, char detail[static 256])
{
	const struct tls_verify_opts opts = {
		.role = c->ctx->ident.role == IDENT_SERVER ? IDENT_CLIENT : IDENT_SERVER,
		.network = c->ctx->ident.network,
		.server_name = c->hs->server_name,
		.now = c->hs->now,
		.crl_stale_deny = c->ctx->crl_stale_deny,
		.crl_grace_s = c->ctx->crl_grace_s,
	};

	return tls_verify_chain(c->ctx->trust, c->hs->chain, c->hs->n_chain, &opts, id, detail);
}

/*
 * The library calls this when it has gone through the peer's chain, and when it does not like a part of it.  A good
 * chain is only taken note of: ours is checked when the handshake is over, so that the peer can be told why.
 * A bad one stays bad whatever we find; our check just names the reason better.
 */
static int on_chain(int good, WOLFSSL_X509_STORE_CTX *store)
{
	struct tls_conn *c = store->userCtx;
	struct ident id;

	if (keep_chain(c->hs, store) != 0) {
		c->hs->verdict = TLS_REASON_INTERNAL;
		(void)snprintf(c->hs->detail, sizeof(c->hs->detail), "out of memory");
		return 0;
	}
	if (good != 1)
		c->hs->verdict = check_chain(c, &id, c->hs->detail);
	return good == 1;
}

static int prepare(struct tls_conn *c)
{
	char protocol[sizeof(alpn)];

	memcpy(protocol, alpn, sizeof(alpn));
	if (wolfSSL_UseALPN(c->ssl, protocol, sizeof(alpn) - 1, WOLFSSL_ALPN_FAILED_ON_MISMATCH) !=
		WOLFSSL_SUCCESS)
		return -ENOMEM;
	wolfSSL_SSLSetIORecv(c->ssl, receive);
	wolfSSL_SSLSetIOSend(c->ssl, transmit);
	wolfSSL_SetIOReadCtx(c->ssl, c);
	wolfSSL_SetIOWriteCtx(c->ssl, c);
	wolfSSL_set_verify(
		c->ssl, WOLFSSL_VERIFY_PEER | WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT, on_chain);
	wolfSSL_SetCertCbCtx(c->ssl, c);
	tls_possession_watch(c->ssl, &c->hs->possession);
	return 0;
}

int tls_conn_create(struct tls_ctx *ctx, const char *server_name, struct tls_conn **out)
{
	bool client = ctx->ident.role == IDENT_CLIENT;

	/* A client that does not say whom it wants would take anybody. */
	if (client != (server_name != NULL) ||
		(client && (server_name[0] == '\0' || strlen(server_name) > MAX_HOST)))
		return -EINVAL;
	struct tls_conn *c = calloc(1, sizeof(*c));
	if (c == NULL)
		return -ENOMEM;
	c->ctx = ctx;
	ctx->refs++;
	c->hs = calloc(1, sizeof(*c->hs));
	c->ssl = wolfSSL_new(ctx->ssl);
	if (c->hs == NULL || c->ssl == NULL)
		goto fail;
	if (client && (c->hs->server_name = strdup(server_name)) == NULL)
		goto fail;
	if (prepare(c) != 0)
		goto fail;
	*out = c;
	return 0;
fail:
	tls_conn_free(c);
	return -ENOMEM;
}

static void end_handshake(struct tls_conn *c)
{
	if (c->hs == NULL)
		return;
	tls_possession_watch(c->ssl, NULL);
	free(c->hs->server_name);
	free(c->hs->chain_bytes);
	free(c->hs);
	c->hs = NULL;
}

void tls_conn_free(struct tls_conn *c)
{
	if (c == NULL)
		return;
	end_handshake(c);
	wolfSSL_free(c->ssl);
	tls_ctx_put(c->ctx);
	free(c->issuer);
	free(c);
}

void tls_conn_input(struct tls_conn *c, const uint8_t *bytes, size_t len)
{
	c->in = bytes;
	c->in_len = len;
}

size_t tls_conn_input_left(const struct tls_conn *c)
{
	return c->in_len;
}

void tls_conn_output(struct tls_conn *c, struct buf *out)
{
	c->out = out;
}

static enum tls_status fail(struct tls_conn *c, int err)
{
	const struct handshake *hs = c->hs;
	struct tls_error e = { .ssl = c->ssl, .err = err };

	if (hs != NULL && hs->verdict != TLS_REASON_NONE) {
		c->failure.reason = hs->verdict;
		text_copy(c->failure.detail, sizeof(c->failure.detail), hs->detail);
	} else {
		char detail[256];
		if (hs != NULL) {
			e.first = hs->first;
			e.n_first = hs->n_first;
		}
		c->failure.reason = tls_error_explain(&e, detail);
		if (hs != NULL && hs->possession.failed && c->failure.reason != TLS_REASON_ALERT)
			c->failure.reason = TLS_REASON_NO_POSSESSION;
		text_copy(c->failure.detail, sizeof(c->failure.detail), detail);
	}
	c->state = FAILED;
	end_handshake(c);
	return TLS_FAILED;
}

static enum tls_status break_off(struct tls_conn *c, enum tls_reason reason, const char *detail)
{
	c->failure.reason = reason;
	text_copy(c->failure.detail, sizeof(c->failure.detail), detail);
	c->state = FAILED;
	end_handshake(c);
	return TLS_FAILED;
}

static struct tls_info describe(WOLFSSL *ssl)
{
	static const struct {
		int id;
		const char *name;
	} suites[] = {
		{ 0x1301, "TLS_AES_128_GCM_SHA256" },
		{ 0x1302, "TLS_AES_256_GCM_SHA384" },
		{ 0x1303, "TLS_CHACHA20_POLY1305_SHA256" },
	};
	struct tls_info info = { .version = wolfSSL_get_version(ssl),
		.suite = "unknown",
		.group = wolfSSL_get_curve_name(ssl) };

	for (size_t i = 0; i < ARRAY_LEN(suites); i++) {
		if (wolfSSL_get_current_cipher_suite(ssl) == suites[i].id)
			info.suite = suites[i].name;
	}
	if (info.group == NULL)
		info.group = "unknown";
	return info;
}

/* What the library has negotiated must be what PROTOCOL 1 allows; NULL: it is. */
static const char *not_allowed(const struct tls_conn *c)
{
	char *protocol = NULL;
	unsigned short len = 0;

	if (wolfSSL_ALPN_GetProtocol(c->ssl, &protocol, &len) != WOLFSSL_SUCCESS ||
		len != sizeof(alpn) - 1 || memcmp(protocol, alpn, len) != 0)
		return "the peer has not agreed to the application protocol sallyport/1";
	if (strcmp(c->info.version, "TLSv1.3") != 0)
		return "the peer does not speak TLS 1.3";
	if (c->ctx->require_pq && strcmp(c->info.group, "X25519MLKEM768") != 0)
		return "the key exchange is not post-quantum";
	return NULL;
}

/* Takes from the chain what the caller may want to know, also of a peer that is refused. */
static int set_peer(struct tls_conn *c)
{
	struct x509_cert leaf;
	struct ident id;

	if (c->hs->n_chain == 0 || x509_parse(c->hs->chain[0].p, c->hs->chain[0].len, &leaf) != 0)
		return 0;
	c->issuer = malloc(leaf.issuer.len);
	if (c->issuer == NULL)
		return -ENOMEM;
	memcpy(c->issuer, leaf.issuer.p, leaf.issuer.len);
	c->peer.issuer = (struct der){ c->issuer, leaf.issuer.len };
	c->peer.not_after = leaf.not_after;
	hex_encode(leaf.serial.p, leaf.serial.len, c->peer.serial);
	memcpy(c->serial, leaf.serial.p, leaf.serial.len);
	c->serial_len = leaf.serial.len;
	if (ident_of_cert(&leaf, &id) == 0)
		c->peer.ident = id;
	c->have_peer = true;
	return 0;
}

/* PROTOCOL 2.2 in its order.  The library is content; now we look. */
static enum tls_status judge(struct tls_conn *c)
{
	struct ident id;
	char detail[256];
	enum tls_reason reason;

	c->info = describe(c->ssl);
	const char *words = not_allowed(c);
	if (words != NULL)
		return break_off(c, TLS_REASON_PROTOCOL, words);
	if (set_peer(c) != 0)
		return break_off(c, TLS_REASON_INTERNAL, "out of memory");
	reason = check_chain(c, &id, detail);
	if (reason != TLS_REASON_NO_CERTIFICATE && !c->hs->possession.proven) {
		reason = TLS_REASON_NO_POSSESSION;
		(void)snprintf(detail, sizeof(detail),
			"the peer has not shown that it holds its certificate's key");
	}
	end_handshake(c);
	if (reason == TLS_REASON_NONE) {
		c->peer.ident = id;
		c->state = OPEN;
		return TLS_OK;
	}
	c->failure.reason = reason;
	text_copy(c->failure.detail, sizeof(c->failure.detail), detail);
	c->state = REFUSED;
	return TLS_REFUSED;
}

static enum tls_status status_of(enum state s)
{
	static const enum tls_status of[] = { [HANDSHAKE] = TLS_MORE,
		[OPEN] = TLS_OK,
		[CLOSED] = TLS_CLOSED,
		[REFUSED] = TLS_REFUSED,
		[FAILED] = TLS_FAILED };

	return of[s];
}

enum tls_status tls_conn_handshake(struct tls_conn *c, int64_t now)
{
	struct handshake *hs = c->hs;

	if (c->state != HANDSHAKE)
		return status_of(c->state);
	hs->now = now;
	for (size_t i = 0; i < c->in_len && hs->n_first < FIRST_BYTES; i++)
		hs->first[hs->n_first++] = c->in[i];
	int rc = c->ctx->ident.role == IDENT_SERVER ? wolfSSL_accept(c->ssl)
						    : wolfSSL_connect(c->ssl);
	int err = rc == WOLFSSL_SUCCESS ? 0 : wolfSSL_get_error(c->ssl, rc);
	/* The library keeps the intermediates of this peer, and would let them vouch for the next one. */
	(void)wolfSSL_CertManagerUnloadIntermediateCerts(wolfSSL_CTX_GetCertManager(c->ctx->ssl));
	if (rc == WOLFSSL_SUCCESS)
		return judge(c);
	return err == WOLFSSL_ERROR_WANT_READ ? TLS_MORE : fail(c, err);
}

const struct tls_peer *tls_conn_peer(const struct tls_conn *c)
{
	return c->have_peer && c->state != FAILED ? &c->peer : NULL;
}

bool tls_conn_revoked_by(const struct tls_conn *c, const struct tls_ctx *ctx)
{
	const struct der serial = { c->serial, c->serial_len };

	return c->have_peer && tls_trust_is_revoked(ctx->trust, &c->peer.issuer, &serial);
}

struct tls_info tls_conn_info(const struct tls_conn *c)
{
	return c->info;
}

const struct tls_failure *tls_conn_failure(const struct tls_conn *c)
{
	return &c->failure;
}

enum tls_status tls_conn_read(struct tls_conn *c, uint8_t *out, size_t cap, size_t *n)
{
	*n = 0;
	if (c->state != OPEN)
		return c->state == CLOSED ? TLS_CLOSED : TLS_FAILED;
	while (*n < cap) {
		int rc = wolfSSL_read(c->ssl, out + *n, (int)MIN(cap - *n, (size_t)INT_MAX));
		if (rc > 0) {
			*n += (size_t)rc;
			continue;
		}
		int err = wolfSSL_get_error(c->ssl, rc);
		if (err == WOLFSSL_ERROR_WANT_READ)
			break;
		/* What has been read comes first; the next call says the rest. */
		if (err == WOLFSSL_ERROR_ZERO_RETURN)
			c->state = CLOSED;
		else
			(void)fail(c, err);
		return *n > 0 ? TLS_OK : status_of(c->state);
	}
	return *n > 0 ? TLS_OK : TLS_MORE;
}

enum tls_status tls_conn_write(struct tls_conn *c, const uint8_t *bytes, size_t len)
{
	if (c->state != OPEN && c->state != REFUSED)
		return c->state == CLOSED ? TLS_CLOSED : TLS_FAILED;
	if (c->out == NULL || buf_room(c->out, tls_conn_sealed_max(len)) == NULL)
		return break_off(c, TLS_REASON_INTERNAL, "the output buffer is full");
	for (size_t done = 0; done < len;) {
		int want = (int)MIN(len - done, (size_t)1 << 30);
		int rc = wolfSSL_write(c->ssl, bytes + done, want);
		if (rc != want)
			return fail(c, wolfSSL_get_error(c->ssl, rc));
		done += (size_t)want;
	}
	c->sent += len;
	return TLS_OK;
}

size_t tls_conn_sealed_max(size_t len)
{
	return len + (len + RECORD_CONTENT - 1) / RECORD_CONTENT * RECORD_OVERHEAD;
}

enum tls_status tls_conn_update_keys(struct tls_conn *c)
{
	if (c->state != OPEN)
		return TLS_FAILED;
	int rc = wolfSSL_update_keys(c->ssl);
	if (rc != WOLFSSL_SUCCESS)
		return fail(c, wolfSSL_get_error(c->ssl, rc));
	c->sent = 0;
	return TLS_OK;
}

uint64_t tls_conn_bytes_sent(const struct tls_conn *c)
{
	return c->sent;
}

void tls_conn_shutdown(struct tls_conn *c)
{
	if (c->state == OPEN || c->state == REFUSED)
		(void)wolfSSL_shutdown(c->ssl);
}
