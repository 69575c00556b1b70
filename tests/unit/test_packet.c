#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/util.h"
#include "help_packet.h"
#include "help_random.h"
#include "net/packet.h"

static uint8_t bytes[70000];

static const struct help_packet tcp4 = { .src = "10.0.0.1",
	.dst = "10.0.0.2",
	.proto = IPPROTO_TCP,
	.src_port = 4242,
	.dst_port = 443,
	.tcp_flags = 0x18,
	.payload_len = 100 };
static const struct help_packet udp4 = { .src = "10.0.0.1",
	.dst = "10.0.0.2",
	.proto = IPPROTO_UDP,
	.src_port = 4242,
	.dst_port = 53,
	.payload_len = 33 };
static const struct help_packet tcp6 = { .src = "2001:db8::1",
	.dst = "2001:db8::2",
	.proto = IPPROTO_TCP,
	.src_port = 4242,
	.dst_port = 443,
	.tcp_flags = 2 };
static const struct help_packet udp6 = { .src = "2001:db8::1",
	.dst = "2001:db8::2",
	.proto = IPPROTO_UDP,
	.src_port = 4242,
	.dst_port = 53,
	.payload_len = 1 };
static const struct help_packet icmp4 = {
	.src = "10.0.0.1", .dst = "10.0.0.2", .proto = IPPROTO_ICMP, .payload_len = 64
};
static const struct help_packet *const samples[] = { &tcp4, &udp4, &tcp6, &udp6, &icmp4 };

static size_t make(const struct help_packet *h, struct packet *p)
{
	size_t len = help_packet_make(bytes, sizeof(bytes), h);

	assert_int_equal(packet_parse(bytes, len, p), 0);
	assert_int_equal(p->len, len);
	return len;
}

/* packet_parse() refuses bytes[0..len) and leaves its output alone. */
static void assert_refused(size_t len)
{
	struct packet p, was;

	memset(&p, 0x5a, sizeof(p));
	memcpy(&was, &p, sizeof(p));
	/* At the end of its own allocation, so that a sanitizer sees what reads further. */
	uint8_t *copy = malloc(len > 0 ? len : 1);
	assert_non_null(copy);
	memcpy(copy, bytes, len);
	assert_int_equal(packet_parse(copy, len, &p), -EBADMSG);
	assert_memory_equal(&p, &was, sizeof(p));
	free(copy);
}

static void what_a_packet_says_is_read(void **state)
{
	static const size_t l4_off[] = { 20, 20, 40, 40, 20 }, l4_hdr_len[] = { 20, 8, 20, 8, 0 };
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		const struct help_packet *h = samples[i];
		struct packet p;
		struct addr src, dst;
		make(h, &p);
		assert_int_equal(addr_parse(h->src, &src) | addr_parse(h->dst, &dst), 0);
		assert_true(addr_equal(&p.src, &src));
		assert_true(addr_equal(&p.dst, &dst));
		assert_int_equal(p.proto, h->proto);
		assert_int_equal(p.src_port, h->src_port);
		assert_int_equal(p.dst_port, h->dst_port);
		assert_int_equal(p.tcp_flags, h->tcp_flags);
		assert_int_equal(p.l4_off, l4_off[i]);
		assert_int_equal(p.l4_hdr_len, l4_hdr_len[i]);
		assert_false(p.fragment);
	}
}

static void options_move_the_offsets(void **state)
{
	static const uint8_t opts[12] = { 1, 1, 8, 10 };
	struct help_packet h = tcp4;
	struct packet p;
	(void)state;

	h.ip_opts_len = 40;
	h.tcp_opts = opts;
	h.tcp_opts_len = sizeof(opts);
	make(&h, &p);
	assert_int_equal(p.l4_off, 60);
	assert_int_equal(p.l4_hdr_len, 32);
	assert_int_equal(p.dst_port, 443);
}

static void the_length_must_be_what_the_header_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		size_t len = help_packet_make(bytes, sizeof(bytes), samples[i]);
		for (size_t cut = 0; cut < len; cut++)
			assert_refused(cut);
		assert_refused(len + 1);
	}
}

