#include "io/tun_port.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum { PACKET_ROOM = DATAPLANE_HEADROOM + FRAME_PACKET_MAX };

/* Read one packet to bytes + DATAPLANE_HEADROOM.  Its length, 0 when none waits, or a negative errno. */
static ssize_t read_packet(int fd, struct virtio_net_hdr *h, uint8_t *bytes)
{
	struct iovec iov[2] = {
		{ .iov_base = h, .iov_len = sizeof(*h) },
		{ .iov_base = bytes + DATAPLANE_HEADROOM, .iov_len = FRAME_PACKET_MAX },
	};
	ssize_t n = readv(fd, iov, 2);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	return n - (ssize_t)sizeof(*h);
}

static int read_batch(struct tun_port *p)
{
	size_t used = 0;

	while (p->batch.n < EGRESS_MAX && TUN_PORT_BYTES - used >= PACKET_ROOM) {
		struct virtio_net_hdr h;
		struct dataplane_out out;
		uint8_t *packet = p->bytes + used + DATAPLANE_HEADROOM;

		ssize_t n = read_packet(p->fd, &h, p->bytes + used);
		if (n <= 0)
			return (int)n;
		if (dataplane_from_tun(p->dp, &h, packet, (size_t)n, &out) < 0)
			continue;
		p->batch.frames[p->batch.n++] = (struct egress_frame){
			.target = out.target,
			.bytes = packet - out.hdr_len,
			.len = out.hdr_len + (uint32_t)n,
			.flow = out.flow,
		};
		used += DATAPLANE_HEADROOM + (size_t)n;
	}
	return 0;
}

static void on_poll(uv_poll_t *h, int status, int events)
{
	struct tun_port *p = h->data;
	int r = status < 0 ? status : read_batch(p);

	(void)events;
	if (p->batch.n > 0)
		egress_deliver(&p->batch, p->deliver, p->arg);
	if (r < 0 && p->open)
		p->failed(p->arg, r);
}

static void on_closed(uv_handle_t *h)
{
	struct tun_port *p = h->data;

	free(p->bytes);
	p->bytes = NULL;
}

int tun_port_open(struct io_loop *l, const struct tun_port_opts *opts, struct tun_port *p)
{
	*p = (struct tun_port){
		.fd = opts->fd,
		.dp = opts->dp,
		.deliver = opts->deliver,
		.failed = opts->failed,
		.arg = opts->arg,
	};
	p->bytes = malloc(TUN_PORT_BYTES);
	if (p->bytes == NULL)
		return -ENOMEM;
	int r = uv_poll_init(&l->uv, &p->poll, p->fd);
	if (r < 0) {
		free(p->bytes);
		return r;
	}
	p->poll.data = p;
	p->open = true;
	return uv_poll_start(&p->poll, UV_READABLE, on_poll);
}

void tun_port_close(struct tun_port *p)
{
	if (!p->open)
		return;
	p->open = false;
	uv_close((uv_handle_t *)&p->poll, on_closed);
}

void tun_port_pause(struct tun_port *p, bool paused)
{
	if (!p->open || p->paused == paused)
		return;
	p->paused = paused;
	if (paused)
		(void)uv_poll_stop(&p->poll);
	else
		(void)uv_poll_start(&p->poll, UV_READABLE, on_poll);
}

void tun_port_write(struct tun_port *p, const struct dataplane_in *in)
{
	struct virtio_net_hdr h = in->hdr;
	struct iovec iov[2] = {
		{ .iov_base = &h, .iov_len = sizeof(h) },
		{ .iov_base = in->bytes, .iov_len = in->len },
	};

	if (!p->open || writev(p->fd, iov, 2) < 0)
		p->dp->drops[DROP_DEVICE]++;
}
