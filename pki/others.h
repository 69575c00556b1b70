#ifndef PKI_OTHERS_H
#define PKI_OTHERS_H

#include "pki/ca.h"
#include "pki/pick.h"

#include <stddef.h>

/*
 * What is left valid when certificates are revoked: name on stderr every other valid certificate of the same name, and every one
 * for the same key, whatever its name.  A cli_exit code.
 */
int others_warn(const struct cli *cli, const struct ca *ca, const struct picked *list, size_t n);

#endif
