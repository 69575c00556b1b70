#include "io/loop.h"

#include "base/util.h"
#include "core/dataplane.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

uint64_t io_now_us(void)
{
	return uv_hrtime() / 1000;
}

int64_t io_now_unix(void)
{
	return (int64_t)time(NULL);
}

static void on_tick(uv_timer_t *t)
{
	struct io_loop *l = t->data;
	uint64_t now_us = io_now_us();

	LIST_EACH (node, &l->tickers) {
		struct io_ticker *ticker = CONTAINER_OF(node, struct io_ticker, node);
		ticker->on_tick(ticker, now_us);
	}
	if (l->on_tick != NULL)
		l->on_tick(l->arg, now_us);
}

int io_loop_init(struct io_loop *l)
{
	*l = (struct io_loop){ .sealed = { .max = LOOP_SEALED_BYTES } };
	list_init(&l->tickers);
	int r = uv_loop_init(&l->uv);
	if (r < 0)
		return r;
	l->rx = malloc(LOOP_RX_BYTES);
	l->stage = malloc(LOOP_STAGE_BYTES);
	l->cut = malloc(DATAPLANE_REWRITE_MAX);
	l->plain.bytes = malloc(LOOP_PLAIN_BYTES);
	if (l->rx == NULL || l->stage == NULL || l->cut == NULL || l->plain.bytes == NULL) {
		io_loop_clear(l);
		return -ENOMEM;
	}
	(void)uv_timer_init(&l->uv, &l->tick);
	l->tick.data = l;
	(void)uv_timer_start(&l->tick, on_tick, LOOP_TICK_MS, LOOP_TICK_MS);
	return 0;
}

void io_loop_stop_tick(struct io_loop *l)
{
	if (!uv_is_closing((uv_handle_t *)&l->tick))
		uv_close((uv_handle_t *)&l->tick, NULL);
}

void io_loop_clear(struct io_loop *l)
{
	(void)uv_loop_close(&l->uv);
	free(l->rx);
	free(l->stage);
	free(l->cut);
	free(l->plain.bytes);
	buf_clear(&l->sealed);
}
