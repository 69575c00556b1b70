#include "core/dataplane.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

enum { IPV4_TCP_HEADERS = 40, IPV6_TCP_HEADERS = 60 };

const char *drop_name(enum drop d)
{
	static const char *const names[DROP_N] = {
		[DROP_MALFORMED] = "malformed",
		[DROP_NOT_CARRIED] = "not-carried",
		[DROP_NO_ROUTE] = "no-route",
		[DROP_SPOOFED] = "spoofed",
		[DROP_CLIENT_TO_CLIENT] = "client-to-client",
		[DROP_DESCRIPTOR] = "descriptor",
		[DROP_NOT_OPEN] = "not-open",
		[DROP_BACKLOG] = "backlog",
		[DROP_HANDOVER] = "handover",
		[DROP_DEVICE] = "device",
	};

	return names[d];
}

int dataplane_init(struct dataplane *d, size_t max_routes)
{
	*d = (struct dataplane){ 0 };
	return route_create(max_routes, &d->routes);
}

void dataplane_clear(struct dataplane *d)
{
	route_free(d->routes);
	d->routes = NULL;
}

void dataplane_set_mtu(struct dataplane *d, uint16_t mtu)
{
	d->mss4 = (uint16_t)(mtu - IPV4_TCP_HEADERS);
	d->mss6 = (uint16_t)(mtu - IPV6_TCP_HEADERS);
}

static int drop(struct dataplane *d, enum drop why)
{
	d->drops[why]++;
	return -1;
}

static void clamp(const struct dataplane *d, uint8_t *bytes, const struct packet *p, bool complete)
{
	uint16_t mss = p->src.family == 4 ? d->mss4 : d->mss6;

	if ((p->tcp_flags & PACKET_TCP_SYN) && mss != 0)
		(void)packet_clamp_mss(bytes, p, mss, complete);
}

/* An ICMP redirect: there is one way only through a tunnel, so nobody has a better one to tell (PROTOCOL 5.3). */
static bool redirects(const uint8_t *bytes, const struct packet *p)
{
	enum { ICMP_REDIRECT = 5, ICMPV6_REDIRECT = 137 };

	if (p->fragment || p->len <= p->l4_off)
		return false;
	return (p->proto == IPPROTO_ICMP && bytes[p->l4_off] == ICMP_REDIRECT) ||
	       (p->proto == IPPROTO_ICMPV6 && bytes[p->l4_off] == ICMPV6_REDIRECT);
}

static bool carried(const uint8_t *bytes, const struct packet *p)
{
	return addr_is_tunnelable(&p->src) && addr_is_tunnelable(&p->dst) && !redirects(bytes, p);
}

int dataplane_from_tun(struct dataplane *d, const struct virtio_net_hdr *h, uint8_t *bytes,
	size_t len, struct dataplane_out *out)
{
	struct packet p;
	struct offload o;

	if (packet_parse(bytes, len, &p) < 0)
		return drop(d, DROP_MALFORMED);
	if (!carried(bytes, &p))
		return drop(d, DROP_NOT_CARRIED);
	uint64_t target = route_lookup(d->routes, &p.dst);
	if (target == ROUTE_NONE || target == DATAPLANE_LOCAL)
		return drop(d, DROP_NO_ROUTE);
	int super = offload_from_kernel(h, &p, &o);
	if (super < 0)
		super = offload_complete(h, bytes, len);
	if (super < 0)
		return drop(d, DROP_MALFORMED);
	clamp(d, bytes, &p, super == 0);

	*out = (struct dataplane_out){ .target = target, .flow = packet_flow_hash(&p) };
	if (super == 1) {
		out->hdr_len = FRAME_HDR_LEN + FRAME_DESC_LEN;
		frame_put_header(bytes - out->hdr_len, FRAME_SUPER, FRAME_DESC_LEN + len);
		offload_put(bytes - FRAME_DESC_LEN, &o);
	} else {
		out->hdr_len = FRAME_HDR_LEN;
		frame_put_header(bytes - FRAME_HDR_LEN, FRAME_PACKET, len);
	}
	return 0;
}

/* The body lies in the caller's own receive buffer; struct frame just promises not to write to it. */
static uint8_t *frame_body(const struct frame *f)
{
	uint8_t *body;

	memcpy(&body, &f->body, sizeof(body));
	return body;
}

int dataplane_from_peer(
	struct dataplane *d, uint64_t self, const struct frame *f, struct dataplane_in *in)
{
	uint8_t *bytes = frame_body(f);
	size_t len = f->len;
	struct offload o = { 0 };
	struct packet p;

	if (f->type == FRAME_SUPER) {
		if (offload_get(bytes, &o) < 0)
			return drop(d, DROP_DESCRIPTOR);
		bytes += FRAME_DESC_LEN;
		len -= FRAME_DESC_LEN;
	}
	if (packet_parse(bytes, len, &p) < 0)
		return drop(d, DROP_MALFORMED);
	if (!carried(bytes, &p))
		return drop(d, DROP_NOT_CARRIED);
	if (route_lookup(d->routes, &p.src) != self)
		return drop(d, DROP_SPOOFED);
	uint64_t target = route_lookup(d->routes, &p.dst);
	if (!d->client_to_client && target != ROUTE_NONE && target != DATAPLANE_LOCAL)
		return drop(d, DROP_CLIENT_TO_CLIENT);

	*in = (struct dataplane_in){ .bytes = bytes, .len = len };
	if (f->type == FRAME_SUPER && offload_to_kernel(bytes, &p, &o, &in->hdr) < 0)
		return drop(d, DROP_DESCRIPTOR);
	clamp(d, bytes, &p, f->type == FRAME_PACKET);
	return 0;
}

bool dataplane_fits(const uint8_t *frame, unsigned features)
{
	const uint8_t *desc = frame + FRAME_HDR_LEN;
	struct offload o;
	struct frame f;

	if (frame[0] != FRAME_SUPER)
		return true;
	if (offload_get(desc, &o) < 0 || (features & (1U << o.kind)) == 0)
		return false;
	/* The headers' 28 or 48 bytes are not looked up: at worst a train of nearly 64 is cut. */
	return o.kind != OFFLOAD_UDP || frame_parse(frame, FRAME_MAX, &f) != FRAME_OK ||
	       f.len - FRAME_DESC_LEN <= (uint32_t)o.segment * OFFLOAD_UDP_SEGMENTS;
}

int dataplane_rewrite(const uint8_t *frame, size_t len, uint8_t *out, size_t cap)
{
	struct offload_cutter cutter;
	struct offload o;
	struct packet p;
	struct frame f;
	size_t used = 0;
	int n;

	if (frame_parse(frame, len, &f) != FRAME_OK || f.type != FRAME_SUPER ||
		offload_get(f.body, &o) < 0 ||
		packet_parse(f.body + FRAME_DESC_LEN, f.len - FRAME_DESC_LEN, &p) < 0)
		return -EBADMSG; /* Not one of ours. */
	offload_cut_start(&cutter, f.body + FRAME_DESC_LEN, &p, &o);
	for (;;) {
		if (cap - used < FRAME_HDR_LEN)
			return -ENOBUFS;
		uint8_t *at = out + used;
		n = offload_cut_next(&cutter, at + FRAME_HDR_LEN, cap - used - FRAME_HDR_LEN);
		if (n <= 0)
			return n < 0 ? n : (int)used;
		frame_put_header(at, FRAME_PACKET, (size_t)n);
		used += FRAME_HDR_LEN + (size_t)n;
	}
}
