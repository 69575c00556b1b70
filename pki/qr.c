#include "pki/qr.h"

#include <errno.h>
#include <qrencode.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/secret.h"
#include "base/util.h"

enum { MARGIN = 4, SCALE = 4, ALNUM_MAX = 4296, DARK = 1, BASE = 45 };

static const char mark[] = "SALLYPORT1:";

struct qr {
	QRcode *code;
	bool compressed;
};

/* RFC 9285: two bytes become three characters, one that is left two. */
static size_t base45(const uint8_t *in, size_t len, char *out)
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
	size_t n = 0;

	for (size_t i = 0; i < len; i += 2) {
		bool pair = i + 1 < len;
		unsigned v = pair ? load_be16(in + i) : in[i];
		out[n++] = digits[v % BASE];
		out[n++] = digits[v / BASE % BASE];
		if (pair)
			out[n++] = digits[v / (BASE * BASE)];
	}
	out[n] = '\0';
	return n;
}

/* *out is to be freed with its length. */
static int compress_text(const char *text, char **out, size_t *len)
{
	uLongf n = compressBound(strlen(text));
	uint8_t *packed = malloc(n);
	char *p = NULL;
	int r = packed == NULL ? -ENOMEM : 0;

	if (r == 0 && compress2(packed, &n, (const Bytef *)text, strlen(text),
			      Z_BEST_COMPRESSION) != Z_OK)
		r = -EIO;
	if (r == 0) {
		p = malloc(sizeof(mark) + 3 * (n / 2) + 3);
		r = p == NULL ? -ENOMEM : 0;
	}
	if (r == 0) {
		memcpy(p, mark, sizeof(mark));
		*len = strlen(mark) + base45(packed, n, p + strlen(mark));
		*out = p;
	}
	secret_free(packed, compressBound(strlen(text)));
	return r;
}

static int encode(const char *text, QRcode **out)
{
	errno = 0;
	*out = QRcode_encodeString(text, 0, QR_ECLEVEL_L, QR_MODE_8, 1);
	if (*out != NULL)
		return 0;
	return errno == ERANGE ? -EFBIG : errno == ENOMEM ? -ENOMEM : -EIO;
}

int qr_make(const char *text, struct qr **out, size_t *need)
{
	struct qr *q = calloc(1, sizeof(*q));
	char *packed = NULL;
	size_t len = 0;
	int r = q == NULL ? -ENOMEM : strlen(text) > QR_TEXT_MAX ? -EFBIG : encode(text, &q->code);

	*need = strlen(text);
	if (r == -EFBIG && *need <= QR_TEXT_MAX) {
		r = compress_text(text, &packed, &len);
		if (r == 0) {
			q->compressed = true;
			*need = len;
			r = len > ALNUM_MAX ? -EFBIG : encode(packed, &q->code);
		}
		secret_free(packed, len);
	}
	if (r < 0) {
		free(q);
		return r;
	}
	*out = q;
	return 0;
}

void qr_free(struct qr *q)
{
	if (q == NULL)
		return;
	secret_wipe(q->code->data, (size_t)q->code->width * (size_t)q->code->width);
	QRcode_free(q->code);
	free(q);
}

int qr_is_compressed(const struct qr *q)
{
	return q->compressed;
}

/* Of the picture with its margin. */
static size_t side(const struct qr *q)
{
	return (size_t)q->code->width + 2 * (size_t)MARGIN;
}

static bool is_dark(const struct qr *q, size_t x, size_t y)
{
	size_t w = (size_t)q->code->width;

	if (x < MARGIN || y < MARGIN || x >= MARGIN + w || y >= MARGIN + w)
		return false;
	return (q->code->data[(y - MARGIN) * w + (x - MARGIN)] & DARK) != 0;
}

char *qr_text(const struct qr *q)
{
	/* Upper and lower half: light is drawn, for most terminals are dark. */
	static const char *const blocks[] = { "\u2588", "\u2580", "\u2584", " " };
	size_t n = side(q), len = 0;
	char *out = malloc((n + 1) / 2 * (n * 3 + 1) + 1);

	if (out == NULL)
		return NULL;
	for (size_t y = 0; y < n; y += 2) {
		for (size_t x = 0; x < n; x++) {
			bool low = y + 1 < n ? is_dark(q, x, y + 1) : true;
			const char *b = blocks[(is_dark(q, x, y) ? 2 : 0) + (low ? 1 : 0)];
			memcpy(out + len, b, strlen(b));
			len += strlen(b);
		}
		out[len++] = '\n';
	}
	out[len] = '\0';
	return out;
}

/* A PNG chunk at p; returns what comes after it. */
static uint8_t *put_chunk(uint8_t *p, const char *type, const uint8_t *data, size_t len)
{
	store_be32(p, (uint32_t)len);
	memcpy(p + 4, type, 4);
	if (len > 0)
		memcpy(p + 8, data, len);
	store_be32(p + 8 + len, (uint32_t)crc32(0, p + 4, (uInt)(len + 4)));
	return p + len + 12;
}

/* Rows of one bit for each pixel, 1 is white, with the filter's type before each. */
static void draw(const struct qr *q, uint8_t *rows, size_t stride)
{
	size_t n = side(q) * SCALE;

	for (size_t y = 0; y < n; y++) {
		uint8_t *row = rows + y * stride;
		memset(row, 0, stride);
		for (size_t x = 0; x < n; x++) {
			if (!is_dark(q, x / SCALE, y / SCALE))
				row[1 + x / 8] |= (uint8_t)(0x80 >> (x % 8));
		}
	}
}

int qr_png(const struct qr *q, uint8_t **out)
{
	static const uint8_t signature[] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };
	const size_t n = side(q) * SCALE, stride = 1 + (n + 7) / 8;
	uint8_t header[13] = { 0, 0, 0, 0, 0, 0, 0, 0, 1 }; /* One bit of grey. */
	uLongf len = compressBound(n * stride);
	uint8_t *rows = malloc(n * stride), *packed = malloc(len);
	uint8_t *png = malloc(len + 128), *p = png;
	int r = rows == NULL || packed == NULL || png == NULL ? -ENOMEM : 0;

	if (r == 0) {
		draw(q, rows, stride);
		if (compress2(packed, &len, rows, n * stride, Z_BEST_COMPRESSION) != Z_OK)
			r = -EIO;
	}
	if (r == 0) {
		store_be32(header, (uint32_t)n);
		store_be32(header + 4, (uint32_t)n);
		memcpy(p, signature, sizeof(signature));
		p = put_chunk(p + sizeof(signature), "IHDR", header, sizeof(header));
		p = put_chunk(p, "IDAT", packed, len);
		p = put_chunk(p, "IEND", NULL, 0);
		r = (int)(p - png);
		*out = png;
	}
	secret_free(rows, n * stride);
	secret_free(packed, len);
	if (r < 0)
		free(png);
	return r;
}
