#include "pki/cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/secret.h"
#include "base/util.h"
#include "pki/ca.h"
#include "pki/crlfile.h"
#include "pki/fs.h"
#include "pki/input.h"
#include "pki/tar.h"
#include "tls/tls_verify.h"

/*
 * restore FILE: into a directory beside the one that is named, which then takes its place in one step.  What has been
 * revoked since the backup was made is taken from newer CRLs, and their numbers with it.
 */

enum { SUFFIX_LEN = sizeof(".restoring-XXXXXX") - 1 };

struct restore_opts {
	struct opt_list crl;
};

static const struct opt opts[] = {
	{ "crl", OPT_LIST, offsetof(struct restore_opts, crl), "FILE",
		"a CRL newer than the backup, as a server has it", 0, 0 },
};

struct restore {
	const struct cli *cli;
	const struct restore_opts *o;
	char *fresh;       /* The directory that is being filled. */
	int dir;           /* It, opened. */
	struct cli inside; /* For commands in it. */
	struct ca ca;
	size_t files, added;
	const char *source; /* Of the CRL that is looked at. */
};

/* Only what a backup of ours holds: "index.db", "ca/SERIAL.crt", ... */
static bool known(const char *name)
{
	static const char *const whole[] = { "index.db", CA_BUNDLE, CA_CRL };
	static const char *const folders[] = { "ca/", "certs/", "keys/" };
	struct serial serial;
	char stem[SERIAL_TEXT_LEN];

	for (size_t i = 0; i < ARRAY_LEN(whole); i++) {
		if (strcmp(name, whole[i]) == 0)
			return true;
	}
	for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
		size_t n = strlen(folders[i]);
		const char *dot = strrchr(name, '.');
		if (strncmp(name, folders[i], n) != 0 || dot == NULL ||
			(strcmp(dot, ".crt") != 0 && strcmp(dot, ".key") != 0) || dot < name + n ||
			(size_t)(dot - name) - n >= sizeof(stem))
			continue;
		(void)snprintf(stem, sizeof(stem), "%.*s", (int)(dot - name - (int)n), name + n);
		return serial_parse(stem, &serial) == 0 && strcmp(serial.text, stem) == 0;
	}
	return false;
}

/* Without a sync of its own: there is one for all. */
static int write_plain(int dir, const char *name, const char *data, size_t len)
{
	size_t n = strlen(name);
	bool secret = strcmp(name, "index.db") == 0 || (n > 4 && strcmp(name + n - 4, ".key") == 0);
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FS_SECRET);
	int r = fd < 0 ? -errno : 0;

	while (r == 0 && len > 0) {
		ssize_t w = write(fd, data, len);
		if (w < 0 && errno != EINTR)
			r = -errno;
		data += w > 0 ? w : 0;
		len -= w > 0 ? (size_t)w : 0;
	}
	if (r == 0 && !secret && fchmod(fd, FS_PUBLIC) < 0)
		r = -errno;
	if (fd >= 0 && close(fd) < 0 && r == 0)
		r = -errno;
	return r;
}

static int unpack_all(struct restore *re, FILE *f)
{
	char name[TAR_NAME_MAX + 1], *data = NULL;
	size_t len = 0;
	int r;

	while ((r = tar_next(f, name, &data, &len)) == 1) {
		int err = known(name) ? write_plain(re->dir, name, data, len) : -EBADMSG;
		secret_free(data, len);
		if (err < 0)
			return err;
		re->files++;
	}
	return r;
}

static int unpack(struct restore *re, const char *path)
{
	static const char *const folders[] = { "ca", "certs", "keys" };
	FILE *f = fopen(path, "re");
	int r = f == NULL ? -errno : 0;

	if (r == -ENOENT)
		return cli_fail(CLI_NOT_FOUND, "there is no %s", path);
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(folders); i++) {
		int d = fs_dir_make(re->dir, folders[i]);
		r = d < 0 ? d : 0;
		if (d >= 0)
			(void)close(d);
	}
	if (r == 0)
		r = unpack_all(re, f);
	if (f != NULL)
		(void)fclose(f);
	if (r == -EBADMSG || r == -EEXIST)
		return cli_fail(CLI_FAILED, "%s is damaged, cut short, or no backup of a CA", path);
	return r < 0 ? cli_fail(CLI_FAILED, "cannot unpack %s: %s", path, strerror(-r)) : CLI_OK;
}

