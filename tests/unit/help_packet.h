#ifndef UNIT_HELP_PACKET_H
#define UNIT_HELP_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An IP packet to make.  Addresses are text; both of one family. */
struct help_packet {
	const char *src, *dst;
	uint8_t proto; /* IPPROTO_TCP, IPPROTO_UDP, or another: payload alone. */
	uint8_t tcp_flags;
	uint16_t src_port, dst_port;
	const uint8_t *tcp_opts; /* Of tcp_opts_len bytes, a multiple of 4. */
	size_t tcp_opts_len;
	size_t ip_opts_len; /* IPv4: NOPs, a multiple of 4. */
	const uint8_t
		*ext; /* IPv6 extension headers, of ext_len bytes, the last one naming proto. */
	size_t ext_len;
	uint8_t ext_proto;  /* The first extension header's number. */
	size_t payload_len; /* Filled with a pattern that repeats at no power of two. */
};

/* Make the packet with complete checksums into out[0..cap); returns its length. */
size_t help_packet_make(uint8_t *out, size_t cap, const struct help_packet *h);

/* RFC 1071, two bytes at a time: the sum, folded, not inverted. */
uint16_t help_packet_sum(const uint8_t *bytes, size_t len, uint32_t sum);

/*
 * Whether the IPv4 header and TCP or UDP checksums are right; for IPv6, no extension headers.  Shares no
 * code with net/packet.c.
 */
bool help_packet_verify(const uint8_t *bytes, size_t len);

#endif
