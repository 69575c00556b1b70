#include "net/packet.h"

#include "base/util.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

enum {
	IPV4_HDR_LEN = 20,
	IPV4_CHECKSUM_OFF = 10,
	IPV4_MORE_OR_OFFSET = 0x3fff, /* More fragments, and the offset. */
	IPV6_HDR_LEN = 40,
	IPV6_MORE_OR_OFFSET = 0xfff9,
	IPV6_MAX_EXTENSIONS = 8,
	IPV6_FRAGMENT_LEN = 8,
	TCP_HDR_LEN = 20,
	TCP_CHECKSUM_OFF = 16,
	TCP_OPT_END = 0,
	TCP_OPT_NOP = 1,
	TCP_OPT_MSS = 2,
	TCP_OPT_MSS_LEN = 4,
	UDP_HDR_LEN = 8,
	UDP_CHECKSUM_OFF = 6,
};

/* What an IP header says of what follows it. */
struct payload {
	size_t off;
	uint8_t proto;
	bool fragment;
};

static inline int parse_ipv4(const uint8_t *bytes, size_t len, struct payload *out)
{
	size_t hdr_len = (size_t)(bytes[0] & 15) * 4;

	if (hdr_len < IPV4_HDR_LEN || hdr_len > len || load_be16(bytes + 2) != len)
		return -EBADMSG;
	out->off = hdr_len;
	out->proto = bytes[9];
	out->fragment = (load_be16(bytes + 6) & IPV4_MORE_OR_OFFSET) != 0;
	return 0;
}

static bool is_extension(uint8_t proto)
{
	return proto == IPPROTO_HOPOPTS || proto == IPPROTO_ROUTING || proto == IPPROTO_DSTOPTS ||
	       proto == IPPROTO_FRAGMENT;
}

/*
 * RFC 8200 4.  The walk ends at a fragment's header: what follows it is the start of the transport header
 * in the first fragment only.  An atomic fragment (RFC 6946) is the whole packet and walked on.
 */
static int skip_extensions(const uint8_t *bytes, size_t len, struct payload *out)
{
	size_t off = out->off;
	uint8_t proto = out->proto;

	for (int i = 0; is_extension(proto) && !out->fragment; i++) {
		if (i == IPV6_MAX_EXTENSIONS || len - off < IPV6_FRAGMENT_LEN)
			return -EBADMSG;
		const uint8_t *hdr = bytes + off;
		size_t hdr_len = ((size_t)hdr[1] + 1) * 8;
		if (proto == IPPROTO_FRAGMENT) {
			hdr_len = IPV6_FRAGMENT_LEN;
			out->fragment = (load_be16(hdr + 2) & IPV6_MORE_OR_OFFSET) != 0;
		}
		if (hdr_len > len - off)
			return -EBADMSG;
		off += hdr_len;
		proto = hdr[0];
	}
	out->off = off;
	out->proto = proto;
	return 0;
}

static inline int parse_ipv6(const uint8_t *bytes, size_t len, struct payload *out)
{
	if (len < IPV6_HDR_LEN || load_be16(bytes + 4) != len - IPV6_HDR_LEN)
		return -EBADMSG;
	out->off = IPV6_HDR_LEN;
	out->proto = bytes[6];
	out->fragment = false;
	return is_extension(out->proto) ? skip_extensions(bytes, len, out) : 0;
}

/* The length of the transport header at l4[0..len): 0 for what is neither TCP nor UDP. */
static inline int transport_hdr_len(uint8_t proto, const uint8_t *l4, size_t len)
{
	if (proto == IPPROTO_TCP) {
		if (len < TCP_HDR_LEN)
			return -EBADMSG;
		size_t hdr_len = (size_t)(l4[12] >> 4) * 4;
		return hdr_len < TCP_HDR_LEN || hdr_len > len ? -EBADMSG : (int)hdr_len;
	}
	if (proto == IPPROTO_UDP)
		return len < UDP_HDR_LEN || load_be16(l4 + 4) != len ? -EBADMSG : UDP_HDR_LEN;
	return 0;
}

int packet_parse(const uint8_t *bytes, size_t len, struct packet *out)
{
	struct payload pl;
	int hdr_len = 0;

	if (len < IPV4_HDR_LEN)
		return -EBADMSG;
	unsigned version = bytes[0] >> 4;
	if (version == 4 ? parse_ipv4(bytes, len, &pl) < 0
			 : version != 6 || parse_ipv6(bytes, len, &pl) < 0)
		return -EBADMSG;
	const uint8_t *l4 = bytes + pl.off;
	if (!pl.fragment)
		hdr_len = transport_hdr_len(pl.proto, l4, len - pl.off);
	if (hdr_len < 0)
		return -EBADMSG;

	out->src = out->dst = (struct addr){ .family = (uint8_t)version };
	if (version == 4) {
		memcpy(out->src.bytes, bytes + 12, 4);
		memcpy(out->dst.bytes, bytes + 16, 4);
	} else {
		memcpy(out->src.bytes, bytes + 8, 16);
		memcpy(out->dst.bytes, bytes + 24, 16);
	}
	out->len = (uint32_t)len;
	out->l4_off = (uint16_t)pl.off;
	out->proto = pl.proto;
	out->fragment = pl.fragment;
	out->l4_hdr_len = (uint16_t)hdr_len;
	out->src_port = hdr_len > 0 ? load_be16(l4) : 0;
	out->dst_port = hdr_len > 0 ? load_be16(l4 + 2) : 0;
	out->tcp_flags = hdr_len >= TCP_HDR_LEN ? l4[13] : 0;
	return 0;
}