static void headers_that_lie_are_refused(void **state)
{
	static const struct {
		const struct help_packet *h;
		size_t off;
		uint8_t value;
	} rows[] = {
		{ &tcp4, 0, 0x44 }, /* Header shorter than 20. */
		{ &tcp4, 0, 0x4f }, /* Header runs into the rest, where no TCP header is. */
		{ &tcp4, 0, 0x55 }, /* No version of IP. */
		{ &tcp4, 0, 0x65 }, /* IPv6 says another length. */
		{ &tcp6, 0, 0x45 }, /* IPv4 likewise. */
		{ &tcp4, 3, 0 }, { &tcp4, 20 + 12, 0x40 }, /* TCP header shorter than 20. */
		{ &tcp6, 40 + 12, 0x60 },                  /* TCP header longer than the packet. */
		{ &udp4, 20 + 5, 40 },                     /* UDP length too short, too long. */
		{ &udp4, 20 + 5, 42 }, { &udp6, 40 + 5, 0 },
		{ &udp4, 9, IPPROTO_TCP }, /* Payload in place of the data offset. */
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t len = help_packet_make(bytes, sizeof(bytes), rows[i].h);
		bytes[rows[i].off] = rows[i].value;
		assert_refused(len);
	}
	/* An IPv4 header longer than the packet. */
	struct help_packet h = icmp4;
	h.payload_len = 8;
	size_t len = help_packet_make(bytes, sizeof(bytes), &h);
	bytes[0] = 0x48;
	assert_refused(len);
}

static void transport_headers_must_be_whole(void **state)
{
	static const struct help_packet *const hs[] = { &tcp4, &udp4, &tcp6, &udp6 };
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(hs); i++) {
		size_t whole = hs[i]->proto == IPPROTO_TCP ? 20 : 8;
		for (size_t l4_len = 0; l4_len < whole; l4_len++) {
			struct help_packet h = *hs[i];
			h.proto = IPPROTO_NONE;
			h.payload_len = l4_len;
			size_t len = help_packet_make(bytes, sizeof(bytes), &h);
			bytes[strchr(h.src, ':') != NULL ? 6 : 9] = hs[i]->proto;
			assert_refused(len);
		}
	}
}

static void fragments_have_no_ports(void **state)
{
	static const uint16_t frag[] = { 0x2000, 0x0001, 0x3fff, 0x6001 };
	struct packet p;
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(frag); i++) {
		size_t len = help_packet_make(bytes, sizeof(bytes), &udp4);
		store_be16(bytes + 6, frag[i]);
		store_be16(bytes + 24, 9999); /* A first fragment's UDP length covers more. */
		assert_int_equal(packet_parse(bytes, len, &p), 0);
		assert_true(p.fragment);
		assert_int_equal(p.proto, IPPROTO_UDP);
		assert_int_equal(p.l4_off, 20);
		assert_int_equal(p.l4_hdr_len | p.src_port | p.dst_port | p.tcp_flags, 0);
	}
	/* "Do not fragment" makes no fragment. */
	size_t len = help_packet_make(bytes, sizeof(bytes), &udp4);
	store_be16(bytes + 6, 0xc000);
	assert_int_equal(packet_parse(bytes, len, &p), 0);
	assert_false(p.fragment);
}

static void ipv6_extension_headers_are_walked(void **state)
{
	static const uint8_t chain[] = {
		IPPROTO_ROUTING, 0, 1, 4, 0, 0, 0, 0, /* Hop-by-hop */
		IPPROTO_DSTOPTS, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0,                                /* Routing, 16 bytes */
		IPPROTO_TCP, 0, 1, 4, 0, 0, 0, 0, /* Destination options */
	};
	struct help_packet h = tcp6;
	struct packet p;
	(void)state;

	h.ext = chain;
	h.ext_len = sizeof(chain);
	h.ext_proto = IPPROTO_HOPOPTS;
	size_t len = make(&h, &p);
	assert_int_equal(p.l4_off, 72);
	assert_int_equal(p.proto, IPPROTO_TCP);
	assert_int_equal(p.l4_hdr_len, 20);
	assert_int_equal(p.dst_port, 443);
	for (size_t cut = 40; cut < len; cut++) {
		store_be16(bytes + 4, (uint16_t)(cut - 40));
		assert_refused(cut);
	}
	/* The last one longer than what is left. */
	store_be16(bytes + 4, (uint16_t)(len - 40));
	bytes[40 + 24 + 1] = 3;
	assert_refused(len);
	bytes[40 + 24] = IPPROTO_NONE;
	assert_refused(len);
}

