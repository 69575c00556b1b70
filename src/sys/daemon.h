#ifndef SYS_DAEMON_H
#define SYS_DAEMON_H

#include <stddef.h>
#include <stdint.h>

/* What a daemon asks of the system at its start and end. */

/* No core dumps, not dumpable, umask 077, SIGPIPE ignored. */
int daemon_harden(void);

/* Raise the limit of open files to at least want if allowed; returns the limit in force. */
uint64_t daemon_raise_nofile(uint64_t want);

/* sd_notify(3) with READY=1, STATUS=..., STOPPING=1; does nothing without $NOTIFY_SOCKET. */
void daemon_ready(const char *status);
void daemon_stopping(void);

/*
 * Read a whole file of at most max bytes as a NUL-terminated string (*len without the NUL) that the caller frees with
 * secret_free().  secret: refuse (-EACCES) one that group or others may read or write, or that is not root's or ours.
 * Returns 0 or a negative errno; why says which file, what and how to mend it.
 */
struct daemon_file {
	const char *path;
	size_t max;
	int secret;
};
int daemon_read_file(const struct daemon_file *f, char **text, size_t *len, char why[static 256]);

#endif
