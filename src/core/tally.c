#include "core/tally.h"

#include "base/util.h"

#include <string.h>

static size_t find(const struct tally *t, const char *name)
{
	size_t i = 0;

	while (i < t->used && strcmp(t->rows[i].name, name) != 0)
		i++;
	return i;
}

void tally_add(struct tally *t, const char *name, uint64_t n)
{
	char clean[TALLY_NAME_LEN + 1];

	text_copy(clean, sizeof(clean), name);
	size_t i = find(t, clean);
	if (i == t->used && t->used >= TALLY_MAX - 1) {
		/* The last row is kept for all the others. */
		text_copy(clean, sizeof(clean), "other");
		i = find(t, clean);
	}
	if (i == t->used) {
		memcpy(t->rows[i].name, clean, sizeof(clean));
		t->used++;
	}
	t->rows[i].n += n;
}
