#include "base/util.h"
#include "net/offload.h"
#include "net/packet.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/*
 * Input: a descriptor (4 bytes), a kernel's header (10), an MSS (2), how to treat the packet (1), the packet.
 * The kernel's header and the descriptor are tried apart from each other.
 */
enum { HEAD_LEN = 17, MAX_LEN = 70000 };
enum { FIX_LENGTHS = 1, FIX_CHECKSUMS = 2 };

static uint8_t packet[MAX_LEN], other[MAX_LEN], segment[MAX_LEN];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
	if (!ok)
		abort();
}

/* RFC 1071 two bytes at a time, sharing nothing with net/packet.c. */
static uint16_t naive_sum(const uint8_t *bytes, size_t len, uint32_t sum)
{
	for (size_t i = 0; i < len; i++)
		sum += (uint32_t)(i % 2 == 0 ? bytes[i] << 8 : bytes[i]);
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* 0xffff when the TCP or UDP checksum of a packet without extension headers is right. */
static uint16_t naive_l4_sum(const uint8_t *bytes, size_t len)
{
	bool v4 = bytes[0] >> 4 == 4;
	size_t l4_off = v4 ? (size_t)(bytes[0] & 15) * 4 : 40;
	uint32_t sum = naive_sum(bytes + (v4 ? 12 : 8), v4 ? 8 : 32, bytes[v4 ? 9 : 6]);

	sum += (uint32_t)(len - l4_off) >> 16;
	sum += (uint32_t)(len - l4_off) & 0xffff;
	return naive_sum(bytes + l4_off, len - l4_off, sum);
}

static bool naive_verify(const uint8_t *bytes, size_t len)
{
	bool v4 = bytes[0] >> 4 == 4;

	return (!v4 || naive_sum(bytes, (size_t)(bytes[0] & 15) * 4, 0) == 0xffff) &&
	       naive_l4_sum(bytes, len) == 0xffff;
}

/* Let the lengths agree with what there is, else hardly any input gets past them. */
static void fix_lengths(uint8_t *bytes, size_t len)
{
	bool v4 = len >= 20 && bytes[0] >> 4 == 4, v6 = len >= 40 && bytes[0] >> 4 == 6;
	size_t l4_off = v4 ? (size_t)(bytes[0] & 15) * 4 : 40;

	if (!v4 && !v6)
		return;
	store_be16(bytes + (v4 ? 2 : 4), (uint16_t)(v4 ? len : len - 40));
	if (bytes[v4 ? 9 : 6] == IPPROTO_UDP && len >= l4_off + 8)
		store_be16(bytes + l4_off + 4, (uint16_t)(len - l4_off));
}

static void check_parsed(const struct packet *p, size_t len)
{
	bool v4 = packet[0] >> 4 == 4;

	require(p->len == len && len <= FRAME_PACKET_MAX);
	require(p->l4_off >= (v4 ? 20 : 40));
	require((size_t)p->l4_off + p->l4_hdr_len <= len);
	require(p->src.family == (v4 ? 4 : 6) && p->dst.family == p->src.family);
	require(memcmp(p->src.bytes, packet + (v4 ? 12 : 8), v4 ? 4 : 16) == 0);
	require(memcmp(p->dst.bytes, packet + (v4 ? 16 : 24), v4 ? 4 : 16) == 0);
	bool ported = p->proto == IPPROTO_TCP || p->proto == IPPROTO_UDP;
	require((p->l4_hdr_len > 0) == (ported && !p->fragment));
	if (p->l4_hdr_len == 0)
		require(p->src_port == 0 && p->dst_port == 0 && p->tcp_flags == 0);
	require(packet_fold(packet_sum(packet, len, 0)) == naive_sum(packet, len, 0));
}

static void check_clamp(const struct packet *p, uint16_t max)
{
	memcpy(other, packet, p->len);
	bool changed = packet_clamp_mss(other, p, max, true);
	bool same = memcmp(other, packet, p->len) == 0;

	require(changed ? p->proto == IPPROTO_TCP && (p->tcp_flags & PACKET_TCP_SYN) != 0 : same);
	/* As right or as wrong as it was; 0 and 0xffff are one number. */
	require(naive_sum(other + p->l4_off, p->len - p->l4_off, 0) % 0xffff ==
		naive_sum(packet + p->l4_off, p->len - p->l4_off, 0) % 0xffff);
	require(!packet_clamp_mss(other, p, max, true));
}

/* packet[0..p->len) is a valid super-packet. */
static void check_cut(const struct packet *p, const struct offload *o)
{
	size_t hdr_len = (size_t)p->l4_off + p->l4_hdr_len, off = hdr_len;
	struct offload_cutter c;
	int n;

	memcpy(other, packet, p->len);
	offload_cut_start(&c, packet, p, o);
	while ((n = offload_cut_next(&c, segment, sizeof(segment))) > 0) {
		size_t len = (size_t)n, payload = len - hdr_len;
		struct packet q;
		require(len >= hdr_len && payload <= p->len - off);
		require(o->kind == OFFLOAD_CSUM || (payload > 0 && payload <= o->segment));
		require(packet_parse(segment, len, &q) == 0 && naive_verify(segment, len));
		require(packet_flow_hash(&q) == packet_flow_hash(p));
		require(memcmp(segment + hdr_len, packet + off, payload) == 0);
		if (p->proto == IPPROTO_TCP)
			require(load_be32(segment + p->l4_off + 4) -
					load_be32(packet + p->l4_off + 4) ==
				off - hdr_len);
		off += payload;
		require(off == p->len || payload == o->segment);
	}
	require(n == 0 && off == p->len);
	require(memcmp(other, packet, p->len) == 0);
}

static void check_to_kernel(const struct packet *p, const struct offload *o)
{
	struct virtio_net_hdr h = { .flags = 0x5a }, was = h;
	struct offload back;

	memcpy(other, packet, p->len);
	int r = offload_to_kernel(other, p, o, &h);
	require(r == 0 || r == -EBADMSG || r == -EMSGSIZE);
	if (r != 0) {
		require(memcmp(other, packet, p->len) == 0 && memcmp(&h, &was, sizeof(h)) == 0);
		if (r == -EMSGSIZE)
			check_cut(p, o);
		return;
	}
	require(h.csum_start == p->l4_off && h.csum_offset + 2u <= p->l4_hdr_len);
	require(h.hdr_len == p->l4_off + p->l4_hdr_len && h.hdr_len <= p->len);
	require((h.gso_type == VIRTIO_NET_HDR_GSO_NONE) == (h.gso_size == 0));
	require(h.gso_size == 0 || h.gso_size < p->len - h.hdr_len);
	require(offload_from_kernel(&h, p, &back) == 1);
	require(back.kind == o->kind && back.segment == o->segment);
	/* The checksum completed as a network card does it; then nothing but checksums has changed. */
	size_t field = (size_t)h.csum_start + h.csum_offset;
	uint16_t sum = naive_sum(other + h.csum_start, p->len - h.csum_start, 0);
	store_be16(other + field, (uint16_t)~sum);
	require(naive_verify(other, p->len));
	memcpy(other + field, packet + field, 2);
	if (p->src.family == 4)
		memcpy(other + 10, packet + 10, 2);
	require(memcmp(other, packet, p->len) == 0);
	check_cut(p, o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct packet p, was;
	struct offload o;
	struct virtio_net_hdr h;

	if (size < HEAD_LEN || size - HEAD_LEN > MAX_LEN)
		return 0;
	size_t len = size - HEAD_LEN;
	memcpy(packet, data + HEAD_LEN, len);
	if ((data[16] & FIX_LENGTHS) != 0)
		fix_lengths(packet, len);
	/* On the heap and no longer than it is, so that a read past its end is seen. */
	uint8_t *exact = malloc(len > 0 ? len : 1);
	require(exact != NULL);
	memcpy(exact, packet, len);
	memset(&p, 0x5a, sizeof(p));
	memcpy(&was, &p, sizeof(p));
	int r = packet_parse(exact, len, &p);
	free(exact);
	if (r != 0) {
		/* Padding as well.  NOLINTNEXTLINE(bugprone-suspicious-memory-comparison,cert-exp42-c,cert-flp37-c) */
		require(r == -EBADMSG && memcmp(&p, &was, sizeof(p)) == 0);
		return 0;
	}
	check_parsed(&p, len);
	if ((data[16] & FIX_CHECKSUMS) != 0) {
		packet_fill_ip_checksum(packet, &p);
		packet_fill_l4_checksum(packet, &p);
	}
	check_clamp(&p, load_be16(data + 14));
	if (offload_get(data, &o) == 0)
		check_to_kernel(&p, &o);
	memcpy(&h, data + FRAME_DESC_LEN, sizeof(h));
	r = offload_from_kernel(&h, &p, &o);
	require(r == 0 || r == 1 || r == -EBADMSG);
	if (r == 1)
		check_to_kernel(&p, &o);
	return 0;
}
