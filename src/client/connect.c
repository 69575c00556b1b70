#include "client/connect.h"

#include "io/loop.h"
#include "sys/sock.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ATTEMPT_US = 5000000 }; /* For one address. */

/* Both live until libuv lets go of them, which may be after the connector has lost interest. */
struct connect_lookup {
	uv_getaddrinfo_t req;
	struct connector *k; /* NULL: cancelled. */
};

struct connect_attempt {
	uv_poll_t poll;
	struct connector *k;
	int fd; /* -1: handed over. */
	struct endpoint peer;
};

static void try_next(struct connector *k);

static void end(struct connector *k)
{
	uv_freeaddrinfo(k->addresses);
	k->addresses = k->next = NULL;
}

static void fail(struct connector *k)
{
	end(k);
	k->ops->failed(k->arg, k->why);
}

/* ---- One address. ---- */

static void on_attempt_closed(uv_handle_t *h)
{
	struct connect_attempt *a = h->data;

	if (a->fd >= 0)
		(void)close(a->fd);
	free(a);
}

static void drop_attempt(struct connector *k)
{
	struct connect_attempt *a = k->attempt;

	k->attempt = NULL;
	if (a != NULL)
		uv_close((uv_handle_t *)&a->poll, on_attempt_closed);
}

static void attempt_failed(struct connector *k, const struct endpoint *peer, int err)
{
	char text[ENDPOINT_STRLEN];

	(void)snprintf(
		k->why, sizeof(k->why), "%.180s: %s", endpoint_format(peer, text), strerror(-err));
	try_next(k);
}

static void on_attempt(uv_poll_t *h, int status, int events)
{
	struct connect_attempt *a = h->data;
	struct connector *k = a->k;
	struct endpoint peer = a->peer;

	(void)status; /* libuv says EBADF for every error; the socket knows which. */
	(void)events;
	if (k->attempt != a)
		return;
	int r = sock_connect_result(a->fd);
	if (r == -EINPROGRESS)
		return;
	if (r < 0) {
		drop_attempt(k);
		attempt_failed(k, &peer, r);
		return;
	}
	int fd = dup(a->fd); /* libuv still watches the old number until its handle is closed. */
	drop_attempt(k);
	if (fd < 0) {
		attempt_failed(k, &peer, -errno);
		return;
	}
	end(k);
	k->ops->connected(k->arg, fd, &peer);
}

static int endpoint_of(const struct addrinfo *ai, struct addr *a)
{
	*a = (struct addr){ 0 };
	if (ai->ai_family == AF_INET) {
		const struct sockaddr_in *sin =
			(const struct sockaddr_in *)(const void *)ai->ai_addr;
		a->family = 4;
		memcpy(a->bytes, &sin->sin_addr, 4);
		return 0;
	}
	if (ai->ai_family == AF_INET6) {
		const struct sockaddr_in6 *sin =
			(const struct sockaddr_in6 *)(const void *)ai->ai_addr;
		a->family = 6;
		memcpy(a->bytes, &sin->sin6_addr, 16);
		return 0;
	}
	return -EAFNOSUPPORT;
}

static int start_attempt(
	struct connector *k, const struct addr *address, const struct endpoint *peer)
{
	struct connect_attempt *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return -ENOMEM;
	a->k = k;
	a->peer = *peer;
	a->fd = sock_connect(address, peer->port, k->fwmark);
	int r = a->fd < 0 ? a->fd : uv_poll_init(k->loop, &a->poll, a->fd);
	if (r < 0) {
		if (a->fd >= 0)
			(void)close(a->fd);
		free(a);
		return r;
	}
	a->poll.data = a;
	k->attempt = a;
	k->attempt_deadline_us = io_now_us() + ATTEMPT_US;
	return uv_poll_start(&a->poll, UV_WRITABLE, on_attempt);
}

static void try_next(struct connector *k)
{
	while (k->next != NULL) {
		const struct addrinfo *ai = k->next;
		struct endpoint peer = { .port = k->remote.port };
		struct addr a;
		k->next = ai->ai_next;
		if (endpoint_of(ai, &a) < 0)
			continue;
		(void)addr_format(&a, peer.host);
		int r = start_attempt(k, &a, &peer);
		if (r == 0)
			return;
		drop_attempt(k);
		(void)snprintf(k->why, sizeof(k->why), "%.200s: %s", peer.host, strerror(-r));
	}
	fail(k);
}

void connect_tick(struct connector *k, uint64_t now_us)
{
	if (k->attempt == NULL || now_us < k->attempt_deadline_us)
		return;
	struct endpoint peer = k->attempt->peer;
	drop_attempt(k);
	attempt_failed(k, &peer, -ETIMEDOUT);
}

/* ---- The name. ---- */

static void on_lookup(uv_getaddrinfo_t *req, int status, struct addrinfo *res)
{
	struct connect_lookup *l = req->data;
	struct connector *k = l->k;

	free(l);
	if (k == NULL) {
		uv_freeaddrinfo(res);
		return;
	}
	k->lookup = NULL;
	if (status < 0) {
		(void)snprintf(k->why, sizeof(k->why), "cannot look up %.180s: %s", k->remote.host,
			uv_strerror(status));
		fail(k);
		return;
	}
	k->addresses = k->next = res;
	(void)snprintf(k->why, sizeof(k->why), "%.200s has no address", k->remote.host);
	try_next(k);
}

void connect_start(struct connector *k, const struct endpoint *remote)
{
	const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	struct connect_lookup *l = calloc(1, sizeof(*l));

	k->remote = *remote;
	(void)snprintf(k->why, sizeof(k->why), "out of memory");
	if (l == NULL) {
		fail(k);
		return;
	}
	l->k = k;
	l->req.data = l;
	k->lookup = l;
	/* Looked up again at each try: an address may have moved. */
	if (uv_getaddrinfo(k->loop, &l->req, on_lookup, remote->host, NULL, &hints) < 0) {
		k->lookup = NULL;
		free(l);
		fail(k);
	}
}

void connect_cancel(struct connector *k)
{
	if (k->lookup != NULL) {
		k->lookup->k = NULL;
		(void)uv_cancel((uv_req_t *)&k->lookup->req);
		k->lookup = NULL;
	}
	drop_attempt(k);
	end(k);
}
