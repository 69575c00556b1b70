#ifndef PKI_INPUT_H
#define PKI_INPUT_H

#include "net/der.h"

/* Files that are looked at: what they hold, in PEM (any number of blocks) or DER. */

enum input_kind { INPUT_CERT, INPUT_CRL, INPUT_CSR };

/*
 * Read path and call fn for each certificate, then each CRL, then each request, with its number among them from 1; it stops
 * when fn returns other than 0 and returns that.  -ENOENT (no such file), -ENODATA (nothing of
 * the kind in it), -EBADMSG (a damaged block), or an error of reading.
 */
int input_each(const char *path,
	int (*fn)(enum input_kind kind, const struct der *der, int number, void *arg), void *arg);

/* "certificate", "CRL", "request". */
const char *input_name(enum input_kind kind);

#endif
