#include "net/offload.h"

#include "base/util.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

enum {
	MIN_SEGMENT = 8,
	IPV6_HDR_LEN = 40,
	TCP_CHECKSUM_OFF = 16,
	UDP_CHECKSUM_OFF = 6,
};

int offload_get(const uint8_t desc[static FRAME_DESC_LEN], struct offload *out)
{
	uint16_t segment = load_be16(desc + 2);
	bool train = desc[0] == OFFLOAD_TCP || desc[0] == OFFLOAD_UDP;

	if (desc[1] != 0 || (!train && desc[0] != OFFLOAD_CSUM))
		return -EBADMSG;
	if (train ? segment < MIN_SEGMENT : segment != 0)
		return -EBADMSG;
	*out = (struct offload){ .kind = (enum offload_kind)desc[0], .segment = segment };
	return 0;
}

void offload_put(uint8_t desc[static FRAME_DESC_LEN], const struct offload *o)
{
	desc[0] = (uint8_t)o->kind;
	desc[1] = 0;
	store_be16(desc + 2, o->segment);
}

static uint32_t payload_len(const struct packet *p)
{
	return p->len - p->l4_off - p->l4_hdr_len;
}

static uint16_t checksum_off(const struct packet *p)
{
	return p->proto == IPPROTO_UDP ? UDP_CHECKSUM_OFF : TCP_CHECKSUM_OFF;
}

/*
 * PROTOCOL 3.4.  A fragment has no l4_hdr_len.  Extension headers are refused too: a routing header
 * would put another address into the pseudo-header.
 */
static int check(const struct packet *p, const struct offload *o)
{
	enum { NOT_IN_TRAIN = PACKET_TCP_SYN | PACKET_TCP_URG | PACKET_TCP_RST };
	bool train = o->segment >= MIN_SEGMENT && payload_len(p) > o->segment;
	bool ok = false;

	if (p->l4_hdr_len == 0 || (p->src.family == 6 && p->l4_off != IPV6_HDR_LEN))
		return -EBADMSG;
	switch (o->kind) {
	case OFFLOAD_CSUM:
		ok = o->segment == 0;
		break;
	case OFFLOAD_TCP:
		ok = train && p->proto == IPPROTO_TCP && (p->tcp_flags & NOT_IN_TRAIN) == 0;
		break;
	case OFFLOAD_UDP:
		ok = train && p->proto == IPPROTO_UDP;
		break;
	}
	return ok ? 0 : -EBADMSG;
}

/* The kind of a train the kernel has given out as gso_type, or -EBADMSG. */
static int train_kind(uint8_t gso_type, const struct packet *p)
{
	uint8_t tcp = p->src.family == 4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6;

	if ((gso_type & ~VIRTIO_NET_HDR_GSO_ECN) == tcp)
		return OFFLOAD_TCP;
	return gso_type == VIRTIO_NET_HDR_GSO_UDP_L4 ? OFFLOAD_UDP : -EBADMSG;
}

