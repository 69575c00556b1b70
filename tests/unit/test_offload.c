#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/util.h"
#include "help_packet.h"
#include "net/offload.h"

enum { ACK = 0x10, GSO_UDP = 3, GSO_UDP_L4 = 5, CHECKSUM_TCP = 16, CHECKSUM_UDP = 6 };

static uint8_t bytes[70000], was[70000], out[70000];

static const struct help_packet tcp4 = { .src = "10.0.0.1",
	.dst = "10.0.0.2",
	.proto = IPPROTO_TCP,
	.src_port = 4242,
	.dst_port = 443,
	.tcp_flags = ACK,
	.payload_len = 5000 };
static const struct help_packet tcp6 = { .src = "2001:db8::1",
	.dst = "2001:db8::2",
	.proto = IPPROTO_TCP,
	.src_port = 4242,
	.dst_port = 443,
	.tcp_flags = ACK,
	.payload_len = 5000 };
static const struct help_packet udp4 = { .src = "10.0.0.1",
	.dst = "10.0.0.2",
	.proto = IPPROTO_UDP,
	.src_port = 4242,
	.dst_port = 443,
	.payload_len = 5000 };
static const struct help_packet udp6 = { .src = "2001:db8::1",
	.dst = "2001:db8::2",
	.proto = IPPROTO_UDP,
	.src_port = 4242,
	.dst_port = 443,
	.payload_len = 5000 };
static const struct help_packet *const samples[] = { &tcp4, &tcp6, &udp4, &udp6 };

static const struct offload csum = { .kind = OFFLOAD_CSUM };

static struct offload train(const struct help_packet *h, uint16_t segment)
{
	return (struct offload){
		.kind = h->proto == IPPROTO_TCP ? OFFLOAD_TCP : OFFLOAD_UDP,
		.segment = segment,
	};
}

static size_t make(const struct help_packet *h, struct packet *p)
{
	size_t len = help_packet_make(bytes, sizeof(bytes), h);

	assert_int_equal(packet_parse(bytes, len, p), 0);
	return len;
}

/* The header a kernel writes for the packet: gso_type 0 for one whose checksum alone is left. */
static struct virtio_net_hdr kernel_header(
	const struct packet *p, uint8_t gso_type, uint16_t gso_size)
{
	return (struct virtio_net_hdr){
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = gso_type,
		.hdr_len = (uint16_t)(p->l4_off + p->l4_hdr_len),
		.gso_size = gso_size,
		.csum_start = p->l4_off,
		.csum_offset = p->proto == IPPROTO_UDP ? CHECKSUM_UDP : CHECKSUM_TCP,
	};
}

static uint8_t gso_type_of(const struct help_packet *h)
{
	if (h->proto == IPPROTO_UDP)
		return GSO_UDP_L4;
	return strchr(h->src, ':') != NULL ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
}

static void descriptors_come_back_as_they_went(void **state)
{
	static const struct offload good[] = { { OFFLOAD_CSUM, 0 }, { OFFLOAD_TCP, 8 },
		{ OFFLOAD_TCP, 1448 }, { OFFLOAD_UDP, 8 }, { OFFLOAD_UDP, 65535 } };
	static const uint8_t bad[][FRAME_DESC_LEN] = {
		{ 0, 0, 0, 1 }, /* A checksum has no segments. */
		{ 0, 0, 5, 0xa8 },
		{ 0, 1, 0, 0 }, /* The second byte is zero. */
		{ 1, 0x80, 5, 0xa8 },
		{ 1, 0, 0, 0 }, /* Segments of less than 8. */
		{ 1, 0, 0, 7 },
		{ 2, 0, 0, 7 },
		{ 3, 0, 5, 0xa8 }, /* No such kind. */
		{ 255, 0, 0, 0 },
	};
	struct offload o;
	uint8_t desc[FRAME_DESC_LEN];
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		offload_put(desc, &good[i]);
		assert_int_equal(offload_get(desc, &o), 0);
		assert_int_equal(o.kind, good[i].kind);
		assert_int_equal(o.segment, good[i].segment);
	}
	offload_put(desc, &(struct offload){ OFFLOAD_TCP, 1448 });
	assert_memory_equal(desc, ((uint8_t[]){ 1, 0, 0x05, 0xa8 }), 4);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		o.segment = 77;
		assert_int_equal(offload_get(bad[i], &o), -EBADMSG);
		assert_int_equal(o.segment, 77);
	}
}

