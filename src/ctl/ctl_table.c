#include "ctl/ctl_table.h"

#include "base/util.h"
#include "ctl/ctl_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { GAP = 2, ANY_WIDTH = CTL_TABLE_CELL_MAX };

struct ctl_table {
	const struct ctl_column *columns;
	size_t n;
	size_t width[CTL_TABLE_MAX_COLUMNS]; /* 0: not shown. */
	char **cells;                        /* Row by row, n in each; UTF-8 as given. */
	size_t rows, cap;
};

int ctl_table_create(const struct ctl_column *columns, size_t n, struct ctl_table **out)
{
	if (n == 0 || n > CTL_TABLE_MAX_COLUMNS)
		return -EINVAL;
	struct ctl_table *t = calloc(1, sizeof(*t));
	if (t == NULL)
		return -ENOMEM;
	t->columns = columns;
	t->n = n;
	*out = t;
	return 0;
}

void ctl_table_free(struct ctl_table *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->rows * t->n; i++)
		free(t->cells[i]);
	free(t->cells);
	free(t);
}

static int grow(struct ctl_table *t)
{
	if (t->rows < t->cap)
		return 0;
	size_t cap = t->cap > 0 ? 2 * t->cap : 32;
	char **cells = reallocarray(t->cells, cap * t->n, sizeof(*cells));
	if (cells == NULL)
		return -ENOMEM;
	t->cells = cells;
	t->cap = cap;
	return 0;
}

int ctl_table_row(struct ctl_table *t, const char *const cells[])
{
	if (grow(t) != 0)
		return -ENOMEM;
	char **row = t->cells + t->rows * t->n;
	for (size_t i = 0; i < t->n; i++) {
		row[i] = strdup(cells[i]);
		if (row[i] == NULL) {
			while (i-- > 0)
				free(row[i]);
			return -ENOMEM;
		}
	}
	t->rows++;
	return 0;
}

static size_t columns_of(const char *text)
{
	char clean[CTL_TABLE_CELL_MAX];

	return ctl_text_clean(clean, sizeof(clean), ANY_WIDTH, text);
}

static size_t total(const struct ctl_table *t)
{
	size_t sum = 0;

	for (size_t i = 0; i < t->n; i++)
		sum += t->width[i] > 0 ? t->width[i] + (sum > 0 ? GAP : 0) : 0;
	return sum;
}

/* Leave out the least important column; false when all that are left must stay. */
static bool drop_one(struct ctl_table *t)
{
	size_t worst = t->n;

	for (size_t i = 0; i < t->n; i++)
		if (t->width[i] > 0 && t->columns[i].drop > 0 &&
			(worst == t->n || t->columns[i].drop > t->columns[worst].drop))
			worst = i;
	if (worst == t->n)
		return false;
	t->width[worst] = 0;
	return true;
}

/* Cut the widest column that may be cut, by no more than excess. */
static bool cut_one(struct ctl_table *t, size_t excess)
{
	size_t widest = t->n;

	for (size_t i = 0; i < t->n; i++)
		if (t->columns[i].min > 0 && t->width[i] > t->columns[i].min &&
			(widest == t->n || t->width[i] > t->width[widest]))
			widest = i;
	if (widest == t->n)
		return false;
	t->width[widest] -= MIN(excess, t->width[widest] - t->columns[widest].min);
	return true;
}

void ctl_table_fit(struct ctl_table *t, size_t width)
{
	for (size_t i = 0; i < t->n; i++)
		t->width[i] = columns_of(t->columns[i].title);
	for (size_t i = 0; i < t->rows * t->n; i++)
		t->width[i % t->n] = MAX(t->width[i % t->n], columns_of(t->cells[i]));
	if (width == 0)
		return;
	while (total(t) > width && drop_one(t))
		;
	while (total(t) > width && cut_one(t, total(t) - width))
		;
}

bool ctl_table_shown(const struct ctl_table *t, size_t column)
{
	return t->width[column] > 0;
}

static void print_row(const struct ctl_table *t, char *const *cells, FILE *out)
{
	char clean[CTL_TABLE_CELL_MAX];
	size_t pad = 0; /* Spaces owed; none at the end of a line. */
	bool first = true;

	for (size_t i = 0; i < t->n; i++) {
		if (t->width[i] == 0)
			continue;
		const char *text = cells != NULL ? cells[i] : t->columns[i].title;
		size_t used = ctl_text_clean(clean, sizeof(clean), t->width[i], text);
		size_t rest = t->width[i] - used;

		pad += first ? 0 : GAP;
		first = false;
		pad += t->columns[i].right ? rest : 0;
		if (used > 0) {
			(void)fprintf(out, "%*s%s", (int)pad, "", clean);
			pad = 0;
		}
		pad += t->columns[i].right ? 0 : rest;
	}
	(void)fputc('\n', out);
}

void ctl_table_print(const struct ctl_table *t, FILE *out)
{
	print_row(t, NULL, out);
	for (size_t i = 0; i < t->rows; i++)
		print_row(t, t->cells + i * t->n, out);
}
