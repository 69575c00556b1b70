#ifndef SYS_SOCK_H
#define SYS_SOCK_H

#include "net/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* TCP sockets: non-blocking and close-on-exec.  Functions return a descriptor, or 0, or a negative errno. */

/*
 * Listen on address:port with SO_REUSEADDR, SO_REUSEPORT.  "::" takes IPv4 too (dual stack).  In the caller's set of
 * workers each opens its own.
 */
int sock_listen(const struct addr *a, uint16_t port);

/* Is somebody else's listener on that port?  Binds once without SO_REUSEPORT: 0 (free) or -EADDRINUSE, ... */
int sock_probe(const struct addr *a, uint16_t port);

/* Accept one connection; -EAGAIN when none waits.  peer is set (IPv4-mapped as IPv4). */
int sock_accept(int fd, struct endpoint *peer);

/* Start to connect; fwmark 0: none.  Writable once it is decided: ask sock_connect_result(). */
int sock_connect(const struct addr *a, uint16_t port, uint32_t fwmark);
int sock_connect_result(int fd);

struct sock_tuning {
	const char *congestion; /* NULL or "": leave the kernel's. */
	uint32_t notsent_lowat; /* Bytes. */
};

/*
 * TCP_NODELAY, TCP_NOTSENT_LOWAT, TCP_CONGESTION; never SO_SNDBUF or SO_RCVBUF, and no TCP_USER_TIMEOUT (`dead_after` decides).  Returns 0, or 1 when the
 * congestion control is not to be had (the rest is set).
 */
int sock_tune(int fd, const struct sock_tuning *t);

/* The congestion control in use, "" when unknown. */
void sock_congestion(int fd, char out[static 16]);

#endif
