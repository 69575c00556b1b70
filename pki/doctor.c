#include "pki/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/util.h"
#include "pki/fs.h"

static const char *const folders[] = { ".", "ca", "certs", "keys" };

static bool ends_with(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n >= m && strcmp(name + n - m, end) == 0;
}

int doctor_note(struct doctor *d, const char *action, const char *serial)
{
	cli_note(d->cli, "repaired: %s%s%s", action, serial != NULL ? " " : "",
		serial != NULL ? serial : "");
	d->done++;
	return store_audit(d->ca->store, d->cli->now, "repaired", serial, action);
}

struct folder {
	struct doctor *d;
	int dir;
	const char *name;
};

/* What is wrong with an entry's mode; want: the mode it should have. */
static const char *wrong_mode(const struct stat *st, const char *name, unsigned *want)
{
	bool key = ends_with(name, ".key");

	*want = S_ISDIR(st->st_mode) ? 0700 : key ? FS_SECRET : (st->st_mode & 0755);
	if (key && !S_ISREG(st->st_mode))
		return "is no plain file";
	if (key && (st->st_mode & 077) != 0)
		return "is a private key that others can touch: think about who has";
	if (S_ISLNK(st->st_mode))
		return NULL;
	if ((st->st_mode & 022) != 0)
		return "can be changed by others";
	if (S_ISDIR(st->st_mode) && (st->st_mode & 077) != 0)
		return "can be read by others";
	return NULL;
}

static int check_mode(const char *name, void *arg)
{
	const struct folder *f = arg;
	char path[512];
	struct stat st;
	unsigned want;

	(void)snprintf(path, sizeof(path), "%s/%s", f->name, name);
	if (fstatat(f->dir, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0; /* Gone in the meantime. */
	const char *wrong = wrong_mode(&st, name, &want);
	if (wrong == NULL)
		return 0;
	if (!f->d->repair)
		report_add(f->d->report, REPORT_CRITICAL, path, "%s", wrong);
	else if (!S_ISLNK(st.st_mode) && fchmodat(f->dir, path, want, 0) == 0) {
		cli_note(f->d->cli, "repaired: mode of %s", path);
		f->d->done++;
	}
	return 0;
}

int doctor_modes(struct doctor *d, int dir)
{
	struct folder top = { d, dir, "." };

	(void)check_mode(".", &top);
	for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
		struct folder f = { d, dir, folders[i] };
		int r = fs_each(dir, folders[i], check_mode, &f);
		if (r < 0 && r != -ENOENT)
			return cli_fail(CLI_FAILED, "cannot look into %s/%s: %s", d->cli->dir,
				folders[i], strerror(-r));
	}
	return CLI_OK;
}

static int check_stray(const char *name, void *arg)
{
	const struct folder *f = arg;
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s", f->name, name);
	if (strncmp(name, ".tmp-", strlen(".tmp-")) == 0)
		report_add(f->d->report, REPORT_WARNING, path,
			"left by a command that was cut short: --repair removes it");
	return 0;
}

static int check_reserved(const struct store_cert *c, void *arg)
{
	struct doctor *d = arg;
	char path[CA_PATH_LEN];
	bool there = fs_exists(d->ca->dir, ca_cert_path(c->kind, c->serial, path));

	report_add(d->report, REPORT_WARNING, c->serial,
		"a command that was issuing it for %s was cut short: --repair %s it", c->name,
		there ? "records" : "gives up");
	return 0;
}

/* Is the certificate in force in what peers get? */
static bool bundle_ok(const struct ca *ca)
{
	char *text = NULL;
	uint8_t *der = NULL;
	size_t len = 0, pos = 0;
	bool found = false;
	int n;

	if (fs_read(ca->dir, CA_BUNDLE, &text, &len) == 0 && (der = malloc(len + 1)) != NULL) {
		while ((n = x509_pem_next(text, len, &pos, "CERTIFICATE", der, len)) > 0)
			found = found || der_is(&ca->cert.all, der, (size_t)n);
		found = found && n == 0;
	}
	free(text);
	free(der);
	return found;
}

static int look_left(struct doctor *d)
{
	const struct store_filter reserved = { .reserved = true };

	for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
		struct folder f = { d, d->ca->dir, folders[i] };
		int r = fs_each(d->ca->dir, folders[i], check_stray, &f);
		if (r < 0)
			report_add(d->report, REPORT_CRITICAL, folders[i], "%s", strerror(-r));
	}
	return store_each(d->ca->store, &reserved, check_reserved, d);
}

int doctor_look(struct doctor *d)
{
	int r = store_check(d->ca->store);

	if (r == -EBADMSG && d->report != NULL) {
		report_add(
			d->report, REPORT_CRITICAL, "index.db", "is damaged: 'restore' a backup");
		return CLI_OK;
	}
	if (r < 0)
		return ca_store_failed(d->ca, r);
	if (!d->repair)
		r = look_left(d);
	if (r < 0)
		return ca_store_failed(d->ca, r);
	if (!bundle_ok(d->ca)) {
		if (!d->repair)
			report_add(d->report, REPORT_CRITICAL, CA_BUNDLE,
				"does not hold the CA's certificate: --repair writes it");
		else if ((r = ca_write_bundle(d->cli, d->ca)) != CLI_OK)
			return r;
		else
			d->done++;
	}
	r = doctor_look_files(d);
	return r == CLI_OK ? doctor_look_crl(d) : r;
}
