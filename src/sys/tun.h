#ifndef SYS_TUN_H
#define SYS_TUN_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>

struct iovec;

/*
 * A TUN device with one or more queues, opened with IFF_NO_PI | IFF_VNET_HDR (10-byte headers): every read gives and every write
 * takes a struct virtio_net_hdr before the packet.
 */
enum { TUN_MAX_QUEUES = 64 };

struct tun {
	char name[IF_NAMESIZE];
	int ifindex;
	int fds[TUN_MAX_QUEUES]; /* Non-blocking, close-on-exec. */
	size_t n_queues;
	unsigned can;      /* Set of OFFLOAD_CAN_* (net/offload.h) that the kernel has taken. */
	char why_not[128]; /* Why something of OFFLOAD_CAN_ALL is missing; "" when nothing is. */
};

struct tun_opts {
	const char *name; /* "%d" in it is filled in by the kernel. */
	size_t queues;    /* 1 .. TUN_MAX_QUEUES. */
	bool offload;     /* Ask for checksum and segmentation offload. */
};

/*
 * Create the device.  It is gone when the last queue is closed.  Returns 0, or -EBUSY (a device of that name
 * exists), -ENOENT (no /dev/net/tun), -EPERM, -EINVAL (name), or another negative errno; why says what to do.
 */
int tun_open(const struct tun_opts *opts, struct tun *out, char why[static 256]);
void tun_close(struct tun *t);

#endif
