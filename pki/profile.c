#include "pki/profile.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/addr.h"

enum { REMOTES_MAX = 16, FIXED_MAX = 8192 };

/* The text as it grows; the buffer is as large as it can get, for copies of the key would be left behind. */
struct text {
	char *p;
	size_t cap, len;
};

__attribute__((format(printf, 2, 3))) static void put(struct text *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(t->p + t->len, t->cap - t->len, fmt, ap);
	va_end(ap);
	if (n > 0 && (size_t)n < t->cap - t->len)
		t->len += (size_t)n;
}

/* A string of the configuration's language takes newlines; quotes and backslashes do not occur in PEM. */
static bool plain(const char *pem)
{
	for (; *pem != '\0'; pem++) {
		bool control = (unsigned char)*pem < 0x20 && *pem != '\n';
		if (*pem == '"' || *pem == '\\' || control)
			return false;
	}
	return true;
}

/* Written as we have understood it, so that no text of the caller's gets into the file. */
static int put_remotes(struct text *t, const struct profile *p, char *why)
{
	struct endpoint e;
	char text[ENDPOINT_STRLEN];

	put(t, "remote = [");
	for (size_t i = 0; i < p->n_remotes; i++) {
		if (endpoint_parse(p->remotes[i], 0, &e) < 0 || !plain(e.host)) {
			(void)snprintf(
				why, 256, "--remote '%.80s' is not HOST:PORT", p->remotes[i]);
			return -EINVAL;
		}
		put(t, "%s\"%s\"", i > 0 ? ", " : "", endpoint_format(&e, text));
	}
	put(t, "];\n");
	return 0;
}

int profile_make(const struct profile *p, char **out, char why[static 256])
{
	const struct {
		const char *setting, *pem;
	} parts[] = {
		{ "certificate", p->cert },
		{ "key", p->key },
		{ "ca", p->ca },
		{ "crl", p->crl },
	};
	struct text t = { .cap = FIXED_MAX };

	if (p->n_remotes == 0 || p->n_remotes > REMOTES_MAX) {
		(void)snprintf(why, 256, "a profile takes 1 to %d servers", REMOTES_MAX);
		return -EINVAL;
	}
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (!plain(parts[i].pem)) {
			(void)snprintf(why, 256, "the %s is not PEM text", parts[i].setting);
			return -EINVAL;
		}
		t.cap += strlen(parts[i].pem);
	}
	t.p = malloc(t.cap);
	if (t.p == NULL)
		return -ENOMEM;
	put(&t, "# A sallyport client.  This file holds a private key: keep it to yourself.\n"
		"#     sallyport-client --config THIS-FILE\n\n");
	int r = put_remotes(&t, p, why);
	if (r < 0) {
		free(t.p);
		return r;
	}
	put(&t, "network = \"%s\";\n", p->network);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		put(&t, "\n%s = \"%s\";\n", parts[i].setting, parts[i].pem);
	*out = t.p;
	return 0;
}
