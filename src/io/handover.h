#ifndef IO_HANDOVER_H
#define IO_HANDOVER_H

#include "io/egress.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Frames that one worker has read from its TUN queue for sessions of another: a byte ring with one writer thread and one
 * reader thread, without locks.  A full ring refuses, the writer drops and counts.
 */
enum { HANDOVER_BYTES = 1024 * 1024 }; /* A power of two. */

struct handover;

int handover_create(struct handover **out); /* 0 or -ENOMEM. */
void handover_free(struct handover *h);     /* NULL is fine. */

/* Writer: copy a frame in.  Returns 0 or -ENOBUFS.  Wake the reader after a batch. */
int handover_push(struct handover *h, const struct egress_frame *f);

/*
 * Reader: point out->frames at the oldest frames, at most EGRESS_MAX.  They stay valid until handover_release() gives their
 * place back.  Returns their number.
 */
size_t handover_peek(struct handover *h, struct egress *out);
void handover_release(struct handover *h);

#endif
