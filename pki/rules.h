#ifndef PKI_RULES_H
#define PKI_RULES_H

#include "net/x509.h"
#include "pki/csr.h"
#include "pki/report.h"

#include <stdint.h>

/*
 * RFC 5280 rules for certificates, CRLs and requests of any origin.  Unlike lint.h, which stops what we are about to issue,
 * they name everything that is wrong: REPORT_CRITICAL breaks the RFC or is refused by sallyport, REPORT_WARNING is
 * merely unwise.  issuer NULL: not known, and what concerns it is not looked at.
 */
void rules_cert(const struct x509_cert *c, const struct x509_cert *issuer, const char *what,
	struct report *out);
void rules_crl(const struct x509_crl *c, const struct x509_cert *issuer, int64_t now,
	const char *what, struct report *out);
void rules_csr(const struct csr *c, const char *what, struct report *out);

#endif
