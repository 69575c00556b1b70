#include "io/credentials.h"

#include "base/secret.h"
#include "conf/conf.h"
#include "io/loop.h"
#include "sys/daemon.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	PEM_MAX = 1024 * 1024,
	CRL_MAX = 64 * 1024 * 1024, /* A million entries. */
};

static int load(const char *value, size_t max, int secret, char **out, char why[static 256])
{
	struct daemon_file f = { .path = value, .max = max, .secret = secret };
	size_t len;

	*out = NULL;
	if (value == NULL)
		return 0;
	if (!conf_is_pem(value))
		return daemon_read_file(&f, out, &len, why);
	*out = strdup(value);
	return *out == NULL ? -ENOMEM : 0;
}

/* For messages: a path, or NULL when the PEM text stands in the configuration itself. */
static const char *source_of(const char *value)
{
	return value == NULL || conf_is_pem(value) ? NULL : value;
}

int credentials_load(const struct credentials *c, struct tls_ctx **out, char why[static 256])
{
	char *cert = NULL, *key = NULL, *ca = NULL, *crl = NULL;

	(void)snprintf(why, 256, "out of memory");
	int r = load(c->certificate, PEM_MAX, 0, &cert, why);
	if (r == 0)
		r = load(c->key, PEM_MAX, 1, &key, why);
	if (r == 0)
		r = load(c->ca, PEM_MAX, 0, &ca, why);
	if (r == 0)
		r = load(c->crl, CRL_MAX, 0, &crl, why);
	if (r == 0) {
		struct tls_ctx_opts o = {
			.role = c->role,
			.network = c->network,
			.cert = cert,
			.key = key,
			.ca = ca,
			.crl = crl,
			.sources = { .cert = source_of(c->certificate),
				.key = source_of(c->key),
				.ca = source_of(c->ca),
				.crl = source_of(c->crl) },
			.require_pq = c->require_pq,
			.crl_stale_deny = c->crl_stale_deny,
			.crl_grace_s = (int64_t)c->crl_grace_days * 86400,
			.now = io_now_unix(),
		};
		r = tls_ctx_create(&o, out, why);
	}
	secret_free(key, key == NULL ? 0 : strlen(key));
	free(cert);
	free(ca);
	free(crl);
	return r;
}
