#ifndef NET_PACKET_H
#define NET_PACKET_H

#include "net/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What the data path needs to know of an inner IP packet.  Offsets are from the packet's first byte.
 * For IPv6, extension headers (hop-by-hop, routing, destination, fragment) are walked, 8 at most.
 */
struct packet {
	struct addr src, dst;
	uint32_t len;        /* Of the whole packet; equals what the IP header says. */
	uint16_t l4_off;     /* Where the transport header starts. */
	uint8_t proto;       /* IPPROTO_* of the transport header. */
	bool fragment;       /* A fragment, first or later: ports and flags must not be read. */
	uint16_t l4_hdr_len; /* TCP or UDP header length; 0 for others and fragments. */
	uint16_t src_port, dst_port; /* 0 unless TCP or UDP. */
	uint8_t tcp_flags;           /* 0 unless TCP. */
};

enum {
	PACKET_TCP_FIN = 0x01,
	PACKET_TCP_SYN = 0x02,
	PACKET_TCP_RST = 0x04,
	PACKET_TCP_PSH = 0x08,
	PACKET_TCP_URG = 0x20,
	PACKET_TCP_CWR = 0x80,
};

/*
 * Parse the packet bytes[0..len).  Returns 0, or -EBADMSG when it is not one whole IPv4 or IPv6 packet of just
 * len bytes, or its headers run past its end (a TCP or UDP header must be whole; UDP length must match).
 * IPv4 header checksums are not verified (a super-packet's may be stale).
 */
int packet_parse(const uint8_t *bytes, size_t len, struct packet *out);

/* Hash of addresses, protocol and ports: equal for all packets of one flow and direction. */
uint32_t packet_flow_hash(const struct packet *p);

/* One's complement sum (RFC 1071) of bytes, added to sum; not folded. */
uint64_t packet_sum(const uint8_t *bytes, size_t len, uint64_t sum);
uint16_t packet_fold(uint64_t sum); /* Folded, not inverted. */

/* Sum of the pseudo-header (RFC 9293 3.1, RFC 8200 8.1) for l4_len bytes of transport data; not folded. */
uint64_t packet_pseudo_sum(const struct packet *p, uint32_t l4_len);

/* Compute and store the IPv4 header checksum (IPv6: nothing), and the TCP or UDP checksum. */
void packet_fill_ip_checksum(uint8_t *bytes, const struct packet *p);
void packet_fill_l4_checksum(uint8_t *bytes, const struct packet *p);

/*
 * Lower the MSS option of a TCP SYN to max (RFC 6691) when it is larger; leaves everything else alone.
 * checksum_complete: the TCP checksum covers the payload and is updated (RFC 1624); otherwise it
 * holds the pseudo-header only and stays.  Returns true when the packet was changed.
 */
bool packet_clamp_mss(uint8_t *bytes, const struct packet *p, uint16_t max, bool checksum_complete);

#endif
