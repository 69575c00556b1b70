#include "pki/ca.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pki/cas.h"
#include "pki/fs.h"
#include "pki/keyfile.h"
#include "pki/pem.h"

#define INDEX "index.db"
#define LOCK  "lock"

void ca_init(struct ca *ca)
{
	*ca = (struct ca){ .dir = -1, .lock = -1 };
}

void ca_close(struct ca *ca)
{
	key_free(ca->key);
	pass_wipe(&ca->pass);
	free(ca->der);
	store_close(ca->store);
	if (ca->lock >= 0)
		(void)close(ca->lock);
	if (ca->dir >= 0)
		(void)close(ca->dir);
	ca_init(ca);
}

int ca_store_failed(const struct ca *ca, int err)
{
	if (err == -ENOENT)
		return cli_fail(CLI_NOT_FOUND, "the index has no such record");
	if (err == -EBADMSG)
		return cli_fail(
			CLI_FAILED, "index.db is not an index of this version, or is damaged");
	return cli_fail(CLI_FAILED, "the index: %s (%s)", strerror(-err), store_error(ca->store));
}

char *ca_cert_path(const char *kind, const char *serial, char out[static CA_PATH_LEN])
{
	(void)snprintf(
		out, CA_PATH_LEN, "%s/%.40s.crt", strcmp(kind, "ca") == 0 ? "ca" : "certs", serial);
	return out;
}

char *ca_key_path(const char *kind, const char *serial, char out[static CA_PATH_LEN])
{
	(void)snprintf(
		out, CA_PATH_LEN, "%s/%.40s.key", strcmp(kind, "ca") == 0 ? "ca" : "keys", serial);
	return out;
}

int ca_read_cert(const struct ca *ca, const char *kind, const char *serial, uint8_t **der,
	struct x509_cert *cert)
{
	char path[CA_PATH_LEN], *text = NULL;
	struct serial found;
	uint8_t *bytes = NULL;
	size_t len = 0, n = 0;
	int r = fs_read(ca->dir, ca_cert_path(kind, serial, path), &text, &len);

	if (r == 0)
		r = pem_decode("CERTIFICATE", text, len, &bytes, &n);
	free(text);
	if (r == 0)
		r = x509_parse(bytes, n, cert);
	if (r == 0 && (serial_of(&cert->serial, &found) < 0 || strcmp(found.text, serial) != 0))
		r = -EBADMSG;
	if (r < 0) {
		free(bytes);
		return cli_fail(CLI_FAILED, "cannot read %s: %s", path, strerror(-r));
	}
	*der = bytes;
	return CLI_OK;
}

int ca_load_cas(const struct ca *ca, struct cas *out)
{
	int r = cas_load(ca->store, out);

	return r < 0 ? ca_store_failed(ca, r) : CLI_OK;
}

int ca_load_cert(const struct cli *cli, struct ca *ca)
{
	struct cas all;
	const struct cas_ca *active;
	int r = ca_load_cas(ca, &all);

	if (r != CLI_OK)
		return r;
	active = cas_find(&all, CAS_ACTIVE);
	if (active == NULL)
		return cli_fail(CLI_NOT_FOUND, "%s holds no CA: make one with 'init'", cli->dir);
	r = store_meta(ca->store, "network", ca->network, sizeof(ca->network));
	if (r == 0)
		r = serial_parse(active->serial, &ca->serial);
	if (r < 0)
		return ca_store_failed(ca, r);
	(void)snprintf(ca->id, sizeof(ca->id), "%s", active->id);
	free(ca->der);
	ca->der = NULL;
	return ca_read_cert(ca, "ca", ca->serial.text, &ca->der, &ca->cert);
}

/* The certificates as PEM, one after the other, to be freed. */
static int make_bundle(const struct ca *ca, const struct cas *all, char **out)
{
	char path[CA_PATH_LEN], *text = NULL, *part = NULL, *more;
	size_t len = 0, n = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < all->n; i++) {
		if (!cas_in_bundle(&all->ca[i]))
			continue;
		r = fs_read(ca->dir, ca_cert_path("ca", all->ca[i].serial, path), &part, &n);
		more = r == 0 ? realloc(text, len + n + 1) : NULL;
		if (more != NULL) {
			memcpy(more + len, part, n + 1);
			text = more;
			len += n;
		}
		r = r == 0 && more == NULL ? -ENOMEM : r;
		free(part);
		part = NULL;
	}
	if (r < 0 || text == NULL) {
		free(text);
		return r < 0 ? r : -ENOENT;
	}
	*out = text;
	return 0;
}

