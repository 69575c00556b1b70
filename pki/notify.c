#include "pki/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pki/cli.h"

/* 0: this is no process id. */
static pid_t parse_pid(const char *text)
{
	char *end;
	long v;

	if (text[0] < '1' || text[0] > '9')
		return 0;
	errno = 0;
	v = strtol(text, &end, 10);
	return errno == 0 && *end == '\0' && v <= INT_MAX ? (pid_t)v : 0;
}

bool notify_valid(const char *target)
{
	return parse_pid(target) > 0 || strchr(target, '/') != NULL;
}

static int spawn(const char *path, pid_t *pid)
{
	char copy[PATH_MAX], env[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	char *argv[] = { copy, NULL }, *envp[] = { env, NULL };
	posix_spawn_file_actions_t files;
	int r;

	if (strlen(path) >= sizeof(copy))
		return ENAMETOOLONG;
	memcpy(copy, path, strlen(path) + 1);
	r = posix_spawn_file_actions_init(&files);
	if (r != 0)
		return r;
	r = posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	/* Our stdout is for results. */
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(&files, STDERR_FILENO, STDOUT_FILENO);
	if (r == 0)
		r = posix_spawn(pid, path, &files, NULL, argv, envp);
	(void)posix_spawn_file_actions_destroy(&files);
	return r;
}

int notify_send(const char *target)
{
	pid_t pid = parse_pid(target);
	int r, status = 0;

	if (pid > 0) {
		if (kill(pid, SIGHUP) == 0)
			return CLI_OK;
		return cli_fail(
			CLI_FAILED, "cannot signal process %s: %s", target, strerror(errno));
	}
	r = spawn(target, &pid);
	if (r != 0)
		return cli_fail(CLI_FAILED, "cannot run %s: %s", target, strerror(r));
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return cli_fail(CLI_FAILED, "lost %s: %s", target, strerror(errno));
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return CLI_OK;
	return cli_fail(CLI_FAILED, "%s failed (%s %d)", target,
		WIFEXITED(status) ? "exit status" : "signal",
		WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}
