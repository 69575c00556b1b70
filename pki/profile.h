#ifndef PKI_PROFILE_H
#define PKI_PROFILE_H

#include <stddef.h>
#include <stdint.h>

/* A client's whole configuration in one file, with everything inside that it needs. */

struct profile {
	const char *network;
	const char *const *remotes; /* "HOST:PORT" */
	size_t n_remotes;
	const char *cert, *key, *ca, *crl; /* PEM texts. */
};

/* Sets *out, to be freed (it holds the key).  0, -EINVAL (why: which remote or text is wrong) or -ENOMEM. */
int profile_make(const struct profile *p, char **out, char why[static 256]);

/*
 * Read a profile back as the client will: its certificate, key, CA and CRL parse and fit each other, and a server of
 * this network would let it in at the time now (Unix seconds).  0, or -EINVAL with the reason in why.
 */
int profile_check(const char *text, const char *network, int64_t now, char why[static 256]);

#endif
