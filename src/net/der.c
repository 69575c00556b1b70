#include "net/der.h"

#include <errno.h>
#include <string.h>

enum { LONG_FORM = 0x80, LONG_TAG = 0x1f, MAX_LENGTH_BYTES = 4 };

static int read_length(const struct der *in, size_t *header, size_t *len)
{
	uint8_t first = in->p[1];

	if (first < LONG_FORM) {
		*header = 2;
		*len = first;
		return 0;
	}
	/* 0x80 itself is BER's indefinite length. */
	size_t n = first & 0x7f;
	if (n == 0 || n > MAX_LENGTH_BYTES || in->len < 2 + n || in->p[2] == 0)
		return -EBADMSG;
	size_t v = 0;
	for (size_t i = 0; i < n; i++)
		v = v << 8 | in->p[2 + i];
	if (v < LONG_FORM)
		return -EBADMSG;
	*header = 2 + n;
	*len = v;
	return 0;
}

int der_next(struct der *in, uint8_t *tag, struct der *body, struct der *all)
{
	size_t header, len;

	if (in->len < 2 || (in->p[0] & LONG_TAG) == LONG_TAG)
		return -EBADMSG;
	if (read_length(in, &header, &len) != 0 || len > in->len - header)
		return -EBADMSG;
	*tag = in->p[0];
	*body = (struct der){ in->p + header, len };
	if (all != NULL)
		*all = (struct der){ in->p, header + len };
	in->p += header + len;
	in->len -= header + len;
	return 0;
}

int der_take(struct der *in, uint8_t tag, struct der *body)
{
	return der_take_if(in, tag, body) == 1 ? 0 : -EBADMSG;
}

int der_take_if(struct der *in, uint8_t tag, struct der *body)
{
	uint8_t found;

	if (in->len == 0 || in->p[0] != tag)
		return 0;
	return der_next(in, &found, body, NULL) == 0 ? 1 : -EBADMSG;
}

int der_take_uint(struct der *in, uint32_t *out)
{
	struct der rest = *in, v;
	uint32_t n = 0;

	if (der_take(&rest, DER_INTEGER, &v) != 0 || v.len == 0 || v.len > 5 || v.p[0] >= 0x80)
		return -EBADMSG;
	if (v.len > 1 && v.p[0] == 0 && v.p[1] < 0x80)
		return -EBADMSG;
	if (v.len == 5 && v.p[0] != 0)
		return -EBADMSG;
	for (size_t i = 0; i < v.len; i++)
		n = n << 8 | v.p[i];
	*out = n;
	*in = rest;
	return 0;
}

int der_take_bool(struct der *in, bool *out)
{
	struct der rest = *in, v;

	if (der_take(&rest, DER_BOOLEAN, &v) != 0 || v.len != 1)
		return -EBADMSG;
	if (v.p[0] != 0 && v.p[0] != 0xff)
		return -EBADMSG;
	*out = v.p[0] != 0;
	*in = rest;
	return 0;
}

int der_take_bits(struct der *in, struct der *out)
{
	struct der rest = *in, v;

	if (der_take(&rest, DER_BIT_STRING, &v) != 0 || v.len == 0 || v.p[0] != 0)
		return -EBADMSG;
	*out = (struct der){ v.p + 1, v.len - 1 };
	*in = rest;
	return 0;
}

