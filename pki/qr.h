#ifndef PKI_QR_H
#define PKI_QR_H

#include <stddef.h>
#include <stdint.h>

/*
 * A text as a QR code (ISO/IEC 18004), at the lowest error correction.  What does not fit as it is becomes
 *
 *     "SALLYPORT1:" BASE45(ZLIB(text))
 *
 * with Base45 as in RFC 9285 and zlib as in RFC 1950, which fits the alphanumeric mode.
 */
struct qr;

enum { QR_TEXT_MAX = 65536 };

/* 0; -EFBIG: it does not fit, and *need says how many characters it would take; -ENOMEM, -EIO. */
int qr_make(const char *text, struct qr **out, size_t *need);
void qr_free(struct qr *q); /* Wiped. */

/* Was it compressed? */
int qr_is_compressed(const struct qr *q);

/* For a terminal: lines of half blocks, white on black, with a margin.  To be freed; NULL: out of memory. */
char *qr_text(const struct qr *q);

/* As a PNG picture.  Returns the length and sets *out, to be freed; -ENOMEM or -EIO. */
int qr_png(const struct qr *q, uint8_t **out);

#endif