static void what_the_kernel_hands_over_is_told_apart(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		const struct help_packet *h = samples[i];
		struct packet p;
		struct offload o = { .segment = 77 };
		make(h, &p);
		struct virtio_net_hdr k = { 0 };
		assert_int_equal(offload_from_kernel(&k, &p, &o), 0);
		k.flags = VIRTIO_NET_HDR_F_DATA_VALID;
		assert_int_equal(offload_from_kernel(&k, &p, &o), 0);
		assert_int_equal(o.segment, 77);
		k = kernel_header(&p, gso_type_of(h), 1000);
		assert_int_equal(offload_from_kernel(&k, &p, &o), 1);
		assert_int_equal(o.kind, h->proto == IPPROTO_TCP ? OFFLOAD_TCP : OFFLOAD_UDP);
		assert_int_equal(o.segment, 1000);
		k = kernel_header(&p, VIRTIO_NET_HDR_GSO_NONE, 0);
		assert_int_equal(offload_from_kernel(&k, &p, &o), 1);
		assert_int_equal(o.kind, OFFLOAD_CSUM);
		assert_int_equal(o.segment, 0);
		/* One segment is no train. */
		k = kernel_header(&p, gso_type_of(h), 5000);
		assert_int_equal(offload_from_kernel(&k, &p, &o), 1);
		assert_int_equal(o.kind, OFFLOAD_CSUM);
		k.flags = 0;
		assert_int_equal(offload_from_kernel(&k, &p, &o), 0);
	}
	/* ECN belongs to TCP, CWR in the packet or not. */
	struct packet p;
	struct offload o;
	make(&tcp4, &p);
	struct virtio_net_hdr k =
		kernel_header(&p, VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN, 9);
	assert_int_equal(offload_from_kernel(&k, &p, &o), 1);
	assert_int_equal(o.kind, OFFLOAD_TCP);
}

static void assert_not_from_kernel(const struct virtio_net_hdr *k, const struct packet *p)
{
	struct offload o = { .segment = 77 };

	assert_int_equal(offload_from_kernel(k, p, &o), -EBADMSG);
	assert_int_equal(o.segment, 77);
}

static void disagreement_with_the_kernel_is_refused(void **state)
{
	static const uint8_t wrong_type[][5] = {
		{ GSO_UDP_L4, VIRTIO_NET_HDR_GSO_TCPV6, GSO_UDP, 2, 0x80 },
		{ GSO_UDP_L4, VIRTIO_NET_HDR_GSO_TCPV4, GSO_UDP, 0x40, 0x80 },
		{ VIRTIO_NET_HDR_GSO_TCPV4, VIRTIO_NET_HDR_GSO_TCPV6, GSO_UDP, 6,
			GSO_UDP_L4 | 0x80 },
		{ VIRTIO_NET_HDR_GSO_TCPV4, VIRTIO_NET_HDR_GSO_TCPV6, GSO_UDP, 6,
			GSO_UDP_L4 | 0x80 },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		struct packet p;
		make(samples[i], &p);
		for (size_t j = 0; j < ARRAY_LEN(wrong_type[0]); j++) {
			struct virtio_net_hdr k = kernel_header(&p, wrong_type[i][j], 1000);
			assert_not_from_kernel(&k, &p);
		}
		struct virtio_net_hdr k = kernel_header(&p, gso_type_of(samples[i]), 0);
		assert_not_from_kernel(&k, &p);
		k.gso_size = 7;
		assert_not_from_kernel(&k, &p);
		k = kernel_header(&p, VIRTIO_NET_HDR_GSO_NONE, 0);
		k.csum_start++;
		assert_not_from_kernel(&k, &p);
		k = kernel_header(&p, gso_type_of(samples[i]), 1000);
		k.csum_offset ^= 2;
		assert_not_from_kernel(&k, &p);
	}
	/* A partial checksum of what is neither TCP nor UDP, or of a fragment. */
	struct help_packet icmp = tcp4;
	struct packet p;
	icmp.proto = IPPROTO_ICMP;
	make(&icmp, &p);
	struct virtio_net_hdr k = kernel_header(&p, VIRTIO_NET_HDR_GSO_NONE, 0);
	assert_not_from_kernel(&k, &p);
	size_t len = help_packet_make(bytes, sizeof(bytes), &tcp4);
	store_be16(bytes + 6, 0x2000);
	assert_int_equal(packet_parse(bytes, len, &p), 0);
	k = kernel_header(&p, VIRTIO_NET_HDR_GSO_NONE, 0);
	assert_not_from_kernel(&k, &p);
	k = kernel_header(&p, VIRTIO_NET_HDR_GSO_TCPV4, 1000);
	assert_not_from_kernel(&k, &p);
}