/* Days from 1970-01-01 to a date of the Gregorian calendar (Howard Hinnant's days_from_civil). */
static int64_t days_from_date(int64_t year, int month, int day)
{
	year -= month <= 2;
	int64_t era = year / 400;
	int64_t of_era = year - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

struct date {
	int year, month, day;
};

static struct date date_from_days(int64_t days)
{
	days += 719468;
	int64_t era = days / 146097;
	int64_t of_era = days - era * 146097;
	int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
	int64_t m = (5 * of_year + 2) / 153;
	int month = (int)(m < 10 ? m + 3 : m - 9);

	return (struct date){ .year = (int)(year + era * 400 + (month <= 2)),
		.month = month,
		.day = (int)(of_year - (153 * m + 2) / 5 + 1) };
}

/* n decimal digits, -1 when there is anything else. */
static int digits(const uint8_t *p, size_t n)
{
	int v = 0;

	for (size_t i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return -1;
		v = v * 10 + (p[i] - '0');
	}
	return v;
}

static int days_in_month(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month == 2 && leap ? 29 : days[month - 1];
}

int der_take_time(struct der *in, int64_t *out)
{
	struct der rest = *in, v;
	uint8_t tag;
	int year;

	if (der_next(&rest, &tag, &v, NULL) != 0)
		return -EBADMSG;
	if (tag == DER_UTC_TIME && v.len == 13) {
		year = digits(v.p, 2);
		year += year < 50 ? 2000 : 1900;
		v = (struct der){ v.p + 2, v.len - 2 };
	} else if (tag == DER_GENERALIZED_TIME && v.len == 15) {
		year = digits(v.p, 4);
		v = (struct der){ v.p + 4, v.len - 4 };
		if (year < 2050)
			return -EBADMSG;
	} else {
		return -EBADMSG;
	}
	int month = digits(v.p, 2), day = digits(v.p + 2, 2), hour = digits(v.p + 4, 2);
	int minute = digits(v.p + 6, 2), second = digits(v.p + 8, 2);
	/* A bad year of UTCTime has become 1999, hence the digits are looked at again. */
	if (digits(v.p - 2, 2) < 0 || v.p[10] != 'Z' || month < 1 || month > 12 || day < 1)
		return -EBADMSG;
	if (day > days_in_month(year, month) || hour < 0 || hour > 23 || minute < 0 ||
		minute > 59 || second < 0 || second > 59)
		return -EBADMSG;
	int of_day = hour * 3600 + minute * 60 + second;
	*out = days_from_date(year, month, day) * 86400 + of_day;
	*in = rest;
	return 0;
}

bool der_equal(const struct der *a, const struct der *b)
{
	return der_is(a, b->p, b->len);
}

bool der_is(const struct der *d, const void *bytes, size_t len)
{
	return d->len == len && (len == 0 || memcmp(d->p, bytes, len) == 0);
}

void der_out_init(struct der_out *o, uint8_t *buf, size_t cap)
{
	o->buf = buf;
	o->cap = o->pos = cap;
	o->failed = false;
}

size_t der_out_len(const struct der_out *o)
{
	return o->cap - o->pos;
}

const uint8_t *der_out_bytes(const struct der_out *o)
{
	return o->buf + o->pos;
}

void der_put_raw(struct der_out *o, const void *bytes, size_t len)
{
	if (o->failed || len > o->pos) {
		o->failed = true;
		return;
	}
	o->pos -= len;
	if (len > 0)
		memcpy(o->buf + o->pos, bytes, len);
}

static void put_byte(struct der_out *o, size_t byte)
{
	uint8_t b = (uint8_t)byte;

	der_put_raw(o, &b, 1);
}

void der_wrap(struct der_out *o, uint8_t tag, size_t mark)
{
	size_t len = der_out_len(o) - mark;

	if (len < LONG_FORM) {
		put_byte(o, len);
	} else {
		size_t n = 0;
		for (size_t v = len; v > 0; v >>= 8, n++)
			put_byte(o, v & 0xff);
		put_byte(o, LONG_FORM | n);
	}
	put_byte(o, tag);
}

void der_put(struct der_out *o, uint8_t tag, const void *bytes, size_t len)
{
	size_t mark = der_out_len(o);

	der_put_raw(o, bytes, len);
	der_wrap(o, tag, mark);
}

void der_put_integer(struct der_out *o, const uint8_t *bytes, size_t len)
{
	size_t mark = der_out_len(o);

	while (len > 0 && bytes[0] == 0) {
		bytes++;
		len--;
	}
	der_put_raw(o, bytes, len);
	if (len == 0 || bytes[0] >= 0x80)
		put_byte(o, 0);
	der_wrap(o, DER_INTEGER, mark);
}

void der_put_uint(struct der_out *o, uint32_t v)
{
	uint8_t b[4] = { (uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v };

	der_put_integer(o, b, sizeof(b));
}

static void put_digits(uint8_t *to, size_t n, int v)
{
	for (size_t i = n; i > 0; i--, v /= 10)
		to[i - 1] = (uint8_t)('0' + v % 10);
}

void der_put_time(struct der_out *o, int64_t t)
{
	uint8_t text[15];

	if (t < days_from_date(1950, 1, 1) * 86400 || t >= days_from_date(10000, 1, 1) * 86400) {
		o->failed = true;
		return;
	}
	int64_t days = t / 86400, of_day = t % 86400;
	if (of_day < 0) {
		of_day += 86400;
		days--;
	}
	struct date d = date_from_days(days);
	put_digits(text, 4, d.year);
	put_digits(text + 4, 2, d.month);
	put_digits(text + 6, 2, d.day);
	put_digits(text + 8, 2, (int)(of_day / 3600));
	put_digits(text + 10, 2, (int)(of_day / 60 % 60));
	put_digits(text + 12, 2, (int)(of_day % 60));
	text[14] = 'Z';
	if (d.year < 2050)
		der_put(o, DER_UTC_TIME, text + 2, 13);
	else
		der_put(o, DER_GENERALIZED_TIME, text, 15);
}
