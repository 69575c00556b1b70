#include "pki/cmd_ca.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pki/fs.h"
#include "pki/keyfile.h"

/* ca passwd: all CA keys of the directory have one passphrase. */

struct change {
	const struct pass *old, *new; /* NULL: none. */
};

/* Returns 1 when it has been changed by a run that was cut short. */
static int load(const struct ca *ca, const char *path, const struct der *spki,
	const struct change *c, struct key **out)
{
	int r = keyfile_load(ca->dir, path, spki, c->old, out);

	if (r != -EKEYREJECTED && r != -ENOKEY)
		return r;
	if (c->new != NULL && keyfile_load(ca->dir, path, spki, c->new, out) == 0)
		return 1;
	return r;
}

static int change_one(const struct cli *cli, const struct ca *ca, const struct cas_ca *which,
	const struct change *c)
{
	char path[CA_PATH_LEN], tmp[CA_PATH_LEN + 4];
	struct x509_cert cert;
	struct key *key = NULL;
	uint8_t *der = NULL;
	int r;

	ca_key_path("ca", which->id, path);
	if (!fs_exists(ca->dir, path))
		return CLI_OK;
	r = ca_read_cert(ca, "ca", which->serial, &der, &cert);
	if (r != CLI_OK)
		return r;
	(void)snprintf(tmp, sizeof(tmp), "%s.new", path);
	r = load(ca, path, &cert.spki, c, &key);
	if (r == 0)
		r = fs_remove(ca->dir, tmp);
	if (r == 0)
		r = keyfile_write(ca->dir, tmp, key, c->new);
	if (r == 0)
		r = fs_rename(ca->dir, tmp, path);
	key_free(key);
	free(der);
	if (r >= 0)
		return CLI_OK;
	return cli_fail(r == -EKEYREJECTED || r == -ENOKEY ? CLI_PASSPHRASE : CLI_FAILED,
		"cannot change the passphrase of %s/%s: %s", cli->dir, path, strerror(-r));
}

static int change_all(const struct cli *cli, struct ca *ca, const struct change *c)
{
	struct cas all;
	int r = ca_load_cas(ca, &all), err;

	/* The active one last: until then a run that was cut short can be repeated with the old passphrase. */
	for (size_t i = all.n; r == CLI_OK && i-- > 0;)
		r = change_one(cli, ca, &all.ca[i], c);
	if (r != CLI_OK)
		return r;
	err = store_begin(ca->store);
	if (err == 0)
		err = store_audit(ca->store, cli->now, "passwd", ca->id, NULL);
	if (err == 0)
		err = store_commit(ca->store);
	if (err < 0) {
		store_rollback(ca->store);
		return ca_store_failed(ca, err);
	}
	cli_note(cli, "the passphrase was changed; copies of the directory still have the old one");
	return CLI_OK;
}

static int read_new(const struct ca_opts *o, struct pass *out)
{
	const struct pass_opts source = {
		.file = o->new_file,
		.fd = o->new_fd > 0 ? o->new_fd : -1,
		.env = o->new_env,
		.from_stdin = o->new_stdin,
	};
	char why[256];

	if (o->no_pass)
		return pass_given(&source)
			       ? cli_fail(
					 CLI_USAGE, "--no-pass and a passphrase exclude each other")
			       : CLI_OK;
	if (pass_read(&source, "New passphrase for the CA's key", 2, out, why) < 0)
		return cli_fail(CLI_USAGE, "the new passphrase: %s (or --no-pass)", why);
	return CLI_OK;
}

int cmd_ca_passwd(const struct cli *cli, const struct ca_opts *o, const char *arg)
{
	struct pass new = { .len = 0 };
	struct change c = { .old = NULL };
	struct ca ca;
	int r = ca_open(cli, CA_SIGN, &ca);

	(void)arg;
	if (r == CLI_OK)
		r = read_new(o, &new);
	c.old = ca.pass.len > 0 ? &ca.pass : NULL;
	c.new = o->no_pass ? NULL : &new;
	if (r == CLI_OK && cli->dry_run)
		cli_note(cli, "would change the passphrase");
	else if (r == CLI_OK)
		r = change_all(cli, &ca, &c);
	pass_wipe(&new);
	ca_close(&ca);
	return r;
}