static int is_revoked(struct restore *re, const char *serial)
{
	int r = store_is_revoked(re->ca.store, serial);

	return r < 0 ? ca_store_failed(&re->ca, r) : r;
}

static int add_entry(struct restore *re, const struct x509_revoked *e, int64_t number)
{
	struct serial serial;
	int r;

	if (serial_of(&e->serial, &serial) < 0 || store_is_revoked(re->ca.store, serial.text) == 1)
		return 0;
	const struct store_cert c = {
		.serial = serial.text,
		.issuer = re->ca.id,
		.kind = "client",
		.name = "unknown",
		.sans = "",
		.created = re->cli->now,
		.not_after = re->ca.cert.not_after,
		.revoked_at = e->date,
		.reason = e->reason > 0 ? e->reason : CRL_UNSPECIFIED,
		.crl_number = number,
	};
	r = store_set_lost_revoked(re->ca.store, &c);
	if (r == 0)
		r = store_audit(re->ca.store, re->cli->now, "revoked", serial.text,
			"taken from a CRL newer than the backup");
	if (r == 0)
		cli_note(re->cli, "%s was revoked after the backup: recorded", serial.text);
	re->added += r == 0;
	return r;
}

static int merge_crl(enum input_kind kind, const struct der *d, int n, void *arg)
{
	struct restore *re = arg;
	struct store_crl last = { .number = 0 };
	struct x509_crl crl;
	struct x509_revoked e;
	struct der it;
	int64_t entries = 0;
	int r = 0;

	(void)n;
	if (kind != INPUT_CRL)
		return 0;
	if (x509_crl_parse(d->p, d->len, &crl) < 0 ||
		!der_equal(&crl.issuer, &re->ca.cert.subject) ||
		tls_verify_signature(&re->ca.cert.spki, crl.sig_alg, &crl.tbs, &crl.sig) != 0)
		return cli_fail(CLI_FAILED, "%s is no CRL of the CA in the backup", re->source);
	int64_t number = crlfile_number(&crl);
	(void)store_last_crl(re->ca.store, &last);
	if (number <= last.number)
		return 0;
	for (it = crl.entries; r == 0 && x509_crl_next(&it, &e) == 1; entries++)
		r = add_entry(re, &e, number);
	const struct store_crl record = { number, crl.this_update, crl.next_update, entries };
	if (r == 0)
		r = store_add_crl(re->ca.store, &record, re->ca.id);
	return r < 0 ? ca_store_failed(&re->ca, r) : 0;
}

/* A CRL that may be newer than the backup.  It becomes crl.pem, so that its number is known. */
static int take_crl(struct restore *re, const char *path)
{
	struct store_crl before = { .number = 0 }, after = { .number = 0 };
	char *text = NULL;
	size_t len = 0;
	int r;

	re->source = path;
	(void)store_last_crl(re->ca.store, &before);
	r = input_each(path, merge_crl, re);
	if (r < 0)
		return cli_fail(r == -ENOENT ? CLI_NOT_FOUND : CLI_FAILED, "cannot read %s: %s",
			path, strerror(-r));
	if (r > 0)
		return r;
	(void)store_last_crl(re->ca.store, &after);
	if (after.number == before.number)
		return CLI_OK;
	r = fs_read(AT_FDCWD, path, &text, &len);
	if (r == 0)
		r = fs_replace(re->dir, CA_CRL, FS_PUBLIC, text, len);
	free(text);
	return r < 0 ? cli_fail(CLI_FAILED, "cannot write " CA_CRL ": %s", strerror(-r)) : CLI_OK;
}

