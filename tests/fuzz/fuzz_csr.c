#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "pki/csr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(const struct der *d, const uint8_t *data, size_t size)
{
	if (d->len > 0 && (d->p < data || d->len > size || d->p > data + size - d->len))
		abort();
}

/*
 * What is read lies inside the input; what has been read once is read the same again; and a request with a byte too
 * many or too few is never one.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct csr c, again;
	struct der it, value;
	int n;
	enum x509_san kind;
	char why[256];

	if (csr_parse(data, size, &c) != 0)
		return 0;
	inside(&c.tbs, data, size);
	inside(&c.sig, data, size);
	inside(&c.subject, data, size);
	inside(&c.spki.all, data, size);
	inside(&c.san, data, size);
	for (size_t i = 0; i < c.n_ext; i++) {
		inside(&c.ext[i].oid, data, size);
		inside(&c.ext[i].value, data, size);
	}
	it = c.san;
	while ((n = x509_san_next(&it, &kind, &value)) == 1)
		inside(&value, data, size);
	if (n != 0)
		abort(); /* csr_parse() has been through them. */
	if (csr_parse(data, size, &again) != 0 || !der_equal(&c.tbs, &again.tbs))
		abort();
	if (csr_parse(data, size - 1, &again) == 0)
		abort();
	(void)csr_verify(&c, why);
	return 0;
}
