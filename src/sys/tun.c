#include "sys/tun.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "net/offload.h"

/* Linux 6.2; older headers lack them. */
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

#define TUN_DEVICE "/dev/net/tun"

enum {
	FLAGS_TCP = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN,
	FLAGS_UDP = TUN_F_USO4 | TUN_F_USO6,
};

/* The kernel's own rule (dev_valid_name), and at most one '%', as "%d". */
static bool valid_name(const char *name)
{
	size_t len = strlen(name);
	const char *percent = strchr(name, '%');

	if (len == 0 || len >= IF_NAMESIZE || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	for (const char *c = name; *c != '\0'; c++) {
		if (*c <= ' ' || *c > '~' || *c == '/' || *c == ':')
			return false;
	}
	return percent == NULL || (percent[1] == 'd' && strchr(percent + 1, '%') == NULL);
}

static int open_device(char why[static 256])
{
	int fd = open(TUN_DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	int err = errno;
	if (err == ENOENT || err == ENODEV || err == ENXIO) {
		(void)snprintf(why, 256,
			"%s is not there; load the module (modprobe tun), or give the container "
			"the device",
			TUN_DEVICE);
		return -ENOENT;
	}
	if (err == EACCES || err == EPERM) {
		(void)snprintf(why, 256, "%s: %s; run as root", TUN_DEVICE, strerror(err));
		return -EPERM;
	}
	(void)snprintf(why, 256, "%s: %s", TUN_DEVICE, strerror(err));
	return -err;
}

/*
 * Open one queue.  The first makes the device, with IFF_TUN_EXCL, since TUNSETIFF would else attach to a
 * persistent device of that name that somebody else has set up; it fills in *ifr.  The others attach to it.
 */
static int open_queue(struct ifreq *ifr, bool first, char why[static 256])
{
	struct ifreq request = *ifr;
	int fd = open_device(why);

	if (fd < 0)
		return fd;
	if (first)
		request.ifr_flags = (short)(request.ifr_flags | IFF_TUN_EXCL);
	if (ioctl(fd, TUNSETIFF, &request) == 0) {
		memcpy(ifr->ifr_name, request.ifr_name, sizeof(ifr->ifr_name));
		return fd;
	}
	int err = errno;
	(void)close(fd);
	if (err == EBUSY)
		(void)snprintf(why, 256,
			"%s exists already; stop what uses it, delete it (ip link delete %s), or "
			"set another device",
			ifr->ifr_name, ifr->ifr_name);
	else if (err == EPERM)
		(void)snprintf(why, 256,
			"creating %s is not allowed; run as root or with CAP_NET_ADMIN",
			ifr->ifr_name);
	else
		(void)snprintf(why, 256, "creating %s: %s", ifr->ifr_name, strerror(err));
	return -err;
}

static void set_offload(struct tun *t, bool wanted)
{
	int fd = t->fds[0];

	if (!wanted) {
		(void)snprintf(t->why_not, sizeof(t->why_not), "switched off by offload = false");
	} else if (ioctl(fd, TUNSETOFFLOAD, (unsigned long)(FLAGS_TCP | FLAGS_UDP)) == 0) {
		t->can = OFFLOAD_CAN_ALL;
	} else if (ioctl(fd, TUNSETOFFLOAD, (unsigned long)FLAGS_TCP) == 0) {
		t->can = OFFLOAD_CAN_CSUM | OFFLOAD_CAN_TCP;
		(void)snprintf(t->why_not, sizeof(t->why_not),
			"no UDP segmentation offload: needs Linux 6.2 or later");
	} else {
		(void)snprintf(t->why_not, sizeof(t->why_not), "the kernel refuses offload: %s",
			strerror(errno));
	}
}

static int set_header_size(int fd, char why[static 256])
{
	int size = (int)sizeof(struct virtio_net_hdr);

	if (ioctl(fd, TUNSETVNETHDRSZ, &size) == 0)
		return 0;
	int err = errno;
	(void)snprintf(why, 256, "TUNSETVNETHDRSZ: %s", strerror(err));
	return -err;
}

static int open_queues(struct tun *t, const struct tun_opts *opts, char why[static 256])
{
	struct ifreq ifr = { 0 };
	int r;

	(void)snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", opts->name);
	ifr.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR;
	if (opts->queues > 1)
		ifr.ifr_flags |= IFF_MULTI_QUEUE;

	while (t->n_queues < opts->queues) {
		if ((r = open_queue(&ifr, t->n_queues == 0, why)) < 0)
			return r;
		t->fds[t->n_queues++] = r;
		if ((r = set_header_size(t->fds[t->n_queues - 1], why)) < 0)
			return r;
	}
	memcpy(t->name, ifr.ifr_name, sizeof(t->name));
	return 0;
}

int tun_open(const struct tun_opts *opts, struct tun *out, char why[static 256])
{
	struct tun t = { 0 };
	int r;

	if (opts->queues < 1 || opts->queues > TUN_MAX_QUEUES) {
		(void)snprintf(why, 256, "a TUN device has 1 to %d queues", TUN_MAX_QUEUES);
		return -EINVAL;
	}
	if (!valid_name(opts->name)) {
		(void)snprintf(why, 256,
			"\"%.64s\" is no interface name (1 to %d characters, no space, / or :)",
			opts->name, IF_NAMESIZE - 1);
		return -EINVAL;
	}
	if ((r = open_queues(&t, opts, why)) < 0)
		goto fail;
	t.ifindex = (int)if_nametoindex(t.name);
	if (t.ifindex == 0) {
		r = -errno;
		(void)snprintf(why, 256, "%s has vanished: %s", t.name, strerror(-r));
		goto fail;
	}
	set_offload(&t, opts->offload);
	*out = t;
	return 0;
fail:
	tun_close(&t);
	return r;
}

void tun_close(struct tun *t)
{
	for (size_t i = 0; i < t->n_queues; i++)
		(void)close(t->fds[i]);
	*t = (struct tun){ 0 };
}
