#ifndef IO_LOOP_H
#define IO_LOOP_H

#include "base/buf.h"
#include "base/list.h"

#include <stdint.h>
#include <uv.h>

/*
 * One thread's event loop with the buffers that all its connections share.  A connection owns memory of its own only
 * while something of it is left over, so that an idle one costs next to nothing.
 */
enum {
	LOOP_RX_BYTES = 256 * 1024,    /* Ciphertext of one receive. */
	LOOP_PLAIN_BYTES = 384 * 1024, /* Plaintext being cut into frames. */
	LOOP_SEALED_BYTES =
		4 * 1024 * 1024,      /* Ciphertext on its way out; a hard maximum, rarely near. */
	LOOP_STAGE_BYTES = 16 * 1024, /* Small frames gathered for one record. */
	LOOP_TICK_MS = 250,
};

struct tcp_conn;

/* Something that wants to hear of each tick as long as it is in io_loop.tickers. */
struct io_ticker {
	struct list node;
	void (*on_tick)(struct io_ticker *t, uint64_t now_us); /* May leave the list. */
};

struct io_loop {
	uv_loop_t uv;
	uv_timer_t tick;
	void (*on_tick)(void *arg, uint64_t now_us); /* May be NULL. */
	void *arg;

	struct list tickers; /* The connections there are. */
	uint8_t *rx;
	struct buf sealed; /* Empty between two events. */
	uint8_t *stage;
	uint8_t *cut; /* DATAPLANE_REWRITE_MAX; for peers without super-packets. */
	struct {
		uint8_t *bytes;
		size_t start, end;
		struct tcp_conn *owner; /* Whose left-over is in it; NULL: nobody's. */
	} plain;
};

/* Returns 0 or a negative errno.  Undone by io_loop_clear(), once uv_run() has returned for good. */
int io_loop_init(struct io_loop *l);
void io_loop_clear(struct io_loop *l);

/* Stop the tick, so that uv_run() returns when all else is closed. */
void io_loop_stop_tick(struct io_loop *l);

uint64_t io_now_us(void);  /* Monotonic. */
int64_t io_now_unix(void); /* Wall clock, seconds. */

#endif
