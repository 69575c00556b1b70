/*
 * Two tunnels joined by a socket pair, each with a stand-in for its TUN queue (a pair of sequenced-packet
 * sockets, which keep packet boundaries as a TUN does), all on one loop:
 *
 *    inside[0] <-> tun_port <-> tunnel (server) <== TLS over a socket pair ==> tunnel (client) <-> tun_port <-> inside[1]
 */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/util.h"
#include "help_certs.h"
#include "help_packet.h"
#include "help_random.h"
#include "help_tls.h"
#include "io/tunnel.h"

enum { SERVER, CLIENT, N_SIDES, HANDLE = 5 };

struct side {
	struct tls_ctx *tls;
	struct dataplane dp;
	struct tun_port tun;
	struct tunnel tunnel;
	int inside; /* The test's end of the stand-in. */
	bool opened, over;
	char code[CTRL_CODE_LEN + 1];
	bool by_peer;
	unsigned features;
	int blocked;
};

static struct help_pki pki;
static struct io_loop loop;
static struct side sides[N_SIDES];

static struct side *side_of(struct tunnel *t)
{
	return CONTAINER_OF(t, struct side, tunnel);
}

static void on_established(struct tunnel *t)
{
	struct session_opts o = {
		.role = t == &sides[SERVER].tunnel ? IDENT_SERVER : IDENT_CLIENT,
		.features = side_of(t)->features,
		.greeting_us = 5000000,
		.keepalive_us = 1000000,
		.dead_after_us = 3000000,
	};

	assert_non_null(tunnel_peer(t));
	tunnel_start_session(t, &o);
}

static void on_hello(struct tunnel *t, const struct ctrl_hello *h)
{
	struct ctrl_welcome w = { .mtu = 1400,
		.session = "00112233445566778899aabbccddeeff",
		.n_addresses = 1,
		.time = 1,
		.days_certificate = CTRL_DAYS_UNKNOWN,
		.days_ca = CTRL_DAYS_UNKNOWN,
		.days_crl = CTRL_DAYS_UNKNOWN };

	(void)h;
	assert_int_equal(prefix_parse_iface("10.1.0.2/24", &w.addresses[0]), 0);
	session_welcome(&t->session, &w, io_now_us());
}

static void on_welcome(struct tunnel *t, const struct ctrl_welcome *w)
{
	(void)w;
	session_ready(&t->session, io_now_us());
}

static void on_opened(struct tunnel *t)
{
	side_of(t)->opened = true;
}

static void on_blocked(struct tunnel *t, bool blocked)
{
	side_of(t)->blocked += blocked;
}

static void on_refused(struct tunnel *t, const struct tls_failure *why)
{
	side_of(t)->over = true;
	text_copy(side_of(t)->code, CTRL_CODE_LEN, tls_reason_name(why->reason));
}

static void on_ended(struct tunnel *t, const struct session_end *end)
{
	side_of(t)->over = true;
	side_of(t)->by_peer = end->by_peer;
	text_copy(side_of(t)->code, CTRL_CODE_LEN, end->bye.code);
}

static const struct tunnel_ops ops = {
	.established = on_established,
	.hello = on_hello,
	.welcome = on_welcome,
	.opened = on_opened,
	.blocked = on_blocked,
	.refused = on_refused,
	.ended = on_ended,
};

static void deliver(void *arg, uint64_t target, const struct egress_frame *const *frames, size_t n)
{
	struct side *s = arg;

	assert_int_equal(target, HANDLE);
	tunnel_send(&s->tunnel, frames, n);
}

static void device_failed(void *arg, int err)
{
	(void)arg;
	fail_msg("device failed: %s", strerror(-err));
}

static void add_route(struct side *s, const char *text, uint64_t handle)
{
	struct prefix p;

	assert_int_equal(prefix_parse(text, &p), 0);
	assert_int_equal(route_set(s->dp.routes, &p, handle), 0);
}