int offload_from_kernel(const struct virtio_net_hdr *h, const struct packet *p, struct offload *out)
{
	bool partial = (h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0;
	struct offload o = { .kind = OFFLOAD_CSUM };

	if (partial && (h->csum_start != p->l4_off || h->csum_offset != checksum_off(p)))
		return -EBADMSG;
	if (h->gso_type != VIRTIO_NET_HDR_GSO_NONE) {
		int kind = train_kind(h->gso_type, p);
		if (kind < 0)
			return -EBADMSG;
		/* What fits one segment is no train, whatever the header says; so does the kernel see it. */
		if (payload_len(p) > h->gso_size)
			o = (struct offload){ .kind = (enum offload_kind)kind,
				.segment = h->gso_size };
	}
	if (o.kind == OFFLOAD_CSUM && !partial)
		return 0;
	if (check(p, &o) < 0)
		return -EBADMSG;
	*out = o;
	return 1;
}

int offload_complete(const struct virtio_net_hdr *h, uint8_t *bytes, size_t len)
{
	size_t start = h->csum_start, field = start + h->csum_offset;

	if (h->gso_type != VIRTIO_NET_HDR_GSO_NONE ||
		(h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) == 0 || len < 2 || field > len - 2)
		return -EBADMSG;
	/* The field holds the pseudo-header's sum; 0 would mean "none" to UDP, and 0xffff is its equal to TCP. */
	uint16_t checksum = (uint16_t)~packet_fold(packet_sum(bytes + start, len - start, 0));
	store_be16(bytes + field, checksum == 0 ? 0xffff : checksum);
	return 0;
}

static uint8_t gso_type(const struct packet *p, const struct offload *o)
{
	if (o->kind == OFFLOAD_CSUM)
		return VIRTIO_NET_HDR_GSO_NONE;
	if (o->kind == OFFLOAD_UDP)
		return VIRTIO_NET_HDR_GSO_UDP_L4;
	return (uint8_t)((p->src.family == 4 ? VIRTIO_NET_HDR_GSO_TCPV4
					     : VIRTIO_NET_HDR_GSO_TCPV6) |
			 ((p->tcp_flags & PACKET_TCP_CWR) != 0 ? VIRTIO_NET_HDR_GSO_ECN : 0));
}

int offload_to_kernel(
	uint8_t *bytes, const struct packet *p, const struct offload *o, struct virtio_net_hdr *h)
{
	if (check(p, o) < 0)
		return -EBADMSG;
	if (o->kind == OFFLOAD_UDP && payload_len(p) > (uint32_t)o->segment * OFFLOAD_UDP_SEGMENTS)
		return -EMSGSIZE;

	*h = (struct virtio_net_hdr){
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = gso_type(p, o),
		.hdr_len = (uint16_t)(p->l4_off + p->l4_hdr_len),
		.gso_size = o->segment,
		.csum_start = p->l4_off,
		.csum_offset = checksum_off(p),
	};
	packet_fill_ip_checksum(bytes, p);
	store_be16(bytes + p->l4_off + checksum_off(p),
		packet_fold(packet_pseudo_sum(p, p->len - p->l4_off)));
	return 0;
}

void offload_cut_start(struct offload_cutter *c, const uint8_t *bytes, const struct packet *p,
	const struct offload *o)
{
	*c = (struct offload_cutter){
		.bytes = bytes,
		.p = *p,
		.o = *o,
		.hdr_len = (uint32_t)p->l4_off + p->l4_hdr_len,
	};
}

/* Make the copied headers those of segment c->index, which is the train's last one or not. */
static void adjust_headers(const struct offload_cutter *c, uint8_t *out, uint32_t len, bool last)
{
	uint8_t *l4 = out + c->p.l4_off;

	if (c->p.src.family == 4) {
		store_be16(out + 2, (uint16_t)len);
		store_be16(out + 4, (uint16_t)(load_be16(out + 4) + c->index));
	} else {
		store_be16(out + 4, (uint16_t)(len - IPV6_HDR_LEN));
	}
	if (c->p.proto == IPPROTO_UDP) {
		store_be16(l4 + 4, (uint16_t)(len - c->p.l4_off));
		return;
	}
	store_be32(l4 + 4, load_be32(l4 + 4) + c->done);
	if (!last)
		l4[13] &= (uint8_t) ~(PACKET_TCP_FIN | PACKET_TCP_PSH);
	if (c->index > 0)
		l4[13] &= (uint8_t)~PACKET_TCP_CWR;
}

int offload_cut_next(struct offload_cutter *c, uint8_t *out, size_t cap)
{
	if (c->finished)
		return 0;
	uint32_t left = c->p.len - c->hdr_len - c->done;
	uint32_t n = c->o.kind == OFFLOAD_CSUM ? left : MIN(left, (uint32_t)c->o.segment);
	uint32_t len = c->hdr_len + n;
	if (len > cap)
		return -ENOBUFS;

	memcpy(out, c->bytes, c->hdr_len);
	memcpy(out + c->hdr_len, c->bytes + c->hdr_len + c->done, n);
	adjust_headers(c, out, len, n == left);
	struct packet p = c->p;
	p.len = len;
	packet_fill_ip_checksum(out, &p);
	packet_fill_l4_checksum(out, &p);
	c->done += n;
	c->index++;
	c->finished = n == left;
	return (int)len;
}