/* What a network card does with a partial checksum. */
static void complete_checksum(const struct virtio_net_hdr *k, size_t len)
{
	uint8_t *field = bytes + k->csum_start + k->csum_offset;
	uint16_t sum = help_packet_sum(bytes + k->csum_start, len - k->csum_start, 0);

	store_be16(field, (uint16_t)~sum);
}

static void the_kernel_gets_the_header_it_needs(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(samples); i++) {
		const struct help_packet *h = samples[i / 2];
		struct offload o = i % 2 == 0 ? csum : train(h, 1000), back;
		struct virtio_net_hdr k;
		struct packet p;
		size_t len = make(h, &p);
		size_t field =
			p.l4_off + (size_t)(h->proto == IPPROTO_TCP ? CHECKSUM_TCP : CHECKSUM_UDP);
		memcpy(was, bytes, len);
		store_be16(bytes + field, 0xdead);
		if (p.src.family == 4)
			store_be16(bytes + 10, 0xdead);
		assert_int_equal(offload_to_kernel(bytes, &p, &o, &k), 0);
		assert_int_equal(k.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
		assert_int_equal(k.gso_type, i % 2 == 0 ? VIRTIO_NET_HDR_GSO_NONE : gso_type_of(h));
		assert_int_equal(k.gso_size, i % 2 == 0 ? 0 : 1000);
		assert_int_equal(k.hdr_len, p.l4_off + p.l4_hdr_len);
		assert_int_equal(k.csum_start, p.l4_off);
		assert_int_equal(k.csum_start + k.csum_offset, field);
		assert_int_equal(offload_from_kernel(&k, &p, &back), 1);
		assert_int_equal(back.kind, o.kind);
		assert_int_equal(back.segment, o.segment);
		/* Completed over the whole, it is the packet as it was. */
		complete_checksum(&k, len);
		assert_true(help_packet_verify(bytes, len));
		assert_memory_equal(bytes, was, len);
	}
}

static void cwr_asks_for_ecn(void **state)
{
	struct virtio_net_hdr k;
	struct packet p;
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		struct help_packet h = *samples[i];
		h.tcp_flags = ACK | PACKET_TCP_CWR;
		make(&h, &p);
		struct offload o = train(&h, 1000);
		assert_int_equal(offload_to_kernel(bytes, &p, &o, &k), 0);
		assert_int_equal(k.gso_type,
			gso_type_of(&h) | (h.proto == IPPROTO_TCP ? VIRTIO_NET_HDR_GSO_ECN : 0));
		assert_int_equal(offload_to_kernel(bytes, &p, &csum, &k), 0);
		assert_int_equal(k.gso_type, VIRTIO_NET_HDR_GSO_NONE);
	}
}

/* offload_to_kernel() refuses bytes[0..p->len) and changes nothing. */
static void assert_not_to_kernel(const struct packet *p, const struct offload *o, int error)
{
	struct virtio_net_hdr k = { .hdr_len = 77 };

	memcpy(was, bytes, p->len);
	assert_int_equal(offload_to_kernel(bytes, p, o, &k), error);
	assert_memory_equal(bytes, was, p->len);
	assert_int_equal(k.hdr_len, 77);
}

