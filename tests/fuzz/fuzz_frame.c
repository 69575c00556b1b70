#include "net/frame.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What frame_parse() may say of fewer bytes: no more than that they are too few, or that they are bad. */
static void check_shorter(const uint8_t *data, size_t whole)
{
	struct frame f;

	for (size_t len = 0; len < FRAME_HDR_LEN; len++)
		if (frame_parse(data, len, &f) != FRAME_MORE)
			abort();
	if (frame_parse(data, FRAME_HDR_LEN, &f) != FRAME_MORE ||
		frame_parse(data, whole - 1, &f) != FRAME_MORE)
		abort();
}

/* Frames are found one behind the other, and a header made for each is the one that was read. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum frame_status status;
	struct frame f;
	size_t off = 0;

	while ((status = frame_parse(data + off, size - off, &f)) == FRAME_OK) {
		uint8_t hdr[FRAME_HDR_LEN];
		if (f.body != data + off + FRAME_HDR_LEN || f.len > size - off - FRAME_HDR_LEN)
			abort();
		frame_put_header(hdr, f.type, f.len);
		if (memcmp(hdr, data + off, FRAME_HDR_LEN) != 0)
			abort();
		check_shorter(data + off, FRAME_HDR_LEN + (size_t)f.len);
		off += FRAME_HDR_LEN + (size_t)f.len;
	}
	/* More bytes cannot mend a bad header; a good one waits for at most FRAME_MAX. */
	if (status == FRAME_BAD && frame_parse(data + off, FRAME_HDR_LEN, &f) != FRAME_BAD)
		abort();
	if (status == FRAME_MORE && size - off >= FRAME_MAX)
		abort();
	return 0;
}
