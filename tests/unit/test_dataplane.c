#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/dataplane.h"
#include "help_packet.h"

enum { ALICE = 7, BOB = 8 };

static struct dataplane dp;
static uint8_t memory[DATAPLANE_HEADROOM + 70000];
static uint8_t *const packet = memory + DATAPLANE_HEADROOM;

static void add(const char *prefix, uint64_t value)
{
	struct prefix p;

	assert_int_equal(prefix_parse(prefix, &p), 0);
	assert_int_equal(route_set(dp.routes, &p, value), 0);
}

static int set_up(void **state)
{
	(void)state;
	assert_int_equal(dataplane_init(&dp, 100), 0);
	add("10.1.0.1", DATAPLANE_LOCAL);
	add("10.1.0.7", ALICE);
	add("10.1.0.8", BOB);
	add("192.0.2.0/24", BOB); /* A network behind Bob. */
	add("2001:db8::7", ALICE);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	dataplane_clear(&dp);
	return 0;
}

static struct help_packet tcp(const char *src, const char *dst)
{
	return (struct help_packet){ .src = src,
		.dst = dst,
		.proto = IPPROTO_TCP,
		.tcp_flags = PACKET_TCP_PSH,
		.src_port = 1000,
		.dst_port = 80,
		.payload_len = 500 };
}

static size_t make(struct help_packet h)
{
	return help_packet_make(packet, 70000, &h);
}

static void test_to_the_longest_prefix(void **state)
{
	struct virtio_net_hdr h = { 0 };
	struct dataplane_out out;
	struct frame f;

	(void)state;
	size_t len = make(tcp("10.9.9.9", "10.1.0.7"));
	assert_int_equal(dataplane_from_tun(&dp, &h, packet, len, &out), 0);
	assert_int_equal(out.target, ALICE);
	assert_int_equal(out.hdr_len, FRAME_HDR_LEN);
	assert_int_equal(frame_parse(packet - out.hdr_len, len + out.hdr_len, &f), FRAME_OK);
	assert_int_equal(f.type, FRAME_PACKET);
	assert_int_equal(f.len, len);

	len = make(tcp("10.9.9.9", "192.0.2.99"));
	assert_int_equal(dataplane_from_tun(&dp, &h, packet, len, &out), 0);
	assert_int_equal(out.target, BOB);
}

static void test_from_tun_drops(void **state)
{
	struct virtio_net_hdr h = { 0 };
	struct dataplane_out out = { 0 };

	(void)state;
	size_t len = make(tcp("10.9.9.9", "10.77.0.1"));
	assert_int_equal(dataplane_from_tun(&dp, &h, packet, len, &out), -1);
	assert_int_equal(dp.drops[DROP_NO_ROUTE], 1);
	len = make(tcp("10.9.9.9", "10.1.0.1")); /* Our own. */
	assert_int_equal(dataplane_from_tun(&dp, &h, packet, len, &out), -1);
	assert_int_equal(dp.drops[DROP_NO_ROUTE], 2);
	len = make(tcp("10.9.9.9", "224.0.0.1"));
	assert_int_equal(dataplane_from_tun(&dp, &h, packet, len, &out), -1);
	len = make(tcp("fe80::1", "2001:db8::7"));
	assert_int_equal(dataplane_from_tun(&dp, &h, packet, len, &out), -1);
	assert_int_equal(dp.drops[DROP_NOT_CARRIED], 2);
	len = make(tcp("10.9.9.9", "10.1.0.7"));
	assert_int_equal(dataplane_from_tun(&dp, &h, packet, len - 1, &out), -1);
	assert_int_equal(dp.drops[DROP_MALFORMED], 1);
	assert_int_equal(out.target, 0);
}

static struct frame packet_frame(size_t len)
{
	return (struct frame){ .type = FRAME_PACKET, .len = (uint32_t)len, .body = packet };
}

