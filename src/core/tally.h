#ifndef CORE_TALLY_H
#define CORE_TALLY_H

#include <stddef.h>
#include <stdint.h>

/* Counts by name, for the reasons sessions end with.  Names past the maximum count as "other". */
enum { TALLY_MAX = 32, TALLY_NAME_LEN = 32 };

struct tally {
	struct {
		char name[TALLY_NAME_LEN + 1];
		uint64_t n;
	} rows[TALLY_MAX];
	size_t used;
};

void tally_add(struct tally *t, const char *name, uint64_t n);

#endif
