#ifndef NET_CTRL_H
#define NET_CTRL_H

#include "net/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Control messages (PROTOCOL 4): JSON in and out, checked plain structs in between. */

enum {
	CTRL_VERSION = 1,
	CTRL_MAX_DEPTH = 8,
	CTRL_MAX_ADDRS = 8,
	CTRL_MAX_ROUTES = 256,
	CTRL_MAX_DNS_SERVERS = 8,
	CTRL_MAX_DNS_DOMAINS = 32,
	CTRL_SESSION_LEN = 32, /* Hexadecimal digits. */
	CTRL_SOFTWARE_LEN = 64,
	CTRL_CODE_LEN = 32,
	CTRL_TEXT_LEN = 256,
};

enum ctrl_type {
	CTRL_HELLO,
	CTRL_WELCOME,
	CTRL_READY,
	CTRL_PING,
	CTRL_PONG,
	CTRL_BYE,
	CTRL_N_TYPES,
};

struct ctrl_hello {
	unsigned version;
	char software[CTRL_SOFTWARE_LEN + 1];
	unsigned features; /* Set of OFFLOAD_CAN_* (net/offload.h); unknown names are dropped. */
};

struct ctrl_dns {
	struct addr servers[CTRL_MAX_DNS_SERVERS];
	size_t n_servers;
	char domains[CTRL_MAX_DNS_DOMAINS][254];
	size_t n_domains;
};

#define CTRL_DAYS_UNKNOWN INT32_MIN

struct ctrl_welcome {
	struct ctrl_hello hello; /* version, software and features of the server. */
	char session[CTRL_SESSION_LEN + 1];
	struct prefix addresses[CTRL_MAX_ADDRS]; /* Host bits are the client's address. */
	size_t n_addresses;
	struct prefix routes[CTRL_MAX_ROUTES];
	size_t n_routes;
	uint16_t mtu;
	uint16_t keepalive_s, dead_after_s;
	int64_t time; /* Unix seconds. */
	struct ctrl_dns dns;
	int32_t days_certificate, days_ca, days_crl; /* CTRL_DAYS_UNKNOWN when absent. */
};

struct ctrl_ping {
	uint64_t id; /* At most 2^53 - 1. */
};

struct ctrl_bye {
	char code[CTRL_CODE_LEN + 1];
	char text[CTRL_TEXT_LEN + 1];
	uint32_t retry_after_s;  /* 0: not given. */
	struct endpoint move_to; /* port 0: not given. */
};

struct ctrl_msg {
	enum ctrl_type type;
	union {
		struct ctrl_hello hello;
		struct ctrl_welcome welcome;
		struct ctrl_ping ping; /* PING and PONG. */
		struct ctrl_bye bye;
	};
};

/*
 * Decode body[0..len).  Returns 0 and fills *out, or -EBADMSG with the reason, for the log, in why.  Strings in
 * *out are free of control characters.  Never reads past len; the depth is checked before the JSON
 * library sees the text.
 */
int ctrl_decode(const uint8_t *body, size_t len, struct ctrl_msg *out, char why[static 128]);

/* Encode.  Returns the length (no NUL), or -ENOBUFS (cap) or -ENOMEM. */
int ctrl_encode(const struct ctrl_msg *msg, uint8_t *out, size_t cap);

const char *ctrl_type_name(enum ctrl_type type); /* "HELLO" ... */

#endif
