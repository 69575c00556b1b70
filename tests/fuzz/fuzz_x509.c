/*
 * Properties of the readers of certificates, CRLs and PEM: every span they hand out lies within the input, a
 * certificate's parts are what the limits of its header say, walking names and entries that were accepted never
 * fails, and PEM decodes to less than its text.
 */
#include "net/x509.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct der input;

static void demand(bool ok)
{
	if (!ok)
		abort();
}

static void within(const struct der *d)
{
	if (d->len == 0)
		return;
	demand(d->p >= input.p && d->len <= input.len);
	demand((size_t)(d->p - input.p) <= input.len - d->len);
}

static void check_names(const struct x509_cert *c)
{
	struct der it = c->san, value;
	enum x509_san kind;
	char cn[20];
	int n;

	while ((n = x509_san_next(&it, &kind, &value)) == 1) {
		within(&value);
		if (kind == X509_SAN_IP)
			demand(value.len == 4 || value.len == 16);
		else
			demand(value.len > 0 && memchr(value.p, 0, value.len) == NULL);
	}
	demand(n == 0);
	if (x509_common_name(&c->subject, cn, sizeof(cn)) != 0)
		return;
	demand(memchr(cn, 0, sizeof(cn)) != NULL);
	for (const char *p = cn; *p != '\0'; p++)
		demand((unsigned char)*p >= 0x20 && *p != 0x7f);
}

static void check_cert(const uint8_t *data, size_t size)
{
	struct x509_cert c;

	if (x509_parse(data, size, &c) != 0)
		return;
	const struct der spans[] = { c.tbs, c.sig, c.serial, c.issuer, c.subject, c.spki, c.key,
		c.san, c.skid, c.akid };
	for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++)
		within(&spans[i]);
	demand(c.all.p == data && c.all.len == size);
	demand(c.version >= 1 && c.version <= 3 && (c.version == 3 || c.n_ext == 0));
	demand(c.serial.len >= 1 && c.serial.len <= X509_SERIAL_MAX && c.serial.p[0] < 0x80);
	demand(c.n_ext <= X509_MAX_EXTENSIONS && c.path_len >= -1);
	demand(c.path_len == -1 || c.is_ca);
	demand(c.key_alg != X509_KEY_RSA || (c.key_bits >= 2048 && c.key_bits <= 4096));
	for (size_t i = 0; i < c.n_ext; i++) {
		within(&c.ext[i].oid);
		within(&c.ext[i].value);
		for (size_t j = 0; j < i; j++)
			demand(!der_equal(&c.ext[i].oid, &c.ext[j].oid));
	}
	check_names(&c);
}

static void check_crl(const uint8_t *data, size_t size)
{
	struct x509_revoked r;
	struct x509_crl c;
	int n;

	if (x509_crl_parse(data, size, &c) != 0)
		return;
	demand(c.all.p == data && c.all.len == size);
	const struct der spans[] = { c.tbs, c.sig, c.issuer, c.number, c.akid, c.entries };
	for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++)
		within(&spans[i]);
	struct der it = c.entries;
	while ((n = x509_crl_next(&it, &r)) == 1) {
		within(&r.serial);
		demand(r.serial.len > 0 && r.reason >= -1 && r.reason <= 10);
	}
	demand(n == 0);
}

static void check_pem(const char *text, size_t size)
{
	static uint8_t out[65536];
	size_t pos = 0, before = 0;
	int n;

	while ((n = x509_pem_next(text, size, &pos, NULL, out, sizeof(out))) > 0) {
		demand(pos > before && pos <= size && (size_t)n < pos - before);
		before = pos;
		input = (struct der){ out, (size_t)n };
		check_cert(out, (size_t)n);
		check_crl(out, (size_t)n);
	}
	demand(pos == before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	input = (struct der){ data, size };
	check_cert(data, size);
	check_crl(data, size);
	if (size > 0) {
		char *text = malloc(size);
		demand(text != NULL);
		memcpy(text, data, size);
		check_pem(text, size);
		free(text);
	}
	return 0;
}
