#include "net/x509.h"

#include "base/util.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

static const char begin_mark[] = "-----BEGIN ";
static const char end_mark[] = "-----END ";
static const char dashes[] = "-----";

struct span {
	const char *p;
	size_t len;
};

static bool starts_with(const struct span *s, const char *what)
{
	size_t n = strlen(what);

	return s->len >= n && memcmp(s->p, what, n) == 0;
}

static void skip(struct span *s, size_t n)
{
	s->p += n;
	s->len -= n;
}

/* Move to the next "-----BEGIN " at the start of a line; at_line: *s is at one. */
static bool find_begin(struct span *s, bool at_line)
{
	while (s->len > 0) {
		if (at_line && starts_with(s, begin_mark))
			return true;
		const char *newline = memchr(s->p, '\n', s->len);
		if (newline == NULL)
			return false;
		skip(s, (size_t)(newline - s->p) + 1);
		at_line = true;
	}
	return false;
}

/* Take "NAME-----". */
static int take_label(struct span *s, struct span *label)
{
	size_t i = 0;

	while (i < s->len && s->p[i] != '-' && s->p[i] != '\n')
		i++;
	*label = (struct span){ s->p, i };
	skip(s, i);
	if (!starts_with(s, dashes))
		return -EBADMSG;
	skip(s, strlen(dashes));
	return 0;
}

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Decode up to the next '-'.  Padding must be there and the bits it leaves over zero (RFC 4648 3.5). */
static int decode(struct span *s, uint8_t *out, size_t cap)
{
	uint32_t bits = 0;
	size_t n = 0, chars = 0, pad = 0;

	for (; s->len > 0 && s->p[0] != '-'; skip(s, 1)) {
		char c = s->p[0];
		if (is_space(c))
			continue;
		int v = base64_value(c);
		if (c == '=' && chars % 4 >= 2)
			pad++;
		else if (v < 0 || pad > 0)
			return -EBADMSG;
		bits = bits << 6 | (v < 0 ? 0 : (uint32_t)v);
		if (++chars % 4 != 0)
			continue;
		if (pad > 0 && (bits & ((1U << 8 * pad) - 1)) != 0)
			return -EBADMSG;
		if (cap - n < 3 - pad)
			return -ENOBUFS;
		for (size_t i = 0; i < 3 - pad; i++)
			out[n++] = (uint8_t)(bits >> (16 - 8 * i));
	}
	return chars % 4 != 0 || n == 0 ? -EBADMSG : (int)n;
}

static int take_end(struct span *s, const struct span *label)
{
	struct span end;

	if (!starts_with(s, end_mark))
		return -EBADMSG;
	skip(s, strlen(end_mark));
	if (take_label(s, &end) != 0 || end.len != label->len)
		return -EBADMSG;
	return memcmp(end.p, label->p, end.len) == 0 ? 0 : -EBADMSG;
}

int x509_pem_next(
	const char *text, size_t len, size_t *pos, const char *label, uint8_t *out, size_t cap)
{
	struct span s = { text + *pos, len - *pos }, found;
	bool at_line = *pos == 0 || text[*pos - 1] == '\n';

	while (find_begin(&s, at_line)) {
		skip(&s, strlen(begin_mark));
		at_line = false;
		if (take_label(&s, &found) != 0)
			return -EBADMSG;
		if (label != NULL &&
			(found.len != strlen(label) || memcmp(found.p, label, found.len) != 0))
			continue;
		int n = decode(&s, out, MIN(cap, (size_t)INT_MAX));
		if (n < 0)
			return n;
		if (take_end(&s, &found) != 0)
			return -EBADMSG;
		*pos = len - s.len;
		return n;
	}
	return 0;
}
