#ifndef IO_REPORT_H
#define IO_REPORT_H

#include "io/tunnel.h"

#include <jansson.h>
#include <stdint.h>

/* Parts of the status reply that server and client have in common.  All return new references, NULL when memory is out. */

/* ["csum", "tcp", "udp"] for a set of OFFLOAD_CAN_*. */
json_t *report_offload(unsigned can);

/* One session: state, peer, counters, RTT, TLS, offload.  The caller adds what it knows itself. */
struct report_session {
	const struct tunnel *tunnel;
	const char *identity, *name, *session;
	int64_t since;    /* Unix seconds, 0: not open yet. */
	int64_t expires;  /* Of the peer's certificate. */
	unsigned offload; /* What our side could do. */
	const char *offload_why_not;
};
json_t *report_session(const struct report_session *r);

/* {"malformed": 0, ...} */
json_t *report_drops(const struct dataplane *d);

/* Whole days from now until t, negative when past. */
int64_t report_days(int64_t t, int64_t now);

/* "days": {"certificate", "ca", "crl"}. */
json_t *report_expiry(const struct tls_ctx *tls, int64_t now);

/* "offload": {"csum", "tcp", "udp", "reason"}. */
json_t *report_device_offload(unsigned can, const char *why_not);

#endif
