#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/util.h"
#include "net/frame.h"

static uint8_t stream[2 * FRAME_MAX];

static enum frame_status parse_header(unsigned type, uint32_t body_len, size_t have)
{
	struct frame f = { .len = 77 };

	store_be32(stream, type << 24 | body_len);
	enum frame_status s = frame_parse(stream, have, &f);
	if (s != FRAME_OK)
		assert_int_equal(f.len, 77);
	return s;
}

static void frames_come_back_as_they_went(void **state)
{
	static const struct {
		enum frame_type type;
		uint32_t len;
	} rows[] = {
		{ FRAME_PACKET, 20 },
		{ FRAME_PACKET, FRAME_PACKET_MAX },
		{ FRAME_SUPER, 24 },
		{ FRAME_SUPER, FRAME_BODY_MAX },
		{ FRAME_CTRL, 2 },
		{ FRAME_CTRL, FRAME_CTRL_MAX },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct frame f;
		size_t whole = FRAME_HDR_LEN + rows[i].len;
		frame_put_header(stream, rows[i].type, rows[i].len);
		assert_int_equal(frame_parse(stream, sizeof(stream), &f), FRAME_OK);
		assert_int_equal(f.type, rows[i].type);
		assert_int_equal(f.len, rows[i].len);
		assert_ptr_equal(f.body, stream + FRAME_HDR_LEN);
		assert_int_equal(frame_parse(stream, whole, &f), FRAME_OK);
		assert_int_equal(frame_parse(stream, whole - 1, &f), FRAME_MORE);
		assert_int_equal(frame_parse(stream, FRAME_HDR_LEN, &f), FRAME_MORE);
	}
	frame_put_header(stream, FRAME_PACKET, 0x0102);
	assert_memory_equal(stream, ((uint8_t[]){ 1, 0, 1, 2 }), 4);
}

static void a_part_of_a_header_asks_for_more(void **state)
{
	(void)state;
	for (size_t have = 0; have < FRAME_HDR_LEN; have++)
		assert_int_equal(parse_header(0xff, 0xffffff, have), FRAME_MORE);
}

static void a_bad_header_is_refused_before_its_body(void **state)
{
	static const struct {
		unsigned type;
		uint32_t len;
	} bad[] = {
		{ FRAME_PACKET, 0 },
		{ FRAME_PACKET, 19 },
		{ FRAME_PACKET, FRAME_PACKET_MAX + 1 },
		{ FRAME_SUPER, 23 },
		{ FRAME_SUPER, FRAME_BODY_MAX + 1 },
		{ FRAME_CTRL, 0 },
		{ FRAME_CTRL, 1 },
		{ FRAME_CTRL, FRAME_CTRL_MAX + 1 },
		{ FRAME_CTRL, 0xffffff },
		{ 0, 100 },
		{ 4, 100 },
		{ 255, 100 },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(parse_header(bad[i].type, bad[i].len, FRAME_HDR_LEN), FRAME_BAD);
		assert_int_equal(parse_header(bad[i].type, bad[i].len, sizeof(stream)), FRAME_BAD);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_come_back_as_they_went),
		cmocka_unit_test(a_part_of_a_header_asks_for_more),
		cmocka_unit_test(a_bad_header_is_refused_before_its_body),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
