#ifndef PKI_TAR_H
#define PKI_TAR_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Archives of plain files in the ustar format (POSIX pax), which tar(1) reads too. */

enum { TAR_NAME_MAX = 100, TAR_FILE_MAX = 1 << 30 };

/* Append a file.  0, -EINVAL (the name is too long or empty, the content too large) or -EIO. */
int tar_put(FILE *f, const char *name, unsigned mode, int64_t time, const void *data, size_t len);

/* End the archive.  0 or -EIO. */
int tar_end(FILE *f);

/*
 * The next file: its name, and its content in *data (NUL-terminated, to be freed).  Returns 1; 0 at the end of the archive;
 * -EBADMSG: damaged, cut short, or an entry that is no plain file; -ENOMEM, -EIO.
 */
int tar_next(FILE *f, char name[static TAR_NAME_MAX + 1], char **data, size_t *len);

#endif
