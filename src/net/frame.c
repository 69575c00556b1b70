#include "net/frame.h"

#include "base/util.h"

#include <assert.h>
#include <stdbool.h>

/* The smallest body: an IPv4 header; {} for a control message. */
enum { PACKET_MIN = 20, CTRL_MIN = 2 };

static bool length_in_range(unsigned type, size_t len)
{
	switch (type) {
	case FRAME_PACKET:
		return len >= PACKET_MIN && len <= FRAME_PACKET_MAX;
	case FRAME_SUPER:
		return len >= FRAME_DESC_LEN + PACKET_MIN && len <= FRAME_BODY_MAX;
	case FRAME_CTRL:
		return len >= CTRL_MIN && len <= FRAME_CTRL_MAX;
	default:
		return false;
	}
}

enum frame_status frame_parse(const uint8_t *buf, size_t len, struct frame *out)
{
	if (len < FRAME_HDR_LEN)
		return FRAME_MORE;

	uint32_t body_len = load_be32(buf) & 0xffffff;
	if (!length_in_range(buf[0], body_len))
		return FRAME_BAD;
	if (len - FRAME_HDR_LEN < body_len)
		return FRAME_MORE;

	*out = (struct frame){
		.type = (enum frame_type)buf[0],
		.len = body_len,
		.body = buf + FRAME_HDR_LEN,
	};
	return FRAME_OK;
}

void frame_put_header(uint8_t hdr[static FRAME_HDR_LEN], enum frame_type type, size_t len)
{
	assert(length_in_range(type, len));
	store_be32(hdr, (uint32_t)type << 24 | (uint32_t)len);
}
