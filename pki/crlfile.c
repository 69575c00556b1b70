#include "pki/crlfile.h"

#include <errno.h>
#include <stdlib.h>

#include "base/util.h"
#include "pki/fs.h"
#include "tls/tls_verify.h"

int64_t crlfile_number(const struct x509_crl *crl)
{
	int64_t n = 0;

	if (crl->number.len >= sizeof(n))
		return 0;
	for (size_t i = 0; i < crl->number.len; i++)
		n = n << 8 | crl->number.p[i];
	return n;
}

void crlfile_free(struct crlfile *f)
{
	free(f->der);
	*f = (struct crlfile){ .der = NULL };
}

/* The one of cert among those in the file: a two-tier CA or one being rolled over has several. */
static int find(const struct x509_cert *cert, const char *text, size_t len, struct crlfile *out)
{
	struct x509_crl crl;
	size_t pos = 0, used = 0;
	int n;

	while ((n = x509_pem_next(text, len, &pos, "X509 CRL", out->der + used, len - used)) > 0) {
		if (x509_crl_parse(out->der + used, (size_t)n, &crl) < 0)
			continue;
		out->top = MAX(out->top, crlfile_number(&crl));
		if (used > 0 || !der_equal(&crl.issuer, &cert->subject))
			continue;
		out->crl = crl;
		used = (size_t)n; /* What follows goes behind it. */
	}
	if (used == 0 || tls_verify_signature(
				 &cert->spki, out->crl.sig_alg, &out->crl.tbs, &out->crl.sig) != 0)
		return -EBADMSG;
	out->number = crlfile_number(&out->crl);
	return 0;
}

int crlfile_load(const struct ca *ca, const struct x509_cert *cert, struct crlfile *out)
{
	char *text = NULL;
	size_t len = 0;
	int r = fs_read(ca->dir, CA_CRL, &text, &len);

	*out = (struct crlfile){ .der = NULL };
	if (r < 0)
		return r;
	out->der = malloc(len + 1);
	r = out->der == NULL ? -ENOMEM : find(cert != NULL ? cert : &ca->cert, text, len, out);
	free(text);
	if (r < 0)
		crlfile_free(out);
	return r;
}

bool crlfile_lists(const struct x509_crl *crl, const struct der *serial)
{
	struct der it = crl->entries;
	struct x509_revoked e;

	while (x509_crl_next(&it, &e) == 1) {
		if (der_equal(&e.serial, serial))
			return true;
	}
	return false;
}
