#include "ctl/ctl_ask.h"

#include "base/buf.h"
#include "base/util.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { READ_CHUNK = 64 * 1024, ERROR_TEXT_MAX = 256 };

static uint64_t now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* Wait until fd is ready.  0, -ETIMEDOUT or what poll(2) said. */
static int wait_ready(int fd, short events, uint64_t deadline_ms)
{
	for (;;) {
		uint64_t now = now_ms();
		if (now >= deadline_ms)
			return -ETIMEDOUT;
		struct pollfd p = { .fd = fd, .events = events };
		int n = poll(&p, 1, (int)MIN(deadline_ms - now, 60000));
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
	}
}

static int open_socket(const char *path, uint64_t deadline_ms, int *out)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int r;

	if (strlen(path) >= sizeof(sun.sun_path))
		return -ENAMETOOLONG;
	memcpy(sun.sun_path, path, strlen(path) + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* A Unix socket does not report "in progress": EAGAIN says that its queue is full, and there is no event for that. */
	while (connect(fd, (const struct sockaddr *)&sun, sizeof(sun)) != 0) {
		r = -errno;
		if (r == -EAGAIN && now_ms() < deadline_ms) {
			(void)poll(NULL, 0, 10);
			continue;
		}
		(void)close(fd);
		return r == -EAGAIN ? -ETIMEDOUT : r;
	}
	*out = fd;
	return 0;
}

static int send_all(int fd, const char *bytes, size_t len, uint64_t deadline_ms)
{
	while (len > 0) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (n < 0) {
			int r = wait_ready(fd, POLLOUT, deadline_ms);
			if (r != 0)
				return r;
			continue;
		}
		bytes += n;
		len -= (size_t)n;
	}
	return 0;
}

static int receive_all(int fd, struct buf *into, uint64_t deadline_ms)
{
	for (;;) {
		int r = wait_ready(fd, POLLIN, deadline_ms);
		if (r != 0)
			return r;
		uint8_t *at = buf_room(into, READ_CHUNK);
		if (at == NULL)
			return -EMSGSIZE;
		ssize_t n = recv(fd, at, READ_CHUNK, 0);
		if (n == 0)
			return 0;
		if (n > 0)
			buf_added(into, (size_t)n);
		else if (errno != EAGAIN && errno != EINTR)
			return -errno;
	}
}

static int parse(const struct buf *answer, json_t **out, char why[static CTL_ASK_WHY])
{
	json_error_t error;
	char text[ERROR_TEXT_MAX];

	if (buf_len(answer) == 0) {
		(void)snprintf(
			why, CTL_ASK_WHY, "the daemon closed the connection without an answer");
		return -EBADMSG;
	}
	json_t *reply = json_loadb(
		(const char *)buf_bytes(answer), buf_len(answer), JSON_REJECT_DUPLICATES, &error);
	if (!json_is_object(reply)) {
		json_decref(reply);
		text_copy(text, sizeof(text), reply != NULL ? "not an object" : error.text);
		(void)snprintf(why, CTL_ASK_WHY,
			"the answer is cut off or is not the daemon's (%zu bytes: %s)",
			buf_len(answer), text);
		return -EBADMSG;
	}
	const char *refused = json_string_value(json_object_get(reply, "error"));
	if (refused != NULL) {
		text_copy(text, sizeof(text), refused);
		(void)snprintf(why, CTL_ASK_WHY, "the daemon says: %s", text);
		json_decref(reply);
		return -EREMOTEIO;
	}
	*out = reply;
	return 0;
}

/* What the errors of getting through to a daemon mean to the one who asked. */
static void explain(int r, char why[static CTL_ASK_WHY])
{
	static const struct {
		int error;
		const char *text;
	} table[] = {
		{ ENOENT, "no such socket; is the daemon running? --socket names the `control` of "
			  "its settings" },
		{ ECONNREFUSED, "no daemon is listening there; it has ended, start it again" },
		{ EACCES, "not allowed; run this as root" },
		{ EPERM, "not allowed; run this as root" },
		{ ENOTSOCK, "not a control socket of a daemon" },
		{ EPROTOTYPE, "not a control socket of a daemon" },
		{ ENAMETOOLONG, "the path is too long for a socket" },
		{ ETIMEDOUT, "the daemon has not answered in time; it hangs, or is stopped" },
		{ EMSGSIZE, "the answer is too long" },
		{ EPIPE, "the daemon closed the connection without an answer" },
		{ ECONNRESET, "the daemon closed the connection in the middle of its answer" },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (table[i].error == -r) {
			(void)snprintf(why, CTL_ASK_WHY, "%s", table[i].text);
			return;
		}
	(void)snprintf(why, CTL_ASK_WHY, "%s", strerror(-r));
}

int ctl_ask(const char *path, const char *command, uint64_t timeout_ms, json_t **out,
	char why[static CTL_ASK_WHY])
{
	uint64_t deadline = now_ms() + timeout_ms;
	struct buf answer = { .max = CTL_ASK_MAX };
	char question[128];
	int fd = -1;
	int r = open_socket(path, deadline, &fd);

	if (r != 0) {
		explain(r, why);
		return r;
	}
	int len = snprintf(question, sizeof(question), "{\"command\":\"%s\"}\n", command);
	r = len < (int)sizeof(question) ? send_all(fd, question, (size_t)len, deadline) : -EINVAL;
	/* A daemon that has hung up may have answered first. */
	if (r == 0 || r == -EPIPE)
		r = receive_all(fd, &answer, deadline);
	if (r == 0)
		r = parse(&answer, out, why);
	else
		explain(r, why);
	buf_clear(&answer);
	(void)close(fd);
	return r;
}
