#include "pki/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/secret.h"
#include "base/util.h"

static const char tmp_prefix[] = ".tmp-";

enum { TMP_LEN = sizeof(tmp_prefix) + 16 };

int fs_dir_open(int at, const char *path)
{
	int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int fs_dir_make(int at, const char *path)
{
	if (mkdirat(at, path, 0700) < 0 && errno != EEXIST)
		return -errno;
	return fs_dir_open(at, path);
}

int fs_dir_check(int dir)
{
	struct stat st;

	if (fstat(dir, &st) < 0)
		return -errno;
	return (st.st_mode & (S_IWGRP | S_IWOTH)) != 0 ? -EPERM : 0;
}

static int write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* A temporary file in dir with this content, on disk.  Its name is stored in name. */
static int write_tmp(
	int dir, unsigned mode, const void *data, size_t len, char name[static TMP_LEN])
{
	uint8_t random[8];
	int fd, r;

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return -EIO;
	memcpy(name, tmp_prefix, sizeof(tmp_prefix));
	hex_encode(random, sizeof(random), name + sizeof(tmp_prefix) - 1);

	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FS_SECRET);
	if (fd < 0)
		return -errno;
	r = write_all(fd, data, len);
	if (r == 0 && mode != FS_SECRET && fchmod(fd, mode) < 0)
		r = -errno;
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r < 0)
		(void)unlinkat(dir, name, 0);
	return r;
}

static int sync_dir(int dir)
{
	return fsync(dir) < 0 ? -errno : 0;
}

static int same_content(int dir, const char *name, const void *data, size_t len)
{
	char *got = NULL;
	size_t n = 0;
	int r = fs_read(dir, name, &got, &n);

	if (r == 0 && (got == NULL || n != len || memcmp(got, data, len) != 0))
		r = -EIO;
	secret_free(got, n);
	return r;
}

/* The directory that path is in, and its name there. */
static int open_parent(int at, const char *path, const char **name)
{
	const char *slash = strrchr(path, '/');

	*name = slash == NULL ? path : slash + 1;
	if (slash == NULL)
		return fs_dir_open(at, ".");
	char *parent = strndup(path, slash == path ? 1 : (size_t)(slash - path));
	int fd = parent == NULL ? -ENOMEM : fs_dir_open(at, parent);
	free(parent);
	return fd;
}

static int create(int dir, const char *name, unsigned mode, const void *data, size_t len)
{
	char tmp[TMP_LEN];
	int r = write_tmp(dir, mode, data, len, tmp);

	if (r < 0)
		return r;
	/* Unlike rename(), link() never takes the place of a file that is there. */
	if (linkat(dir, tmp, dir, name, 0) < 0)
		r = -errno;
	(void)unlinkat(dir, tmp, 0);
	if (r < 0)
		return r;
	r = sync_dir(dir);
	if (r == 0)
		r = same_content(dir, name, data, len);
	if (r < 0)
		(void)unlinkat(dir, name, 0);
	return r;
}

int fs_create(int dir, const char *path, unsigned mode, const void *data, size_t len)
{
	const char *name;
	int r, parent = open_parent(dir, path, &name);

	if (parent < 0)
		return parent;
	r = create(parent, name, mode, data, len);
	(void)close(parent);
	return r;
}

static int replace(int dir, const char *name, unsigned mode, const void *data, size_t len)
{
	char tmp[TMP_LEN];
	int r = write_tmp(dir, mode, data, len, tmp);

	if (r < 0)
		return r;
	if (renameat(dir, tmp, dir, name) < 0) {
		r = -errno;
		(void)unlinkat(dir, tmp, 0);
		return r;
	}
	return sync_dir(dir);
}

int fs_replace(int dir, const char *path, unsigned mode, const void *data, size_t len)
{
	const char *name;
	int r, parent = open_parent(dir, path, &name);

	if (parent < 0)
		return parent;
	r = replace(parent, name, mode, data, len);
	(void)close(parent);
	return r;
}

static int write_special(const char *path, const void *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	int r = fd < 0 ? -errno : write_all(fd, data, len);

	if (fd >= 0 && close(fd) < 0 && r == 0)
		r = -errno;
	return r;
}

