#ifndef NET_DER_H
#define NET_DER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* DER (X.690): a bounds-checked reader and a writer that works backwards from the end of a buffer. */

enum {
	DER_BOOLEAN = 0x01,
	DER_INTEGER = 0x02,
	DER_BIT_STRING = 0x03,
	DER_OCTET_STRING = 0x04,
	DER_NULL = 0x05,
	DER_OID = 0x06,
	DER_ENUMERATED = 0x0a,
	DER_UTF8_STRING = 0x0c,
	DER_PRINTABLE_STRING = 0x13,
	DER_IA5_STRING = 0x16,
	DER_UTC_TIME = 0x17,
	DER_GENERALIZED_TIME = 0x18,
	DER_BMP_STRING = 0x1e,
	DER_SEQUENCE = 0x30,
	DER_SET = 0x31,
	DER_CONTEXT = 0x80,     /* [n], primitive: DER_CONTEXT + n. */
	DER_CONSTRUCTED = 0x20, /* [n], constructed: DER_CONTEXT + DER_CONSTRUCTED + n. */
};

/* A span of bytes to read from; does not own them.  Readers advance it past what they took. */
struct der {
	const uint8_t *p;
	size_t len;
};

/*
 * Take the next element.  tag is set (single-byte tags only), *body is its content and, if all is not NULL, *all the
 * element with its header.  Returns 0, or -EBADMSG: nothing left, cut short, indefinite or
 * non-minimal length.  *in is unchanged on failure.
 */
int der_next(struct der *in, uint8_t *tag, struct der *body, struct der *all);

/* Take the next element, which must have this tag. */
int der_take(struct der *in, uint8_t tag, struct der *body);

/* Take it if the next element has this tag.  Returns 1 (taken), 0 (another or none), -EBADMSG. */
int der_take_if(struct der *in, uint8_t tag, struct der *body);

/* A minimal, non-negative INTEGER of at most 32 bits. */
int der_take_uint(struct der *in, uint32_t *out);

/* BOOLEAN: 0x00 or 0xff only. */
int der_take_bool(struct der *in, bool *out);

/* BIT STRING with no unused bits. */
int der_take_bits(struct der *in, struct der *out);

/*
 * UTCTime or GeneralizedTime as RFC 5280 4.1.2.5 demands it (Z, seconds, no fraction; UTCTime to 2049 and
 * GeneralizedTime from 2050).  *out is Unix seconds.
 */
int der_take_time(struct der *in, int64_t *out);

bool der_equal(const struct der *a, const struct der *b);
bool der_is(const struct der *d, const void *bytes, size_t len);

/* The writer.  Content is buf[pos..cap); an overflow sets failed and everything after does nothing. */
struct der_out {
	uint8_t *buf;
	size_t cap, pos;
	bool failed;
};

void der_out_init(struct der_out *o, uint8_t *buf, size_t cap);
size_t der_out_len(const struct der_out *o);
const uint8_t *der_out_bytes(const struct der_out *o);

void der_put_raw(struct der_out *o, const void *bytes, size_t len);

/*
 * Put tag and length before everything written since mark, a value of der_out_len():
 *     size_t mark = der_out_len(o);
 *     ... write the content, last element first ...
 *     der_wrap(o, DER_SEQUENCE, mark);
 */
void der_wrap(struct der_out *o, uint8_t tag, size_t mark);
void der_put(struct der_out *o, uint8_t tag, const void *bytes, size_t len);

/* A non-negative INTEGER from big-endian bytes, made minimal. */
void der_put_integer(struct der_out *o, const uint8_t *bytes, size_t len);
void der_put_uint(struct der_out *o, uint32_t v);

/* Unix seconds as UTCTime up to 2049, as GeneralizedTime after.  Years 1950 to 9999; others fail. */
void der_put_time(struct der_out *o, int64_t t);

#endif
