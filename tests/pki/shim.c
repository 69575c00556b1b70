/*
 * Preloaded into a program: its Nth call that writes to a file system is its last (it is killed just before it), or
 * fails.  test_crash.py goes through all N.
 *
 *     SHIM_AT     N; 0 or unset: count only
 *     SHIM_HOW    "kill" or the errno to fail with
 *     SHIM_COUNT  a file that gets the number of calls when the program ends
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static long calls;

/* True when this call is to fail; errno is set then. */
static bool hit(void)
{
	const char *at = getenv("SHIM_AT"), *how = getenv("SHIM_HOW");

	calls++;
	if (at == NULL || how == NULL || atol(at) != calls)
		return false;
	if (strcmp(how, "kill") == 0)
		(void)raise(SIGKILL);
	errno = atoi(how);
	return true;
}

__attribute__((destructor)) static void report(void)
{
	const char *path = getenv("SHIM_COUNT");
	FILE *f = path != NULL ? fopen(path, "w") : NULL;

	if (f != NULL) {
		(void)fprintf(f, "%ld\n", calls);
		(void)fclose(f);
	}
}

#define WRAP(ret, name, params, args)                              \
	ret name params;                                           \
	ret name params                                            \
	{                                                          \
		static ret(*real) params;                          \
		if (real == NULL)                                  \
			*(void **)&real = dlsym(RTLD_NEXT, #name); \
		return hit() ? -1 : real args;                     \
	}

/* stdout and stderr are no file system. */
#define WRAP_FD(ret, name, params, args)                           \
	ret name params;                                           \
	ret name params                                            \
	{                                                          \
		static ret(*real) params;                          \
		if (real == NULL)                                  \
			*(void **)&real = dlsym(RTLD_NEXT, #name); \
		return fd > 2 && hit() ? -1 : real args;           \
	}

WRAP_FD(ssize_t, write, (int fd, const void *p, size_t n), (fd, p, n))
WRAP_FD(ssize_t, pwrite, (int fd, const void *p, size_t n, off_t o), (fd, p, n, o))
WRAP_FD(ssize_t, pwrite64, (int fd, const void *p, size_t n, off64_t o), (fd, p, n, o))
WRAP(int, fsync, (int fd), (fd))
WRAP(int, fdatasync, (int fd), (fd))
WRAP(int, ftruncate, (int fd, off_t n), (fd, n))
WRAP(int, ftruncate64, (int fd, off64_t n), (fd, n))
WRAP(int, linkat, (int a, const char *p, int b, const char *q, int f), (a, p, b, q, f))
WRAP(int, renameat, (int a, const char *p, int b, const char *q), (a, p, b, q))
WRAP(int, rename, (const char *p, const char *q), (p, q))
WRAP(int, renameat2, (int a, const char *p, int b, const char *q, unsigned f), (a, p, b, q, f))
WRAP(int, syncfs, (int fd), (fd))
WRAP(int, unlinkat, (int a, const char *p, int f), (a, p, f))
WRAP(int, unlink, (const char *p), (p))
WRAP(int, mkdirat, (int a, const char *p, mode_t m), (a, p, m))
WRAP(int, fchmod, (int fd, mode_t m), (fd, m))

/* Only those that make a file. */
#define WRAP_OPEN(name, params, args, last)                        \
	int name params;                                           \
	int name params                                            \
	{                                                          \
		static int(*real) params;                          \
		mode_t mode = 0;                                   \
		if (real == NULL)                                  \
			*(void **)&real = dlsym(RTLD_NEXT, #name); \
		if ((flags & O_CREAT) != 0) {                      \
			va_list ap;                                \
			va_start(ap, last);                        \
			mode = (mode_t)va_arg(ap, int);            \
			va_end(ap);                                \
			if (hit())                                 \
				return -1;                         \
		}                                                  \
		return real args;                                  \
	}

WRAP_OPEN(openat, (int at, const char *path, int flags, ...), (at, path, flags, mode), flags)
WRAP_OPEN(openat64, (int at, const char *path, int flags, ...), (at, path, flags, mode), flags)
WRAP_OPEN(open, (const char *path, int flags, ...), (path, flags, mode), flags)
WRAP_OPEN(open64, (const char *path, int flags, ...), (path, flags, mode), flags)