static void test_own_source_passes(void **state)
{
	struct dataplane_in in;

	(void)state;
	struct frame f = packet_frame(make(tcp("10.1.0.7", "203.0.113.5")));
	assert_int_equal(dataplane_from_peer(&dp, ALICE, &f, &in), 0);
	assert_ptr_equal(in.bytes, packet);
	assert_int_equal(in.len, f.len);
	assert_int_equal(in.hdr.flags, 0);
	f = packet_frame(make(tcp("10.1.0.7", "10.1.0.1")));
	assert_int_equal(dataplane_from_peer(&dp, ALICE, &f, &in), 0);
	f = packet_frame(make(tcp("192.0.2.5", "203.0.113.5")));
	assert_int_equal(dataplane_from_peer(&dp, BOB, &f, &in), 0);
}

static void test_spoofed_sources_are_dropped(void **state)
{
	static const char *const sources[] = { "10.1.0.8", "10.1.0.1", "203.0.113.9", "192.0.2.5" };
	struct dataplane_in in;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct frame f = packet_frame(make(tcp(sources[i], "203.0.113.5")));
		assert_int_equal(dataplane_from_peer(&dp, ALICE, &f, &in), -1);
		assert_int_equal(dp.drops[DROP_SPOOFED], i + 1);
	}
}

static void test_client_to_client(void **state)
{
	struct dataplane_in in;

	(void)state;
	struct frame f = packet_frame(make(tcp("10.1.0.7", "10.1.0.8")));
	assert_int_equal(dataplane_from_peer(&dp, ALICE, &f, &in), -1);
	f = packet_frame(make(tcp("10.1.0.7", "192.0.2.1")));
	assert_int_equal(dataplane_from_peer(&dp, ALICE, &f, &in), -1);
	assert_int_equal(dp.drops[DROP_CLIENT_TO_CLIENT], 2);
	dp.client_to_client = true;
	assert_int_equal(dataplane_from_peer(&dp, ALICE, &f, &in), 0);
}

static struct frame super_frame(size_t len, enum offload_kind kind, uint16_t segment)
{
	struct offload o = { .kind = kind, .segment = segment };

	offload_put(packet - FRAME_DESC_LEN, &o);
	return (struct frame){ .type = FRAME_SUPER,
		.len = (uint32_t)len + FRAME_DESC_LEN,
		.body = packet - FRAME_DESC_LEN };
}

/* The type is the payload's first byte. */
static size_t icmp(const char *src, const char *dst, uint8_t proto, uint8_t type)
{
	size_t len = make(
		(struct help_packet){ .src = src, .dst = dst, .proto = proto, .payload_len = 64 });

	packet[len - 64] = type;
	return len;
}

static void test_redirects_are_not_carried(void **state)
{
	struct virtio_net_hdr h = { 0 };
	struct dataplane_out out;
	struct dataplane_in in;

	(void)state;
	size_t len = icmp("10.1.0.1", "10.1.0.7", IPPROTO_ICMP, 5);
	assert_int_equal(dataplane_from_tun(&dp, &h, packet, len, &out), -1);
	len = icmp("2001:db8::1", "2001:db8::7", IPPROTO_ICMPV6, 137);
	assert_int_equal(dataplane_from_tun(&dp, &h, packet, len, &out), -1);
	struct frame f = packet_frame(icmp("10.1.0.7", "203.0.113.5", IPPROTO_ICMP, 5));
	assert_int_equal(dataplane_from_peer(&dp, ALICE, &f, &in), -1);
	assert_int_equal(dp.drops[DROP_NOT_CARRIED], 3);
	/* Other types are, and the same bytes in another protocol. */
	len = icmp("10.1.0.1", "10.1.0.7", IPPROTO_ICMP, 8);
	assert_int_equal(dataplane_from_tun(&dp, &h, packet, len, &out), 0);
	len = icmp("10.1.0.1", "10.1.0.7", IPPROTO_GRE, 5);
	assert_int_equal(dataplane_from_tun(&dp, &h, packet, len, &out), 0);
}

