#include "tls/tls_conn.h"

#include "base/util.h"
#include "help_rogue.h"
#include "help_tls.h"
#include "tls/tls_ctx_priv.h"

#include <wolfssl/options.h>

#include <wolfssl/ssl.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { BIG = 300000 };

static struct help_pki pki;
static struct help_link l;
static uint8_t out[BIG + 1], data[BIG];

static int setup(void **state)
{
	(void)state;
	help_pki_init(&pki);
	for (size_t i = 0; i < BIG; i++)
		data[i] = (uint8_t)(i * 2654435761U >> 13);
	return 0;
}

static int each(void **state)
{
	const struct tls_ctx_opts s = help_ctx_opts(IDENT_SERVER, &pki.server, &pki.ca),
				  c = help_ctx_opts(IDENT_CLIENT, &pki.client, &pki.ca);

	(void)state;
	help_link_init(&l, &s, &c);
	return 0;
}

static int after(void **state)
{
	(void)state;
	help_link_clear(&l);
	return 0;
}

static void connect_both(void)
{
	help_link_open(&l, "vpn.example");
	help_link_shake(&l);
	assert_int_equal(l.client.status, TLS_OK);
	assert_int_equal(l.server.status, TLS_OK);
}

static void send_bytes(struct help_end *from, const uint8_t *bytes, size_t len)
{
	tls_conn_output(from->conn, &from->out);
	assert_int_equal(tls_conn_write(from->conn, bytes, len), TLS_OK);
}

static void exchange(size_t len)
{
	send_bytes(&l.client, data, len);
	assert_int_equal(help_link_read(&l, &l.server, out, sizeof(out)), len);
	assert_memory_equal(out, data, len);
	send_bytes(&l.server, data, len);
	assert_int_equal(help_link_read(&l, &l.client, out, sizeof(out)), len);
	assert_memory_equal(out, data, len);
	assert_int_equal(l.client.status, TLS_MORE);
	assert_int_equal(l.server.status, TLS_MORE);
}

static void test_what_both_know_of_each_other(void **state)
{
	(void)state;
	connect_both();
	const struct tls_peer *client = tls_conn_peer(l.server.conn),
			      *server = tls_conn_peer(l.client.conn);
	struct tls_info a = tls_conn_info(l.server.conn), b = tls_conn_info(l.client.conn);
	struct x509_cert c;

	assert_string_equal(client->ident.name, "alice");
	assert_int_equal(client->ident.role, IDENT_CLIENT);
	assert_string_equal(server->ident.name, "gw1");
	assert_string_equal(server->ident.network, "net.example");
	assert_int_equal(x509_parse(pki.client.der, pki.client.len, &c), 0);
	assert_true(der_equal(&client->issuer, &c.issuer));
	assert_true(client->not_after == c.not_after);
	char serial[2 * X509_SERIAL_MAX + 1];
	hex_encode(c.serial.p, c.serial.len, serial);
	assert_string_equal(client->serial, serial);
	assert_string_equal(a.version, "TLSv1.3");
	assert_string_equal(a.group, "X25519MLKEM768");
	assert_string_equal(a.suite,
		tls_has_aes_hardware() ? "TLS_AES_256_GCM_SHA384" : "TLS_CHACHA20_POLY1305_SHA256");
	assert_string_equal(b.suite, a.suite);
	assert_string_equal(b.group, a.group);
}

static void test_data_both_ways(void **state)
{
	(void)state;
	connect_both();
	exchange(1);
	exchange(1400);
	exchange(BIG);
	exchange(0);
}

static void test_byte_by_byte(void **state)
{
	(void)state;
	l.step = 1;
	connect_both();
	exchange(20000);
}

static void test_sealed_size_is_exact(void **state)
{
	(void)state;
	static const size_t lens[] = { 0, 1, 100, 16383, 16384, 16385, 32768, 65536, BIG };

	connect_both();
	for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
		send_bytes(&l.client, data, lens[i]);
		assert_int_equal(buf_len(&l.client.out), tls_conn_sealed_max(lens[i]));
		assert_int_equal(help_link_read(&l, &l.server, out, sizeof(out)), lens[i]);
	}
}