int ca_write_bundle(const struct cli *cli, const struct ca *ca)
{
	char *text = NULL, *there = NULL;
	size_t n = 0;
	struct cas all;
	int r = ca_load_cas(ca, &all);

	if (r != CLI_OK)
		return r;
	r = make_bundle(ca, &all, &text);
	if (r == 0 && (fs_read(ca->dir, CA_BUNDLE, &there, &n) < 0 || strcmp(there, text) != 0))
		r = fs_replace(ca->dir, CA_BUNDLE, FS_PUBLIC, text, strlen(text));
	free(there);
	free(text);
	if (r < 0)
		return cli_fail(
			CLI_FAILED, "cannot write %s/%s: %s", cli->dir, CA_BUNDLE, strerror(-r));
	return CLI_OK;
}

struct leftover {
	struct store_cert c;
	char serial[SERIAL_TEXT_LEN], kind[8];
};

static int keep_leftover(const struct store_cert *c, void *arg)
{
	struct leftover *l = arg;

	(void)snprintf(l->serial, sizeof(l->serial), "%s", c->serial);
	(void)snprintf(l->kind, sizeof(l->kind), "%s", c->kind);
	return 1;
}

/* A reserved serial: the certificate is there whole, and counts, or nothing was handed out. */
static int settle(const struct cli *cli, struct ca *ca, const struct leftover *l)
{
	char path[CA_PATH_LEN];
	struct x509_cert cert = { .version = 0 };
	uint8_t *der = NULL;
	const char *what;
	int r;

	if (fs_exists(ca->dir, ca_cert_path(l->kind, l->serial, path))) {
		r = ca_read_cert(ca, l->kind, l->serial, &der, &cert);
		if (r != CLI_OK)
			return r;
		what = "recovered";
		r = store_begin(ca->store);
		if (r == 0)
			r = store_set_issued(ca->store, l->serial, cert.not_before, cert.not_after);
		free(der);
	} else {
		what = "abandoned";
		r = fs_remove(ca->dir, ca_key_path(l->kind, l->serial, path));
		if (r < 0)
			return cli_fail(CLI_FAILED, "cannot remove %s: %s", path, strerror(-r));
		r = store_begin(ca->store);
		if (r == 0)
			r = store_set_abandoned(ca->store, l->serial);
	}
	if (r == 0)
		r = store_audit(ca->store, cli->now, what, l->serial, NULL);
	if (r == 0)
		r = store_commit(ca->store);
	if (r < 0)
		return ca_store_failed(ca, r);
	cli_note(cli, "a command was cut short: certificate %s %s", l->serial, what);
	return CLI_OK;
}

/* Put in order what a killed command has left. */
static int recover(const struct cli *cli, struct ca *ca)
{
	static const char *const dirs[] = { ".", "ca", "certs", "keys" };
	const struct store_filter reserved = { .reserved = true };
	struct leftover l = { .serial = "" };
	int r;

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		int d = fs_dir_open(ca->dir, dirs[i]);
		r = d < 0 ? d : fs_sweep(d);
		if (d >= 0)
			(void)close(d);
		if (r < 0)
			return cli_fail(CLI_FAILED, "cannot tidy %s/%s: %s", cli->dir, dirs[i],
				strerror(-r));
	}
	while ((r = store_each(ca->store, &reserved, keep_leftover, &l)) == 1) {
		r = settle(cli, ca, &l);
		if (r != CLI_OK)
			return r;
	}
	return r < 0 ? ca_store_failed(ca, r) : CLI_OK;
}

static int take_lock(const struct cli *cli, struct ca *ca)
{
	int fd = fs_lock(ca->dir, LOCK, cli->wait_s);

	if (fd == -EWOULDBLOCK)
		return cli_fail(CLI_LOCKED, "%s is in use by another command: try again, or --wait",
			cli->dir);
	if (fd < 0)
		return cli_fail(CLI_FAILED, "cannot lock %s/%s: %s", cli->dir, LOCK, strerror(-fd));
	ca->lock = fd;
	return CLI_OK;
}

