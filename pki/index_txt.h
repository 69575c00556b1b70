#ifndef PKI_INDEX_TXT_H
#define PKI_INDEX_TXT_H

#include "pki/serial.h"

#include <stdint.h>

/* The index of 'openssl ca' and easy-rsa: one line for each certificate, fields between tabs. */
struct index_line {
	char status; /* 'V', 'R' or 'E'. */
	int64_t expires;
	int64_t revoked; /* 0: not revoked. */
	int reason;      /* CRLReason. */
	struct serial serial;
	const char *subject; /* "/CN=alice"; points into the line. */
};

/*
 * Parse a line without its end, which is changed.  Years have two digits or four, both may occur in one file.  0 or
 * -EBADMSG.
 */
int index_txt_parse(char *line, struct index_line *out);

#endif
