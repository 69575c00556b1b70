#ifndef PKI_PEM_H
#define PKI_PEM_H

#include <stddef.h>
#include <stdint.h>

/* PEM (RFC 7468) of der[0..len) with this label ("CERTIFICATE"), a string to be freed; NULL: out of memory. */
char *pem_encode(const char *label, const uint8_t *der, size_t len);

/* The first block with this label in text: *der is to be freed.  Returns 0, -ENOENT, -EBADMSG or -ENOMEM. */
int pem_decode(const char *label, const char *text, size_t text_len, uint8_t **der, size_t *len);

#endif