static void ipv6_fragments_stop_the_walk(void **state)
{
	static const uint16_t offs[] = { 0x0001, 0x0008, 0xfff9 };
	uint8_t frag[8] = { IPPROTO_UDP };
	struct help_packet h = udp6;
	struct packet p;
	(void)state;

	h.ext = frag;
	h.ext_len = sizeof(frag);
	h.ext_proto = IPPROTO_FRAGMENT;
	for (size_t i = 0; i < ARRAY_LEN(offs); i++) {
		store_be16(frag + 2, offs[i]);
		make(&h, &p);
		assert_true(p.fragment);
		assert_int_equal(p.l4_off, 48);
		assert_int_equal(p.proto, IPPROTO_UDP);
		assert_int_equal(p.l4_hdr_len | p.src_port | p.dst_port, 0);
	}
	/* What follows a fragment's header is data, even when it is numbered as an extension. */
	frag[0] = IPPROTO_DSTOPTS;
	make(&h, &p);
	assert_int_equal(p.proto, IPPROTO_DSTOPTS);
	/* Offset 0 and no more: the whole packet (RFC 6946). */
	frag[0] = IPPROTO_UDP;
	store_be16(frag + 2, 0x0006);
	make(&h, &p);
	assert_false(p.fragment);
	assert_int_equal(p.dst_port, 53);
}

static void at_most_eight_extension_headers(void **state)
{
	uint8_t ext[9 * 8] = { 0 };
	struct help_packet h = udp6;
	struct packet p;
	(void)state;

	for (size_t n = 8; n <= 9; n++) {
		memset(ext, 0, sizeof(ext));
		for (size_t i = 0; i < n; i++)
			ext[8 * i] = i + 1 == n ? IPPROTO_UDP : IPPROTO_DSTOPTS;
		h.ext = ext;
		h.ext_len = 8 * n;
		h.ext_proto = IPPROTO_DSTOPTS;
		size_t len = help_packet_make(bytes, sizeof(bytes), &h);
		if (n == 8)
			assert_int_equal(packet_parse(bytes, len, &p), 0);
		else
			assert_refused(len);
	}
}

static void other_protocols_have_no_transport_header(void **state)
{
	struct help_packet h = icmp4;
	struct packet p;
	(void)state;

	h.payload_len = 0;
	make(&h, &p);
	assert_int_equal(p.l4_off, p.len);
	h.proto = IPPROTO_UDPLITE;
	h.payload_len = 30;
	make(&h, &p);
	assert_int_equal(p.l4_hdr_len | p.src_port | p.dst_port, 0);
}

static void the_largest_packets_pass(void **state)
{
	struct help_packet h = udp6;
	struct packet p;
	(void)state;

	h.payload_len = 65535 - 8;
	assert_int_equal(make(&h, &p), 65575);
	h = tcp4;
	h.payload_len = 65535 - 40;
	assert_int_equal(make(&h, &p), 65535);
}

static void flows_hash_by_what_names_them(void **state)
{
	struct help_packet h = tcp4;
	struct packet p;
	(void)state;

	make(&tcp4, &p);
	uint32_t first = packet_flow_hash(&p);
	h.tcp_flags = 0;
	h.payload_len = 1;
	make(&h, &p);
	assert_int_equal(packet_flow_hash(&p), first);
	p.src_port++;
	assert_int_not_equal(packet_flow_hash(&p), first);
	make(&udp6, &p);
	first = packet_flow_hash(&p);
	for (size_t i = 0; i < 16; i++) {
		struct packet q = p;
		q.src.bytes[i] ^= 1;
		assert_int_not_equal(packet_flow_hash(&q), first);
		q = p;
		q.dst.bytes[i] ^= 1;
		assert_int_not_equal(packet_flow_hash(&q), first);
	}
}

