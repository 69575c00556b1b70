#include "pki/stamp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* 9999-12-31T23:59:59Z, the last moment a certificate can name. */
static const int64_t stamp_max = INT64_C(253402300799);

char *stamp_format(int64_t t, char out[static STAMP_LEN])
{
	struct tm tm;
	time_t tt = (time_t)t;

	if (gmtime_r(&tt, &tm) == NULL || strftime(out, STAMP_LEN, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		(void)snprintf(out, STAMP_LEN, "(out of range)");
	return out;
}

int stamp_parse(const char *text, int64_t *out)
{
	struct tm tm = { 0 };
	char *end;
	int64_t t;

	errno = 0;
	t = strtoll(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0') {
		char again[STAMP_LEN];
		const char *stop = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
		if (stop == NULL || *stop != '\0')
			return -EINVAL;
		t = timegm(&tm);
		if (strcmp(stamp_format(t, again), text) != 0) /* 31 February. */
			return -EINVAL;
	}
	if (t < 0 || t > stamp_max)
		return -EINVAL;
	*out = t;
	return 0;
}
