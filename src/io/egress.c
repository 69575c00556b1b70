#include "io/egress.h"

#include <stdbool.h>

void egress_deliver(struct egress *e, egress_fn *deliver, void *arg)
{
	const struct egress_frame *group[EGRESS_MAX];
	bool taken[EGRESS_MAX] = { false };

	for (size_t i = 0; i < e->n; i++) {
		size_t n = 0;
		if (taken[i])
			continue;
		for (size_t j = i; j < e->n; j++) {
			if (taken[j] || e->frames[j].target != e->frames[i].target)
				continue;
			taken[j] = true;
			group[n++] = &e->frames[j];
		}
		deliver(arg, e->frames[i].target, group, n);
	}
	e->n = 0;
}