/* Nothing follows the client's last message: no session tickets (PROTOCOL 1.5). */
static void test_no_tickets(void **state)
{
	(void)state;
	help_link_open(&l, "vpn.example");
	while (l.client.status == TLS_MORE)
		(void)help_link_step(&l);
	size_t before = buf_len(&l.server.out);
	help_link_shake(&l);
	assert_int_equal(l.server.status, TLS_OK);
	assert_int_equal(before, 0);
	assert_int_equal(buf_len(&l.server.out), 0);
}

static void test_unread_input_stays_the_callers(void **state)
{
	(void)state;
	size_t n;

	connect_both();
	send_bytes(&l.client, data, 16384);
	send_bytes(&l.client, data, 16384);
	size_t len = buf_len(&l.client.out);
	tls_conn_input(l.server.conn, buf_bytes(&l.client.out), len);
	tls_conn_output(l.server.conn, &l.server.out);
	assert_int_equal(tls_conn_read(l.server.conn, out, 1000, &n), TLS_OK);
	assert_int_equal(n, 1000);
	assert_int_equal(tls_conn_input_left(l.server.conn), len / 2);
	assert_int_equal(tls_conn_read(l.server.conn, out + 1000, sizeof(out) - 1000, &n), TLS_OK);
	assert_int_equal(n, 32768 - 1000);
	assert_int_equal(tls_conn_input_left(l.server.conn), 0);
	assert_memory_equal(out + 16384, data, 16384);
	assert_int_equal(tls_conn_read(l.server.conn, out, sizeof(out), &n), TLS_MORE);
	assert_int_equal(n, 0);
}

static void test_close(void **state)
{
	(void)state;
	size_t n;

	connect_both();
	send_bytes(&l.client, data, 5);
	tls_conn_shutdown(l.client.conn);
	tls_conn_input(l.server.conn, buf_bytes(&l.client.out), buf_len(&l.client.out));
	tls_conn_output(l.server.conn, &l.server.out);
	/* First what was sent before, then the end, again and again. */
	assert_int_equal(tls_conn_read(l.server.conn, out, sizeof(out), &n), TLS_OK);
	assert_int_equal(n, 5);
	assert_int_equal(tls_conn_read(l.server.conn, out, sizeof(out), &n), TLS_CLOSED);
	assert_int_equal(tls_conn_read(l.server.conn, out, sizeof(out), &n), TLS_CLOSED);
	assert_int_equal(n, 0);
}

static void test_damaged_record(void **state)
{
	(void)state;
	connect_both();
	send_bytes(&l.client, data, 100);
	buf_bytes(&l.client.out)[50] ^= 1;
	assert_int_equal(help_link_read(&l, &l.server, out, sizeof(out)), 0);
	assert_int_equal(l.server.status, TLS_FAILED);
	assert_int_equal(tls_conn_failure(l.server.conn)->reason, TLS_REASON_PROTOCOL);
	assert_true(buf_len(&l.server.out) > 0); /* an alert */
	assert_int_equal(help_link_read(&l, &l.client, out, sizeof(out)), 0);
	assert_int_equal(tls_conn_failure(l.client.conn)->reason, TLS_REASON_ALERT);
	assert_non_null(strstr(tls_conn_failure(l.client.conn)->detail, "bad_record_mac"));
	assert_int_equal(tls_conn_write(l.server.conn, data, 1), TLS_FAILED);
}

static void test_output_without_room(void **state)
{
	(void)state;
	connect_both();
	struct buf small = { .max = 1000 };
	tls_conn_output(l.client.conn, &small);
	assert_int_equal(tls_conn_write(l.client.conn, data, 900), TLS_OK);
	assert_int_equal(tls_conn_write(l.client.conn, data, 900), TLS_FAILED);
	assert_int_equal(tls_conn_failure(l.client.conn)->reason, TLS_REASON_INTERNAL);
	buf_clear(&small);

	struct buf none = { .max = 0 };
	help_link_open(&l, "vpn.example");
	tls_conn_output(l.client.conn, &none);
	assert_int_equal(tls_conn_handshake(l.client.conn, time(NULL)), TLS_FAILED);
	assert_int_equal(tls_conn_failure(l.client.conn)->reason, TLS_REASON_INTERNAL);
}

