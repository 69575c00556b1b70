#include "pki/pass.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/secret.h"

enum { WHY = 256 };

bool pass_given(const struct pass_opts *o)
{
	return o->file != NULL || o->fd >= 0 || o->env != NULL || o->from_stdin;
}

void pass_wipe(struct pass *p)
{
	secret_wipe(p, sizeof(*p));
}

/* Everything from fd up to its end or, line by line, up to a newline. */
static int read_all(int fd, bool line, struct pass *out)
{
	size_t n = 0;

	while (n < sizeof(out->text)) {
		ssize_t r = read(fd, out->text + n, line ? 1 : sizeof(out->text) - n);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			break;
		n += (size_t)r;
		if (line && out->text[n - 1] == '\n')
			break;
	}
	if (n > 0 && out->text[n - 1] == '\n')
		n--;
	out->len = n;
	return 0;
}

static int check(const struct pass *p, char *why)
{
	const char *wrong = p->len == 0                          ? "is empty"
			    : p->len > PASS_MAX                  ? "is too long"
			    : memchr(p->text, 0, p->len) != NULL ? "holds a NUL byte"
								 : NULL;

	if (wrong == NULL)
		return 0;
	(void)snprintf(why, WHY, "the passphrase %s", wrong);
	return -EINVAL;
}

static int from_env(const char *name, struct pass *out)
{
	const char *v = getenv(name);

	if (v == NULL)
		return -ENOENT;
	out->len = strlen(v);
	if (out->len > PASS_MAX)
		return -E2BIG;
	memcpy(out->text, v, out->len);
	return 0;
}

static int from_source(const struct pass_opts *o, struct pass *out, char *why)
{
	const char *what = o->file != NULL ? o->file : o->env != NULL ? o->env : "its descriptor";
	int r, fd;

	if ((o->file != NULL) + (o->fd >= 0) + (o->env != NULL) + (o->from_stdin ? 1 : 0) > 1) {
		(void)snprintf(why, WHY, "more than one source for the passphrase");
		return -EINVAL;
	}
	if (o->env != NULL) {
		r = from_env(o->env, out);
	} else if (o->file != NULL) {
		fd = open(o->file, O_RDONLY | O_CLOEXEC);
		r = fd < 0 ? -errno : read_all(fd, false, out);
		if (fd >= 0)
			(void)close(fd);
	} else {
		r = read_all(o->from_stdin ? STDIN_FILENO : (int)o->fd, o->from_stdin, out);
	}
	if (r < 0)
		(void)snprintf(
			why, WHY, "cannot read the passphrase from %.100s: %s", what, strerror(-r));
	return r;
}

static int ask(int tty, const char *prompt, struct pass *out)
{
	struct termios old, quiet;
	int r;

	if (tcgetattr(tty, &old) < 0)
		return -errno;
	quiet = old;
	quiet.c_lflag &= (tcflag_t)~ECHO;
	if (tcsetattr(tty, TCSAFLUSH, &quiet) < 0)
		return -errno;
	(void)dprintf(tty, "%s: ", prompt);
	r = read_all(tty, true, out);
	(void)dprintf(tty, "\n");
	(void)tcsetattr(tty, TCSAFLUSH, &old);
	return r;
}

static int from_terminal(const char *prompt, int times, struct pass *out, char *why)
{
	struct pass again = { .len = 0 };
	int r, tty = isatty(STDIN_FILENO) ? open("/dev/tty", O_RDWR | O_CLOEXEC) : -1;

	if (tty < 0) {
		(void)snprintf(why, WHY,
			"a passphrase is needed and there is no terminal to ask on: "
			"use --pass-file, --pass-fd, --pass-env or --pass-stdin");
		return -ENOKEY;
	}
	r = ask(tty, prompt, out);
	if (r == 0 && times > 1) {
		r = ask(tty, "Again", &again);
		if (r == 0 &&
			(again.len != out->len || !secret_equal(again.text, out->text, out->len))) {
			(void)snprintf(why, WHY, "the two passphrases differ");
			r = -EINVAL;
		}
		pass_wipe(&again);
	}
	(void)close(tty);
	return r;
}

int pass_read(const struct pass_opts *o, const char *prompt, int times, struct pass *out,
	char why[static 256])
{
	struct pass p = { .len = 0 };
	int r;

	(void)snprintf(why, WHY, "cannot read the passphrase");
	if (pass_given(o))
		r = from_source(o, &p, why);
	else
		r = from_terminal(prompt, times, &p, why);
	if (r == 0)
		r = check(&p, why);
	if (r == 0)
		*out = p;
	pass_wipe(&p);
	return r;
}
