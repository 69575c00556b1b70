#include "pki/csv.h"

#include <errno.h>
#include <string.h>

void csv_init(struct csv *c, char *text, size_t len)
{
	static const char mark[] = "\xef\xbb\xbf";

	if (len >= 3 && memcmp(text, mark, 3) == 0) {
		text += 3;
		len -= 3;
	}
	*c = (struct csv){ .p = text, .end = text + len, .line = 0, .next_line = 1 };
}

/* What ends a field: a comma, the line's end or the text's. */
static char ending(const struct csv *c)
{
	if (c->p == c->end)
		return '\n';
	if (*c->p == '\r' && (c->p + 1 == c->end || c->p[1] == '\n'))
		return '\n';
	if (*c->p == ',')
		return ',';
	return *c->p == '\n' ? '\n' : '\0';
}

/* Step over what ends a field. */
static void pass(struct csv *c)
{
	if (c->p != c->end && *c->p == '\r')
		c->p++;
	if (c->p != c->end) {
		c->next_line += *c->p == '\n';
		c->p++;
	}
}

static int take_quoted(struct csv *c, char **field)
{
	char *to = ++c->p;

	*field = to;
	for (;;) {
		if (c->p == c->end || *c->p == '\0')
			return -EBADMSG;
		if (*c->p == '"') {
			c->p++;
			if (c->p == c->end || *c->p != '"')
				break;
		}
		c->next_line += *c->p == '\n';
		*to++ = *c->p++;
	}
	if (ending(c) == '\0')
		return -EBADMSG;
	/* At least the quote is behind the field: there is room. */
	char end = ending(c);
	pass(c);
	*to = '\0';
	return end == '\n';
}

static int take_plain(struct csv *c, char **field)
{
	*field = c->p;
	while (ending(c) == '\0') {
		if (*c->p == '"' || *c->p == '\0')
			return -EBADMSG;
		c->p++;
	}
	char *to = c->p, end = ending(c);
	pass(c);
	*to = '\0';
	return end == '\n';
}

int csv_next(struct csv *c, char *fields[static CSV_FIELDS_MAX])
{
	int n = 0, last = 0;

	while (c->p != c->end && ending(c) == '\n')
		pass(c);
	c->line = c->next_line;
	if (c->p == c->end)
		return 0;
	while (last == 0) {
		if (n == CSV_FIELDS_MAX)
			return -EBADMSG;
		if (c->p != c->end && *c->p == '"')
			last = take_quoted(c, &fields[n]);
		else
			last = take_plain(c, &fields[n]);
		n++;
	}
	return last < 0 ? last : n;
}
