#ifndef NET_CTRL_CODEC_H
#define NET_CTRL_CODEC_H

#include "net/ctrl.h"

#include <jansson.h>

/*
 * For ctrl_*.c only: the members of each message, between jansson's tree and the structs of ctrl.h.  ctrl_codec.c
 * has what ctrl.h declares and the table; ctrl_get.c reads members, ctrl_put.c writes them.
 */

enum { CTRL_N_FEATURES = 3, CTRL_WHY_LEN = 128 };

struct ctrl_feature {
	const char *name;
	unsigned bit;
};

extern const struct ctrl_feature ctrl_features[CTRL_N_FEATURES];

/* Copy text, which fits, with '?' for the bytes of control characters: C0, DEL and, in UTF-8, C1. */
void ctrl_copy_clean(char *dst, const char *src);

/* An object that is being read. */
struct ctrl_in {
	const json_t *object;
	const char *path; /* Where it is in the message: "" or "dns." */
	char *why;        /* CTRL_WHY_LEN bytes for the reason of a refusal. */
};

/* Read a message's members into *msg, which is all zero.  Return 0 or -EBADMSG. */
int ctrl_get_hello(const struct ctrl_in *in, struct ctrl_msg *msg);
int ctrl_get_welcome(const struct ctrl_in *in, struct ctrl_msg *msg);
int ctrl_get_ready(const struct ctrl_in *in, struct ctrl_msg *msg);
int ctrl_get_ping(const struct ctrl_in *in, struct ctrl_msg *msg);
int ctrl_get_bye(const struct ctrl_in *in, struct ctrl_msg *msg);

/* Add a message's members to o.  Return 0, or not 0 when memory is out. */
int ctrl_put_hello(json_t *o, const struct ctrl_msg *msg);
int ctrl_put_welcome(json_t *o, const struct ctrl_msg *msg);
int ctrl_put_ready(json_t *o, const struct ctrl_msg *msg);
int ctrl_put_ping(json_t *o, const struct ctrl_msg *msg);
int ctrl_put_bye(json_t *o, const struct ctrl_msg *msg);

#endif
