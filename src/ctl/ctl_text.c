#include "ctl/ctl_text.h"

#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

/* Decode one character of a terminated string; returns its length, 0 when it is not UTF-8. */
static size_t decode(const char *s, uint32_t *out)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *u = (const unsigned char *)s;
	size_t len = u[0] < 0x80 ? 1 : u[0] >= 0xf0 ? 4 : u[0] >= 0xe0 ? 3 : u[0] >= 0xc0 ? 2 : 0;

	if (len == 0 || u[0] > 0xf4)
		return 0;
	uint32_t c = len == 1 ? u[0] : u[0] & (0x7fU >> len);
	for (size_t i = 1; i < len; i++) {
		if ((u[i] & 0xc0) != 0x80) /* Also stops at the end of the string. */
			return 0;
		c = c << 6 | (u[i] & 0x3f);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*out = c;
	return len;
}

/* Characters without a width that change the order or the look of what stands around them. */
static bool steers(uint32_t c)
{
	return (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || c == 0x061c ||
	       (c >= 0xe0000 && c <= 0xe0fff);
}

/* One character in the locale's encoding.  Returns its bytes and sets its columns; '?' where it has no place. */
static size_t encode(uint32_t c, char out[static MB_LEN_MAX], size_t *columns)
{
	mbstate_t state;

	memset(&state, 0, sizeof(state));
	int width = steers(c) ? -1 : wcwidth((wchar_t)c);
	size_t n = width < 0 ? (size_t)-1 : wcrtomb(out, (wchar_t)c, &state);
	if (n == (size_t)-1) {
		out[0] = '?';
		*columns = 1;
		return 1;
	}
	*columns = (size_t)width;
	return n;
}

size_t ctl_text_clean(char *dst, size_t cap, size_t columns, const char *utf8)
{
	size_t len = 0, used = 0;
	size_t cut_len = 0, cut_used = 0; /* Where an ellipsis would still fit. */
	char mb[MB_LEN_MAX], dots[MB_LEN_MAX];
	size_t dots_width, dots_len = encode(0x2026, dots, &dots_width);

	if (dots[0] == '?')
		dots[0] = '~';
	while (*utf8 != '\0') {
		uint32_t c = 0;
		size_t width, step = decode(utf8, &c);
		size_t n = encode(step > 0 ? c : UINT32_MAX, mb, &width);

		if (used + width > columns || len + n >= cap)
			break;
		memcpy(dst + len, mb, n);
		len += n;
		used += width;
		utf8 += step > 0 ? step : 1;
		if (used + dots_width <= columns && len + dots_len < cap) {
			cut_len = len;
			cut_used = used;
		}
	}
	if (*utf8 != '\0') {
		len = cut_len;
		used = cut_used;
		if (used + dots_width <= columns && len + dots_len < cap) {
			memcpy(dst + len, dots, dots_len);
			len += dots_len;
			used += dots_width;
		}
	}
	dst[len] = '\0';
	return used;
}

/* Two digits at least, no more than needed: 1.5, 15, 153. */
static void scaled(double v, const char *unit, char out[static CTL_TEXT_MAX])
{
	(void)snprintf(out, CTL_TEXT_MAX, "%.*f %s", v < 9.95 ? 1 : 0, v, unit);
}

char *ctl_text_bytes(uint64_t bytes, char out[static CTL_TEXT_MAX])
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };

	if (bytes < 1024) {
		(void)snprintf(out, CTL_TEXT_MAX, "%" PRIu64 " B", bytes);
		return out;
	}
	double v = (double)bytes / 1024;
	size_t i = 0;
	for (; v >= 1023.5 && i + 1 < sizeof(units) / sizeof(units[0]); i++)
		v /= 1024;
	scaled(v, units[i], out);
	return out;
}

char *ctl_text_duration(int64_t seconds, char out[static CTL_TEXT_MAX])
{
	int64_t s = seconds < 0 ? 0 : seconds;
	int64_t m = s / 60, h = m / 60, d = h / 24;

	if (m == 0)
		(void)snprintf(out, CTL_TEXT_MAX, "%" PRId64 "s", s);
	else if (h == 0)
		(void)snprintf(out, CTL_TEXT_MAX, "%" PRId64 "m%02" PRId64 "s", m, s % 60);
	else if (d == 0)
		(void)snprintf(out, CTL_TEXT_MAX, "%" PRId64 "h%02" PRId64 "m", h, m % 60);
	else
		(void)snprintf(out, CTL_TEXT_MAX, "%" PRId64 "d%02" PRId64 "h", d, h % 24);
	return out;
}

char *ctl_text_rtt(int64_t us, char out[static CTL_TEXT_MAX])
{
	if (us < 0)
		(void)snprintf(out, CTL_TEXT_MAX, "-");
	else if (us < 1000)
		(void)snprintf(out, CTL_TEXT_MAX, "%.2f ms", (double)us / 1000);
	else if (us < 1000000)
		scaled((double)us / 1000, "ms", out);
	else
		scaled((double)us / 1000000, "s", out);
	return out;
}
