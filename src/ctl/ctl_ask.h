#ifndef CTL_CTL_ASK_H
#define CTL_CTL_ASK_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One question to a daemon over its control socket: a line of JSON there, one JSON object and end of stream back.  An answer
 * may take CTL_ASK_MAX bytes (100,000 sessions) and timeout_ms in all.
 */
enum { CTL_ASK_MAX = 128 * 1024 * 1024, CTL_ASK_TIMEOUT_MS = 10000, CTL_ASK_WHY = 512 };

/*
 * Ask {"command": command} on path.  Returns 0 and an object that the caller json_decref()s, or a negative errno with
 * what is wrong and what to do in why: -ENOENT or -ECONNREFUSED (no daemon there), -EACCES, -ETIMEDOUT, -EBADMSG (half an answer,
 * or not JSON), -EMSGSIZE, -EREMOTEIO (the daemon answered {"error": TEXT}), or what the system said.
 */
int ctl_ask(const char *path, const char *command, uint64_t timeout_ms, json_t **out,
	char why[static CTL_ASK_WHY]);

#endif
