/* The TUN device and the server's own addresses in the tunnel. */
#include "server/server.h"
#include "sys/netif.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { TXQUEUELEN = 500 };

/* The first address of a pool is the server's. */
static void add_own(struct server *s, const struct prefix *pool)
{
	if (pool->addr.family == 0)
		return;
	struct prefix own = *pool;
	(void)addr_add(&own.addr, 1);
	s->own[s->n_own++] = own;
}

static int set_up(struct server *s, struct netif *n, char why[static 256])
{
	char text[PREFIX_STRLEN];

	int r = netif_set_up(n, s->tun.ifindex, s->conf->mtu, TXQUEUELEN);
	if (r < 0) {
		(void)snprintf(why, 256, "device %s: cannot set MTU %u and bring it up: %s",
			s->tun.name, s->conf->mtu, strerror(-r));
		return r;
	}
	for (size_t i = 0; i < s->n_own; i++) {
		if (netif_has_address(n, &s->own[i].addr) == 1) {
			(void)snprintf(why, 256,
				"this host has address %s already; choose another pool4 or pool6",
				prefix_format(&s->own[i], text));
			return -EADDRINUSE;
		}
		r = netif_add_address(n, s->tun.ifindex, &s->own[i]);
		if (r < 0) {
			(void)snprintf(why, 256, "device %s: cannot add address %s: %s%s",
				s->tun.name, prefix_format(&s->own[i], text), strerror(-r),
				s->own[i].addr.family == 6
					? " (is IPv6 switched off? then leave pool6 out)"
					: "");
			return r;
		}
	}
	return 0;
}

int server_open_device(struct server *s, char why[static 256])
{
	struct tun_opts opts = {
		.name = s->conf->device,
		.queues = s->conf->workers,
		.offload = s->conf->offload,
	};
	struct netif *n = NULL;

	add_own(s, &s->conf->pool4);
	add_own(s, &s->conf->pool6);
	int r = tun_open(&opts, &s->tun, why);
	if (r < 0)
		return r;
	s->tun_open = true;
	r = netif_open(&n);
	if (r < 0)
		(void)snprintf(why, 256, "rtnetlink: %s", strerror(-r));
	else
		r = set_up(s, n, why);
	netif_close(n);
	return r;
}
