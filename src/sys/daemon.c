#include "sys/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/secret.h"
#include "base/util.h"

int daemon_harden(void)
{
	const struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &none) != 0)
		return -errno;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return -errno;
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return -errno;
	(void)umask(077);
	return 0;
}

uint64_t daemon_raise_nofile(uint64_t want)
{
	struct rlimit now;

	if (getrlimit(RLIMIT_NOFILE, &now) != 0)
		return 0;
	if (now.rlim_cur >= want)
		return now.rlim_cur;
	struct rlimit more = { .rlim_cur = want, .rlim_max = MAX(want, now.rlim_max) };
	if (setrlimit(RLIMIT_NOFILE, &more) == 0)
		return want;
	/* Past the hard limit, or past fs.nr_open: what the hard limit allows. */
	more = (struct rlimit){ .rlim_cur = MIN(want, now.rlim_max), .rlim_max = now.rlim_max };
	if (setrlimit(RLIMIT_NOFILE, &more) == 0)
		return more.rlim_cur;
	return now.rlim_cur;
}

void daemon_ready(const char *status)
{
	char line[256];

	text_copy(line, sizeof(line), status); /* A line break would start another assignment. */
	(void)sd_notifyf(0, "READY=1\nSTATUS=%s", line);
}

void daemon_stopping(void)
{
	(void)sd_notify(0, "STOPPING=1");
}

static int check_file(const struct daemon_file *f, const struct stat *st, char why[static 256])
{
	if (!S_ISREG(st->st_mode)) {
		(void)snprintf(why, 256, "%.160s is not a regular file", f->path);
		return -EINVAL;
	}
	if (st->st_size < 0 || (uint64_t)st->st_size > f->max) {
		(void)snprintf(why, 256, "%.160s has %lld bytes; at most %zu are taken", f->path,
			(long long)st->st_size, f->max);
		return -EFBIG;
	}
	if (!f->secret)
		return 0;
	if (st->st_uid != 0 && st->st_uid != geteuid()) {
		(void)snprintf(why, 256,
			"%.100s is secret but belongs to user %u; run: chown root %.100s", f->path,
			(unsigned)st->st_uid, f->path);
		return -EACCES;
	}
	if ((st->st_mode & (S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH)) != 0) {
		(void)snprintf(why, 256,
			"%.80s is secret but its mode %04o opens it to others; run: chmod 600 "
			"%.80s",
			f->path, (unsigned)(st->st_mode & 07777), f->path);
		return -EACCES;
	}
	return 0;
}

/* Read to the end of the file into p[0..cap).  Returns the length or a negative errno. */
static ssize_t read_all(int fd, char *p, size_t cap)
{
	size_t len = 0;

	while (len < cap) {
		ssize_t n = read(fd, p + len, cap - len);
		if (n == 0)
			break;
		if (n > 0)
			len += (size_t)n;
		else if (errno != EINTR)
			return -errno;
	}
	return (ssize_t)len;
}

int daemon_read_file(const struct daemon_file *f, char **text, size_t *len, char why[static 256])
{
	struct stat st;
	char *p = NULL;
	size_t cap = 0;
	ssize_t n;
	int fd, r;

	/* O_NONBLOCK: a FIFO must not hold us up before it is refused. */
	fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) != 0) {
		r = -errno;
		(void)snprintf(why, 256, "%.160s: %s", f->path, strerror(-r));
		goto fail;
	}
	if ((r = check_file(f, &st, why)) < 0)
		goto fail;
	cap = (size_t)st.st_size + 1;
	p = malloc(cap);
	n = p == NULL ? -ENOMEM : read_all(fd, p, cap);
	if (n < 0 || (size_t)n == cap) {
		r = n < 0 ? (int)n : -EAGAIN;
		(void)snprintf(why, 256, "%.160s: %s", f->path,
			n < 0 ? strerror(-r) : "grew while it was read; try again");
		goto fail;
	}
	(void)close(fd);
	p[n] = '\0';
	*text = p;
	*len = (size_t)n;
	return 0;
fail:
	if (fd >= 0)
		(void)close(fd);
	secret_free(p, cap);
	return r;
}
