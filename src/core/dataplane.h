#ifndef CORE_DATAPLANE_H
#define CORE_DATAPLANE_H

#include "net/frame.h"
#include "net/offload.h"
#include "net/packet.h"
#include "net/route.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What happens to a packet between the TUN device and a session: parsing, routing, checks, MSS clamp.  One for each
 * worker; no I/O.  Sessions are 64-bit handles, chosen by the owner.
 */

#define DATAPLANE_LOCAL (UINT64_MAX - 1) /* Route value: addresses of this host. */

/* Why a packet was dropped; counted in dataplane.drops. */
enum drop {
	DROP_MALFORMED,        /* Not one whole IP packet. */
	DROP_NOT_CARRIED,      /* Multicast, link-local, ICMP redirects, ... (PROTOCOL 5.3). */
	DROP_NO_ROUTE,         /* From the TUN: nobody has that destination. */
	DROP_SPOOFED,          /* From a peer: the source is not the sender's. */
	DROP_CLIENT_TO_CLIENT, /* From a peer to another one, and that is off. */
	DROP_DESCRIPTOR,       /* A super-packet whose descriptor lies (PROTOCOL 3.4). */
	DROP_NOT_OPEN,         /* For a session that is not open (any more). */
	DROP_BACKLOG,          /* The session's queue is full. */
	DROP_HANDOVER,         /* The other worker's queue is full. */
	DROP_DEVICE,           /* The TUN device did not take it. */
	DROP_N,
};

const char *drop_name(enum drop d); /* "malformed", "no-route", ... */

struct dataplane {
	struct route_table *routes; /* Prefix -> handle; the owner changes it with route_set(). */
	bool client_to_client;
	uint16_t mss4, mss6; /* 0: do not clamp. */
	uint64_t drops[DROP_N];
};

/* max_routes: see route_create().  Returns 0 or -ENOMEM. */
int dataplane_init(struct dataplane *d, size_t max_routes);
void dataplane_clear(struct dataplane *d);

/* Derive the MSS limits from the tunnel's MTU. */
void dataplane_set_mtu(struct dataplane *d, uint16_t mtu);

/* The most that dataplane_from_tun() puts in front of a packet. */
enum { DATAPLANE_HEADROOM = FRAME_HDR_LEN + FRAME_DESC_LEN };

/* A frame made in place from a packet of the TUN. */
struct dataplane_out {
	uint64_t target;  /* The session. */
	uint32_t flow;    /* Equal for all packets of a flow. */
	uint32_t hdr_len; /* The frame starts hdr_len bytes before the packet. */
};

/*
 * A packet read from the TUN: h and bytes[0..len), with DATAPLANE_HEADROOM bytes before it that the frame's header
 * goes to.  Returns 0 and sets *out, or -1: dropped and counted.
 */
int dataplane_from_tun(struct dataplane *d, const struct virtio_net_hdr *h, uint8_t *bytes,
	size_t len, struct dataplane_out *out);

/* A packet or super-packet frame's parts, to be written to the TUN. */
struct dataplane_in {
	struct virtio_net_hdr hdr;
	uint8_t *bytes;
	size_t len;
};

/*
 * A packet or super-packet frame from session self; its body is changed in place (checksums, MSS).  Returns 0 and
 * sets *in, or -1: dropped and counted.
 */
int dataplane_from_peer(
	struct dataplane *d, uint64_t self, const struct frame *f, struct dataplane_in *in);

/*
 * Rewrite one frame, made by dataplane_from_tun(), for a peer that takes only features (OFFLOAD_CAN_*): plain packet frames, one
 * after the other, into out.  Returns the bytes written, or -ENOBUFS.  A frame the peer takes as it is needs no rewriting:
 * dataplane_fits() says so.
 */
bool dataplane_fits(const uint8_t *frame, unsigned features);
int dataplane_rewrite(const uint8_t *frame, size_t len, uint8_t *out, size_t cap);

/* What dataplane_rewrite() may need for a frame of len bytes. */
enum { DATAPLANE_REWRITE_MAX = 2 * 1024 * 1024 };

#endif
