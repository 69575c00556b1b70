#ifndef UNIT_HELP_VERIFY_H
#define UNIT_HELP_VERIFY_H

#include "help_certs.h"
#include "tls/tls_verify.h"

/* What the tests of tls_verify and tls_trust share: a root, an intermediate, a bundle, and asking for a verdict. */

struct help_verify {
	struct help_cert root, inter; /* inter: by root, with path length 0. */
	struct help_cert leaf, other; /* Made by the tests. */
	struct tls_trust *trust;      /* root at the start of each test. */
	struct ident id;              /* Of the last verdict. */
	char detail[256];
	int64_t now;
};
extern struct help_verify hv;

int help_verify_start(void **state); /* Once, and before and after each test. */
int help_verify_setup(void **state);
int help_verify_teardown(void **state);

void help_verify_trust(const char *pem); /* Another bundle. */

struct tls_verify_opts help_verify_opts(void); /* For a client, now. */
enum tls_reason help_verify_chain(
	const struct help_cert *const *certs, size_t n, const struct tls_verify_opts *opts);
enum tls_reason help_verify_one(const struct help_cert *cert, const struct tls_verify_opts *opts);

/* Issue hv.leaf as spec says (for a server: by root) and check it. */
enum tls_reason help_verify_client(const struct help_spec *spec, const struct help_cert *issuer);
enum tls_reason help_verify_host(const struct help_spec *spec, const char *host);

/* A good client of this CA, sent together with it. */
enum tls_reason help_verify_two_tier(const struct help_cert *above);

#endif
