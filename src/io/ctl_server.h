#ifndef IO_CTL_SERVER_H
#define IO_CTL_SERVER_H

#include <jansson.h>
#include <uv.h>

/*
 * The operator's Unix socket: a request is one line of JSON, {"command": "status", ...}; the reply is one JSON
 * object, then the end of the stream.  Mode 0600, so only root and the daemon's user get in.
 */
struct ctl_server;
struct ctl_request;

enum {
	CTL_MAX_CONNECTIONS = 16,
	CTL_MAX_REQUEST = 4096,
};

/* Answer with ctl_reply(), now or later; request belongs to the caller's callee until then. */
typedef void ctl_fn(
	void *arg, const char *command, const json_t *args, struct ctl_request *request);

struct ctl_server_opts {
	const char *path;
	ctl_fn *command;
	void *arg;
};

/*
 * Listen at opts->path.  A socket that nobody listens on any more is removed first.  Returns 0, -EADDRINUSE (another
 * daemon answers there) or another negative errno; why says what to do.
 */
int ctl_server_open(uv_loop_t *loop, const struct ctl_server_opts *opts, struct ctl_server **out,
	char why[static 256]);

/* Removes the socket file; memory goes in the close callback.  NULL is fine. */
void ctl_server_close(struct ctl_server *s);

/* Send reply (a reference is taken over; NULL: out of memory) and close. */
void ctl_reply(struct ctl_request *q, json_t *reply);
void ctl_reply_error(struct ctl_request *q, const char *text);

#endif
