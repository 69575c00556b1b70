#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <uv.h>

#include "help_random.h"
#include "io/egress.h"
#include "io/handover.h"
#include "io/mailbox.h"

/* ---- One thread writes, another reads: all that was taken arrives, in order and whole. ---- */

enum { FRAMES = 200000 };

static void fill(uint8_t *bytes, uint32_t len, uint32_t i)
{
	memset(bytes, (int)(i & 255), len);
	memcpy(bytes, &i, sizeof(i));
}

static void writer(void *arg)
{
	struct handover *h = arg;
	static uint8_t bytes[70000];
	uint32_t seed = 7;

	for (uint32_t i = 0; i < FRAMES; i++) {
		uint32_t len = help_random(&seed) % 50 == 0 ? 65579 : 4 + help_random(&seed) % 2000;
		struct egress_frame f = {
			.target = i * 3ULL, .bytes = bytes, .len = len, .flow = i
		};
		fill(bytes, len, i);
		while (handover_push(h, &f) == -ENOBUFS)
			;
	}
}

static void test_two_threads(void **state)
{
	struct handover *h = NULL;
	static struct egress batch;
	uv_thread_t t;
	uint32_t next = 0;

	(void)state;
	assert_int_equal(handover_create(&h), 0);
	assert_int_equal(uv_thread_create(&t, writer, h), 0);
	while (next < FRAMES) {
		size_t n = handover_peek(h, &batch);
		for (size_t i = 0; i < n; i++, next++) {
			const struct egress_frame *f = &batch.frames[i];
			uint32_t number;
			memcpy(&number, f->bytes, sizeof(number));
			assert_int_equal(number, next);
			assert_int_equal(f->target, next * 3ULL);
			assert_int_equal(f->flow, next);
			assert_int_equal(
				f->bytes[f->len - 1], f->len > 4 ? (next & 255) : f->bytes[3]);
		}
		if (n > 0)
			handover_release(h);
	}
	uv_thread_join(&t);
	assert_int_equal(handover_peek(h, &batch), 0);
	handover_free(h);
}

static void test_full_ring_refuses(void **state)
{
	struct handover *h = NULL;
	static uint8_t bytes[65579];
	static struct egress batch;
	struct egress_frame f = { .bytes = bytes, .len = sizeof(bytes) };
	size_t n = 0;

	(void)state;
	assert_int_equal(handover_create(&h), 0);
	while (handover_push(h, &f) == 0)
		n++;
	assert_in_range(n, 14, 16);
	assert_int_equal(handover_peek(h, &batch), n);
	assert_int_equal(handover_push(h, &f), -ENOBUFS); /* Not released yet. */
	handover_release(h);
	assert_int_equal(handover_push(h, &f), 0);
	handover_free(h);
}

/* ---- Groups of a batch. ---- */

static struct {
	uint64_t target;
	uint32_t flows[EGRESS_MAX];
	size_t n;
} groups[EGRESS_MAX];
static size_t n_groups;

static void take_group(
	void *arg, uint64_t target, const struct egress_frame *const *frames, size_t n)
{
	(void)arg;
	groups[n_groups].target = target;
	groups[n_groups].n = n;
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(frames[i]->target, target);
		groups[n_groups].flows[i] = frames[i]->flow;
	}
	n_groups++;
}

static void test_groups(void **state)
{
	static struct egress e;
	uint32_t seed = 99;
	size_t total = 0;

	(void)state;
	for (e.n = 0; e.n < EGRESS_MAX; e.n++)
		e.frames[e.n] = (struct egress_frame){ .target = help_random(&seed) % 9,
			.flow = (uint32_t)e.n };
	egress_deliver(&e, take_group, NULL);
	assert_int_equal(e.n, 0);
	assert_int_equal(n_groups, 9);
	for (size_t g = 0; g < n_groups; g++) {
		for (size_t i = 1; i < groups[g].n; i++)
			assert_true(groups[g].flows[i - 1] < groups[g].flows[i]);
		for (size_t o = 0; o < g; o++)
			assert_true(groups[o].target != groups[g].target);
		total += groups[g].n;
	}
	assert_int_equal(total, EGRESS_MAX);
}

/* ---- Mail from another thread comes in order, all of it. ---- */

enum { LETTERS = 10000 };

struct receiver {
	struct mailbox mb;
	int next;
};

static void receive(void *arg, struct mail *m)
{
	struct receiver *r = arg;

	assert_int_equal(m->type, r->next++);
	free(m);
	if (r->next == LETTERS)
		mailbox_close(&r->mb);
}

static void post_all(void *arg)
{
	struct receiver *r = arg;

	for (int i = 0; i < LETTERS; i++) {
		struct mail *m = malloc(sizeof(*m));
		if (m == NULL)
			abort();
		m->type = i;
		mailbox_post(&r->mb, m);
	}
}

static void test_mailbox(void **state)
{
	struct receiver r = { 0 };
	uv_loop_t loop;
	uv_thread_t t;

	(void)state;
	assert_int_equal(uv_loop_init(&loop), 0);
	assert_int_equal(mailbox_open(&loop, receive, &r, &r.mb), 0);
	assert_int_equal(uv_thread_create(&t, post_all, &r), 0);
	assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
	uv_thread_join(&t);
	assert_int_equal(r.next, LETTERS);
	assert_int_equal(uv_loop_close(&loop), 0);
}

static void test_unread_mail_is_freed(void **state)
{
	struct receiver r = { 0 };
	uv_loop_t loop;

	(void)state;
	assert_int_equal(uv_loop_init(&loop), 0);
	assert_int_equal(mailbox_open(&loop, receive, &r, &r.mb), 0);
	mailbox_post(&r.mb, calloc(1, sizeof(struct mail)));
	mailbox_close(&r.mb);
	assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(r.next, 0);
	assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_threads),
		cmocka_unit_test(test_full_ring_refuses),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_mailbox),
		cmocka_unit_test(test_unread_mail_is_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
