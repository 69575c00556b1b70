#ifndef CONF_CONF_TABLE_H
#define CONF_CONF_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A program's settings as a table: one row each, which says how the value is written, which member of the
 * program's struct takes it, and what the manual says.  To add a setting: a member, a row, and an entry in
 * the example file and the manual (scripts/check-docs.py compares the three).
 */

enum conf_type {
	CONF_BOOL,          /* bool */
	CONF_UINT16,        /* uint16_t; min..max */
	CONF_UINT32,        /* uint32_t, unsigned; min..max */
	CONF_STRING,        /* char *; min..max bytes */
	CONF_PEM,           /* char *: an absolute path, or PEM text */
	CONF_CHOICE,        /* unsigned: index into choices */
	CONF_CHOICE_BOOL,   /* bool: index into two choices */
	CONF_PREFIX,        /* struct prefix */
	CONF_PREFIX_LIST,   /* struct prefix *; min..max elements, as for all lists */
	CONF_ADDR_LIST,     /* struct addr * */
	CONF_ENDPOINT_LIST, /* struct endpoint *; "*" as host stands for "[::]" */
	CONF_STRING_LIST,   /* char **; elements of 1 to 253 bytes */
};

struct conf_row {
	const char *name;
	enum conf_type type;
	size_t offset;       /* Of the member. */
	size_t count_offset; /* Lists: of the size_t with the number of elements. */
	const char *initial; /* The default as the file would have it; NULL: none. */
	int64_t min, max;
	const char *const *choices; /* Ends with NULL. */
	bool required;
	bool secret; /* Written out in the file, it makes the file secret. */
	bool reloadable;
	const char *help; /* One sentence for the manual. */
};

struct conf_checks;

struct conf_table {
	const struct conf_row *rows;
	size_t n_rows;
	size_t size; /* Of the program's struct. */
	/* What rows cannot say by themselves: 0, or what conf_refuse() returns. */
	int (*check)(const void *values, struct conf_checks *c);
};

/* Where settings come from: just one of the two. */
struct conf_source {
	const char *path, *text;
};

struct conf_error;

/*
 * Read the source, or the defaults where it is silent, into values (t->size bytes).  Returns 0, -EINVAL with *err set,
 * or another negative errno when the file cannot be read.  values is written only on success and then has to
 * be given to conf_clear().
 */
int conf_load(const struct conf_table *t, const struct conf_source *src, void *values,
	struct conf_error *err);
void conf_clear(const struct conf_table *t, void *values);

/* In a check: say what is wrong with the setting called name.  Returns -EINVAL. */
__attribute__((format(printf, 3, 4))) int conf_refuse(
	struct conf_checks *c, const char *name, const char *fmt, ...);

/* Checks that both programs' tables need. */
int conf_check_network(struct conf_checks *c, const char *network);
int conf_check_device(struct conf_checks *c, const char *device);
int conf_check_control(struct conf_checks *c, const char *path);

#endif