static void a_peers_bad_trains_are_refused(void **state)
{
	static const uint8_t flags[] = { PACKET_TCP_SYN, PACKET_TCP_URG, PACKET_TCP_RST,
		PACKET_TCP_SYN | ACK };
	struct packet p;
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		make(samples[i], &p);
		struct offload o = train(samples[i], 5000); /* One segment. */
		assert_not_to_kernel(&p, &o, -EBADMSG);
		o.segment = 65535;
		assert_not_to_kernel(&p, &o, -EBADMSG);
		o.segment = 7;
		assert_not_to_kernel(&p, &o, -EBADMSG);
		o.segment = 0;
		assert_not_to_kernel(&p, &o, -EBADMSG);
		o = (struct offload){ .kind = OFFLOAD_CSUM, .segment = 1000 };
		assert_not_to_kernel(&p, &o, -EBADMSG);
		o = train(samples[i], 1000);
		o.kind = o.kind == OFFLOAD_TCP ? OFFLOAD_UDP : OFFLOAD_TCP;
		assert_not_to_kernel(&p, &o, -EBADMSG);
	}
	for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
		struct help_packet h = tcp4;
		h.tcp_flags = flags[i];
		make(&h, &p);
		struct offload o = train(&h, 1000);
		struct virtio_net_hdr k;
		assert_not_to_kernel(&p, &o, -EBADMSG);
		assert_int_equal(offload_to_kernel(bytes, &p, &csum, &k), 0);
	}
}

static void fragments_and_extension_headers_are_refused(void **state)
{
	static const uint8_t ext[8] = { IPPROTO_TCP, 0, 1, 4, 0, 0, 0, 0 };
	static const uint8_t numbers[] = { IPPROTO_DSTOPTS, IPPROTO_ROUTING, IPPROTO_FRAGMENT };
	struct offload o = { .kind = OFFLOAD_TCP, .segment = 1000 };
	struct packet p;
	(void)state;

	size_t len = help_packet_make(bytes, sizeof(bytes), &tcp4);
	store_be16(bytes + 6, 0x2000);
	assert_int_equal(packet_parse(bytes, len, &p), 0);
	assert_not_to_kernel(&p, &o, -EBADMSG);
	assert_not_to_kernel(&p, &csum, -EBADMSG);
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		struct help_packet h = tcp6;
		h.ext = ext;
		h.ext_len = sizeof(ext);
		h.ext_proto = numbers[i];
		make(&h, &p);
		assert_int_equal(p.l4_off, 48);
		assert_not_to_kernel(&p, &o, -EBADMSG);
		assert_not_to_kernel(&p, &csum, -EBADMSG);
	}
	struct help_packet h = tcp4;
	h.proto = IPPROTO_ICMP;
	make(&h, &p);
	assert_not_to_kernel(&p, &csum, -EBADMSG);
}

static void more_datagrams_than_kernels_take_are_to_be_cut(void **state)
{
	struct help_packet h = udp4;
	struct virtio_net_hdr k;
	struct packet p;
	(void)state;

	h.payload_len = 6400;
	make(&h, &p);
	struct offload o = train(&h, 100);
	assert_int_equal(offload_to_kernel(bytes, &p, &o, &k), 0);
	o.segment = 99;
	assert_not_to_kernel(&p, &o, -EMSGSIZE);
}

/* What must hold of segment number i of bytes[0..len), parsed into *p, now in out[0..n). */
static void check_segment(const struct packet *p, const struct offload *o, size_t i, size_t n)
{
	size_t hdr_len = (size_t)p->l4_off + p->l4_hdr_len, payload_len = p->len - hdr_len;
	size_t done = i * o->segment, want = MIN(payload_len - done, (size_t)o->segment);
	const uint8_t *l4 = out + p->l4_off;
	struct packet q;

	assert_int_equal(n, hdr_len + want);
	assert_int_equal(packet_parse(out, n, &q), 0);
	assert_true(help_packet_verify(out, n));
	assert_memory_equal(out + hdr_len, bytes + hdr_len + done, want);
	if (p->src.family == 4)
		assert_int_equal(load_be16(out + 4), (uint16_t)(load_be16(bytes + 4) + i));
	if (p->proto != IPPROTO_TCP)
		return;
	assert_int_equal(load_be32(l4 + 4), (uint32_t)(load_be32(bytes + p->l4_off + 4) + done));
	uint8_t flags = p->tcp_flags;
	if (done + want < payload_len)
		flags &= (uint8_t) ~(PACKET_TCP_FIN | PACKET_TCP_PSH);
	if (i > 0)
		flags &= (uint8_t)~PACKET_TCP_CWR;
	assert_int_equal(q.tcp_flags, flags);
	/* The rest of the header is the same in all: window, options. */
	assert_memory_equal(l4 + 14, bytes + p->l4_off + 14, 2);
	assert_memory_equal(l4 + 20, bytes + p->l4_off + 20, p->l4_hdr_len - 20u);
}