static void test_key_update(void **state)
{
	(void)state;
	connect_both();
	exchange(1000);
	assert_int_equal(tls_conn_bytes_sent(l.client.conn), 1000);
	for (int i = 0; i < 3; i++) {
		struct help_end *const ends[] = { &l.client, &l.server };
		for (size_t e = 0; e < 2; e++) {
			tls_conn_output(ends[e]->conn, &ends[e]->out);
			assert_int_equal(tls_conn_update_keys(ends[e]->conn), TLS_OK);
			assert_int_equal(tls_conn_bytes_sent(ends[e]->conn), 0);
			send_bytes(ends[e], data, 50000);
			assert_int_equal(tls_conn_bytes_sent(ends[e]->conn), 50000);
			struct help_end *to = ends[1 - e];
			size_t before = buf_len(&to->out);
			assert_int_equal(help_link_read(&l, to, out, sizeof(out)), 50000);
			assert_memory_equal(out, data, 50000);
			assert_true(buf_len(&to->out) >
				    before); /* it has been asked for new keys, too */
			assert_int_equal(help_link_read(&l, ends[e], out, sizeof(out)), 0);
			assert_int_equal(ends[e]->status, TLS_MORE);
		}
	}
	exchange(5000);
}

/* Both ask at once. */
static void test_key_updates_that_cross(void **state)
{
	(void)state;
	connect_both();
	tls_conn_output(l.client.conn, &l.client.out);
	tls_conn_output(l.server.conn, &l.server.out);
	assert_int_equal(tls_conn_update_keys(l.client.conn), TLS_OK);
	assert_int_equal(tls_conn_update_keys(l.server.conn), TLS_OK);
	exchange(3000);
	exchange(3000);
}

/* What is no TLS 1.3. */

static void expect_refused(const void *bytes, size_t len, const char *word)
{
	help_link_open(&l, "vpn.example");
	tls_conn_input(l.server.conn, bytes, len);
	tls_conn_output(l.server.conn, &l.server.out);
	assert_int_equal(tls_conn_handshake(l.server.conn, time(NULL)), TLS_FAILED);
	const struct tls_failure *f = tls_conn_failure(l.server.conn);
	assert_int_equal(f->reason, TLS_REASON_PROTOCOL);
	if (strstr(f->detail, word) == NULL)
		fail_msg("\"%s\" lacks \"%s\"", f->detail, word);
	assert_null(tls_conn_peer(l.server.conn));
	size_t n;
	assert_int_equal(tls_conn_handshake(l.server.conn, time(NULL)), TLS_FAILED);
	assert_int_equal(tls_conn_read(l.server.conn, out, sizeof(out), &n), TLS_FAILED);
	assert_int_equal(tls_conn_write(l.server.conn, data, 1), TLS_FAILED);
	assert_int_equal(tls_conn_update_keys(l.server.conn), TLS_FAILED);
}

static void test_other_protocols(void **state)
{
	(void)state;
	static const char http[] = "GET / HTTP/1.1\r\nHost: vpn.example\r\n\r\n";
	static const char ssh[] = "SSH-2.0-OpenSSH_9.2\r\n";
	static const uint8_t openvpn[] = { 0, 14, 0x38, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0 };
	/* A ClientHello of TLS 1.2: one suite, null compression, no extensions. */
	static const uint8_t tls12[] = "\x16\3\1\0\x2d\1\0\0\x29\3\3"
				       "0123456789abcdef0123456789abcdef"
				       "\0\0\2\xc0\x2f\1\0";

	expect_refused(http, sizeof(http) - 1, "HTTP");
	expect_refused(ssh, sizeof(ssh) - 1, "SSH");
	expect_refused(openvpn, sizeof(openvpn), "not TLS");
	expect_refused(data, 500, "not TLS");
	expect_refused(tls12, sizeof(tls12) - 1, "TLS 1.3");
}

static void test_http_in_pieces(void **state)
{
	(void)state;
	static const uint8_t http[] = "POST /";

	help_link_open(&l, "vpn.example");
	tls_conn_output(l.server.conn, &l.server.out);
	enum tls_status s = TLS_MORE;
	for (size_t i = 0; i < sizeof(http) - 1 && s == TLS_MORE; i++) {
		tls_conn_input(l.server.conn, http + i, 1);
		s = tls_conn_handshake(l.server.conn, time(NULL));
	}
	assert_int_equal(s, TLS_FAILED);
	assert_non_null(strstr(tls_conn_failure(l.server.conn)->detail, "HTTP"));
}

