/* What comes out of an archive has a name that ends, and goes into an archive and out of it again unchanged. */
#include "pki/tar.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { SMALL = 1 << 16 };

static void check(const char *name, const char *data, size_t len)
{
	char again[TAR_NAME_MAX + 1], *copy = NULL, *buf = NULL;
	size_t n = 0, size = 0;
	FILE *out = open_memstream(&buf, &size);

	if (out == NULL)
		abort();
	int r = tar_put(out, name, 0600, 0, data, len);
	if (r == 0 && tar_end(out) < 0)
		abort();
	if (fclose(out) != 0 || (r < 0 && name[0] != '\0' && strlen(name) < TAR_NAME_MAX))
		abort();
	if (r == 0) {
		FILE *in = fmemopen(buf, size, "r");
		if (in == NULL || tar_next(in, again, &copy, &n) != 1 || strcmp(again, name) != 0 ||
			n != len || memcmp(copy, data, len) != 0)
			abort();
		free(copy);
		if (tar_next(in, again, &copy, &n) != 0)
			abort();
		(void)fclose(in);
	}
	free(buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char name[TAR_NAME_MAX + 1], *content = NULL;
	size_t n = 0;

	if (len == 0)
		return 0;
	char *copy = malloc(len);
	if (copy == NULL)
		abort();
	memcpy(copy, data, len);
	FILE *f = fmemopen(copy, len, "r");
	if (f == NULL)
		abort();
	while (tar_next(f, name, &content, &n) == 1) {
		if (memchr(name, '\0', sizeof(name)) == NULL)
			abort();
		if (n < SMALL)
			check(name, content, n);
		free(content);
	}
	(void)fclose(f);
	free(copy);
	return 0;
}