static void open_side(struct side *s, int role)
{
	const struct help_cert *own = role == SERVER ? &pki.server : &pki.client;
	struct tls_ctx_opts o =
		help_ctx_opts(role == SERVER ? IDENT_SERVER : IDENT_CLIENT, own, &pki.ca);
	int pair[2];
	char why[256];

	assert_int_equal(tls_ctx_create(&o, &s->tls, why), 0);
	assert_int_equal(dataplane_init(&s->dp, 10), 0);
	add_route(s, role == SERVER ? "10.1.0.2" : "10.1.0.1", HANDLE);
	add_route(s, role == SERVER ? "10.1.0.1" : "10.1.0.2", DATAPLANE_LOCAL);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
	s->inside = pair[1];
	struct tun_port_opts to = {
		.fd = pair[0], .dp = &s->dp, .deliver = deliver, .failed = device_failed, .arg = s
	};
	assert_int_equal(tun_port_open(&loop, &to, &s->tun), 0);
}

/* Run the loop until done() or for 5 s. */
static bool run_until(bool (*done)(void))
{
	uint64_t end = io_now_us() + 5000000;

	while (!done() && io_now_us() < end)
		(void)uv_run(&loop.uv, UV_RUN_ONCE);
	return done();
}

static bool both_open(void)
{
	return sides[SERVER].opened && sides[CLIENT].opened;
}

static bool both_over(void)
{
	return sides[SERVER].over && sides[CLIENT].over;
}

static void start(unsigned server_features, unsigned client_features)
{
	int pair[2];

	memset(sides, 0, sizeof(sides));
	assert_int_equal(io_loop_init(&loop), 0);
	sides[SERVER].features = server_features;
	sides[CLIENT].features = client_features;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	for (int i = 0; i < N_SIDES; i++) {
		struct side *s = &sides[i];
		open_side(s, i);
		struct tunnel_opts o = { .fd = pair[i],
			.tls = s->tls,
			.server_name = i == CLIENT ? "vpn.example" : NULL,
			.handshake_us = 5000000,
			.dp = &s->dp,
			.tun = &s->tun,
			.handle = HANDLE,
			.ops = &ops };
		assert_int_equal(tunnel_start(&s->tunnel, &loop, &o), 0);
	}
}

static void finish(void)
{
	for (int i = 0; i < N_SIDES; i++) {
		struct side *s = &sides[i];
		tunnel_abort(&s->tunnel);
		tun_port_close(&s->tun);
	}
	while (!list_empty(&loop.tickers))
		(void)uv_run(&loop.uv, UV_RUN_ONCE);
	io_loop_stop_tick(&loop);
	(void)uv_run(&loop.uv, UV_RUN_DEFAULT);
	for (int i = 0; i < N_SIDES; i++) {
		(void)close(sides[i].tun.fd);
		(void)close(sides[i].inside);
		dataplane_clear(&sides[i].dp);
		tls_ctx_put(sides[i].tls);
	}
	io_loop_clear(&loop); /* Finds no handle left, or valgrind and ASAN say so. */
}

/* ---- Packets. ---- */

static uint8_t packet[70000], got[70000];

static size_t make(int from, size_t payload, uint8_t proto)
{
	struct help_packet h = { .src = from == CLIENT ? "10.1.0.2" : "10.1.0.1",
		.dst = from == CLIENT ? "10.1.0.1" : "10.1.0.2",
		.proto = proto,
		.src_port = 1,
		.dst_port = 2,
		.tcp_flags = PACKET_TCP_PSH,
		.payload_len = payload };

	return help_packet_make(packet, sizeof(packet), &h);
}

static void put(int side, const struct virtio_net_hdr *h, size_t len)
{
	struct virtio_net_hdr hdr = *h;
	struct iovec iov[2] = { { &hdr, sizeof(hdr) }, { packet, len } };

	assert_int_equal(writev(sides[side].inside, iov, 2), (ssize_t)(sizeof(hdr) + len));
}