static inline uint64_t load_word(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* Multiply and fold the high half back in: every bit of x reaches the low bits. */
static inline uint64_t mix(uint64_t x)
{
	x *= 0x9e3779b97f4a7c15;
	return x ^ x >> 32;
}

uint32_t packet_flow_hash(const struct packet *p)
{
	uint64_t h = mix((uint64_t)p->src_port << 32 | (uint64_t)p->dst_port << 16 |
			 (uint64_t)p->proto << 8 | p->src.family);

	if (p->src.family == 6) {
		h = mix(h ^ load_word(p->src.bytes + 8));
		h = mix(h ^ load_word(p->dst.bytes + 8));
	}
	h = mix(h ^ load_word(p->src.bytes));
	h = mix(h ^ load_word(p->dst.bytes));
	return (uint32_t)mix(h);
}

/*
 * Sums are kept in memory order: RFC 1071 2(B) lets the bytes be swapped once, at the end.  Two halves of each
 * word are summed apart, so that 64 bits hold the carries of any packet and sums may be added.
 */
uint64_t packet_sum(const uint8_t *bytes, size_t len, uint64_t sum)
{
	uint64_t a = 0, b = 0, c = 0, d = 0;

	for (; len >= 32; len -= 32, bytes += 32) {
		uint64_t w0 = load_word(bytes), w1 = load_word(bytes + 8);
		uint64_t w2 = load_word(bytes + 16), w3 = load_word(bytes + 24);
		a += (uint32_t)w0;
		b += w0 >> 32;
		c += (uint32_t)w1;
		d += w1 >> 32;
		a += (uint32_t)w2;
		b += w2 >> 32;
		c += (uint32_t)w3;
		d += w3 >> 32;
	}
	sum += a + b + c + d;
	for (; len >= 4; len -= 4, bytes += 4) {
		uint32_t w;
		memcpy(&w, bytes, sizeof(w));
		sum += w;
	}
	if (len > 0) {
		uint32_t w = 0;
		memcpy(&w, bytes, len);
		sum += w;
	}
	return sum;
}

uint16_t packet_fold(uint64_t sum)
{
	sum = (sum >> 32) + (sum & 0xffffffff);
	sum = (sum >> 32) + (sum & 0xffffffff);
	sum = (sum >> 16) + (sum & 0xffff);
	sum = (sum >> 16) + (sum & 0xffff);
	return ntohs((uint16_t)sum);
}

uint64_t packet_pseudo_sum(const struct packet *p, uint32_t l4_len)
{
	size_t len = addr_len(&p->src);
	uint64_t sum = (uint64_t)htons(p->proto) + htonl(l4_len);

	return packet_sum(p->src.bytes, len, packet_sum(p->dst.bytes, len, sum));
}

void packet_fill_ip_checksum(uint8_t *bytes, const struct packet *p)
{
	if (p->src.family != 4)
		return;
	store_be16(bytes + IPV4_CHECKSUM_OFF, 0);
	uint64_t sum = packet_sum(bytes, (size_t)(bytes[0] & 15) * 4, 0);
	store_be16(bytes + IPV4_CHECKSUM_OFF, (uint16_t)~packet_fold(sum));
}

void packet_fill_l4_checksum(uint8_t *bytes, const struct packet *p)
{
	if (p->l4_hdr_len == 0)
		return;
	bool udp = p->proto == IPPROTO_UDP;
	uint8_t *l4 = bytes + p->l4_off;
	uint8_t *field = l4 + (udp ? UDP_CHECKSUM_OFF : TCP_CHECKSUM_OFF);
	uint32_t l4_len = p->len - p->l4_off;

	store_be16(field, 0);
	uint16_t checksum =
		(uint16_t)~packet_fold(packet_sum(l4, l4_len, packet_pseudo_sum(p, l4_len)));
	/* In UDP 0 means that there is none (RFC 768). */
	store_be16(field, udp && checksum == 0 ? 0xffff : checksum);
}

/* Put v in place of the 16 bits at l4 + off and carry the change into the checksum (RFC 1624, equation 3). */
static void replace_be16(uint8_t *l4, size_t off, uint16_t v, bool update_checksum)
{
	uint32_t was = load_be16(l4 + off), is = v;

	store_be16(l4 + off, v);
	if (!update_checksum)
		return;
	/* At an odd offset the two bytes stand in two words, swapped. */
	if (off % 2 != 0) {
		was = (was & 0xff) << 8 | was >> 8;
		is = (is & 0xff) << 8 | is >> 8;
	}
	uint32_t sum = (~load_be16(l4 + TCP_CHECKSUM_OFF) & 0xffff) + (~was & 0xffff) + is;
	sum = (sum >> 16) + (sum & 0xffff);
	sum = (sum >> 16) + (sum & 0xffff);
	store_be16(l4 + TCP_CHECKSUM_OFF, (uint16_t)~sum);
}

bool packet_clamp_mss(uint8_t *bytes, const struct packet *p, uint16_t max, bool checksum_complete)
{
	uint8_t *l4 = bytes + p->l4_off;
	size_t off = TCP_HDR_LEN, end = p->l4_hdr_len;
	bool changed = false;

	if (p->proto != IPPROTO_TCP || (p->tcp_flags & PACKET_TCP_SYN) == 0)
		return false;
	while (off < end && l4[off] != TCP_OPT_END) {
		if (l4[off] == TCP_OPT_NOP) {
			off++;
			continue;
		}
		if (end - off < 2 || l4[off + 1] < 2 || l4[off + 1] > end - off)
			break;
		if (l4[off] == TCP_OPT_MSS && l4[off + 1] == TCP_OPT_MSS_LEN &&
			load_be16(l4 + off + 2) > max) {
			replace_be16(l4, off + 2, max, checksum_complete);
			changed = true;
		}
		off += l4[off + 1];
	}
	return changed;
}