/* A server that talks nonsense to a client. */
static void test_client_meets_http(void **state)
{
	(void)state;
	static const uint8_t http[] = "HTTP/1.1 400 Bad Request\r\n\r\n";

	help_link_open(&l, "vpn.example");
	tls_conn_output(l.client.conn, &l.client.out);
	assert_int_equal(tls_conn_handshake(l.client.conn, time(NULL)), TLS_MORE);
	tls_conn_input(l.client.conn, http, sizeof(http) - 1);
	assert_int_equal(tls_conn_handshake(l.client.conn, time(NULL)), TLS_FAILED);
	assert_non_null(strstr(tls_conn_failure(l.client.conn)->detail, "HTTP"));
}

/* A handshake that is damaged anywhere, or ends anywhere, lets nobody in and leaks nothing. */
static void test_damaged_handshake(void **state)
{
	(void)state;
	help_link_open(&l, "vpn.example");
	tls_conn_output(l.client.conn, &l.client.out);
	assert_int_equal(tls_conn_handshake(l.client.conn, time(NULL)), TLS_MORE);
	struct buf hello = l.client.out;
	l.client.out = (struct buf){ .max = hello.max };
	size_t len = buf_len(&hello);

	for (size_t i = 0; i < len; i += 7) {
		help_link_open(&l, "vpn.example");
		tls_conn_output(l.server.conn, &l.server.out);
		buf_bytes(&hello)[i] ^= 0x55;
		tls_conn_input(l.server.conn, buf_bytes(&hello), len);
		assert_int_not_equal(tls_conn_handshake(l.server.conn, time(NULL)), TLS_OK);
		buf_bytes(&hello)[i] ^= 0x55;
	}
	for (size_t i = 0; i < len; i += 101) {
		help_link_open(&l, "vpn.example");
		tls_conn_output(l.server.conn, &l.server.out);
		tls_conn_input(l.server.conn, buf_bytes(&hello), i);
		assert_int_equal(tls_conn_handshake(l.server.conn, time(NULL)), TLS_MORE);
		assert_int_equal(buf_len(&l.server.out), 0);
	}
	buf_clear(&hello);
}

static void test_half_a_handshake(void **state)
{
	(void)state;
	size_t n;

	help_link_open(&l, "vpn.example");
	(void)help_link_step(&l);
	assert_int_equal(l.server.status, TLS_MORE);
	assert_true(buf_len(&l.server.out) > 0);
	assert_null(tls_conn_peer(l.server.conn));
	assert_int_equal(tls_conn_read(l.server.conn, out, sizeof(out), &n), TLS_FAILED);
	assert_int_equal(tls_conn_write(l.server.conn, data, 1), TLS_FAILED);
}

/* The application protocol. */

static void test_alpn(void **state)
{
	(void)state;
	static const char *const wrong[] = { "h2", "sallyport/2", "sallyport/", NULL };
	struct help_rogue client = { .cert = pki.client.pem, .key = pki.client.key_pem }, server = {
		.cert = pki.server.pem, .key = pki.server.key_pem, .server = true
	};

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		client.alpn = server.alpn = wrong[i];
		struct help_verdict v = help_rogue_meets(&client, l.server.ctx, NULL, time(NULL));
		assert_int_equal(v.status, TLS_FAILED);
		assert_int_equal(v.reason, TLS_REASON_PROTOCOL);
		/* In the handshake, with an alert, where another one is asked for; after it where none is. */
		assert_non_null(
			strstr(v.detail, wrong[i] != NULL ? "wants another" : "not agreed"));
		v = help_rogue_meets(&server, l.client.ctx, "vpn.example", time(NULL));
		assert_int_equal(v.status, TLS_FAILED);
	}
	client.alpn = "h2,sallyport/1";
	assert_int_equal(help_rogue_meets(&client, l.server.ctx, NULL, time(NULL)).status, TLS_OK);
}

/* Key exchange. */

