#include "pki/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/secret.h"
#include "base/util.h"
#include "net/x509.h"
#include "pki/csr.h"
#include "pki/fs.h"

static const struct {
	const char *label;
	enum input_kind kind;
} labels[] = {
	{ "CERTIFICATE", INPUT_CERT },
	{ "X509 CRL", INPUT_CRL },
	{ "CERTIFICATE REQUEST", INPUT_CSR },
	{ "NEW CERTIFICATE REQUEST", INPUT_CSR },
};

const char *input_name(enum input_kind kind)
{
	static const char *const names[] = {
		[INPUT_CERT] = "certificate",
		[INPUT_CRL] = "CRL",
		[INPUT_CSR] = "request",
	};

	return names[kind];
}

/* What is this DER?  -ENODATA: nothing that we know. */
static int guess(const struct der *d, enum input_kind *kind)
{
	struct x509_cert cert;
	struct x509_crl crl;
	struct csr csr;

	if (x509_parse(d->p, d->len, &cert) == 0)
		*kind = INPUT_CERT;
	else if (x509_crl_parse(d->p, d->len, &crl) == 0)
		*kind = INPUT_CRL;
	else if (csr_parse(d->p, d->len, &csr) == 0)
		*kind = INPUT_CSR;
	else
		return -ENODATA;
	return 0;
}

static int each_block(const char *text, size_t len, uint8_t *buf,
	int (*fn)(enum input_kind kind, const struct der *der, int number, void *arg), void *arg)
{
	int number = 0;

	for (size_t i = 0; i < ARRAY_LEN(labels); i++) {
		size_t pos = 0;
		int n;
		while ((n = x509_pem_next(text, len, &pos, labels[i].label, buf, len)) > 0) {
			const struct der d = { buf, (size_t)n };
			int r = fn(labels[i].kind, &d, ++number, arg);
			if (r != 0)
				return r;
		}
		if (n < 0)
			return -EBADMSG;
	}
	return number == 0 ? -ENODATA : 0;
}

int input_each(const char *path,
	int (*fn)(enum input_kind kind, const struct der *der, int number, void *arg), void *arg)
{
	enum input_kind kind;
	char *text = NULL;
	uint8_t *buf = NULL;
	size_t len = 0;
	int r = fs_read(AT_FDCWD, path, &text, &len);

	if (r < 0)
		return r;
	if (len > 0 && (uint8_t)text[0] == DER_SEQUENCE) {
		const struct der d = { (const uint8_t *)text, len };
		r = guess(&d, &kind);
		if (r == 0)
			r = fn(kind, &d, 1, arg);
	} else {
		buf = malloc(len + 1);
		r = buf == NULL ? -ENOMEM : each_block(text, len, buf, fn, arg);
	}
	free(buf);
	secret_free(text, len); /* A bundle holds a key. */
	return r;
}
