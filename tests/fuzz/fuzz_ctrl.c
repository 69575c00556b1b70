/*
 * Control messages: what decodes is in range and free of control characters, and encoding it and decoding
 * that gives the same message.
 */
#include "net/ctrl.h"
#include "net/frame.h"
#include "net/offload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* Terminated within cap, and no byte of a control character, C1 in UTF-8 included. */
static void check_text(const char *text, size_t cap)
{
	size_t len = strnlen(text, cap);

	require(len < cap);
	for (size_t i = 0; i < len; i++) {
		uint8_t c = (uint8_t)text[i], next = (uint8_t)text[i + 1];
		require(c >= 0x20 && c != 0x7f);
		require(c != 0xc2 || next >= 0xa0);
	}
}

static void check_addr(const struct addr *a)
{
	require(a->family == 4 || a->family == 6);
}

static void check_prefixes(const struct prefix *p, size_t n, size_t max)
{
	require(n <= max);
	for (size_t i = 0; i < n; i++) {
		check_addr(&p[i].addr);
		require(p[i].len <= addr_bits(&p[i].addr));
	}
}

static void check_hello(const struct ctrl_hello *h)
{
	require(h->version == CTRL_VERSION);
	require((h->features & ~(unsigned)OFFLOAD_CAN_ALL) == 0);
	check_text(h->software, sizeof(h->software));
}

static void check_welcome(const struct ctrl_welcome *w)
{
	check_hello(&w->hello);
	check_text(w->session, sizeof(w->session));
	require(strlen(w->session) == CTRL_SESSION_LEN);
	require(w->n_addresses >= 1);
	check_prefixes(w->addresses, w->n_addresses, CTRL_MAX_ADDRS);
	check_prefixes(w->routes, w->n_routes, CTRL_MAX_ROUTES);
	for (size_t i = 0; i < w->n_routes; i++) {
		struct prefix p = prefix_of(&w->routes[i].addr, w->routes[i].len);
		require(prefix_equal(&p, &w->routes[i]));
	}
	require(w->mtu >= 1280);
	require(w->keepalive_s >= 1 && w->keepalive_s <= 3600);
	require(w->dead_after_s >= 1 && w->dead_after_s <= 3600);
	require(w->time >= 0 && w->time < INT64_C(1) << 53);
	require(w->dns.n_servers <= CTRL_MAX_DNS_SERVERS);
	for (size_t i = 0; i < w->dns.n_servers; i++)
		check_addr(&w->dns.servers[i]);
	require(w->dns.n_domains <= CTRL_MAX_DNS_DOMAINS);
	for (size_t i = 0; i < w->dns.n_domains; i++) {
		check_text(w->dns.domains[i], sizeof(w->dns.domains[i]));
		require(strpbrk(w->dns.domains[i], " /~;#\"'\\") == NULL);
	}
}

static void check_bye(const struct ctrl_bye *b)
{
	check_text(b->code, sizeof(b->code));
	check_text(b->text, sizeof(b->text));
	require(b->retry_after_s <= 86400);
	check_text(b->move_to.host, sizeof(b->move_to.host));
	require((b->move_to.port != 0) == (b->move_to.host[0] != '\0'));
}

static void check(const struct ctrl_msg *msg)
{
	switch (msg->type) {
	case CTRL_HELLO:
		check_hello(&msg->hello);
		break;
	case CTRL_WELCOME:
		check_welcome(&msg->welcome);
		break;
	case CTRL_READY:
		break;
	case CTRL_PING:
	case CTRL_PONG:
		require(msg->ping.id < UINT64_C(1) << 53);
		break;
	case CTRL_BYE:
		check_bye(&msg->bye);
		break;
	case CTRL_N_TYPES:
	default:
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* The decoder leaves zeros wherever it writes nothing, so the bytes can be compared. */
	static union {
		struct ctrl_msg msg;
		uint8_t bytes[sizeof(struct ctrl_msg)];
	} first, again;
	static uint8_t out[FRAME_CTRL_MAX];
	char why[128];

	memset(&first, 0x5a, sizeof(first));
	memset(why, 0x1b, sizeof(why));
	if (ctrl_decode(data, size, &first.msg, why) != 0) {
		check_text(why, sizeof(why));
		return 0;
	}
	check(&first.msg);
	int n = ctrl_encode(&first.msg, out, sizeof(out));
	require(n > 0);
	memset(&again, 0xa5, sizeof(again));
	require(ctrl_decode(out, (size_t)n, &again.msg, why) == 0);
	require(memcmp(first.bytes, again.bytes, sizeof(first.bytes)) == 0);
	return 0;
}
