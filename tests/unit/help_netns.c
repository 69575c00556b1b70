#include "help_netns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

void help_netns_enter(void)
{
	if (unshare(CLONE_NEWNET) != 0) {
		perror("this test makes network devices and must run as root: unshare");
		exit(1);
	}
	(void)help_run("ip link set lo up");
}

const char *help_run(const char *fmt, ...)
{
	static char out[65536];
	char command[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	FILE *f = popen(command, "re"); /* NOLINT(cert-env33-c): commands of the tests */
	assert_non_null(f);
	size_t n = fread(out, 1, sizeof(out) - 1, f);
	out[n] = '\0';
	if (pclose(f) != 0)
		fail_msg("%s: failed", command);
	return out;
}

bool help_in_child(bool (*check)(void))
{
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(check() ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
