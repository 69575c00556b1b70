#ifndef CTL_CTL_TABLE_H
#define CTL_CTL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* A table on a terminal: columns as wide as what is in them, and fewer of them where there is no room. */

struct ctl_column {
	const char *title;
	unsigned drop; /* The column with the highest goes first; 0: it always stays. */
	size_t min;    /* It may be cut to this many columns; 0: it may not be cut. */
	bool right;    /* Numbers. */
};

struct ctl_table;

enum { CTL_TABLE_MAX_COLUMNS = 16, CTL_TABLE_CELL_MAX = 256 };

/* columns must outlive the table.  Returns 0, -EINVAL or -ENOMEM. */
int ctl_table_create(const struct ctl_column *columns, size_t n, struct ctl_table **out);
void ctl_table_free(struct ctl_table *t); /* NULL is fine. */

/* Add a row of n cells of UTF-8, which are copied and cleaned (ctl_text_clean()).  Returns 0 or -ENOMEM. */
int ctl_table_row(struct ctl_table *t, const char *const cells[]);

/*
 * Make the table fit into width columns (0: any width): first columns are left out, then the widest that may be cut is.  It is
 * wider than width only when even that does not help.
 */
void ctl_table_fit(struct ctl_table *t, size_t width);

/* Is the column shown after ctl_table_fit()? */
bool ctl_table_shown(const struct ctl_table *t, size_t column);

void ctl_table_print(const struct ctl_table *t, FILE *out);

#endif