static void test_super_packets(void **state)
{
	struct help_packet h = tcp("10.1.0.7", "203.0.113.5");
	struct dataplane_in in;

	(void)state;
	h.payload_len = 20000;
	struct frame f = super_frame(make(h), OFFLOAD_TCP, 1300);
	assert_int_equal(dataplane_from_peer(&dp, ALICE, &f, &in), 0);
	assert_int_equal(in.hdr.gso_type, VIRTIO_NET_HDR_GSO_TCPV4);
	assert_int_equal(in.hdr.gso_size, 1300);

	f = super_frame(make(h), OFFLOAD_UDP, 1300); /* It is TCP. */
	assert_int_equal(dataplane_from_peer(&dp, ALICE, &f, &in), -1);
	f = super_frame(make(h), OFFLOAD_TCP, 30000); /* One segment only. */
	assert_int_equal(dataplane_from_peer(&dp, ALICE, &f, &in), -1);
	f = super_frame(make(h), (enum offload_kind)9, 1300);
	assert_int_equal(dataplane_from_peer(&dp, ALICE, &f, &in), -1);
	assert_int_equal(dp.drops[DROP_DESCRIPTOR], 3);
	h.src = "10.1.0.8";
	f = super_frame(make(h), OFFLOAD_TCP, 1300);
	assert_int_equal(dataplane_from_peer(&dp, ALICE, &f, &in), -1);
	assert_int_equal(dp.drops[DROP_SPOOFED], 1);
}

/* For a peer without super-packets: plain frames that carry the same payload, each with good checksums. */
static void test_rewriting(void **state)
{
	static uint8_t out[DATAPLANE_REWRITE_MAX];
	struct virtio_net_hdr h = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
		.hdr_len = 40,
		.gso_size = 1000,
		.csum_start = 20,
		.csum_offset = 16 };
	struct help_packet hp = tcp("10.9.9.9", "10.1.0.7");
	struct dataplane_out o;
	struct frame f;
	size_t payload = 0, frames = 0;

	(void)state;
	hp.payload_len = 30500;
	size_t len = make(hp);
	assert_int_equal(dataplane_from_tun(&dp, &h, packet, len, &o), 0);
	const uint8_t *frame = packet - o.hdr_len;
	assert_true(dataplane_fits(frame, OFFLOAD_CAN_TCP));
	assert_false(dataplane_fits(frame, OFFLOAD_CAN_CSUM | OFFLOAD_CAN_UDP));
	int n = dataplane_rewrite(frame, len + o.hdr_len, out, sizeof(out));
	assert_true(n > 0);
	for (size_t at = 0; at < (size_t)n; at += FRAME_HDR_LEN + f.len, frames++) {
		assert_int_equal(frame_parse(out + at, (size_t)n - at, &f), FRAME_OK);
		assert_int_equal(f.type, FRAME_PACKET);
		assert_true(help_packet_verify(f.body, f.len));
		assert_memory_equal(f.body + 40, packet + 40 + payload, f.len - 40);
		payload += f.len - 40;
	}
	assert_int_equal(frames, 31);
	assert_int_equal(payload, 30500);
	assert_true(dataplane_rewrite(frame, len + o.hdr_len, out, 2000) < 0);
}

/* PROTOCOL 3.4: a train of more than 64 datagrams is for no peer as it is. */
static void test_long_udp_train_is_cut(void **state)
{
	static uint8_t out[DATAPLANE_REWRITE_MAX];
	struct virtio_net_hdr h = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = VIRTIO_NET_HDR_GSO_UDP_L4,
		.hdr_len = 28,
		.gso_size = 100,
		.csum_start = 20,
		.csum_offset = 6 };
	struct help_packet hp = tcp("10.9.9.9", "10.1.0.7");
	struct dataplane_out o;

	(void)state;
	hp.proto = IPPROTO_UDP;
	for (size_t datagrams = 2; datagrams <= 128; datagrams++) {
		hp.payload_len = datagrams * 100;
		size_t len = make(hp);
		assert_int_equal(dataplane_from_tun(&dp, &h, packet, len, &o), 0);
		const uint8_t *frame = packet - o.hdr_len;
		bool fits = dataplane_fits(frame, OFFLOAD_CAN_ALL);
		if (datagrams <= 63)
			assert_true(fits);
		if (datagrams > 64)
			assert_false(fits);
		int n = dataplane_rewrite(frame, len + o.hdr_len, out, sizeof(out));
		assert_int_equal(n, datagrams * (FRAME_HDR_LEN + 28 + 100));
	}
}

