#ifndef PKI_SERIAL_H
#define PKI_SERIAL_H

#include "net/der.h"

#include <stddef.h>
#include <stdint.h>

/* Serial numbers of certificates: RFC 5280 4.1.2.2.  As text: lower-case hexadecimal. */

enum {
	SERIAL_LEN = 16, /* Of those made here: always 16 octets, positive and minimal. */
	SERIAL_MAX = 20,
	SERIAL_TEXT_LEN = 2 * SERIAL_MAX + 1,
};

struct serial {
	uint8_t bytes[SERIAL_MAX];
	size_t len;
	char text[SERIAL_TEXT_LEN];
};

/* 126 random bits.  0 or -EIO. */
int serial_make(struct serial *out);

/* From hexadecimal digits, with or without colons, of either case.  -EINVAL. */
int serial_parse(const char *text, struct serial *out);

/* From the content of an INTEGER.  -EINVAL when it is empty or too long. */
int serial_of(const struct der *integer, struct serial *out);

#endif
