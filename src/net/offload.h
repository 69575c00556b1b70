#ifndef NET_OFFLOAD_H
#define NET_OFFLOAD_H

#include "net/frame.h"
#include "net/packet.h"

#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Since Linux 6.2; older headers lack it. */
#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

/*
 * Super-packets (PROTOCOL 3.3): between the kernel's struct virtio_net_hdr (a TUN device opened with
 * IFF_VNET_HDR, little endian host fields as the kernel's native ABI), the 4-byte descriptor on the wire,
 * and plain packets.  Nothing a peer says reaches the kernel unchecked.
 */

enum offload_kind {
	OFFLOAD_CSUM = 0, /* One packet, checksum left to the receiver. */
	OFFLOAD_TCP = 1,
	OFFLOAD_UDP = 2,
};

/* Sets of kinds, as announced in `features`. */
enum {
	OFFLOAD_CAN_CSUM = 1 << OFFLOAD_CSUM,
	OFFLOAD_CAN_TCP = 1 << OFFLOAD_TCP,
	OFFLOAD_CAN_UDP = 1 << OFFLOAD_UDP,
	OFFLOAD_CAN_ALL = OFFLOAD_CAN_CSUM | OFFLOAD_CAN_TCP | OFFLOAD_CAN_UDP,
};

struct offload {
	enum offload_kind kind;
	uint16_t segment; /* Payload bytes per segment; 0 for OFFLOAD_CSUM. */
};

/* The wire descriptor.  offload_get() returns -EBADMSG for an unknown kind or a bad segment size. */
int offload_get(const uint8_t desc[static FRAME_DESC_LEN], struct offload *out);
void offload_put(uint8_t desc[static FRAME_DESC_LEN], const struct offload *o);

/*
 * A packet read from the TUN with header h.  Returns 1 and sets *out when it is a super-packet, 0 when
 * it is a plain packet with complete checksums, -EBADMSG when header and packet disagree or it is
 * none that PROTOCOL 3.4 lets through.
 */
int offload_from_kernel(
	const struct virtio_net_hdr *h, const struct packet *p, struct offload *out);

/*
 * A single packet from the TUN whose checksum is to be filled in, which OFFLOAD_CSUM cannot carry (IPv6 extension headers, a packet
 * within a packet): do as h says.  Returns 0; -EBADMSG with nothing changed when h asks for something else or for a
 * place outside bytes[0..len).
 */
int offload_complete(const struct virtio_net_hdr *h, uint8_t *bytes, size_t len);

/* The most datagrams a train may have (PROTOCOL 3.4): what every kernel with USO takes. */
enum { OFFLOAD_UDP_SEGMENTS = 64 };

/*
 * Check a peer's super-packet (PROTOCOL 3.4) and make the header to write it to the TUN with: sets *h,
 * and stores the pseudo-header sum in the packet's checksum field and a correct IPv4 header checksum.
 * Returns 0; or, with nothing changed, -EBADMSG, or -EMSGSIZE for a good UDP train of over 64 datagrams, which
 * some kernels take no more of in one write: cut it.
 */
int offload_to_kernel(
	uint8_t *bytes, const struct packet *p, const struct offload *o, struct virtio_net_hdr *h);

/*
 * Cut a valid super-packet into plain packets with complete checksums, one per call.
 *
 *     struct offload_cutter c;
 *     offload_cut_start(&c, bytes, p, o);
 *     while ((n = offload_cut_next(&c, out, cap)) > 0)
 *             ... out[0..n) is a packet
 *
 * offload_cut_next() returns 0 at the end, -ENOBUFS when cap is too small for the next packet.  TCP: sequence
 * numbers advance, FIN and PSH only on the last, CWR only on the first; IPv4: identification counts up.
 * OFFLOAD_CSUM gives one packet.  bytes must stay valid and unchanged until the end.
 */
struct offload_cutter {
	const uint8_t *bytes;
	struct packet p;
	struct offload o;
	uint32_t hdr_len; /* IP and transport headers. */
	uint32_t done;    /* Payload bytes already given out. */
	uint16_t index;
	bool finished;
};

void offload_cut_start(struct offload_cutter *c, const uint8_t *bytes, const struct packet *p,
	const struct offload *o);
int offload_cut_next(struct offload_cutter *c, uint8_t *out, size_t cap);

#endif