/* What OFFLOAD_CSUM cannot carry gets its checksum here. */
static void test_checksum_behind_extension_headers(void **state)
{
	static const uint8_t ext[8] = { IPPROTO_UDP, 0, 1, 4, 0, 0, 0, 0 };
	struct virtio_net_hdr h = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 48, .csum_offset = 6
	};
	struct help_packet hp = { .src = "2001:db8::99",
		.dst = "2001:db8::7",
		.proto = IPPROTO_UDP,
		.src_port = 1,
		.dst_port = 2,
		.ext = ext,
		.ext_len = sizeof(ext),
		.ext_proto = IPPROTO_DSTOPTS,
		.payload_len = 333 };
	struct dataplane_out o;
	struct packet p;

	(void)state;
	size_t len = make(hp);
	uint8_t good[2] = { packet[54], packet[55] };
	assert_int_equal(packet_parse(packet, len, &p), 0);
	uint16_t partial = packet_fold(packet_pseudo_sum(&p, p.len - p.l4_off));
	packet[54] = (uint8_t)(partial >> 8);
	packet[55] = (uint8_t)partial;
	assert_int_equal(dataplane_from_tun(&dp, &h, packet, len, &o), 0);
	assert_int_equal(o.hdr_len, FRAME_HDR_LEN);
	assert_memory_equal(packet + 54, good, 2);

	h.csum_start = (uint16_t)len; /* A place outside the packet. */
	assert_int_equal(dataplane_from_tun(&dp, &h, packet, len, &o), -1);
	assert_int_equal(dp.drops[DROP_MALFORMED], 1);
}

static void test_mss_is_clamped_both_ways(void **state)
{
	static const uint8_t opts[4] = { 2, 4, 1460 >> 8, 1460 & 255 };
	struct virtio_net_hdr h = { 0 };
	struct dataplane_out out;
	struct dataplane_in in;

	(void)state;
	dataplane_set_mtu(&dp, 1400);
	struct help_packet syn = tcp("10.9.9.9", "10.1.0.7");
	syn.tcp_flags = PACKET_TCP_SYN;
	syn.tcp_opts = opts;
	syn.tcp_opts_len = 4;
	syn.payload_len = 0;
	size_t len = make(syn);
	assert_int_equal(dataplane_from_tun(&dp, &h, packet, len, &out), 0);
	assert_int_equal(packet[42] << 8 | packet[43], 1360);
	assert_true(help_packet_verify(packet, len));
	syn.src = "10.1.0.7";
	syn.dst = "203.0.113.1";
	struct frame f = packet_frame(make(syn));
	assert_int_equal(dataplane_from_peer(&dp, ALICE, &f, &in), 0);
	assert_int_equal(packet[42] << 8 | packet[43], 1360);
	assert_true(help_packet_verify(packet, f.len));
}

static void test_every_drop_has_a_name(void **state)
{
	(void)state;
	for (int i = 0; i < DROP_N; i++)
		assert_non_null(drop_name((enum drop)i));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_to_the_longest_prefix, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_from_tun_drops, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_own_source_passes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_spoofed_sources_are_dropped, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_client_to_client, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_redirects_are_not_carried, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_super_packets, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_rewriting, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_long_udp_train_is_cut, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_checksum_behind_extension_headers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_mss_is_clamped_both_ways, set_up, tear_down),
		cmocka_unit_test(test_every_drop_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