int fs_write_path(const char *path, unsigned mode, const void *data, size_t len)
{
	struct stat st;

	if (strcmp(path, "-") == 0)
		return write_all(STDOUT_FILENO, data, len);
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : write_special(path, data, len);
	return fs_replace(AT_FDCWD, path, mode, data, len);
}

static int read_fd(int fd, char **data, size_t *len)
{
	struct stat st;
	char *buf;
	size_t n = 0;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size > FS_FILE_MAX)
		return -EFBIG;
	buf = malloc((size_t)st.st_size + 1);
	if (buf == NULL)
		return -ENOMEM;
	while (n < (size_t)st.st_size) {
		ssize_t r = read(fd, buf + n, (size_t)st.st_size - n);
		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0) {
			int err = r < 0 ? -errno : -EIO;
			secret_free(buf, n);
			return err;
		}
		n += (size_t)r;
	}
	buf[n] = '\0';
	*data = buf;
	*len = n;
	return 0;
}

int fs_read(int dir, const char *name, char **data, size_t *len)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	int r = read_fd(fd, data, len);
	(void)close(fd);
	return r;
}

int fs_read_secret(int dir, const char *name, char **data, size_t *len)
{
	struct stat st;
	int r = 0, fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		r = -errno;
	else if (!S_ISREG(st.st_mode) || (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		r = -EPERM;
	if (r == 0)
		r = read_fd(fd, data, len);
	(void)close(fd);
	return r;
}

int fs_rename(int dir, const char *from, const char *to)
{
	const char *name;
	int r = renameat(dir, from, dir, to) < 0 ? -errno : 0;
	int parent = r == 0 ? open_parent(dir, to, &name) : -1;

	if (parent >= 0) {
		r = sync_dir(parent);
		(void)close(parent);
	}
	return r;
}

bool fs_exists(int dir, const char *name)
{
	return faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int fs_remove(int dir, const char *name)
{
	if (unlinkat(dir, name, 0) < 0 && errno != ENOENT)
		return -errno;
	return 0;
}

static DIR *list_dir(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (d == NULL && fd >= 0)
		(void)close(fd);
	return d;
}

int fs_sweep(int dir)
{
	DIR *d = list_dir(dir);
	int r = 0;

	if (d == NULL)
		return -errno;
	for (struct dirent *e; (e = readdir(d)) != NULL && r == 0;) {
		if (strncmp(e->d_name, tmp_prefix, sizeof(tmp_prefix) - 1) == 0)
			r = fs_remove(dir, e->d_name);
	}
	(void)closedir(d);
	return r;
}

bool fs_holds_only(int dir, bool (*ours)(const char *name))
{
	DIR *d = list_dir(dir);
	bool only = d != NULL;

	if (d == NULL)
		return false;
	for (struct dirent *e; only && (e = readdir(d)) != NULL;) {
		const char *n = e->d_name;
		only = strcmp(n, ".") == 0 || strcmp(n, "..") == 0 ||
		       strncmp(n, tmp_prefix, sizeof(tmp_prefix) - 1) == 0 || ours(n);
	}
	(void)closedir(d);
	return only;
}

int fs_each(int dir, const char *path, int (*fn)(const char *name, void *arg), void *arg)
{
	int fd = fs_dir_open(dir, path), r = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (d == NULL) {
		r = fd < 0 ? fd : -errno;
		if (fd >= 0)
			(void)close(fd);
		return r;
	}
	for (struct dirent *e; r == 0 && (e = readdir(d)) != NULL;) {
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			r = fn(e->d_name, arg);
	}
	(void)closedir(d);
	return r;
}

int fs_lock(int dir, const char *name, int64_t wait_s)
{
	const struct timespec pause = { .tv_nsec = 20000000 };
	int64_t tries = wait_s * 50;
	int fd = openat(dir, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, FS_SECRET);

	if (fd < 0)
		return -errno;
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		int err = errno;
		if (err != EINTR && (err != EWOULDBLOCK || tries-- <= 0)) {
			(void)close(fd);
			return -err;
		}
		(void)nanosleep(&pause, NULL);
	}
	return fd;
}
