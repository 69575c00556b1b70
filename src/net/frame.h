#ifndef NET_FRAME_H
#define NET_FRAME_H

#include <stddef.h>
#include <stdint.h>

/* Frames on the TLS stream: PROTOCOL 3.  Numbers on the wire are big endian. */

enum {
	FRAME_HDR_LEN = 4,
	FRAME_DESC_LEN = 4,       /* A super-packet's descriptor. */
	FRAME_PACKET_MAX = 65575, /* 40 bytes of IPv6 header and 65,535 of payload. */
	FRAME_CTRL_MAX = 65536,
	FRAME_BODY_MAX = FRAME_PACKET_MAX + FRAME_DESC_LEN,
	FRAME_MAX = FRAME_HDR_LEN + FRAME_BODY_MAX,
};

enum frame_type {
	FRAME_PACKET = 1,
	FRAME_SUPER = 2,
	FRAME_CTRL = 3,
};

enum frame_status {
	FRAME_OK,   /* *out is valid; FRAME_HDR_LEN + out->len bytes of buf are used. */
	FRAME_MORE, /* buf holds the start of a frame; nothing is used. */
	FRAME_BAD,  /* PROTOCOL 3.2: close the connection. */
};

struct frame {
	enum frame_type type;
	uint32_t len;        /* Of the body. */
	const uint8_t *body; /* Points into the caller's buffer. */
};

/*
 * Parse the frame at the start of buf[0..len).  Sets *out only on FRAME_OK.  A bad header is
 * reported as soon as its 4 bytes are there, before its body is waited for.
 */
enum frame_status frame_parse(const uint8_t *buf, size_t len, struct frame *out);

/* Write a header for len body bytes, which must be in the type's range. */
void frame_put_header(uint8_t hdr[static FRAME_HDR_LEN], enum frame_type type, size_t len);

#endif