static void test_groups(void **state)
{
	(void)state;
	static const struct {
		int group;
		const char *name;
		bool ok;
	} cases[] = {
		{ WOLFSSL_X25519MLKEM768, "X25519MLKEM768", true },
		{ WOLFSSL_ECC_X25519, "X25519", true },
		{ WOLFSSL_ECC_SECP256R1, "SECP256R1", true },
		{ WOLFSSL_ECC_SECP384R1, NULL, false },
		{ WOLFSSL_FFDHE_2048, NULL, false },
	};
	struct tls_ctx_opts s = help_ctx_opts(IDENT_SERVER, &pki.server, &pki.ca),
			    c = help_ctx_opts(IDENT_CLIENT, &pki.client, &pki.ca);
	struct help_link pq;

	s.require_pq = c.require_pq = true;
	help_link_init(&pq, &s, &c);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct help_rogue r = { .cert = pki.client.pem,
			.key = pki.client.key_pem,
			.alpn = "sallyport/1",
			.group = cases[i].group };
		struct help_verdict v = help_rogue_meets(&r, l.server.ctx, NULL, time(NULL));
		assert_int_equal(v.status, cases[i].ok ? TLS_OK : TLS_FAILED);
		if (cases[i].ok)
			assert_string_equal(v.info.group, cases[i].name);
		v = help_rogue_meets(&r, pq.server.ctx, NULL, time(NULL));
		assert_int_equal(v.status, i == 0 ? TLS_OK : TLS_FAILED);
		assert_null(strstr(v.detail, "post-quantum")); /* it never came so far */
		r.server = true;
		r.cert = pki.server.pem;
		r.key = pki.server.key_pem;
		v = help_rogue_meets(&r, l.client.ctx, "vpn.example", time(NULL));
		assert_int_equal(v.status == TLS_OK, cases[i].ok);
		v = help_rogue_meets(&r, pq.client.ctx, "vpn.example", time(NULL));
		assert_int_equal(v.status == TLS_OK, i == 0);
	}
	help_link_clear(&pq);
}

/* The same asked of our own check alone: the library would take X25519. */
static void test_require_pq_is_ours(void **state)
{
	(void)state;
	struct help_rogue r = { .cert = pki.client.pem,
		.key = pki.client.key_pem,
		.alpn = "sallyport/1",
		.group = WOLFSSL_ECC_X25519 };

	l.server.ctx->require_pq = true;
	struct help_verdict v = help_rogue_meets(&r, l.server.ctx, NULL, time(NULL));
	assert_int_equal(v.status, TLS_FAILED);
	assert_int_equal(v.reason, TLS_REASON_PROTOCOL);
	assert_non_null(strstr(v.detail, "post-quantum"));
}

/* Contexts. */

static void test_conn_keeps_its_context(void **state)
{
	(void)state;
	connect_both();
	struct tls_ctx *kept = tls_ctx_get(l.client.ctx);
	tls_ctx_put(l.client.ctx);
	tls_ctx_put(kept);
	l.client.ctx = NULL;
	exchange(100);
	tls_ctx_put(NULL);
	tls_conn_free(NULL);
}

static void test_names_asked_for(void **state)
{
	(void)state;
	struct tls_conn *c = NULL;
	char long_name[300];

	memset(long_name, 'a', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	assert_int_equal(tls_conn_create(l.client.ctx, NULL, &c), -EINVAL);
	assert_int_equal(tls_conn_create(l.client.ctx, "", &c), -EINVAL);
	assert_int_equal(tls_conn_create(l.client.ctx, long_name, &c), -EINVAL);
	assert_int_equal(tls_conn_create(l.server.ctx, "vpn.example", &c), -EINVAL);
	assert_null(c);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, each, after)
	const struct CMUnitTest tests[] = {
		TEST(test_what_both_know_of_each_other),
		TEST(test_data_both_ways),
		TEST(test_byte_by_byte),
		TEST(test_sealed_size_is_exact),
		TEST(test_no_tickets),
		TEST(test_unread_input_stays_the_callers),
		TEST(test_close),
		TEST(test_damaged_record),
		TEST(test_output_without_room),
		TEST(test_key_update),
		TEST(test_key_updates_that_cross),
		TEST(test_other_protocols),
		TEST(test_http_in_pieces),
		TEST(test_client_meets_http),
		TEST(test_damaged_handshake),
		TEST(test_half_a_handshake),
		TEST(test_alpn),
		TEST(test_groups),
		TEST(test_require_pq_is_ours),
		TEST(test_conn_keeps_its_context),
		TEST(test_names_asked_for),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
