#include "pki/opt.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WHY = 256 };

static const struct opt *find(
	const struct opt_set *sets, size_t n_sets, const char *name, size_t len, void **base)
{
	for (size_t s = 0; s < n_sets; s++) {
		for (size_t i = 0; i < sets[s].n; i++) {
			const struct opt *o = &sets[s].opts[i];
			if (strlen(o->name) != len || memcmp(o->name, name, len) != 0)
				continue;
			*base = sets[s].base;
			return o;
		}
	}
	return NULL;
}

static int set_number(const struct opt *o, int64_t *dst, const char *value, char *why)
{
	char *end;

	errno = 0;
	long long v = strtoll(value, &end, 10);
	if (errno != 0 || end == value || *end != '\0' || v < o->min || v > o->max) {
		(void)snprintf(why, WHY, "--%s takes a number from %" PRId64 " to %" PRId64,
			o->name, o->min, o->max);
		return -EINVAL;
	}
	*dst = v;
	return 0;
}

static int set_value(const struct opt *o, void *base, const char *value, char *why)
{
	void *dst = (char *)base + o->off;
	struct opt_list *list = dst;

	switch (o->kind) {
	case OPT_FLAG:
		*(bool *)dst = true;
		return 0;
	case OPT_TEXT:
		if (*(const char **)dst != NULL) {
			(void)snprintf(why, WHY, "--%s is given twice", o->name);
			return -EINVAL;
		}
		*(const char **)dst = value;
		return 0;
	case OPT_NUMBER:
		return set_number(o, dst, value, why);
	case OPT_LIST:
		if (list->n == OPT_LIST_MAX) {
			(void)snprintf(why, WHY, "--%s is given more than %d times", o->name,
				OPT_LIST_MAX);
			return -EINVAL;
		}
		list->item[list->n++] = value;
		return 0;
	}
	return -EINVAL;
}

/* argv[*at] is an option; moves *at to its last argument. */
static int take(
	const struct opt_set *sets, size_t n_sets, int argc, char **argv, int *at, char *why)
{
	const char *arg = argv[*at];
	const char *name = strcmp(arg, "-h") == 0 ? "help" : arg[1] == '-' ? arg + 2 : "";
	const char *value = strchr(name, '=');
	size_t len = value != NULL ? (size_t)(value - name) : strlen(name);
	void *base = NULL;
	const struct opt *o = find(sets, n_sets, name, len, &base);

	if (o == NULL) {
		(void)snprintf(why, WHY, "unknown option '%.100s'", arg);
		return -EINVAL;
	}
	if (value != NULL)
		value++;
	if (o->kind == OPT_FLAG && value != NULL) {
		(void)snprintf(why, WHY, "--%s takes no value", o->name);
		return -EINVAL;
	}
	if (o->kind != OPT_FLAG && value == NULL) {
		if (*at + 1 >= argc) {
			(void)snprintf(why, WHY, "--%s needs a value", o->name);
			return -EINVAL;
		}
		value = argv[++*at];
	}
	return set_value(o, base, value, why);
}

int opt_parse(
	const struct opt_set *sets, size_t n_sets, int *argc, char **argv, char why[static 256])
{
	int kept = 0;
	bool options = true;

	for (int i = 0; i < *argc; i++) {
		if (options && strcmp(argv[i], "--") == 0) {
			options = false;
		} else if (options && argv[i][0] == '-' && argv[i][1] != '\0') {
			int r = take(sets, n_sets, *argc, argv, &i, why);
			if (r < 0)
				return r;
		} else {
			argv[kept++] = argv[i];
		}
	}
	*argc = kept;
	return 0;
}