/* What the index that is to be replaced knows and the backup does not. */
static int copy_revocation(const struct store_cert *c, void *arg)
{
	struct restore *re = arg;
	int r = is_revoked(re, c->serial);

	if (r != 0)
		return r == 1 ? 0 : -EIO;
	r = store_set_lost_revoked(re->ca.store, c);
	if (r == 0)
		r = store_audit(re->ca.store, re->cli->now, "revoked", c->serial,
			"taken from the index that was there");
	if (r == 0)
		cli_note(re->cli, "%s (%s) was revoked after the backup: recorded", c->serial,
			c->name);
	re->added += r == 0;
	return r;
}

static int name_unknown(const struct store_cert *c, void *arg)
{
	struct restore *re = arg;
	char state[16];
	int r = store_state(re->ca.store, c->serial, state);

	if (r == 0 && strcmp(state, "issued") != 0 && c->revoked_at == 0)
		cli_note(re->cli,
			"%s (%s %s) was issued after the backup and is not in it: copy "
			"its files, and 'doctor --repair' records it",
			c->serial, c->kind, c->name);
	return r;
}

static int merge_index(struct restore *re)
{
	const struct store_filter revoked = { .revoked = true }, all = { .kind = NULL };
	char *path = NULL;
	struct store *old = NULL;
	int r;

	if (asprintf(&path, "%s/index.db", re->cli->dir) < 0)
		return cli_fail(CLI_FAILED, "out of memory");
	r = store_open(path, STORE_READ, &old);
	free(path);
	if (r < 0) {
		cli_note(re->cli, "the index that is there cannot be read: only its CRL was");
		return CLI_OK;
	}
	r = store_each(old, &revoked, copy_revocation, re);
	if (r == 0)
		r = store_each(old, &all, name_unknown, re);
	store_close(old);
	return r < 0 ? ca_store_failed(&re->ca, r) : CLI_OK;
}

static int merge(struct restore *re, bool there)
{
	char *path = NULL;
	int err = store_begin(re->ca.store), r = CLI_OK;

	if (err < 0)
		return ca_store_failed(&re->ca, err);
	for (size_t i = 0; r == CLI_OK && i < re->o->crl.n; i++)
		r = take_crl(re, re->o->crl.item[i]);
	if (r == CLI_OK && there) {
		if (asprintf(&path, "%s/" CA_CRL, re->cli->dir) < 0)
			return cli_fail(CLI_FAILED, "out of memory");
		/* It may be what has made a backup necessary. */
		if (access(path, F_OK) == 0 && take_crl(re, path) != CLI_OK)
			cli_note(re->cli, "%s was of no use", path);
		free(path);
	}
	if (r == CLI_OK && there)
		r = merge_index(re);
	if (r == CLI_OK) {
		err = store_audit(re->ca.store, re->cli->now, "restored", NULL, NULL);
		if (err == 0)
			err = store_commit(re->ca.store);
	}
	if (r != CLI_OK || err < 0)
		store_rollback(re->ca.store);
	if (r == CLI_OK && re->o->crl.n == 0 && !there)
		cli_note(re->cli, "there was no newer CRL to compare with: what was revoked after "
				  "the backup is forgotten, unless you say --crl with the one your "
				  "servers have");
	return err < 0 ? ca_store_failed(&re->ca, err) : r;
}

/* In one step, whatever happens; the old one stays beside it. */
static int swap(struct restore *re, bool there)
{
	char *aside = NULL;
	int r = CLI_OK;

	if (!there)
		return rename(re->fresh, re->cli->dir) == 0
			       ? CLI_OK
			       : cli_fail(CLI_FAILED, "cannot make %s: %s", re->cli->dir,
					 strerror(errno));
	if (asprintf(&aside, "%.*s.before-restore-%" PRId64, (int)strlen(re->fresh) - SUFFIX_LEN,
		    re->fresh, re->cli->now) < 0)
		return cli_fail(CLI_FAILED, "out of memory");
	if (renameat2(AT_FDCWD, re->fresh, AT_FDCWD, re->cli->dir, RENAME_EXCHANGE) < 0)
		r = cli_fail(CLI_FAILED, "cannot take the place of %s: %s", re->cli->dir,
			strerror(errno));
	else if (rename(re->fresh, aside) < 0)
		cli_note(re->cli, "what was there is in %s", re->fresh);
	else
		cli_note(re->cli, "what was there is in %s", aside);
	free(aside);
	return r;
}

