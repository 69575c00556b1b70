/* Every field that comes out lies within the text, is terminated there, and writing it again reads the same. */
#include "pki/csv.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Write fields as CSV; returns the length. */
static size_t write_again(char *out, char **fields, int n)
{
	size_t at = 0;

	for (int i = 0; i < n; i++) {
		out[at++] = '"';
		for (const char *p = fields[i]; *p != '\0'; p++) {
			if (*p == '"')
				out[at++] = '"';
			out[at++] = *p;
		}
		out[at++] = '"';
		out[at++] = i + 1 < n ? ',' : '\n';
	}
	out[at] = '\0';
	return at;
}

static void check(const char *text, size_t len, char **fields, int n)
{
	char *copy = malloc(2 * len + (size_t)4 * CSV_FIELDS_MAX + 16), *again[CSV_FIELDS_MAX];
	struct csv c;

	for (int i = 0; i < n; i++) {
		if (fields[i] < text || fields[i] > text + len ||
			strnlen(fields[i], len + 1) > (size_t)(text + len - fields[i]))
			abort();
	}
	if (copy == NULL)
		abort();
	csv_init(&c, copy, write_again(copy, fields, n));
	if (csv_next(&c, again) != n)
		abort();
	for (int i = 0; i < n; i++) {
		if (strcmp(again[i], fields[i]) != 0)
			abort();
	}
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text = malloc(len + 1), *fields[CSV_FIELDS_MAX];
	struct csv c;
	int n;

	if (text == NULL)
		abort();
	memcpy(text, data, len);
	text[len] = '\0';
	csv_init(&c, text, len);
	while ((n = csv_next(&c, fields)) > 0)
		check(text, len, fields, n);
	free(text);
	return 0;
}
