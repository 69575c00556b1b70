#include "pki/tar.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 512, CHECKSUM_OFF = 148, CHECKSUM_LEN = 8, END_BLOCKS = 2 };

/* The header block of ustar. */
struct header {
	char name[100], mode[8], uid[8], gid[8], size[12], time[12], checksum[8], type, link[100];
	char magic[6], version[2], user[32], group[32], major[8], minor[8], prefix[155], pad[12];
};

_Static_assert(sizeof(struct header) == BLOCK, "a header fills a block");

static unsigned checksum(const struct header *h)
{
	const unsigned char *p = (const unsigned char *)h;
	unsigned sum = 0;

	for (size_t i = 0; i < BLOCK; i++)
		sum += i >= CHECKSUM_OFF && i < CHECKSUM_OFF + CHECKSUM_LEN ? ' ' : p[i];
	return sum;
}

/* Octal digits and a NUL that fill field. */
static void put_octal(char *field, size_t cap, uint64_t value)
{
	field[--cap] = '\0';
	while (cap > 0) {
		field[--cap] = (char)('0' + (value & 7));
		value >>= 3;
	}
}

static int64_t get_octal(const char *field, size_t cap)
{
	int64_t value = 0;
	size_t i = 0;

	for (; i < cap && field[i] >= '0' && field[i] <= '7'; i++)
		value = value << 3 | (field[i] - '0');
	return i > 0 && (i == cap || field[i] == '\0' || field[i] == ' ') ? value : -1;
}

static size_t padding(size_t len)
{
	return (BLOCK - len % BLOCK) % BLOCK;
}

static int put(FILE *f, const void *data, size_t len)
{
	return len == 0 || fwrite(data, 1, len, f) == len ? 0 : -EIO;
}

int tar_put(FILE *f, const char *name, unsigned mode, int64_t time, const void *data, size_t len)
{
	static const char zero[BLOCK];
	struct header h = { .type = '0', .magic = "ustar", .version = { '0', '0' } };
	size_t n = strlen(name);
	int r;

	if (n == 0 || n >= sizeof(h.name) || len > TAR_FILE_MAX)
		return -EINVAL;
	memcpy(h.name, name, n);
	put_octal(h.mode, sizeof(h.mode), mode);
	put_octal(h.uid, sizeof(h.uid), 0);
	put_octal(h.gid, sizeof(h.gid), 0);
	put_octal(h.size, sizeof(h.size), len);
	put_octal(h.time, sizeof(h.time), time > 0 ? (uint64_t)time : 0);
	put_octal(h.checksum, sizeof(h.checksum), checksum(&h));
	r = put(f, &h, sizeof(h));
	if (r == 0)
		r = put(f, data, len);
	return r == 0 ? put(f, zero, padding(len)) : r;
}

int tar_end(FILE *f)
{
	static const char zero[END_BLOCKS * BLOCK];

	return put(f, zero, sizeof(zero));
}

static int read_block(FILE *f, void *block)
{
	if (fread(block, 1, BLOCK, f) == BLOCK)
		return 0;
	return ferror(f) ? -EIO : -EBADMSG;
}

static bool is_zero(const struct header *h)
{
	static const struct header zero;

	return memcmp(h, &zero, sizeof(zero)) == 0;
}

static int read_content(FILE *f, size_t len, char **data)
{
	char pad[BLOCK], *p = malloc(len + 1);
	size_t more = padding(len);

	if (p == NULL)
		return -ENOMEM;
	if (fread(p, 1, len, f) != len || fread(pad, 1, more, f) != more) {
		free(p);
		return ferror(f) ? -EIO : -EBADMSG;
	}
	p[len] = '\0';
	*data = p;
	return 0;
}

int tar_next(FILE *f, char name[static TAR_NAME_MAX + 1], char **data, size_t *len)
{
	struct header h;
	int r = read_block(f, &h);

	if (r < 0)
		return r;
	if (is_zero(&h)) {
		r = read_block(f, &h);
		return r < 0 ? r : is_zero(&h) ? 0 : -EBADMSG;
	}
	int64_t size = get_octal(h.size, sizeof(h.size));
	if (memcmp(h.magic, "ustar", 5) != 0 || (h.type != '0' && h.type != '\0') ||
		h.prefix[0] != '\0' || size < 0 || size > TAR_FILE_MAX ||
		get_octal(h.checksum, sizeof(h.checksum)) != checksum(&h))
		return -EBADMSG;
	r = read_content(f, (size_t)size, data);
	if (r < 0)
		return r;
	memcpy(name, h.name, sizeof(h.name));
	name[sizeof(h.name)] = '\0';
	*len = (size_t)size;
	return 1;
}