static int remove_entry(const char *name, void *arg)
{
	(void)unlinkat(*(int *)arg, name, 0);
	return 0;
}

/* A directory that did not get its place. */
static void discard(struct restore *re)
{
	static const char *const folders[] = { "ca", "certs", "keys", "." };

	for (size_t i = 0; re->dir >= 0 && i < ARRAY_LEN(folders); i++) {
		int d = fs_dir_open(re->dir, folders[i]);
		if (d < 0)
			continue;
		(void)fs_each(d, ".", remove_entry, &d);
		(void)close(d);
		(void)unlinkat(re->dir, folders[i], AT_REMOVEDIR);
	}
	(void)rmdir(re->fresh);
}

static int fill(struct restore *re, const char *path, bool there)
{
	int r = unpack(re, path);

	if (r != CLI_OK)
		return r;
	re->inside = *re->cli;
	re->inside.dir = re->fresh;
	re->inside.dry_run = false;
	r = ca_open(&re->inside, CA_WRITE, &re->ca);
	if (r == CLI_OK)
		r = merge(re, there);
	ca_close(&re->ca);
	if (r == CLI_OK && syncfs(re->dir) < 0)
		r = cli_fail(CLI_FAILED, "cannot write %s: %s", re->fresh, strerror(errno));
	return r;
}

static int restore(struct restore *re, const char *path, bool there)
{
	int r;

	size_t len = strlen(re->cli->dir);

	while (len > 1 && re->cli->dir[len - 1] == '/')
		len--;
	if (asprintf(&re->fresh, "%.*s.restoring-XXXXXX", (int)len, re->cli->dir) < 0) {
		re->fresh = NULL;
		return cli_fail(CLI_FAILED, "out of memory");
	}
	if (mkdtemp(re->fresh) == NULL)
		return cli_fail(CLI_FAILED, "cannot make %s: %s", re->fresh, strerror(errno));
	re->dir = fs_dir_open(AT_FDCWD, re->fresh);
	r = re->dir < 0 ? cli_fail(CLI_FAILED, "cannot open %s", re->fresh) : fill(re, path, there);
	if (r == CLI_OK && re->cli->dry_run)
		cli_note(re->cli, "%s is whole: %zu files", path, re->files);
	if (r == CLI_OK && !re->cli->dry_run)
		r = swap(re, there);
	if (r != CLI_OK || re->cli->dry_run)
		discard(re);
	else
		cli_note(re->cli, "%zu files restored%s", re->files,
			re->added > 0 ? "; revocations were added: run 'crl', and 'doctor'"
				      : "; run 'doctor'");
	return r;
}

static int run(const struct cli *cli, const void *opts_in, char **args, int n_args)
{
	struct restore re = { .cli = cli, .o = opts_in, .dir = -1 };
	int old = fs_dir_open(AT_FDCWD, cli->dir), lock = -1, r;

	(void)n_args;
	ca_init(&re.ca);
	if (old >= 0)
		lock = fs_lock(old, "lock", cli->wait_s);
	if (lock == -EWOULDBLOCK)
		r = cli_fail(CLI_LOCKED, "%s is in use by another command: try again, or --wait",
			cli->dir);
	else if (old >= 0 && !cli_confirm(cli, "%s is there: the backup takes its place", cli->dir))
		r = cli_fail(CLI_FAILED, "nothing was changed");
	else
		r = restore(&re, args[0], old >= 0);
	if (lock >= 0)
		(void)close(lock);
	if (old >= 0)
		(void)close(old);
	if (re.dir >= 0)
		(void)close(re.dir);
	free(re.fresh);
	return r;
}

const struct cmd pki_cmd_restore = {
	.name = "restore",
	.args = "FILE",
	.summary = "Put a backup into place, and keep what has been revoked since",
	.example =
		"  sallyport-pki restore /mnt/safe/pki-2027-01-31.tar --crl /etc/sallyport/crl.pem",
	.opts = opts,
	.n_opts = sizeof(opts) / sizeof(opts[0]),
	.opts_size = sizeof(struct restore_opts),
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
