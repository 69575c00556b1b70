#ifndef PKI_SAN_H
#define PKI_SAN_H

#include "net/x509.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Subject alternative names (RFC 5280 4.2.1.6) before they are in a certificate: checked, in canonical form, each once. */

enum {
	SAN_MAX = 64,
	SAN_VALUE_MAX = 340, /* Holds the longest identity URI. */
	SAN_TEXT_LEN = 8192,
};

struct san {
	enum x509_san kind;
	size_t len;
	uint8_t bytes[SAN_VALUE_MAX];
};

struct san_list {
	struct san item[SAN_MAX];
	size_t n;
};

/*
 * Add a name; one that is there already is not added again.  Returns 0, -EINVAL or -ENOSPC.
 * DNS names are host names in the preferred syntax (RFC 1034 3.5), lower-cased, no wildcard, not an address.
 */
int san_add_dns(struct san_list *l, const char *name);
int san_add_ip(struct san_list *l, const char *address);
int san_add_uri(struct san_list *l, const char *uri);
int san_add_email(struct san_list *l, const char *address);

/* Add a name as found in a certificate or request, held to the same rules. */
int san_add(struct san_list *l, enum x509_san kind, const struct der *value);

/* Can a certificate of ours carry this name? */
bool san_valid(enum x509_san kind, const struct der *value);

bool san_has(const struct san_list *l, enum x509_san kind);

/* "dns:a.example,ip:192.0.2.1"; identities (URIs) are left out.  Returns out. */
char *san_text(const struct san_list *l, char out[static SAN_TEXT_LEN]);

/* Put the content of GeneralNames, first name first. */
void san_put(const struct san_list *l, struct der_out *o);

#endif
