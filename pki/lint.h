#ifndef PKI_LINT_H
#define PKI_LINT_H

#include "net/x509.h"

#include <stddef.h>
#include <stdint.h>

/*
 * What RFC 5280 and PROTOCOL 2 demand of what we issue, checked on the finished bytes by reading them back: nothing
 * leaves that breaks one of these rules.  Both verify the signature too.  Return 0 or -EINVAL with the rule in why.
 */

/* issuer NULL: the certificate has signed itself. */
int lint_cert(const uint8_t *der, size_t len, const struct x509_cert *issuer, char why[static 256]);

int lint_crl(const uint8_t *der, size_t len, const struct x509_cert *issuer, char why[static 256]);

#endif
