#ifndef IO_CREDENTIALS_H
#define IO_CREDENTIALS_H

#include "tls/tls_ctx.h"

/*
 * From settings to a TLS context: certificate, key, ca and crl are paths or PEM texts (conf_is_pem()); crl may be NULL.  The key's file
 * must be readable by its owner only.
 */
struct credentials {
	enum ident_role role;
	const char *network;
	const char *certificate, *key, *ca, *crl;
	bool require_pq, crl_stale_deny;
	uint32_t crl_grace_days;
};

/* Returns 0 and a new context, or a negative errno; why says which setting, what is wrong and how to mend it. */
int credentials_load(const struct credentials *c, struct tls_ctx **out, char why[static 256]);

#endif
