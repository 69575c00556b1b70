#include "pki/pem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "net/x509.h"

enum { LINE = 64 };

char *pem_encode(const char *label, const uint8_t *der, size_t len)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t chars = (len + 2) / 3 * 4, frame = 2 * (strlen(label) + 20);
	char *text = malloc(chars + chars / LINE + 2 + frame), *p = text;
	size_t column = 0;

	if (text == NULL)
		return NULL;
	p += sprintf(p, "-----BEGIN %s-----\n", label);
	for (size_t i = 0; i < len; i += 3) {
		size_t n = len - i < 3 ? len - i : 3;
		uint32_t v = (uint32_t)der[i] << 16;
		v |= n > 1 ? (uint32_t)der[i + 1] << 8 : 0;
		v |= n > 2 ? der[i + 2] : 0;
		p[0] = alphabet[v >> 18];
		p[1] = alphabet[v >> 12 & 63];
		p[2] = p[3] = '=';
		if (n > 1)
			p[2] = alphabet[v >> 6 & 63];
		if (n > 2)
			p[3] = alphabet[v & 63];
		p += 4;
		column += 4;
		if (column == LINE || i + 3 >= len) {
			*p++ = '\n';
			column = 0;
		}
	}
	(void)sprintf(p, "-----END %s-----\n", label);
	return text;
}

int pem_decode(const char *label, const char *text, size_t text_len, uint8_t **der, size_t *len)
{
	size_t pos = 0, cap = text_len + 1;
	uint8_t *buf = malloc(cap);
	int n;

	if (buf == NULL)
		return -ENOMEM;
	n = x509_pem_next(text, text_len, &pos, label, buf, cap);
	if (n <= 0) {
		secret_free(buf, cap);
		return n < 0 ? n : -ENOENT;
	}
	*der = buf;
	*len = (size_t)n;
	return 0;
}
