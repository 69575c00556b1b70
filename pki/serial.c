#include "pki/serial.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/util.h"

int serial_make(struct serial *out)
{
	struct serial s = { .len = SERIAL_LEN };

	if (getrandom(s.bytes, SERIAL_LEN, 0) != SERIAL_LEN)
		return -EIO;
	s.bytes[0] = (uint8_t)((s.bytes[0] & 0x3f) | 0x40); /* Positive, and never shorter. */
	hex_encode(s.bytes, s.len, s.text);
	*out = s;
	return 0;
}

static int digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *p = c != '\0' ? strchr(digits, tolower((unsigned char)c)) : NULL;

	return p != NULL ? (int)(p - digits) : -1;
}

int serial_parse(const char *text, struct serial *out)
{
	struct serial s = { .len = 0 };

	while (*text != '\0') {
		if (*text == ':' && s.len > 0) {
			text++;
			continue;
		}
		int hi = digit(text[0]), lo = hi < 0 ? -1 : digit(text[1]);
		if (lo < 0 || s.len == SERIAL_MAX)
			return -EINVAL;
		s.bytes[s.len++] = (uint8_t)(hi << 4 | lo);
		text += 2;
	}
	if (s.len == 0)
		return -EINVAL;
	hex_encode(s.bytes, s.len, s.text);
	*out = s;
	return 0;
}

int serial_of(const struct der *integer, struct serial *out)
{
	struct serial s = { .len = integer->len };

	if (s.len == 0 || s.len > SERIAL_MAX)
		return -EINVAL;
	memcpy(s.bytes, integer->p, s.len);
	hex_encode(s.bytes, s.len, s.text);
	*out = s;
	return 0;
}