static int readable_side;
static bool readable(void)
{
	uint8_t c;

	return recv(sides[readable_side].inside, &c, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

static size_t take(int side, struct virtio_net_hdr *h)
{
	struct iovec iov[2] = { { h, sizeof(*h) }, { got, sizeof(got) } };

	readable_side = side;
	assert_true(run_until(readable));
	ssize_t n = readv(sides[side].inside, iov, 2);
	assert_true(n > (ssize_t)sizeof(*h));
	return (size_t)n - sizeof(*h);
}

static void test_packets_both_ways(void **state)
{
	static const size_t sizes[] = { 0, 1, 500, 1360, 9000, 60000 };
	struct virtio_net_hdr plain = { 0 }, h;

	(void)state;
	start(OFFLOAD_CAN_ALL, OFFLOAD_CAN_ALL);
	assert_true(run_until(both_open));
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		for (int from = 0; from < N_SIDES; from++) {
			size_t len = make(from, sizes[i], IPPROTO_UDP);
			put(from, &plain, len);
			assert_int_equal(take(!from, &h), len);
			assert_memory_equal(got, packet, len);
			assert_int_equal(h.gso_type, VIRTIO_NET_HDR_GSO_NONE);
		}
	for (int i = 0; i < N_SIDES; i++) {
		assert_int_equal(sides[i].tunnel.rx_packets, ARRAY_LEN(sizes));
		assert_int_equal(sides[i].tunnel.tx_packets, ARRAY_LEN(sizes));
		assert_int_equal(sides[i].tunnel.rx_bytes, sides[!i].tunnel.tx_bytes);
	}
	finish();
}

static const struct virtio_net_hdr train = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
	.gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
	.hdr_len = 40,
	.gso_size = 1000,
	.csum_start = 20,
	.csum_offset = 16 };

static void test_train_travels_whole(void **state)
{
	struct virtio_net_hdr h;

	(void)state;
	start(OFFLOAD_CAN_ALL, OFFLOAD_CAN_ALL);
	assert_true(run_until(both_open));
	size_t len = make(CLIENT, 50000, IPPROTO_TCP);
	put(CLIENT, &train, len);
	assert_int_equal(take(SERVER, &h), len);
	assert_int_equal(h.gso_type, VIRTIO_NET_HDR_GSO_TCPV4);
	assert_int_equal(h.gso_size, 1000);
	assert_memory_equal(got + 40, packet + 40, len - 40);
	finish();
}

/* To a peer that takes no trains the sender cuts: 50 good packets with the same payload, in order. */
static void test_train_is_cut_for_a_plain_peer(void **state)
{
	struct virtio_net_hdr h;
	size_t payload = 0;

	(void)state;
	start(0, OFFLOAD_CAN_ALL);
	assert_true(run_until(both_open));
	size_t len = make(CLIENT, 50000, IPPROTO_TCP);
	put(CLIENT, &train, len);
	for (int i = 0; i < 50; i++) {
		size_t n = take(SERVER, &h);
		assert_int_equal(n, 1040);
		assert_int_equal(h.gso_type, VIRTIO_NET_HDR_GSO_NONE);
		assert_true(help_packet_verify(got, n));
		assert_memory_equal(got + 40, packet + 40 + payload, 1000);
		payload += 1000;
	}
	finish();
}

/*
 * Far more than the sockets hold, while nobody takes packets out on the far side's TUN: what is delivered is in order and
 * whole, what is not was counted.
 */
static void test_flood_is_bounded(void **state)
{
	enum { PACKETS = 3000 };
	struct virtio_net_hdr plain = { 0 }, h;
	uint64_t dropped = 0;
	uint32_t expect = 0, n_got = 0;

	(void)state;
	start(OFFLOAD_CAN_ALL, OFFLOAD_CAN_ALL);
	assert_true(run_until(both_open));
	for (uint32_t i = 0; i < PACKETS; i++) {
		size_t len = make(CLIENT, 1300, IPPROTO_UDP);
		memcpy(packet + 28, &i, sizeof(i));
		packet[26] = packet[27] = 0; /* No UDP checksum. */
		while (writev(sides[CLIENT].inside,
			       (struct iovec[]){ { &plain, sizeof(plain) }, { packet, len } },
			       2) < 0)
			(void)uv_run(&loop.uv, UV_RUN_NOWAIT);
		(void)uv_run(&loop.uv, UV_RUN_NOWAIT);
		struct iovec iov[2] = { { &h, sizeof(h) }, { got, sizeof(got) } };
		while (i % 3 == 0 && readv(sides[SERVER].inside, iov, 2) > 0) {
			uint32_t number;
			memcpy(&number, got + 28, sizeof(number));
			assert_true(number >= expect);
			expect = number + 1;
			n_got++;
		}
	}
	readable_side = SERVER;
	while (expect < PACKETS && run_until(readable)) {
		struct iovec iov[2] = { { &h, sizeof(h) }, { got, sizeof(got) } };
		uint32_t number;
		if (readv(sides[SERVER].inside, iov, 2) < 0)
			break;
		memcpy(&number, got + 28, sizeof(number));
		assert_true(number >= expect);
		expect = number + 1;
		n_got++;
	}
	for (int i = 0; i < N_SIDES; i++)
		dropped += sides[i].dp.drops[DROP_BACKLOG] + sides[i].dp.drops[DROP_DEVICE];
	assert_int_equal(n_got + dropped, PACKETS);
	finish();
}

static void test_bye_reaches_the_peer(void **state)
{
	(void)state;
	start(OFFLOAD_CAN_ALL, OFFLOAD_CAN_ALL);
	assert_true(run_until(both_open));
	session_close(&sides[SERVER].tunnel.session, "replaced", "again");
	assert_true(run_until(both_over));
	assert_string_equal(sides[SERVER].code, "replaced");
	assert_string_equal(sides[CLIENT].code, "replaced");
	assert_false(sides[SERVER].by_peer);
	assert_true(sides[CLIENT].by_peer);
	finish();
}

static void test_lost_connection(void **state)
{
	(void)state;
	start(OFFLOAD_CAN_ALL, OFFLOAD_CAN_ALL);
	assert_true(run_until(both_open));
	assert_int_equal(shutdown(tcp_conn_fd(sides[SERVER].tunnel.conn), SHUT_RDWR), 0);
	assert_true(run_until(both_over));
	assert_string_equal(sides[CLIENT].code, "closed");
	finish();
}

/* Raw bytes as frames from an authenticated client: the server ends the session and says why. */
static void check_bad_frames(const uint8_t *bytes, size_t len)
{
	start(OFFLOAD_CAN_ALL, OFFLOAD_CAN_ALL);
	assert_true(run_until(both_open));
	assert_int_equal(tcp_conn_write(sides[CLIENT].tunnel.conn, bytes, len), 0);
	tcp_conn_flush(sides[CLIENT].tunnel.conn);
	assert_true(run_until(both_over));
	assert_string_equal(sides[SERVER].code, "protocol");
	assert_false(sides[SERVER].by_peer);
	assert_string_equal(sides[CLIENT].code, "protocol");
	assert_true(sides[CLIENT].by_peer);
	finish();
}

static void test_bad_frames(void **state)
{
	static const uint8_t unknown[] = { 9, 0, 0, 1, 0 };
	static const uint8_t too_long[] = { 1, 0xff, 0xff, 0xff };
	static const uint8_t empty[] = { 3, 0, 0, 0 };
	static const uint8_t not_json[] = { 3, 0, 0, 2, 'h', 'i' };
	static const uint8_t twice[] = "\3\0\0\x21{\"type\":\"READY\",\"type\":\"READY\"}";

	(void)state;
	check_bad_frames(unknown, sizeof(unknown));
	check_bad_frames(too_long, sizeof(too_long));
	check_bad_frames(empty, sizeof(empty));
	check_bad_frames(not_json, sizeof(not_json));
	check_bad_frames(twice, sizeof(twice) - 1);
}

/* The server's certificate is for another name: the client's own check refuses it and says so to the server. */
static void test_refusal_is_told(void **state)
{
	(void)state;
	struct help_pki good = pki;
	struct help_spec spec = help_server("gw", "other.example");
	help_issue(&pki.server, &spec, help_key(HELP_P256, 2), &pki.ca);
	start(OFFLOAD_CAN_ALL, OFFLOAD_CAN_ALL);
	pki = good;
	assert_true(run_until(both_over));
	assert_string_equal(sides[CLIENT].code, "wrong-name");
	assert_string_equal(sides[SERVER].code, "wrong-name");
	assert_true(sides[SERVER].by_peer);
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packets_both_ways),
		cmocka_unit_test(test_train_travels_whole),
		cmocka_unit_test(test_train_is_cut_for_a_plain_peer),
		cmocka_unit_test(test_flood_is_bounded),
		cmocka_unit_test(test_bye_reaches_the_peer),
		cmocka_unit_test(test_lost_connection),
		cmocka_unit_test(test_bad_frames),
		cmocka_unit_test(test_refusal_is_told),
	};

	if (tls_global_init() != 0)
		return 1;
	help_pki_init(&pki);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