/* Neighbouring clients and ports spread over a small table, by the low bits and by the high ones. */
static void flow_hashes_spread(void **state)
{
	enum { SLOTS = 64, FLOWS = SLOTS * 64 };
	unsigned low[SLOTS] = { 0 }, high[SLOTS] = { 0 };
	struct packet p;
	(void)state;

	make(&tcp4, &p);
	for (unsigned i = 0; i < FLOWS; i++) {
		p.src.bytes[3] = (uint8_t)i;
		p.src_port = (uint16_t)(32768 + i / 256);
		uint32_t h = packet_flow_hash(&p);
		low[h % SLOTS]++;
		high[h / (UINT32_MAX / SLOTS + 1)]++;
	}
	for (size_t i = 0; i < SLOTS; i++) {
		assert_in_range(low[i], 16, 144);
		assert_in_range(high[i], 16, 144);
	}
}

static void sums_agree_with_the_naive_ones(void **state)
{
	uint32_t seed = 2;
	(void)state;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)help_random(&seed);
	for (size_t len = 0; len < 300; len++)
		for (size_t off = 0; off < 9; off++)
			assert_int_equal(packet_fold(packet_sum(bytes + off, len, 0)),
				help_packet_sum(bytes + off, len, 0));
	assert_int_equal(
		packet_fold(packet_sum(bytes, 65535, 0)), help_packet_sum(bytes, 65535, 0));
	/* In parts, as long as all but the last are even. */
	uint64_t sum = packet_sum(bytes + 1000, 501, packet_sum(bytes, 1000, 0));
	assert_int_equal(packet_fold(sum), help_packet_sum(bytes, 1501, 0));
	memset(bytes, 0xff, sizeof(bytes));
	assert_int_equal(
		packet_fold(packet_sum(bytes, 65575, 0)), help_packet_sum(bytes, 65575, 0));
	assert_int_equal(packet_fold(UINT64_MAX), 0xffff);
	assert_int_equal(packet_fold(0), 0);
	/* The example of RFC 1071, 3. */
	static const uint8_t rfc[] = { 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7 };
	assert_int_equal(packet_fold(packet_sum(rfc, sizeof(rfc), 0)), 0xddf2);
}

static void checksums_are_filled_in(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		struct packet p;
		uint8_t made[256];
		size_t len = make(samples[i], &p);
		memcpy(made, bytes, len);
		assert_true(help_packet_verify(made, len));
		if (p.src.family == 4)
			store_be16(bytes + 10, 0xdead);
		if (p.l4_hdr_len > 0)
			store_be16(bytes + p.l4_off + (p.proto == IPPROTO_TCP ? 16 : 6), 0xdead);
		packet_fill_ip_checksum(bytes, &p);
		packet_fill_l4_checksum(bytes, &p);
		assert_memory_equal(bytes, made, len);
	}
}

/* Data that sums up to 0xffff: the UDP checksum would be 0, which means none, and becomes 0xffff. */
static void a_udp_checksum_is_never_zero(void **state)
{
	struct help_packet h = udp4;
	struct packet p;
	(void)state;

	h.payload_len = 2;
	size_t len = make(&h, &p);
	store_be16(bytes + 28, 0);
	packet_fill_l4_checksum(bytes, &p);
	memcpy(bytes + 28, bytes + 26, 2);
	packet_fill_l4_checksum(bytes, &p);
	assert_int_equal(load_be16(bytes + 26), 0xffff);
	assert_true(help_packet_verify(bytes, len));
}

static void fragments_get_no_transport_checksum(void **state)
{
	struct packet p;
	uint8_t was[256];
	(void)state;

	size_t len = help_packet_make(bytes, sizeof(bytes), &tcp4);
	store_be16(bytes + 6, 0x2000);
	assert_int_equal(packet_parse(bytes, len, &p), 0);
	memcpy(was, bytes, len);
	packet_fill_l4_checksum(bytes, &p);
	assert_memory_equal(bytes, was, len);
}

