#ifndef IO_EGRESS_H
#define IO_EGRESS_H

#include <stddef.h>
#include <stdint.h>

/* Frames on their way to sessions, in batches: from the TUN device, or from another worker. */
enum { EGRESS_MAX = 256 };

struct egress_frame {
	uint64_t target;      /* The session's handle. */
	const uint8_t *bytes; /* A whole frame. */
	uint32_t len;
	uint32_t flow; /* dataplane_out.flow */
};

struct egress {
	struct egress_frame frames[EGRESS_MAX];
	size_t n;
};

/*
 * Hand the frames out grouped by target, each group once, in order within it.  The batch is empty
 * afterwards.
 */
typedef void egress_fn(
	void *arg, uint64_t target, const struct egress_frame *const *frames, size_t n);
void egress_deliver(struct egress *e, egress_fn *deliver, void *arg);

#endif
