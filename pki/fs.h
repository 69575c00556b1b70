#ifndef PKI_FS_H
#define PKI_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The files of a CA directory.  A file is written under a temporary name, synced and then given its name, so that it is
 * there whole or not at all, whatever happens.  All take a directory's descriptor and a path below it.
 */

enum {
	FS_PUBLIC = 0644,
	FS_SECRET = 0600,
	FS_FILE_MAX = 64 << 20,
};

/* Open a directory; fs_dir_make() makes it first (0700) when it is not there.  Returns the descriptor or -errno. */
int fs_dir_open(int at, const char *path);
int fs_dir_make(int at, const char *path);

/* -EPERM when others than its owner may write into it. */
int fs_dir_check(int dir);

/* Write a file that must not be there yet (-EEXIST), read it back and compare (-EIO). */
int fs_create(int dir, const char *path, unsigned mode, const void *data, size_t len);

/* Write a file in place of the one that is there. */
int fs_replace(int dir, const char *path, unsigned mode, const void *data, size_t len);

/*
 * To a path of the caller's: "-" is stdout, a device or pipe is written to, else as fs_replace().
 */
int fs_write_path(const char *path, unsigned mode, const void *data, size_t len);

/* Read it whole into *data, NUL-terminated, to be freed.  -EFBIG past FS_FILE_MAX. */
int fs_read(int dir, const char *name, char **data, size_t *len);

/* The same for a private key: -EPERM unless it is a plain file that only its owner may touch. */
int fs_read_secret(int dir, const char *name, char **data, size_t *len);

/* Give a file another's name, in the same directory, on disk when it returns. */
int fs_rename(int dir, const char *from, const char *to);

bool fs_exists(int dir, const char *name);
int fs_remove(int dir, const char *name); /* 0 also when it was not there. */

/* Remove temporary files that a killed process has left.  Only while nobody else writes here. */
int fs_sweep(int dir);

/* Does dir hold nothing but entries that ours says yes to? */
bool fs_holds_only(int dir, bool (*ours)(const char *name));

/* Call fn with each entry of the directory path below dir; stops when it returns other than 0 and returns that. */
int fs_each(int dir, const char *path, int (*fn)(const char *name, void *arg), void *arg);

/*
 * Take the exclusive lock on dir/name, which is made if need be and never removed.  Waits at most
 * wait_s seconds.  Returns the descriptor that holds it (closing it lets go), or -EWOULDBLOCK, or -errno.
 */
int fs_lock(int dir, const char *name, int64_t wait_s);

#endif