static void the_mss_is_clamped(void **state)
{
	/* The option at an even offset, and at an odd one. */
	static const uint8_t opts[2][8] = { { 2, 4, 0x05, 0xb4, 1, 1, 4, 2 },
		{ 1, 2, 4, 0x05, 0xb4, 1, 4, 2 } };
	(void)state;

	for (size_t i = 0; i < 4; i++) {
		struct help_packet h = i < 2 ? tcp4 : tcp6;
		struct packet p;
		h.tcp_flags = i % 2 == 0 ? PACKET_TCP_SYN : PACKET_TCP_SYN | 0x10;
		h.tcp_opts = opts[i % 2];
		h.tcp_opts_len = sizeof(opts[0]);
		h.payload_len = 0;
		size_t len = make(&h, &p);
		uint8_t *mss = bytes + p.l4_off + 22 + i % 2;
		assert_false(packet_clamp_mss(bytes, &p, 1460, true));
		assert_int_equal(load_be16(mss), 1460);
		assert_true(packet_clamp_mss(bytes, &p, 1313, true));
		assert_int_equal(load_be16(mss), 1313);
		assert_true(help_packet_verify(bytes, len));
		/* A partial checksum covers no options. */
		uint16_t checksum = load_be16(bytes + p.l4_off + 16);
		assert_true(packet_clamp_mss(bytes, &p, 536, false));
		assert_int_equal(load_be16(mss), 536);
		assert_int_equal(load_be16(bytes + p.l4_off + 16), checksum);
	}
}

static void clamping_leaves_everything_else_alone(void **state)
{
	static const uint8_t opts[][8] = {
		{ 1, 1, 1, 1, 1, 1, 1, 2 },             /* Length cut off. */
		{ 1, 1, 1, 1, 1, 2, 4, 0xff },          /* Value cut off. */
		{ 2, 0, 0xff, 0xff, 2, 4, 0xff, 0xff }, /* Length 0. */
		{ 2, 1, 4, 0xff, 0xff, 0, 0, 0 },
		{ 0, 2, 4, 0xff, 0xff, 0, 0, 0 },   /* After the end of the options. */
		{ 2, 3, 0xff, 1, 1, 1, 1, 1 },      /* Not the length of an MSS. */
		{ 254, 8, 2, 4, 0xff, 0xff, 0, 0 }, /* Inside another option. */
	};
	struct packet p;
	uint8_t was[256];
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(opts); i++) {
		struct help_packet h = tcp4;
		h.tcp_flags = PACKET_TCP_SYN;
		h.tcp_opts = opts[i];
		h.tcp_opts_len = sizeof(opts[i]);
		size_t len = make(&h, &p);
		memcpy(was, bytes, len);
		assert_false(packet_clamp_mss(bytes, &p, 1000, true));
		assert_memory_equal(bytes, was, len);
	}
	static const uint8_t mss[4] = { 2, 4, 0xff, 0xff };
	struct help_packet h = tcp4;
	h.tcp_opts = mss;
	h.tcp_opts_len = sizeof(mss);
	make(&h, &p); /* No SYN. */
	assert_false(packet_clamp_mss(bytes, &p, 1000, true));
	make(&udp4, &p);
	assert_false(packet_clamp_mss(bytes, &p, 1000, true));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_packet_says_is_read),
		cmocka_unit_test(options_move_the_offsets),
		cmocka_unit_test(the_length_must_be_what_the_header_says),
		cmocka_unit_test(headers_that_lie_are_refused),
		cmocka_unit_test(transport_headers_must_be_whole),
		cmocka_unit_test(fragments_have_no_ports),
		cmocka_unit_test(ipv6_extension_headers_are_walked),
		cmocka_unit_test(ipv6_fragments_stop_the_walk),
		cmocka_unit_test(at_most_eight_extension_headers),
		cmocka_unit_test(other_protocols_have_no_transport_header),
		cmocka_unit_test(the_largest_packets_pass),
		cmocka_unit_test(flows_hash_by_what_names_them),
		cmocka_unit_test(flow_hashes_spread),
		cmocka_unit_test(sums_agree_with_the_naive_ones),
		cmocka_unit_test(checksums_are_filled_in),
		cmocka_unit_test(a_udp_checksum_is_never_zero),
		cmocka_unit_test(fragments_get_no_transport_checksum),
		cmocka_unit_test(the_mss_is_clamped),
		cmocka_unit_test(clamping_leaves_everything_else_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
