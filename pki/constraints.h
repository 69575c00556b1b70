#ifndef PKI_CONSTRAINTS_H
#define PKI_CONSTRAINTS_H

#include "net/x509.h"

#include <stddef.h>
#include <stdint.h>

/* nameConstraints of a CA (RFC 5280 4.2.1.10): the DNS domains and addresses it may vouch for. */

enum { CONSTRAINTS_MAX = 8192, CONSTRAINTS_TEXT_LEN = 8192 };

struct constraints {
	uint8_t bytes[CONSTRAINTS_MAX];
	struct der value; /* Of the extension; len 0: nothing was said, nothing is constrained. */
};

/*
 * dns: domains, with all below them; ip: networks.  A kind of which none is given stays unconstrained.  Returns 0, or -EINVAL
 * and the one that is wrong in *wrong.
 */
int constraints_make(const char *const *dns, size_t n_dns, const char *const *ip, size_t n_ip,
	struct constraints *out, const char **wrong);

/* "dns:example.net,ip:192.0.2.0/24"; "" when there are none. */
char *constraints_text(const struct x509_cert *c, char out[static CONSTRAINTS_TEXT_LEN]);

#endif
