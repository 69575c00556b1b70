#include "sys/sock.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	BACKLOG = 4096, /* The kernel cuts it to net.core.somaxconn. */
};

union sockaddr_any {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static socklen_t to_sockaddr(const struct addr *a, uint16_t port, union sockaddr_any *out)
{
	memset(out, 0, sizeof(*out));
	if (a->family == 4) {
		out->in.sin_family = AF_INET;
		out->in.sin_port = htons(port);
		memcpy(&out->in.sin_addr, a->bytes, 4);
		return sizeof(out->in);
	}
	out->in6.sin6_family = AF_INET6;
	out->in6.sin6_port = htons(port);
	memcpy(&out->in6.sin6_addr, a->bytes, 16);
	return sizeof(out->in6);
}

static void from_sockaddr(const union sockaddr_any *sa, struct endpoint *out)
{
	struct addr a = { 0 };
	char text[ADDR_STRLEN];

	if (sa->sa.sa_family == AF_INET) {
		a.family = 4;
		memcpy(a.bytes, &sa->in.sin_addr, 4);
		out->port = ntohs(sa->in.sin_port);
	} else if (IN6_IS_ADDR_V4MAPPED(&sa->in6.sin6_addr)) {
		a.family = 4;
		memcpy(a.bytes, sa->in6.sin6_addr.s6_addr + 12, 4);
		out->port = ntohs(sa->in6.sin6_port);
	} else {
		a.family = 6;
		memcpy(a.bytes, &sa->in6.sin6_addr, 16);
		out->port = ntohs(sa->in6.sin6_port);
	}
	(void)snprintf(out->host, sizeof(out->host), "%s", addr_format(&a, text));
}

static int set_int(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) == 0 ? 0 : -errno;
}

static bool is_unspecified6(const struct addr *a)
{
	return a->family == 6 && addr_equal(a, &(struct addr){ .family = 6 });
}

/* A bound socket; shared: with SO_REUSEPORT. */
static int open_bound(const struct addr *a, uint16_t port, bool shared)
{
	union sockaddr_any sa;
	socklen_t len = to_sockaddr(a, port, &sa);
	int fd, r;

	if (a->family != 4 && a->family != 6)
		return -EINVAL;
	fd = socket(sa.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
	if (fd < 0)
		return -errno;
	r = set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (r == 0 && shared)
		r = set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (r == 0 && a->family == 6)
		r = set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
	if (r == 0 && bind(fd, &sa.sa, len) != 0)
		r = -errno;
	if (r < 0) {
		(void)close(fd);
		return r;
	}
	return fd;
}

int sock_listen(const struct addr *a, uint16_t port)
{
	int fd = open_bound(a, port, true);

	/* A kernel without IPv6 still gets "all addresses". */
	if (fd == -EAFNOSUPPORT && is_unspecified6(a))
		fd = open_bound(&(struct addr){ .family = 4 }, port, true);
	if (fd < 0)
		return fd;
	if (listen(fd, BACKLOG) != 0) {
		int r = -errno;
		(void)close(fd);
		return r;
	}
	return fd;
}

int sock_probe(const struct addr *a, uint16_t port)
{
	int fd = open_bound(a, port, false);

	if (fd == -EAFNOSUPPORT && is_unspecified6(a))
		fd = open_bound(&(struct addr){ .family = 4 }, port, false);
	if (fd < 0)
		return fd;
	(void)close(fd);
	return 0;
}

/* Errors of accept(2) that belong to the one connection that was waiting: the next may be fine. */
static bool is_connection_error(int err)
{
	return err == EINTR || err == ECONNABORTED || err == EPROTO || err == ENOPROTOOPT ||
	       err == ENETDOWN || err == EHOSTDOWN || err == ENONET || err == EHOSTUNREACH ||
	       err == EOPNOTSUPP || err == ENETUNREACH;
}

int sock_accept(int fd, struct endpoint *peer)
{
	union sockaddr_any sa = { 0 };
	socklen_t len;
	int conn, tries = 0;

	do {
		len = sizeof(sa);
		conn = accept4(fd, &sa.sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	} while (conn < 0 && is_connection_error(errno) && ++tries < BACKLOG);
	if (conn < 0)
		return -errno;
	from_sockaddr(&sa, peer);
	return conn;
}

int sock_connect(const struct addr *a, uint16_t port, uint32_t fwmark)
{
	union sockaddr_any sa;
	socklen_t len = to_sockaddr(a, port, &sa);
	int fd, r;

	if (a->family != 4 && a->family != 6)
		return -EINVAL;
	fd = socket(sa.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
	if (fd < 0)
		return -errno;
	r = fwmark == 0 ? 0 : set_int(fd, SOL_SOCKET, SO_MARK, (int)fwmark);
	if (r == 0 && connect(fd, &sa.sa, len) != 0 && errno != EINPROGRESS)
		r = -errno;
	if (r < 0) {
		(void)close(fd);
		return r;
	}
	return fd;
}

int sock_connect_result(int fd)
{
	int err = 0;
	socklen_t len = sizeof(err);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) != 0)
		return -errno;
	return -err;
}

int sock_tune(int fd, const struct sock_tuning *t)
{
	const char *cc = t->congestion;
	int r;

	if ((r = set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1)) < 0)
		return r;
	if ((r = set_int(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, (int)t->notsent_lowat)) < 0)
		return r;
	if (cc == NULL || cc[0] == '\0')
		return 0;
	return setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, cc, (socklen_t)strlen(cc)) != 0;
}

void sock_congestion(int fd, char out[static 16])
{
	socklen_t len = 16;

	memset(out, 0, 16);
	if (getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, out, &len) != 0)
		out[0] = '\0';
	out[15] = '\0';
}