int ca_hold(const struct cli *cli, struct ca *ca)
{
	int fd = fs_lock(ca->dir, LOCK, cli->wait_s);

	if (fd == -EWOULDBLOCK)
		return cli_fail(CLI_LOCKED, "%s is in use by another command: try again, or --wait",
			cli->dir);
	ca->lock = fd < 0 ? -1 : fd;
	return CLI_OK;
}

static int open_index(const struct cli *cli, enum store_mode mode, struct ca *ca)
{
	char path[4096];
	int n = snprintf(path, sizeof(path), "%s/%s", cli->dir, INDEX);
	int r = n < 0 || (size_t)n >= sizeof(path) ? -ENAMETOOLONG
						   : store_open(path, mode, &ca->store);

	if (r == -ENOENT)
		return cli_fail(CLI_NOT_FOUND, "%s holds no CA: make one with 'init'", cli->dir);
	if (r == -EBADMSG)
		return cli_fail(
			CLI_FAILED, "%s is damaged, or not an index that this version knows", path);
	if (r < 0)
		return cli_fail(CLI_FAILED, "cannot open %s: %s", path, strerror(-r));
	return CLI_OK;
}

static int open_dir(const struct cli *cli, struct ca *ca)
{
	int fd = fs_dir_open(AT_FDCWD, cli->dir);

	if (fd == -ENOENT)
		return cli_fail(CLI_NOT_FOUND,
			"no CA in %s: make one with 'init', or name its directory with --dir",
			cli->dir);
	if (fd < 0)
		return cli_fail(CLI_FAILED, "cannot open %s: %s", cli->dir, strerror(-fd));
	ca->dir = fd;
	if (fs_dir_check(fd) < 0)
		return cli_fail(
			CLI_FAILED, "others may write into %s: 'chmod go-w' it first", cli->dir);
	return CLI_OK;
}

static int key_failed(const struct cli *cli, const char *path, int err)
{
	if (err == -EKEYREJECTED)
		return cli_fail(CLI_PASSPHRASE, "wrong passphrase for the CA's key");
	if (err == -EPERM)
		return cli_fail(CLI_FAILED,
			"%s/%s can be touched by others: 'chmod 600' it, and think about who has",
			cli->dir, path);
	if (err == -EBADMSG)
		return cli_fail(CLI_FAILED, "%s/%s does not hold the CA's key", cli->dir, path);
	return cli_fail(CLI_FAILED, "cannot read %s/%s: %s", cli->dir, path, strerror(-err));
}

int ca_load_key(const struct cli *cli, struct ca *ca, const struct pass *pass)
{
	char path[CA_PATH_LEN], why[256];
	int r;

	ca_key_path("ca", ca->id, path);
	r = keyfile_load(ca->dir, path, &ca->cert.spki, NULL, &ca->key);
	if (r == -ENOKEY) {
		if (pass != NULL)
			ca->pass = *pass;
		else if (pass_read(&cli->pass, "Passphrase of the CA's key", 1, &ca->pass, why) < 0)
			return cli_fail(CLI_PASSPHRASE, "%s", why);
		r = keyfile_load(ca->dir, path, &ca->cert.spki, &ca->pass, &ca->key);
	}
	return r == 0 ? CLI_OK : key_failed(cli, path, r);
}

void ca_free_other(struct ca_other *o)
{
	key_free(o->key);
	free(o->der);
	*o = (struct ca_other){ .der = NULL };
}

int ca_load_other(const struct cli *cli, const struct ca *ca, const struct cas_ca *which,
	struct ca_other *out)
{
	char path[CA_PATH_LEN];
	int r;

	*out = (struct ca_other){ .der = NULL };
	r = ca_read_cert(ca, "ca", which->serial, &out->der, &out->cert);
	if (r != CLI_OK)
		return r;
	ca_key_path("ca", which->id, path);
	r = keyfile_load(
		ca->dir, path, &out->cert.spki, ca->pass.len > 0 ? &ca->pass : NULL, &out->key);
	if (r == 0)
		return CLI_OK;
	ca_free_other(out);
	return key_failed(cli, path, r);
}

