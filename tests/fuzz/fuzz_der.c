/*
 * Property: DER has one encoding for each value, so whatever the reader accepts the writer puts back as
 * the same bytes, and no element reaches past the input.
 */
#include "net/der.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_INPUT = 4096, MAX_DEPTH = 16 };

static void demand(bool ok)
{
	if (!ok)
		abort();
}

static void same(const struct der_out *o, const struct der *all)
{
	demand(!o->failed && der_is(all, der_out_bytes(o), der_out_len(o)));
}

static void check_values(struct der all)
{
	uint8_t buf[MAX_INPUT + 8];
	struct der_out o;
	uint32_t n;
	int64_t t;
	bool b;

	der_out_init(&o, buf, sizeof(buf));
	struct der in = all;
	if (der_take_uint(&in, &n) == 0) {
		der_put_uint(&o, n);
		same(&o, &all);
	}
	der_out_init(&o, buf, sizeof(buf));
	in = all;
	if (der_take_time(&in, &t) == 0) {
		der_put_time(&o, t);
		same(&o, &all);
	}
	der_out_init(&o, buf, sizeof(buf));
	in = all;
	if (der_take_bool(&in, &b) == 0) {
		der_put(&o, DER_BOOLEAN, b ? "\xff" : "\0", 1);
		same(&o, &all);
	}
}

static void walk(struct der in, int depth)
{
	static uint8_t buf[MAX_INPUT + 8];
	struct der body, all, before = in;
	struct der_out o;
	uint8_t tag;

	while (der_next(&in, &tag, &body, &all) == 0) {
		demand(all.p == before.p && all.p + all.len == in.p);
		demand(in.p + in.len == before.p + before.len);
		demand(body.p + body.len == all.p + all.len);
		der_out_init(&o, buf, sizeof(buf));
		der_put(&o, tag, body.p, body.len);
		same(&o, &all);
		check_values(all);
		if ((tag & DER_CONSTRUCTED) != 0 && depth < MAX_DEPTH)
			walk(body, depth + 1);
		before = in;
	}
	demand(in.p == before.p && in.len == before.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 0 && size <= MAX_INPUT)
		walk((struct der){ data, size }, 0);
	return 0;
}
