#include "io/ctl_server.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct ctl_server {
	uv_pipe_t listener;
	ctl_fn *fn;
	void *arg;
	unsigned connections;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	bool closing;
};

struct ctl_request {
	uv_pipe_t pipe;
	uv_write_t write;
	struct ctl_server *server;
	char *reply;
	size_t len;
	bool asked;   /* The command is being worked on; ctl_reply() will come. */
	bool closing; /* The connection is gone; free when the reply has come. */
	bool closed;
	char line[CTL_MAX_REQUEST];
};

static void free_server(struct ctl_server *s)
{
	if (s->closing && s->connections == 0)
		free(s);
}

static void free_request(struct ctl_request *q)
{
	struct ctl_server *s = q->server;

	if (!q->closed || q->asked)
		return;
	free(q->reply);
	free(q);
	s->connections--;
	free_server(s);
}

static void on_request_closed(uv_handle_t *h)
{
	struct ctl_request *q = h->data;

	q->closed = true;
	free_request(q);
}

static void close_request(struct ctl_request *q)
{
	if (q->closing)
		return;
	q->closing = true;
	uv_close((uv_handle_t *)&q->pipe, on_request_closed);
}

static void on_written(uv_write_t *w, int status)
{
	struct ctl_request *q = w->data;

	(void)status;
	close_request(q);
}

void ctl_reply(struct ctl_request *q, json_t *reply)
{
	q->asked = false;
	if (q->closing) {
		json_decref(reply);
		free_request(q);
		return;
	}
	if (reply != NULL)
		q->reply = json_dumps(reply, JSON_COMPACT);
	json_decref(reply);
	if (q->reply == NULL) {
		close_request(q);
		return;
	}
	uv_buf_t b = uv_buf_init(q->reply, (unsigned)strlen(q->reply));
	q->write.data = q;
	if (uv_write(&q->write, (uv_stream_t *)&q->pipe, &b, 1, on_written) < 0)
		close_request(q);
}

void ctl_reply_error(struct ctl_request *q, const char *text)
{
	ctl_reply(q, json_pack("{s:s}", "error", text));
}

static void ask(struct ctl_request *q)
{
	json_t *args = json_loadb(q->line, q->len, JSON_REJECT_DUPLICATES, NULL);
	const char *command = json_string_value(json_object_get(args, "command"));

	(void)uv_read_stop((uv_stream_t *)&q->pipe);
	q->asked = true;
	if (command == NULL)
		ctl_reply_error(q, "a request is one line: {\"command\": \"...\"}");
	else
		q->server->fn(q->server->arg, command, args, q);
	json_decref(args);
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *out)
{
	struct ctl_request *q = h->data;

	(void)suggested;
	*out = uv_buf_init(q->line + q->len, (unsigned)(sizeof(q->line) - q->len));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct ctl_request *q = stream->data;

	(void)buf;
	if (n < 0) {
		close_request(q);
		return;
	}
	size_t before = q->len;
	q->len += (size_t)n;
	if (memchr(q->line + before, '\n', (size_t)n) != NULL)
		ask(q);
	else if (q->len == sizeof(q->line))
		close_request(q);
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct ctl_server *s = listener->data;
	struct ctl_request *q = status < 0 ? NULL : calloc(1, sizeof(*q));

	if (q == NULL)
		return;
	q->server = s;
	(void)uv_pipe_init(listener->loop, &q->pipe, 0);
	q->pipe.data = q;
	s->connections++;
	if (uv_accept(listener, (uv_stream_t *)&q->pipe) < 0 ||
		s->connections > CTL_MAX_CONNECTIONS ||
		uv_read_start((uv_stream_t *)&q->pipe, on_alloc, on_read) < 0)
		close_request(q);
}

/* Does somebody answer at path? */
static bool alive(const struct sockaddr_un *sa)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool yes = fd >= 0 && connect(fd, (const struct sockaddr *)sa, sizeof(*sa)) == 0;

	if (fd >= 0)
		(void)close(fd);
	return yes;
}

static void on_listener_closed(uv_handle_t *h)
{
	free_server(h->data);
}

void ctl_server_close(struct ctl_server *s)
{
	if (s == NULL || s->closing)
		return;
	s->closing = true;
	(void)unlink(s->path);
	uv_close((uv_handle_t *)&s->listener, on_listener_closed);
}

static int open_at(uv_loop_t *loop, const struct ctl_server_opts *opts, struct ctl_server **out)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct stat st;

	if (strlen(opts->path) >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	memcpy(sa.sun_path, opts->path, strlen(opts->path));
	if (lstat(opts->path, &st) == 0) {
		if (!S_ISSOCK(st.st_mode))
			return -EEXIST;
		if (alive(&sa))
			return -EADDRINUSE;
		(void)unlink(opts->path);
	}
	struct ctl_server *s = calloc(1, sizeof(*s));
	if (s == NULL)
		return -ENOMEM;
	s->fn = opts->command;
	s->arg = opts->arg;
	memcpy(s->path, sa.sun_path, sizeof(s->path));
	int r = uv_pipe_init(loop, &s->listener, 0);
	if (r < 0) {
		free(s);
		return r;
	}
	s->listener.data = s;
	/* umask 077 is in force (sys/daemon.h), so nobody else can connect even for a moment. */
	r = uv_pipe_bind(&s->listener, opts->path);
	if (r == 0)
		r = uv_listen((uv_stream_t *)&s->listener, CTL_MAX_CONNECTIONS, on_connection);
	if (r < 0) {
		s->closing = true;
		uv_close((uv_handle_t *)&s->listener, on_listener_closed);
		return r;
	}
	*out = s;
	return 0;
}

int ctl_server_open(uv_loop_t *loop, const struct ctl_server_opts *opts, struct ctl_server **out,
	char why[static 256])
{
	int r = open_at(loop, opts, out);

	if (r == -EADDRINUSE)
		(void)snprintf(why, 256,
			"another daemon answers at %.150s: stop it, or set 'control'", opts->path);
	else if (r < 0)
		(void)snprintf(why, 256, "cannot listen on %.150s: %s (does the folder exist?)",
			opts->path, strerror(-r));
	return r;
}
