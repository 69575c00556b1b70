#ifndef PKI_CSV_H
#define PKI_CSV_H

#include <stddef.h>

/*
 * Comma-separated values (RFC 4180): fields in quotes may hold commas, line ends and doubled quotes.  Blank lines are passed
 * over, a byte order mark and carriage returns are not part of a field.
 */

enum { CSV_FIELDS_MAX = 32 };

struct csv {
	char *p, *end;
	unsigned line; /* Of the record last read. */
	unsigned next_line;
};

/* text[0..len) is changed, and fields point into it; text[len] must be writable. */
void csv_init(struct csv *c, char *text, size_t len);

/*
 * Read the next record.  Returns how many fields it has, each NUL-terminated; 0 at the end; -EBADMSG: more than CSV_FIELDS_MAX
 * fields, a quote that is not closed or not around the whole field, or a NUL.
 */
int csv_next(struct csv *c, char *fields[static CSV_FIELDS_MAX]);

#endif
