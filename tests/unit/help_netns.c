#include "help_netns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <sched.h>

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
