#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/grant.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is read can be written, byte for byte the same; and it is always within itself. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct der value = { data, size };
	uint8_t buf[GRANT_DER_MAX];
	struct der_out o;
	struct grant g;
	char why[128];

	if (grant_parse(&value, &g) != 0)
		return 0;
	if (grant_is_empty(&g))
		abort();
	der_out_init(&o, buf, sizeof(buf));
	grant_put(&g, &o);
	if (o.failed || !der_is(&value, der_out_bytes(&o), der_out_len(&o)))
		abort();
	if (g.n_networks == 0 && grant_within(&g, &g, why) != 0)
		abort();
	if (g.n_addresses == 0 && grant_narrower(&g, &g, why) != 0)
		abort();
	return 0;
}
