#include "ctl/ctl_ask.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

/* A daemon that takes one question and answers as told. */
struct daemon {
	char dir[64], path[96];
	int fd;
	const char *answer; /* NULL: hang up without reading. */
	size_t repeat;      /* Times answer is sent. */
	int stall;          /* Keep the connection open afterwards, until asker_done. */
	int asker_done[2];
	char question[128];
	pthread_t thread;
};

static void *serve(void *arg)
{
	struct daemon *d = arg;
	int fd = accept(d->fd, NULL, NULL);
	ssize_t got = 0;
	char byte;

	if (fd < 0)
		return NULL;
	while (d->answer != NULL && (got == 0 || d->question[got - 1] != '\n') &&
		got < (ssize_t)sizeof(d->question) - 1) {
		ssize_t n = read(fd, d->question + got, sizeof(d->question) - 1 - (size_t)got);
		if (n <= 0)
			break;
		got += n;
	}
	for (size_t i = 0; d->answer != NULL && i < d->repeat; i++)
		if (send(fd, d->answer, strlen(d->answer), MSG_NOSIGNAL) < 0)
			break;
	if (d->stall)
		(void)!read(d->asker_done[0], &byte, 1);
	(void)close(fd);
	return NULL;
}

static void daemon_start(struct daemon *d)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	(void)snprintf(d->dir, sizeof(d->dir), "/tmp/sallyport-ask-XXXXXX");
	assert_non_null(mkdtemp(d->dir));
	(void)snprintf(d->path, sizeof(d->path), "%s/s", d->dir);
	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", d->path);
	d->fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(d->fd, (const struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(listen(d->fd, 1), 0);
	assert_int_equal(pipe(d->asker_done), 0);
	assert_int_equal(pthread_create(&d->thread, NULL, serve, d), 0);
}

static void daemon_stop(struct daemon *d)
{
	(void)close(d->asker_done[1]);
	(void)pthread_join(d->thread, NULL);
	(void)close(d->asker_done[0]);
	(void)close(d->fd);
	(void)unlink(d->path);
	(void)rmdir(d->dir);
}

/* Ask a daemon that gives this answer; the reply is returned where there is one. */
static int ask(struct daemon *d, uint64_t timeout_ms, json_t **reply, char why[static CTL_ASK_WHY])
{
	*reply = NULL;
	why[0] = '\0';
	daemon_start(d);
	int r = ctl_ask(d->path, "status", timeout_ms, reply, why);
	daemon_stop(d);
	return r;
}

static void test_answer(void **state)
{
	struct daemon d = { .answer = "{\"program\":\"x\"}", .repeat = 1 };
	char why[CTL_ASK_WHY];
	json_t *reply;

	(void)state;
	assert_int_equal(ask(&d, 5000, &reply, why), 0);
	assert_string_equal(d.question, "{\"command\":\"status\"}\n");
	assert_string_equal(json_string_value(json_object_get(reply, "program")), "x");
	json_decref(reply);
}

static void test_bad_answers(void **state)
{
	static const struct {
		const char *answer, *why;
		int want;
	} rows[] = {
		{ "", "without an answer", -EBADMSG },
		{ NULL, "",
			0 }, /* Either error: the daemon may hang up before or after the question. */
		{ "{\"program\":\"sally", "cut off", -EBADMSG },
		{ "HTTP/1.1 400 Bad Request", "cut off or is not the daemon's", -EBADMSG },
		{ "[1]", "not an object", -EBADMSG },
		{ "{\"a\":1,\"a\":2}", "duplicate", -EBADMSG },
		{ "{\"a\":1}{", "end of file expected", -EBADMSG },
		{ "{\"error\":\"unknown\\u001b command\"}", "the daemon says: unknown? command",
			-EREMOTEIO },
	};
	char why[CTL_ASK_WHY];
	json_t *reply;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct daemon d = { .answer = rows[i].answer, .repeat = 1 };
		int r = ask(&d, 5000, &reply, why);
		if (rows[i].want != 0)
			assert_int_equal(r, rows[i].want);
		assert_true(r < 0);
		assert_non_null(strstr(why, rows[i].why));
		assert_null(reply);
	}
}

static void test_stalls(void **state)
{
	struct daemon silent = { .answer = "", .repeat = 1, .stall = 1 };
	struct daemon half = { .answer = "{\"a\":", .repeat = 1, .stall = 1 };
	char why[CTL_ASK_WHY];
	json_t *reply;

	(void)state;
	assert_int_equal(ask(&silent, 50, &reply, why), -ETIMEDOUT);
	assert_non_null(strstr(why, "in time"));
	assert_int_equal(ask(&half, 50, &reply, why), -ETIMEDOUT);
	assert_null(reply);
}

static void test_too_long(void **state)
{
	static char spaces[1 << 20];
	struct daemon d = { .answer = spaces, .repeat = CTL_ASK_MAX / (sizeof(spaces) - 1) + 1 };
	char why[CTL_ASK_WHY];
	json_t *reply;

	(void)state;
	memset(spaces, ' ', sizeof(spaces) - 1);
	assert_int_equal(ask(&d, 60000, &reply, why), -EMSGSIZE);
	assert_non_null(strstr(why, "too long"));
}

static void test_nobody_there(void **state)
{
	struct daemon d = { .answer = "{}", .repeat = 1 };
	char why[CTL_ASK_WHY], plain[96], longer[200];
	json_t *reply = NULL;

	(void)state;
	daemon_start(&d);
	assert_int_equal(ctl_ask(d.path, "status", 5000, &reply, why), 0);
	json_decref(reply);
	reply = NULL;

	(void)snprintf(plain, sizeof(plain), "%s/f", d.dir);
	int fd = open(plain, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	(void)close(fd);
	assert_int_equal(ctl_ask(plain, "status", 5000, &reply, why), -ECONNREFUSED);
	(void)unlink(plain);
	assert_int_equal(ctl_ask(plain, "status", 5000, &reply, why), -ENOENT);
	assert_non_null(strstr(why, "is the daemon running?"));

	(void)close(d.fd); /* The socket file stays behind, as after kill -9. */
	d.fd = -1;
	assert_int_equal(ctl_ask(d.path, "status", 5000, &reply, why), -ECONNREFUSED);
	assert_non_null(strstr(why, "start it again"));

	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(ctl_ask(longer, "status", 5000, &reply, why), -ENAMETOOLONG);
	assert_null(reply);
	daemon_stop(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_bad_answers),
		cmocka_unit_test(test_stalls),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_nobody_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
