#include "pki/others.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pki/key.h"

/* Identifiers of the keys that were revoked. */
struct search {
	const struct cli *cli;
	const struct ca *ca;
	const struct picked *list;
	size_t n;
	uint8_t (*ids)[KEY_ID_LEN];
	bool *readable; /* The ids that are there. */
};

/* False, and said so: it cannot be read.  Its name still counts. */
static bool read_id(const struct ca *ca, const struct store_cert *c, uint8_t id[static KEY_ID_LEN])
{
	struct x509_cert cert;
	uint8_t *der = NULL;
	bool ok = ca_read_cert(ca, c->kind, c->serial, &der, &cert) == CLI_OK &&
		  key_id(&cert.spki, id) == 0;

	free(der);
	return ok;
}

static bool is_listed(const struct search *s, const char *serial)
{
	for (size_t i = 0; i < s->n; i++) {
		if (strcmp(s->list[i].serial, serial) == 0)
			return true;
	}
	return false;
}

static int look(const struct store_cert *c, void *arg)
{
	const struct search *s = arg;
	uint8_t id[KEY_ID_LEN];

	if (strcmp(c->kind, "ca") == 0 || is_listed(s, c->serial))
		return 0;
	bool readable = read_id(s->ca, c, id);
	for (size_t i = 0; i < s->n; i++) {
		bool key = readable && s->readable[i] && memcmp(s->ids[i], id, sizeof(id)) == 0;
		bool name = strcmp(s->list[i].name, c->name) == 0;
		if (!key && !name)
			continue;
		cli_note(s->cli,
			"still valid: %s %s, serial %s, %s: 'revoke --serial %s' ends it as well",
			c->kind, c->name, c->serial, key ? "for the same key" : "of the same name",
			c->serial);
		break;
	}
	return 0;
}

int others_warn(const struct cli *cli, const struct ca *ca, const struct picked *list, size_t n)
{
	const struct store_filter valid = { .not_revoked = true, .valid_at = cli->now };
	struct search s = { .cli = cli, .ca = ca, .list = list, .n = n };
	int r = 0;

	if (cli->quiet)
		return CLI_OK;
	s.ids = calloc(n, sizeof(*s.ids));
	s.readable = calloc(n, sizeof(*s.readable));
	if (s.ids == NULL || s.readable == NULL)
		r = -ENOMEM;
	for (size_t i = 0; r == 0 && i < n; i++)
		s.readable[i] = read_id(ca, &list[i].c, s.ids[i]);
	if (r == 0)
		r = store_each(ca->store, &valid, look, &s);
	free(s.ids);
	free(s.readable);
	return r < 0 ? ca_store_failed(ca, r) : CLI_OK;
}
