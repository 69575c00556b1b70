#include "pki/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/util.h"

__attribute__((format(printf, 1, 0))) static void say(const char *fmt, va_list ap)
{
	char text[1024], clean[1024];

	(void)vsnprintf(text, sizeof(text), fmt, ap);
	text_copy(clean, sizeof(clean), text);
	(void)fprintf(stderr, "sallyport-pki: %s\n", clean);
}

int cli_fail(enum cli_exit code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
	return (int)code;
}

void cli_note(const struct cli *c, const char *fmt, ...)
{
	va_list ap;

	if (c->quiet)
		return;
	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

bool cli_confirm(const struct cli *c, const char *fmt, ...)
{
	char answer[16];
	va_list ap;

	if (c->yes || c->dry_run || !isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return true;
	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
	(void)fputs("Go on? [y/N] ", stderr);
	if (fgets(answer, sizeof(answer), stdin) == NULL)
		return false;
	return answer[0] == 'y' || answer[0] == 'Y';
}

enum cli_exit cli_exit_for(int err)
{
	switch (err) {
	case 0:
		return CLI_OK;
	case -EINVAL:
		return CLI_USAGE;
	case -EKEYREJECTED:
		return CLI_PASSPHRASE;
	case -EWOULDBLOCK:
		return CLI_LOCKED;
	case -ENOENT:
		return CLI_NOT_FOUND;
	default:
		return CLI_FAILED;
	}
}
