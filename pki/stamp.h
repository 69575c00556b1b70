#ifndef PKI_STAMP_H
#define PKI_STAMP_H

#include <stdint.h>

/* Points in time as text, always UTC: "2026-11-20T18:40:59Z" (ISO 8601). */

enum { STAMP_LEN = 32 };

char *stamp_format(int64_t t, char out[static STAMP_LEN]); /* Returns out. */

/* That form, or Unix seconds.  -EINVAL. */
int stamp_parse(const char *text, int64_t *out);

#endif
