/* sys/daemon: what a daemon asks of the system at its start and end.  Needs root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/secret.h"
#include "help_netns.h"
#include "sys/daemon.h"

static bool hardened(void)
{
	struct sigaction pipe;
	struct rlimit core;

	return daemon_harden() == 0 && umask(0) == 077 && sigaction(SIGPIPE, NULL, &pipe) == 0 &&
	       pipe.sa_handler == SIG_IGN && getrlimit(RLIMIT_CORE, &core) == 0 &&
	       core.rlim_cur == 0 && core.rlim_max == 0 && prctl(PR_GET_DUMPABLE) == 0;
}

static bool nofile_within_hard_limit(void)
{
	const struct rlimit start = { .rlim_cur = 64, .rlim_max = 256 };
	struct rlimit now;

	return setrlimit(RLIMIT_NOFILE, &start) == 0 && setuid(65534) == 0 &&
	       daemon_raise_nofile(32) == 64 && daemon_raise_nofile(128) == 128 &&
	       daemon_raise_nofile(4096) == 256 && getrlimit(RLIMIT_NOFILE, &now) == 0 &&
	       now.rlim_cur == 256;
}

/* A root without CAP_SYS_RESOURCE (a container's) is held to the hard limit as well. */
static bool nofile_as_root(void)
{
	const struct rlimit start = { .rlim_cur = 64, .rlim_max = 256 };
	const uint64_t most = prctl(PR_CAPBSET_READ, CAP_SYS_RESOURCE) == 1 ? 4096 : 256;
	struct rlimit now;

	return setrlimit(RLIMIT_NOFILE, &start) == 0 && daemon_raise_nofile(4096) == most &&
	       getrlimit(RLIMIT_NOFILE, &now) == 0 && now.rlim_cur == most &&
	       daemon_raise_nofile(UINT64_C(1) << 40) == most;
}

static void test_daemon_limits(void **state)
{
	(void)state;
	assert_true(help_in_child(hardened));
	assert_true(help_in_child(nofile_within_hard_limit));
	assert_true(help_in_child(nofile_as_root));
}

static void test_daemon_notify(void **state)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX, .sun_path = "\0sallyport-test-notify" };
	char got[128] = "";

	(void)state;
	(void)unsetenv("NOTIFY_SOCKET");
	daemon_ready("nobody listens");
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa_family_t) + 22), 0);
	assert_int_equal(setenv("NOTIFY_SOCKET", "@sallyport-test-notify", 1), 0);
	daemon_ready("up\nMAINPID=1");
	assert_true(recv(fd, got, sizeof(got) - 1, 0) > 0);
	assert_string_equal(got, "READY=1\nSTATUS=up?MAINPID=1");
	memset(got, 0, sizeof(got));
	daemon_stopping();
	assert_true(recv(fd, got, sizeof(got) - 1, 0) > 0);
	assert_string_equal(got, "STOPPING=1");
	(void)unsetenv("NOTIFY_SOCKET");
	(void)close(fd);
}

static int read_file(const char *path, int secret, char **text, char why[static 256])
{
	const struct daemon_file f = { .path = path, .max = 16, .secret = secret };
	size_t len;

	why[0] = '\0';
	int r = daemon_read_file(&f, text, &len, why);
	if (r < 0) {
		assert_non_null(strstr(why, path));
		return r;
	}
	assert_int_equal(strlen(*text), len);
	return (int)len;
}

static void test_daemon_read_file(void **state)
{
	char dir[] = "/tmp/sallyport-test-XXXXXX", path[64], why[256];
	char *text = NULL;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/file", dir);
	assert_int_equal(read_file(path, 0, &text, why), -ENOENT);
	assert_int_equal(read_file(dir, 0, &text, why), -EINVAL);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(read_file(path, 0, &text, why), -EINVAL);
	assert_int_equal(unlink(path), 0);

	(void)help_run("printf 0123456789abcdef >%s && chmod 640 %s", path, path);
	assert_int_equal(read_file(path, 0, &text, why), 16);
	assert_string_equal(text, "0123456789abcdef");
	secret_free(text, 16);
	text = NULL;
	assert_int_equal(read_file(path, 1, &text, why), -EACCES);
	assert_non_null(strstr(why, "chmod 600"));
	const mode_t open_modes[] = { 0604, 0602, 0620, 0666 };
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(chmod(path, open_modes[i]), 0);
		assert_int_equal(read_file(path, 1, &text, why), -EACCES);
	}
	assert_int_equal(chmod(path, 0400), 0);
	assert_int_equal(read_file(path, 1, &text, why), 16);
	secret_free(text, 16);
	text = NULL;
	assert_int_equal(chown(path, 65534, 65534), 0);
	assert_int_equal(read_file(path, 1, &text, why), -EACCES);
	assert_non_null(strstr(why, "chown"));
	(void)help_run("printf x >>%s", path);
	assert_int_equal(read_file(path, 0, &text, why), -EFBIG);
	(void)help_run(": >%s", path);
	assert_int_equal(read_file(path, 0, &text, why), 0);
	secret_free(text, 0);
	(void)help_run("rm -r %s", dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_daemon_limits),
		cmocka_unit_test(test_daemon_notify),
		cmocka_unit_test(test_daemon_read_file),
	};

	help_netns_enter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
