#ifndef CTL_CTL_TEXT_H
#define CTL_CTL_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* Text for a terminal: foreign strings made harmless, and numbers as people read them. */

/*
 * Copy UTF-8 text into dst (cap bytes, always terminated, cut at a whole character) in the locale's own encoding.
 * Whatever could steer the terminal or reorder the line (control characters, bidirectional overrides), is not
 * UTF-8 or has no place in the locale becomes '?'.  Returns the columns it takes on the screen, at most columns.
 * Where text had to be cut to that, the last column is an ellipsis.
 */
size_t ctl_text_clean(char *dst, size_t cap, size_t columns, const char *utf8);

enum { CTL_TEXT_MAX = 24 };

/* "0 B", "1.5 KiB", "12 GiB". */
char *ctl_text_bytes(uint64_t bytes, char out[static CTL_TEXT_MAX]);

/* "12s", "3m04s", "5h07m", "12d03h". */
char *ctl_text_duration(int64_t seconds, char out[static CTL_TEXT_MAX]);

/* Microseconds: "0.21 ms", "12 ms", "1.2 s"; "-" when negative. */
char *ctl_text_rtt(int64_t us, char out[static CTL_TEXT_MAX]);

#endif