static void trains_are_cut_into_whole_packets(void **state)
{
	static const uint8_t timestamps[12] = { 1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8 };
	static const uint16_t segments[] = { 8, 999, 1000, 1448, 2500, 4999 };
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(samples) * ARRAY_LEN(segments); i++) {
		struct help_packet h = *samples[i / ARRAY_LEN(segments)];
		struct offload_cutter c;
		struct packet p;
		if (h.proto == IPPROTO_TCP) {
			h.tcp_flags = ACK | PACKET_TCP_FIN | PACKET_TCP_PSH | PACKET_TCP_CWR;
			h.tcp_opts = timestamps;
			h.tcp_opts_len = sizeof(timestamps);
		}
		size_t len = make(&h, &p), n_segments = 0;
		struct offload o = train(&h, segments[i % ARRAY_LEN(segments)]);
		memcpy(was, bytes, len);
		offload_cut_start(&c, bytes, &p, &o);
		for (int n; (n = offload_cut_next(&c, out, sizeof(out))) != 0; n_segments++) {
			assert_true(n > 0);
			check_segment(&p, &o, n_segments, (size_t)n);
		}
		assert_int_equal(n_segments, (5000 + o.segment - 1u) / o.segment);
		assert_int_equal(offload_cut_next(&c, out, sizeof(out)), 0);
		assert_memory_equal(bytes, was, len);
	}
}

static void a_partial_checksum_is_completed(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		struct help_packet h = *samples[i];
		struct virtio_net_hdr k;
		struct offload_cutter c;
		struct packet p;
		h.tcp_flags = PACKET_TCP_SYN | PACKET_TCP_CWR | PACKET_TCP_FIN;
		h.payload_len = i % 2 == 0 ? 0 : 1000;
		size_t len = make(&h, &p);
		memcpy(was, bytes, len);
		assert_int_equal(offload_to_kernel(bytes, &p, &csum, &k), 0);
		offload_cut_start(&c, bytes, &p, &csum);
		assert_int_equal(offload_cut_next(&c, out, sizeof(out)), len);
		assert_memory_equal(out, was, len);
		assert_int_equal(offload_cut_next(&c, out, sizeof(out)), 0);
	}
}

static void too_little_room_loses_nothing(void **state)
{
	struct offload o = train(&tcp4, 1000);
	struct offload_cutter c;
	struct packet p;
	size_t n_segments = 0;
	(void)state;

	make(&tcp4, &p);
	offload_cut_start(&c, bytes, &p, &o);
	for (; !c.finished; n_segments++) {
		out[0] = 0x5a;
		assert_int_equal(offload_cut_next(&c, out, 1039), -ENOBUFS);
		assert_int_equal(out[0], 0x5a);
		assert_int_equal(offload_cut_next(&c, out, 1040), 1040);
		check_segment(&p, &o, n_segments, 1040);
	}
	assert_int_equal(n_segments, 5);
}

static void the_largest_train_is_cut(void **state)
{
	struct help_packet h = tcp6;
	struct offload_cutter c;
	struct packet p;
	size_t n_segments = 0;
	(void)state;

	h.payload_len = 65535 - 20;
	assert_int_equal(make(&h, &p), FRAME_PACKET_MAX);
	struct offload o = train(&h, 8);
	offload_cut_start(&c, bytes, &p, &o);
	for (int n; (n = offload_cut_next(&c, out, sizeof(out))) > 0; n_segments++)
		check_segment(&p, &o, n_segments, (size_t)n);
	assert_int_equal(n_segments, (65515 + 7) / 8);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(descriptors_come_back_as_they_went),
		cmocka_unit_test(what_the_kernel_hands_over_is_told_apart),
		cmocka_unit_test(disagreement_with_the_kernel_is_refused),
		cmocka_unit_test(the_kernel_gets_the_header_it_needs),
		cmocka_unit_test(cwr_asks_for_ecn),
		cmocka_unit_test(a_peers_bad_trains_are_refused),
		cmocka_unit_test(fragments_and_extension_headers_are_refused),
		cmocka_unit_test(more_datagrams_than_kernels_take_are_to_be_cut),
		cmocka_unit_test(trains_are_cut_into_whole_packets),
		cmocka_unit_test(a_partial_checksum_is_completed),
		cmocka_unit_test(too_little_room_loses_nothing),
		cmocka_unit_test(the_largest_train_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
