#include "net/ctrl_codec.h"

#include "base/util.h"
#include "net/frame.h"
#include "net/offload.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { MIN_BODY = 2 }; /* {} */

const struct ctrl_feature ctrl_features[CTRL_N_FEATURES] = {
	{ "super-csum", OFFLOAD_CAN_CSUM },
	{ "super-tcp", OFFLOAD_CAN_TCP },
	{ "super-udp", OFFLOAD_CAN_UDP },
};

void ctrl_copy_clean(char *dst, const char *src)
{
	for (; *src != '\0'; src++) {
		uint8_t c = (uint8_t)src[0], next = (uint8_t)src[1];
		bool c1 = c == 0xc2 && next >= 0x80 && next < 0xa0;
		bool control = c < 0x20 || c == 0x7f || c1;
		*dst = *src;
		if (control)
			*dst = '?';
		dst++;
		if (c1) {
			*dst++ = '?';
			src++;
		}
	}
	*dst = '\0';
}

static const struct {
	const char *name;
	int (*decode)(const struct ctrl_in *in, struct ctrl_msg *msg);
	int (*encode)(json_t *o, const struct ctrl_msg *msg);
} codecs[CTRL_N_TYPES] = {
	[CTRL_HELLO] = { "HELLO", ctrl_get_hello, ctrl_put_hello },
	[CTRL_WELCOME] = { "WELCOME", ctrl_get_welcome, ctrl_put_welcome },
	[CTRL_READY] = { "READY", ctrl_get_ready, ctrl_put_ready },
	[CTRL_PING] = { "PING", ctrl_get_ping, ctrl_put_ping },
	[CTRL_PONG] = { "PONG", ctrl_get_ping, ctrl_put_ping },
	[CTRL_BYE] = { "BYE", ctrl_get_bye, ctrl_put_bye },
};

const char *ctrl_type_name(enum ctrl_type type)
{
	return type < CTRL_N_TYPES ? codecs[type].name : "?";
}

/* Whether brackets nest deeper than allowed; those within strings do not count. */
static bool is_too_deep(const uint8_t *body, size_t len)
{
	size_t depth = 0;
	bool in_string = false;

	for (size_t i = 0; i < len; i++) {
		uint8_t c = body[i];
		if (in_string && c == '\\')
			i++;
		else if (c == '"')
			in_string = !in_string;
		else if (!in_string && (c == '{' || c == '['))
			depth++;
		else if (!in_string && (c == '}' || c == ']') && depth > 0)
			depth--;
		if (depth > CTRL_MAX_DEPTH)
			return true;
	}
	return false;
}

static int decode_object(const json_t *object, struct ctrl_msg *out, char *why)
{
	const struct ctrl_in in = { .object = object, .path = "", .why = why };
	const char *name = json_string_value(json_object_get(object, "type"));
	size_t type = 0;
	struct ctrl_msg msg;

	while (name != NULL && type < CTRL_N_TYPES && strcmp(name, codecs[type].name) != 0)
		type++;
	if (name == NULL || type == CTRL_N_TYPES) {
		(void)snprintf(why, CTRL_WHY_LEN, "type: missing or unknown");
		return -EBADMSG;
	}
	memset(&msg, 0, sizeof(msg));
	msg.type = (enum ctrl_type)type;
	int err = codecs[type].decode(&in, &msg);
	if (err == 0)
		memcpy(out, &msg, sizeof(msg));
	return err;
}

/* Jansson's reason without the peer's text, which it quotes at the end. */
static void put_reason(const json_error_t *error, char *why)
{
	const char *quote = strstr(error->text, " near ");
	int len = quote != NULL ? (int)(quote - error->text) : (int)strlen(error->text);

	(void)snprintf(why, CTRL_WHY_LEN, "not a JSON object: %.*s at byte %d", MIN(len, 80),
		error->text, error->position);
}

int ctrl_decode(const uint8_t *body, size_t len, struct ctrl_msg *out, char why[static 128])
{
	json_error_t error;

	if (len < MIN_BODY || len > FRAME_CTRL_MAX) {
		(void)snprintf(why, CTRL_WHY_LEN, "length out of range");
		return -EBADMSG;
	}
	if (is_too_deep(body, len)) {
		(void)snprintf(why, CTRL_WHY_LEN, "nested too deep");
		return -EBADMSG;
	}
	/* No other flag: JSON_DISABLE_EOF_CHECK, JSON_DECODE_ANY, JSON_ALLOW_NUL would each let more in. */
	json_t *object = json_loadb((const char *)body, len, JSON_REJECT_DUPLICATES, &error);
	if (!json_is_object(object)) {
		if (object != NULL)
			(void)snprintf(why, CTRL_WHY_LEN, "not a JSON object");
		else
			put_reason(&error, why);
		json_decref(object);
		return -EBADMSG;
	}
	int err = decode_object(object, out, why);
	json_decref(object);
	return err;
}

int ctrl_encode(const struct ctrl_msg *msg, uint8_t *out, size_t cap)
{
	json_t *object = json_object();
	int n = -ENOMEM;

	assert(msg->type < CTRL_N_TYPES);
	json_t *type = json_string(codecs[msg->type].name);
	if (json_object_set_new(object, "type", type) == 0 &&
		codecs[msg->type].encode(object, msg) == 0) {
		size_t size = json_dumpb(object, (char *)out, cap, JSON_COMPACT);
		n = size == 0 ? -ENOMEM : size > cap ? -ENOBUFS : (int)size;
	}
	json_decref(object);
	return n;
}
