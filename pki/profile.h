#ifndef PKI_PROFILE_H
#define PKI_PROFILE_H

#include <stddef.h>

/* A client's whole configuration in one file, with everything inside that it needs. */

struct profile {
	const char *network;
	const char *const *remotes; /* "HOST:PORT" */
	size_t n_remotes;
	const char *cert, *key, *ca, *crl; /* PEM texts. */
};

/* Sets *out, to be freed (it holds the key).  0, -EINVAL (why: which remote or text is wrong) or -ENOMEM. */
int profile_make(const struct profile *p, char **out, char why[static 256]);

#endif
