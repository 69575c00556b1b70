#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

/* Overwrite p[0..len) with zeros in a way the compiler may not leave out.  p may be NULL when len is 0. */
void secret_wipe(void *p, size_t len);

/* Wipe a heap string or buffer of len bytes and free it.  p may be NULL. */
void secret_free(void *p, size_t len);

/* Compare in time that depends on len only. */
bool secret_equal(const void *a, const void *b, size_t len);

#endif
