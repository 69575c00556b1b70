#include "base/util.h"

void text_copy(char *dst, size_t cap, const char *src)
{
	size_t i = 0;

	for (; i + 1 < cap && src[i] != '\0'; i++) {
		unsigned char c = (unsigned char)src[i];
		dst[i] = src[i];
		if (c < 0x20 || c == 0x7f)
			dst[i] = '?';
	}
	if (cap > 0)
		dst[i] = '\0';
}

void hex_encode(const uint8_t *bytes, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 15];
	}
	out[2 * len] = '\0';
}
