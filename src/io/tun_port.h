#ifndef IO_TUN_PORT_H
#define IO_TUN_PORT_H

#include "core/dataplane.h"
#include "io/egress.h"
#include "io/loop.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * One queue of the TUN device on a loop: packets come in batches, as frames ready to be sent, and packets from peers are written.
 */
enum { TUN_PORT_BYTES = 192 * 1024 }; /* One batch: two super-packets, or many small ones. */

struct tun_port {
	uv_poll_t poll;
	int fd; /* Not owned. */
	bool open, paused;
	struct dataplane *dp;
	egress_fn *deliver;
	void (*failed)(void *arg, int err); /* The device is gone. */
	void *arg;
	struct egress batch;
	uint8_t *bytes;
};

struct tun_port_opts {
	int fd;
	struct dataplane *dp;
	egress_fn *deliver;
	void (*failed)(void *arg, int err);
	void *arg;
};

int tun_port_open(struct io_loop *l, const struct tun_port_opts *opts, struct tun_port *p);
void tun_port_close(
	struct tun_port *p); /* Memory goes in the close callback; safe to call again. */

/* While paused packets wait in the kernel's queue, which makes local senders wait: backpressure. */
void tun_port_pause(struct tun_port *p, bool paused);

/* Write one packet.  A full queue or a packet the kernel refuses is counted as DROP_DEVICE. */
void tun_port_write(struct tun_port *p, const struct dataplane_in *in);

#endif
