#ifndef NET_ADDR_H
#define NET_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An IPv4 or IPv6 address, bytes in network order.  { 0 } is no address. */
struct addr {
	uint8_t family;    /* 0 (none), 4 or 6. */
	uint8_t bytes[16]; /* The first 4 for IPv4; the rest is zero then. */
};

struct prefix {
	struct addr addr;
	uint8_t len; /* 0..32 or 0..128. */
};

/* host is a name or an address without brackets. */
struct endpoint {
	char host[254];
	uint16_t port;
};

enum {
	ADDR_STRLEN = 46,
	PREFIX_STRLEN = ADDR_STRLEN + 4,
	ENDPOINT_STRLEN = 254 + 9,
};

/* Length in bytes (4, 16 or 0) and in bits of an address. */
size_t addr_len(const struct addr *a);
unsigned addr_bits(const struct addr *a);

/* "192.0.2.1" or "2001:db8::1".  0 or -EINVAL.  No zone, no leading zeros. */
int addr_parse(const char *text, struct addr *out);
char *addr_format(const struct addr *a, char out[static ADDR_STRLEN]); /* Returns out. */
bool addr_equal(const struct addr *a, const struct addr *b);
int addr_compare(const struct addr *a, const struct addr *b); /* By family, then by value. */

/* Add n to the address as a number.  False when that wraps; *a is unchanged then. */
bool addr_add(struct addr *a, uint64_t n);

/* Not multicast, link-local, broadcast, loopback or unspecified (PROTOCOL 5.3). */
bool addr_is_tunnelable(const struct addr *a);

/*
 * "10.0.0.0/8", or an address alone (a host prefix).  prefix_parse() refuses (-EINVAL) host bits
 * that are not zero; prefix_parse_iface() keeps them ("10.0.0.7/24").
 */
int prefix_parse(const char *text, struct prefix *out);
int prefix_parse_iface(const char *text, struct prefix *out);
char *prefix_format(const struct prefix *p, char out[static PREFIX_STRLEN]);
bool prefix_contains(const struct prefix *p, const struct addr *a);
bool prefix_overlaps(const struct prefix *a, const struct prefix *b);
bool prefix_equal(const struct prefix *a, const struct prefix *b);
struct prefix prefix_of(const struct addr *a, uint8_t len); /* Host bits cleared. */
struct prefix prefix_host(const struct addr *a);            /* /32 or /128. */

/* "host:port", "1.2.3.4:port", "[v6]:port"; without a port, default_port (0: required).  -EINVAL. */
int endpoint_parse(const char *text, uint16_t default_port, struct endpoint *out);
char *endpoint_format(const struct endpoint *e, char out[static ENDPOINT_STRLEN]);

#endif