int ca_new_pass(const struct cli *cli, bool no_pass, struct pass *pass, bool *encrypt)
{
	char why[256];

	*encrypt = !no_pass;
	if (no_pass && pass_given(&cli->pass))
		return cli_fail(CLI_USAGE, "--no-pass and a passphrase exclude each other");
	if (no_pass)
		return CLI_OK;
	if (pass_read(&cli->pass, "New passphrase for the CA's key", 2, pass, why) < 0)
		return cli_fail(CLI_USAGE, "%s (or --no-pass: the key is stored unencrypted)", why);
	return CLI_OK;
}

/* There is none where 'ca csr' has made a key and 'ca import' has not come yet. */
static bool has_active(const struct ca *ca)
{
	struct cas all;

	return cas_load(ca->store, &all) == 0 && cas_find(&all, CAS_ACTIVE) != NULL;
}

int ca_open(const struct cli *cli, enum ca_mode mode, struct ca *ca)
{
	bool change = mode != CA_READ && !cli->dry_run;
	int r;

	ca_init(ca);
	r = open_dir(cli, ca);
	if (r == CLI_OK && change)
		r = take_lock(cli, ca);
	if (r == CLI_OK)
		r = open_index(cli, change ? STORE_WRITE : STORE_READ, ca);
	if (r == CLI_OK && change)
		r = recover(cli, ca);
	if (r == CLI_OK && mode == CA_BARE && !has_active(ca))
		return CLI_OK;
	if (r == CLI_OK)
		r = ca_load_cert(cli, ca);
	if (r == CLI_OK && change)
		r = ca_write_bundle(cli, ca);
	if (r == CLI_OK && mode == CA_SIGN)
		r = ca_load_key(cli, ca, NULL);
	return r;
}

static bool ours(const char *name)
{
	static const char *const names[] = { "ca", "certs", "keys", LOCK, INDEX, INDEX "-wal",
		INDEX "-shm", INDEX "-journal", CA_BUNDLE, CA_CRL };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

static int make_dirs(const struct cli *cli, struct ca *ca)
{
	static const char *const dirs[] = { "ca", "certs", "keys" };

	ca->dir = fs_dir_make(AT_FDCWD, cli->dir);
	if (ca->dir < 0)
		return cli_fail(CLI_FAILED, "cannot make %s: %s", cli->dir, strerror(-ca->dir));
	if (fs_dir_check(ca->dir) < 0)
		return cli_fail(
			CLI_FAILED, "others may write into %s: 'chmod go-w' it first", cli->dir);
	if (!fs_holds_only(ca->dir, ours))
		return cli_fail(
			CLI_FAILED, "%s is not empty: choose a directory of its own", cli->dir);
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		int d = fs_dir_make(ca->dir, dirs[i]);
		if (d < 0)
			return cli_fail(CLI_FAILED, "cannot make %s/%s: %s", cli->dir, dirs[i],
				strerror(-d));
		(void)close(d);
	}
	return CLI_OK;
}

/* A root that a cut-short init has left without a CA below it signs nothing: this time another is made. */
static int drop_roots(const struct cli *cli, struct ca *ca, const struct cas *all)
{
	int r = store_begin(ca->store);

	for (size_t i = 0; r == 0 && i < all->n; i++) {
		if (all->ca[i].role == CAS_ROOT)
			r = cas_set_role(ca->store, all->ca[i].id, CAS_RETIRED);
		if (r == 0 && all->ca[i].role == CAS_ROOT)
			r = store_audit(ca->store, cli->now, "ca", all->ca[i].id, "retired");
	}
	return r == 0 ? store_commit(ca->store) : r;
}

int ca_create(const struct cli *cli, struct ca *ca)
{
	struct cas all;
	int r;

	ca_init(ca);
	r = make_dirs(cli, ca);
	if (r == CLI_OK)
		r = take_lock(cli, ca);
	if (r == CLI_OK)
		r = open_index(cli, STORE_CREATE, ca);
	if (r == CLI_OK)
		r = recover(cli, ca);
	if (r != CLI_OK)
		return r;
	r = ca_load_cas(ca, &all);
	if (r == CLI_OK && cas_find(&all, CAS_ACTIVE) != NULL)
		r = cli_fail(CLI_FAILED, "%s holds a CA already", cli->dir);
	if (r != CLI_OK)
		return r;
	r = drop_roots(cli, ca, &all);
	return r < 0 ? ca_store_failed(ca, r) : CLI_OK;
}
