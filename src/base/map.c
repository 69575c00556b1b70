#include "base/map.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Linear probing over a power of two of slots, at most three quarters of them in use. */
enum { FIRST_SLOTS = 16 };

struct entry {
	uint64_t hash;
	void *value;
	size_t len;
	uint8_t key[];
};

struct map {
	struct entry **slots;
	size_t mask; /* Number of slots less 1. */
	size_t count, max;
	uint64_t seed[2];
};

static uint64_t rotl(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

static void sip_round(uint64_t v[static 4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

/* SipHash-1-3 (Aumasson, Bernstein 2012): what Linux and Rust use to keep hash tables unpredictable. */
static uint64_t hash_key(const struct map *m, const uint8_t *key, size_t len)
{
	uint64_t v[4] = {
		m->seed[0] ^ 0x736f6d6570736575,
		m->seed[1] ^ 0x646f72616e646f6d,
		m->seed[0] ^ 0x6c7967656e657261,
		m->seed[1] ^ 0x7465646279746573,
	};

	for (size_t off = 0, last = 0; !last; off += 8) {
		uint8_t block[8] = { 0 };
		last = len - off < 8;
		memcpy(block, key + off, last ? len - off : 8);
		if (last)
			block[7] = (uint8_t)len;
		uint64_t word;
		memcpy(&word, block, 8);
		word = le64toh(word);
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

int map_create(size_t max, struct map **out)
{
	struct map *m = calloc(1, sizeof(*m));
	int r = -ENOMEM;

	if (m == NULL)
		return -ENOMEM;
	m->max = max;
	m->mask = FIRST_SLOTS - 1;
	m->slots = calloc(FIRST_SLOTS, sizeof(struct entry *));
	if (m->slots == NULL)
		goto fail;
	if (getentropy(m->seed, sizeof(m->seed)) != 0) {
		r = -errno;
		goto fail;
	}
	*out = m;
	return 0;
fail:
	map_free(m);
	return r;
}

void map_free(struct map *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; m->slots != NULL && i <= m->mask; i++)
		free(m->slots[i]);
	free(m->slots);
	free(m);
}

/* The slot that holds the key, or the empty one where it would go.  One is always empty. */
static size_t find(const struct map *m, uint64_t hash, const void *key, size_t len)
{
	size_t i = (size_t)hash & m->mask;

	for (; m->slots[i] != NULL; i = (i + 1) & m->mask) {
		const struct entry *e = m->slots[i];
		if (e->hash == hash && e->len == len && memcmp(e->key, key, len) == 0)
			break;
	}
	return i;
}

void *map_get(const struct map *m, const void *key, size_t len)
{
	const struct entry *e = m->slots[find(m, hash_key(m, key, len), key, len)];

	return e == NULL ? NULL : e->value;
}

static int grow(struct map *m)
{
	size_t mask = m->mask * 2 + 1;
	struct entry **slots = calloc(mask + 1, sizeof(struct entry *));

	if (slots == NULL)
		return -ENOMEM;
	for (size_t i = 0; i <= m->mask; i++) {
		if (m->slots[i] == NULL)
			continue;
		size_t to = (size_t)m->slots[i]->hash & mask;
		while (slots[to] != NULL)
			to = (to + 1) & mask;
		slots[to] = m->slots[i];
	}
	free(m->slots);
	m->slots = slots;
	m->mask = mask;
	return 0;
}

int map_put(struct map *m, const void *key, size_t len, void *value)
{
	uint64_t hash = hash_key(m, key, len);
	size_t i = find(m, hash, key, len);

	assert(value != NULL);
	if (m->slots[i] != NULL) {
		m->slots[i]->value = value;
		return 0;
	}
	if (m->count >= m->max)
		return -ENOSPC;
	if (m->count >= (m->mask + 1) / 4 * 3) {
		if (grow(m) < 0)
			return -ENOMEM;
		i = find(m, hash, key, len);
	}
	struct entry *e = malloc(sizeof(*e) + len);
	if (e == NULL)
		return -ENOMEM;
	e->hash = hash;
	e->value = value;
	e->len = len;
	memcpy(e->key, key, len);
	m->slots[i] = e;
	m->count++;
	return 0;
}

void *map_remove(struct map *m, const void *key, size_t len)
{
	size_t hole = find(m, hash_key(m, key, len), key, len);
	struct entry *e = m->slots[hole];

	if (e == NULL)
		return NULL;
	void *value = e->value;
	free(e);
	m->slots[hole] = NULL;
	m->count--;
	/* Move back what probing reaches only across the hole (Knuth 6.4, algorithm R). */
	for (size_t i = (hole + 1) & m->mask; m->slots[i] != NULL; i = (i + 1) & m->mask) {
		size_t home = (size_t)m->slots[i]->hash & m->mask;
		if (((i - home) & m->mask) < ((i - hole) & m->mask))
			continue;
		m->slots[hole] = m->slots[i];
		m->slots[i] = NULL;
		hole = i;
	}
	return value;
}

size_t map_count(const struct map *m)
{
	return m->count;
}

void *map_next(const struct map *m, size_t *pos)
{
	while (*pos <= m->mask) {
		const struct entry *e = m->slots[(*pos)++];
		if (e != NULL)
			return e->value;
	}
	return NULL;
}
