#include "pki/cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/secret.h"
#include "base/util.h"
#include "pki/ca.h"
#include "pki/fs.h"
#include "pki/tar.h"

/* backup FILE: the whole directory as it is at one moment. */

struct backup {
	const struct cli *cli;
	struct ca *ca;
	FILE *out;
	const char *folder;
	size_t files;
	int err;
};

static int put_file(struct backup *b, const char *path)
{
	const char *dot = strrchr(path, '.');
	bool key = dot != NULL && strcmp(dot, ".key") == 0;
	char *text = NULL;
	size_t len = 0;
	int r = fs_read(b->ca->dir, path, &text, &len);

	if (r == 0)
		r = tar_put(b->out, path, key ? FS_SECRET : FS_PUBLIC, b->cli->now, text, len);
	secret_free(text, len);
	b->files += r == 0;
	if (r < 0)
		(void)cli_fail(CLI_FAILED, "%s/%s: %s", b->cli->dir, path, strerror(-r));
	return r;
}

static int put_entry(const char *name, void *arg)
{
	struct backup *b = arg;
	char path[512];

	if (name[0] == '.') /* What a command that was cut short has left. */
		return 0;
	(void)snprintf(path, sizeof(path), "%s/%s", b->folder, name);
	return put_file(b, path);
}

static int put_index(struct backup *b)
{
	void *image = NULL;
	size_t len = 0;
	int r = store_image(b->ca->store, &image, &len);

	if (r == 0)
		r = tar_put(b->out, "index.db", FS_SECRET, b->cli->now, image, len);
	free(image);
	return r;
}

static int put_all(struct backup *b)
{
	static const char *const folders[] = { "ca", "certs", "keys" };
	int r = put_index(b);

	if (r == 0)
		r = put_file(b, CA_BUNDLE);
	if (r == 0 && fs_exists(b->ca->dir, CA_CRL))
		r = put_file(b, CA_CRL);
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(folders); i++) {
		b->folder = folders[i];
		r = fs_each(b->ca->dir, folders[i], put_entry, b);
	}
	if (r == 0)
		r = tar_end(b->out);
	if (r == 0 && (fflush(b->out) != 0 || fsync(fileno(b->out)) < 0))
		r = -errno;
	return r;
}

/* Under a name beside it first: a backup is whole or not there. */
static int write_file(struct backup *b, const char *path)
{
	char *tmp = NULL;
	int fd, r;

	if (asprintf(&tmp, "%s.part", path) < 0)
		return cli_fail(CLI_FAILED, "out of memory");
	(void)unlink(tmp);
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FS_SECRET);
	b->out = fd < 0 ? NULL : fdopen(fd, "w");
	r = b->out == NULL ? -errno : put_all(b);
	if (b->out != NULL && fclose(b->out) != 0 && r == 0)
		r = -errno;
	else if (b->out == NULL && fd >= 0)
		(void)close(fd);
	if (r == 0 && rename(tmp, path) < 0)
		r = -errno;
	if (r < 0)
		(void)unlink(tmp);
	free(tmp);
	if (r < 0)
		return cli_fail(CLI_FAILED, "cannot write %s: %s", path, strerror(-r));
	return CLI_OK;
}

static int run(const struct cli *cli, const void *opts, char **args, int n_args)
{
	struct ca ca;
	struct backup b = { .cli = cli, .ca = &ca };
	int r = ca_open(cli, CA_READ, &ca);

	(void)opts;
	(void)n_args;
	if (r == CLI_OK)
		r = ca_hold(cli, &ca);
	if (r == CLI_OK && access(args[0], F_OK) == 0)
		r = cli_fail(
			CLI_FAILED, "%s is there already: backups are not overwritten", args[0]);
	if (r == CLI_OK && !cli->dry_run)
		r = write_file(&b, args[0]);
	if (r == CLI_OK && !cli->dry_run)
		cli_note(cli, "%zu files and the index are in %s; whoever has it has the keys",
			b.files, args[0]);
	ca_close(&ca);
	return r;
}

const struct cmd pki_cmd_backup = {
	.name = "backup",
	.args = "FILE",
	.summary = "Write the whole directory, keys included, into one file",
	.example = "  sallyport-pki backup /mnt/safe/pki-$(date +%F).tar",
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
