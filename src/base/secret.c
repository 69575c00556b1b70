#include "base/secret.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void secret_wipe(void *p, size_t len)
{
	if (len > 0)
		explicit_bzero(p, len);
}

void secret_free(void *p, size_t len)
{
	if (p != NULL)
		secret_wipe(p, len);
	free(p);
}

bool secret_equal(const void *a, const void *b, size_t len)
{
	const volatile uint8_t *x = a, *y = b;
	uint8_t diff = 0;

	for (size_t i = 0; i < len; i++)
		diff |= (uint8_t)(x[i] ^ y[i]);
	return diff == 0;
}
