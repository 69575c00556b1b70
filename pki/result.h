#ifndef PKI_RESULT_H
#define PKI_RESULT_H

#include "pki/ca.h"
#include "pki/issue.h"
#include "pki/store.h"

#include <jansson.h>

/*
 * With --dry-run there are none.
 *
 * Results on stdout: lines of "what value" that are easy to read and to cut apart, or one JSON object with
 * --json.  All return a cli_exit code.
 */

/* One object, and give up the reference to it. */
int result_json(json_t *object);

/* A path in the CA's directory as the caller would write it; to be freed. */
char *result_path(const struct cli *cli, const char *path);

/* After init. */
int result_ca(const struct cli *cli, const struct ca *ca, const struct store_crl *crl);

/* After issuing. */
int result_issued(const struct cli *cli, const struct issue_opts *opts, const struct issued *done);

/* After a CRL was written. */
int result_crl(const struct cli *cli, const struct store_crl *crl);

/* "valid", "expired", "revoked", "not yet valid". */
const char *result_state(const struct store_cert *c, int64_t now);

/* What the index knows of a certificate. */
json_t *result_cert_json(const struct cli *cli, const struct store_cert *c);

#endif
