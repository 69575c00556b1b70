#include "pki/pending.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "pki/keyfile.h"

/* In meta: "ID KEYID"; "" when it is over. */
static const char meta_key[] = "ca.pending";

enum { NETWORK_LEN = 52, ID_DIGITS = 8, META_LEN = 128 };

static void set_subject(const struct ca *ca, struct pending *p)
{
	(void)snprintf(p->subject, sizeof(p->subject), "%.*s CA %.*s", NETWORK_LEN, ca->network,
		ID_DIGITS, p->id);
}

int pending_find(const struct ca *ca, struct pending *out)
{
	char text[META_LEN], network[IDENT_NETWORK_MAX + 1];
	struct ca named = { .dir = -1 };
	struct pending p = { .key = NULL };
	int r = store_meta(ca->store, meta_key, text, sizeof(text));

	if (r == -ENOENT || (r == 0 && text[0] == '\0'))
		return CLI_NOT_FOUND;
	if (r == 0)
		r = store_meta(ca->store, "network", network, sizeof(network));
	if (r == 0 && sscanf(text, "%40[0-9a-f] %40[0-9a-f]", p.id, p.key_id) != 2)
		r = -EBADMSG;
	if (r < 0)
		return ca_store_failed(ca, r);
	(void)snprintf(named.network, sizeof(named.network), "%s", network);
	set_subject(&named, &p);
	*out = p;
	return CLI_OK;
}

static int get_key_id(struct key *k, char out[static 2 * KEY_ID_LEN + 1])
{
	uint8_t spki[KEY_SPKI_MAX], id[KEY_ID_LEN];
	int n = key_spki(k, spki);
	const struct der d = { spki, n > 0 ? (size_t)n : 0 };

	if (n < 0 || key_id(&d, id) < 0)
		return -EIO;
	hex_encode(id, sizeof(id), out);
	return 0;
}

static int record(
	const struct cli *cli, struct ca *ca, const char *network, const struct pending *p)
{
	char text[META_LEN];
	int r = store_begin(ca->store);

	(void)snprintf(text, sizeof(text), "%s %s", p->id, p->key_id);
	if (r == 0)
		r = store_set_meta(ca->store, "network", network);
	if (r == 0)
		r = store_set_meta(ca->store, meta_key, text);
	if (r == 0)
		r = store_audit(ca->store, cli->now, "ca csr", p->id, network);
	if (r == 0)
		r = store_commit(ca->store);
	if (r < 0) {
		store_rollback(ca->store);
		return ca_store_failed(ca, r);
	}
	return CLI_OK;
}

int pending_make(const struct cli *cli, struct ca *ca, const char *network, enum key_alg alg,
	bool no_pass, struct pending *out)
{
	struct pending p = { .key = NULL };
	char path[CA_PATH_LEN];
	struct serial serial;
	bool encrypt = false;
	int r = ca_new_pass(cli, no_pass, &ca->pass, &encrypt), err = 0;

	if (r != CLI_OK)
		return r;
	if (serial_make(&serial) < 0 || key_make(alg, &p.key) < 0 ||
		get_key_id(p.key, p.key_id) < 0) {
		pending_clear(&p);
		return cli_fail(CLI_FAILED, "making a key failed");
	}
	(void)snprintf(p.id, sizeof(p.id), "%s", serial.text);
	(void)snprintf(ca->network, sizeof(ca->network), "%s", network);
	set_subject(ca, &p);
	err = keyfile_write(
		ca->dir, ca_key_path("ca", p.id, path), p.key, encrypt ? &ca->pass : NULL);
	if (err < 0)
		r = cli_fail(CLI_FAILED, "cannot write %s/%s: %s", cli->dir, path, strerror(-err));
	if (r == CLI_OK)
		r = record(cli, ca, network, &p);
	if (r != CLI_OK) {
		pending_clear(&p);
		return r;
	}
	*out = p;
	return CLI_OK;
}

int pending_load(const struct cli *cli, struct ca *ca, struct pending *p)
{
	char path[CA_PATH_LEN], why[256];
	int r;

	ca_key_path("ca", p->id, path);
	r = keyfile_load(ca->dir, path, NULL, NULL, &p->key);
	if (r == -ENOKEY) {
		if (pass_read(&cli->pass, "Passphrase of the CA's key", 1, &ca->pass, why) < 0)
			return cli_fail(CLI_PASSPHRASE, "%s", why);
		r = keyfile_load(ca->dir, path, NULL, &ca->pass, &p->key);
	}
	if (r < 0)
		return cli_fail(r == -EKEYREJECTED ? CLI_PASSPHRASE : CLI_FAILED, "%s/%s: %s",
			cli->dir, path, r == -EKEYREJECTED ? "wrong passphrase" : strerror(-r));
	return CLI_OK;
}

void pending_clear(struct pending *p)
{
	key_free(p->key);
	p->key = NULL;
}

bool pending_is(const struct pending *p, const struct der *spki)
{
	char text[2 * KEY_ID_LEN + 1];
	uint8_t id[KEY_ID_LEN];

	if (key_id(spki, id) < 0)
		return false;
	hex_encode(id, sizeof(id), text);
	return strcmp(text, p->key_id) == 0;
}

int pending_end(struct store *s)
{
	return store_set_meta(s, meta_key, "");
}
