#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "base/util.h"
#include "pki/key.h"
#include "pki/pem.h"
#include "pki/profile.h"
#include "tls/tls_verify.h"

enum { SETTING_MAX = 64 };

/* The value of a setting that stands at the start of a line, as the configuration's language has it. */
static int get(const char *text, const char *setting, char **out)
{
	char mark[SETTING_MAX];
	const char *p = text, *end;

	(void)snprintf(mark, sizeof(mark), "%s = \"", setting);
	while (p != NULL && strncmp(p, mark, strlen(mark)) != 0) {
		p = strchr(p, '\n');
		p = p != NULL ? p + 1 : NULL;
	}
	if (p == NULL)
		return -ENOENT;
	p += strlen(mark);
	end = strchr(p, '"');
	if (end == NULL)
		return -EBADMSG;
	*out = strndup(p, (size_t)(end - p));
	return *out == NULL ? -ENOMEM : 0;
}

static int check_key(const char *pem, const struct x509_cert *cert, char *why)
{
	uint8_t spki[KEY_SPKI_MAX], *der = NULL;
	struct key *key = NULL;
	size_t len = 0;
	int r = pem_decode("PRIVATE KEY", pem, strlen(pem), &der, &len), n = -1;

	if (r == 0)
		r = key_from_pkcs8(der, len, &key);
	if (r == 0)
		n = key_spki(key, spki);
	secret_free(der, len);
	key_free(key);
	if (n > 0 && der_is(&cert->spki, spki, (size_t)n))
		return 0;
	(void)snprintf(why, 256, "its key is not that of its certificate");
	return -EINVAL;
}

static int check_chain(const struct x509_cert *cert, const char *ca, const char *crl,
	const struct tls_verify_opts *opts, char *why)
{
	struct tls_trust *trust = NULL;
	struct ident id;
	char detail[256];
	int r = tls_trust_create(ca, &trust, why);

	if (r == 0)
		r = tls_trust_add_crls(trust, crl, why);
	if (r == 0 &&
		tls_verify_chain(trust, &cert->all, 1, opts, &id, detail) != TLS_REASON_NONE) {
		(void)snprintf(why, 256, "a server would refuse it: %.200s", detail);
		r = -EINVAL;
	}
	tls_trust_free(trust);
	return r;
}

int profile_check(const char *text, const char *network, int64_t now, char why[static 256])
{
	enum { NETWORK, CERT, KEY, CA, CRL, N };
	static const char *const names[N] = { "network", "certificate", "key", "ca", "crl" };
	const struct tls_verify_opts opts = {
		.role = IDENT_CLIENT,
		.network = network,
		.now = now,
	};
	char *value[N] = { NULL };
	struct x509_cert cert;
	uint8_t *der = NULL;
	size_t len = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < N; i++) {
		r = get(text, names[i], &value[i]);
		if (r < 0)
			(void)snprintf(why, 256, "it has no %s", names[i]);
	}
	if (r == 0 && strcmp(value[NETWORK], network) != 0) {
		(void)snprintf(why, 256, "its network is not %.200s", network);
		r = -EINVAL;
	}
	if (r == 0 &&
		(pem_decode("CERTIFICATE", value[CERT], strlen(value[CERT]), &der, &len) < 0 ||
			x509_parse(der, len, &cert) < 0)) {
		(void)snprintf(why, 256, "its certificate cannot be read");
		r = -EINVAL;
	}
	if (r == 0)
		r = check_key(value[KEY], &cert, why);
	if (r == 0)
		r = check_chain(&cert, value[CA], value[CRL], &opts, why);
	free(der);
	for (size_t i = 0; i < N; i++)
		secret_free(value[i], value[i] != NULL ? strlen(value[i]) : 0);
	return r < 0 ? -EINVAL : 0;
}
