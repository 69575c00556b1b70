#include "pki/index_txt.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "pki/crl.h"
#include "pki/stamp.h"

enum { FIELDS = 6, SHORT_LEN = 13, LONG_LEN = 15, CENTURY_SPLIT = 50, REASON_HOLD = 6 };

/* "YYMMDDHHMMSSZ" or "YYYYMMDDHHMMSSZ". */
static int parse_time(const char *text, int64_t *out)
{
	char iso[STAMP_LEN];
	size_t n = strlen(text);
	const char *rest = text + (n == LONG_LEN ? 4 : 2);
	int year;

	if ((n != SHORT_LEN && n != LONG_LEN) || strspn(text, "0123456789") != n - 1 ||
		text[n - 1] != 'Z')
		return -EBADMSG;
	year = (text[0] - '0') * 10 + (text[1] - '0');
	if (n == LONG_LEN)
		year = year * 100 + (text[2] - '0') * 10 + (text[3] - '0');
	else
		year += year < CENTURY_SPLIT ? 2000 : 1900;
	(void)snprintf(iso, sizeof(iso), "%04d-%.2s-%.2sT%.2s:%.2s:%.2sZ", year, rest, rest + 2,
		rest + 4, rest + 6, rest + 8);
	return stamp_parse(iso, out) < 0 ? -EBADMSG : 0;
}

/* As openssl writes it: "CACompromise", "keyTime,20260101000000Z", "holdInstruction,OID". */
static int parse_reason(const char *text)
{
	static const struct {
		const char *name;
		int reason;
	} others[] = { { "CACompromise", 2 }, { "holdInstruction", REASON_HOLD }, { "keyTime", 1 },
		{ "CAkeyTime", 2 }, { "removeFromCRL", 0 } };
	size_t n = strcspn(text, ",");

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (strlen(others[i].name) == n && strncasecmp(others[i].name, text, n) == 0)
			return others[i].reason;
	}
	int reason = crl_reason_parse(text);
	return reason < 0 ? CRL_UNSPECIFIED : reason;
}

/* INTEGERs are signed: a high bit needs an octet before it, which the index leaves out. */
static int parse_serial(const char *text, struct serial *out)
{
	char padded[SERIAL_TEXT_LEN + 4];
	bool odd = strlen(text) % 2 != 0;
	bool high = !odd && text[0] != '\0' && strchr("89abcdefABCDEF", text[0]) != NULL;

	if (strlen(text) > 2 * (size_t)SERIAL_MAX)
		return -EINVAL;
	(void)snprintf(padded, sizeof(padded), "%s%s", odd ? "0" : high ? "00" : "", text);
	return serial_parse(padded, out);
}

int index_txt_parse(char *line, struct index_line *out)
{
	char *field[FIELDS], *comma;
	struct index_line l = { .status = line[0] };

	for (size_t i = 0; i < FIELDS; i++) {
		field[i] = line;
		line += strcspn(line, "\t");
		if ((*line == '\t') != (i + 1 < FIELDS))
			return -EBADMSG;
		*line++ = '\0';
	}
	if (strlen(field[0]) != 1 || strchr("VRE", l.status) == NULL ||
		parse_time(field[1], &l.expires) < 0 || parse_serial(field[3], &l.serial) < 0)
		return -EBADMSG;
	if (l.status == 'R') {
		comma = strchr(field[2], ',');
		if (comma != NULL)
			*comma = '\0';
		if (parse_time(field[2], &l.revoked) < 0)
			return -EBADMSG;
		l.reason = comma != NULL ? parse_reason(comma + 1) : CRL_UNSPECIFIED;
	}
	l.subject = field[5];
	*out = l;
	return 0;
}
