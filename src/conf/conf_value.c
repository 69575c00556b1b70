#include "conf/conf_value.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/secret.h"
#include "net/addr.h"

enum {
	DEFAULT_PORT = 4433,
	ELEMENT_MAX = 253, /* Bytes of a string in a list: a DNS name's. */
};

__attribute__((format(printf, 3, 4))) static int refuse(
	struct conf_reading *in, const config_setting_t *at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(in->problem.text, sizeof(in->problem.text), fmt, ap);
	va_end(ap);
	in->problem.at = at;
	return -EINVAL;
}

static int out_of_memory(struct conf_reading *in, const config_setting_t *at)
{
	(void)refuse(in, at, "out of memory");
	return -ENOMEM;
}

bool conf_value_is_pem(const char *value)
{
	return strstr(value, "-----BEGIN ") != NULL;
}

static void *member(void *values, size_t offset)
{
	return (char *)values + offset;
}

static bool is_list(enum conf_type type)
{
	return type == CONF_PREFIX_LIST || type == CONF_ADDR_LIST || type == CONF_ENDPOINT_LIST ||
	       type == CONF_STRING_LIST;
}

static int set_bool(struct conf_reading *in, const struct conf_row *row, const config_setting_t *s,
	void *values)
{
	if (config_setting_type(s) != CONFIG_TYPE_BOOL)
		return refuse(in, s, "%s must be true or false, without quotes", row->name);
	*(bool *)member(values, row->offset) = config_setting_get_bool(s) != 0;
	return 0;
}

/*
 * Some releases of libconfig keep only 32 bits of a number without "L", so that a hexadecimal one from 2^31 on comes
 * out negative.
 */
static int64_t get_integer(const config_setting_t *s)
{
	int64_t v = config_setting_get_int64(s);

	if (config_setting_type(s) == CONFIG_TYPE_INT && v < 0 &&
		config_setting_get_format(s) == CONFIG_FORMAT_HEX)
		v += INT64_C(1) << 32;
	return v;
}

static int set_integer(struct conf_reading *in, const struct conf_row *row,
	const config_setting_t *s, void *values)
{
	const int type = config_setting_type(s);
	const int64_t v = get_integer(s);

	if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64)
		return refuse(in, s,
			"%s must be a whole number from %" PRId64 " to %" PRId64 ", without quotes",
			row->name, row->min, row->max);
	if (v < row->min || v > row->max)
		return refuse(in, s, "%s must be from %" PRId64 " to %" PRId64 ", not %" PRId64,
			row->name, row->min, row->max, v);
	if (row->type == CONF_UINT16)
		*(uint16_t *)member(values, row->offset) = (uint16_t)v;
	else
		*(uint32_t *)member(values, row->offset) = (uint32_t)v;
	return 0;
}

/* The string of s, or NULL with the problem set: what says what was expected. */
static const char *get_string(struct conf_reading *in, const struct conf_row *row,
	const config_setting_t *s, const char *what)
{
	const char *text = config_setting_get_string(s);

	if (text == NULL)
		(void)refuse(in, s, "%s must be %s", row->name, what);
	return text;
}

static int check_text(struct conf_reading *in, const config_setting_t *s, const char *name,
	const char *text, const int64_t range[2])
{
	const int64_t len = (int64_t)strlen(text);

	if (len < range[0] || len > range[1])
		return refuse(in, s, "%s must have %" PRId64 " to %" PRId64 " bytes, not %" PRId64,
			name, range[0], range[1], len);
	for (const char *c = text; *c != '\0'; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return refuse(in, s, "%s contains a control character", name);
	}
	return 0;
}

static int set_string(struct conf_reading *in, const struct conf_row *row,
	const config_setting_t *s, void *values)
{
	const int64_t range[2] = { row->min, row->max };
	const char *text = get_string(in, row, s, "a string in quotes");

	if (text == NULL || check_text(in, s, row->name, text, range) < 0)
		return -EINVAL;
	char *copy = strdup(text);
	if (copy == NULL)
		return out_of_memory(in, s);
	conf_value_clear(row, values);
	*(char **)member(values, row->offset) = copy;
	return 0;
}

static int set_pem(struct conf_reading *in, const struct conf_row *row, const config_setting_t *s,
	void *values)
{
	const int64_t range[2] = { 1, 4095 };
	const char *text = get_string(in, row, s, "a path, or PEM text, in quotes");
	char *copy = NULL;

	if (text == NULL)
		return -EINVAL;
	if (conf_value_is_pem(text)) {
		copy = strdup(text);
	} else if (check_text(in, s, row->name, text, range) < 0) {
		return -EINVAL;
	} else if (asprintf(&copy, "%s%s", text[0] == '/' ? "" : in->folder, text) < 0) {
		copy = NULL;
	}
	if (copy == NULL)
		return out_of_memory(in, s);
	if (!conf_value_is_pem(copy) && access(copy, R_OK) != 0) {
		const int err = errno;
		(void)refuse(in, s, "%s: %.150s: %s", row->name, copy, strerror(err));
		free(copy);
		return -EINVAL;
	}
	conf_value_clear(row, values);
	*(char **)member(values, row->offset) = copy;
	return 0;
}

static void list_choices(const struct conf_row *row, char *out, size_t cap)
{
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; row->choices[i] != NULL && len < cap; i++) {
		const char *sep = i == 0 ? "" : row->choices[i + 1] == NULL ? " or " : ", ";
		int n = snprintf(out + len, cap - len, "%s\"%s\"", sep, row->choices[i]);
		len += n > 0 ? (size_t)n : 0;
	}
}

static int set_choice(struct conf_reading *in, const struct conf_row *row,
	const config_setting_t *s, void *values)
{
	char names[128];
	unsigned i = 0;

	list_choices(row, names, sizeof(names));
	const char *text = get_string(in, row, s, names);
	if (text == NULL)
		return -EINVAL;
	while (row->choices[i] != NULL && strcmp(row->choices[i], text) != 0)
		i++;
	if (row->choices[i] == NULL)
		return refuse(in, s, "%s must be %s, not \"%.40s\"", row->name, names, text);
	if (row->type == CONF_CHOICE_BOOL)
		*(bool *)member(values, row->offset) = i != 0;
	else
		*(unsigned *)member(values, row->offset) = i;
	return 0;
}

static int parse_prefix(
	struct conf_reading *in, const char *name, const config_setting_t *s, struct prefix *out)
{
	const char *text = config_setting_get_string(s);
	char fixed[PREFIX_STRLEN];
	struct prefix p;

	if (text == NULL)
		return refuse(in, s, "%s must be a prefix in quotes, like \"10.0.0.0/8\"", name);
	if (prefix_parse(text, out) == 0)
		return 0;
	if (prefix_parse_iface(text, &p) < 0)
		return refuse(in, s,
			"%s: \"%.60s\" is no prefix like \"10.0.0.0/8\" or \"fd00::/48\"", name,
			text);
	p = prefix_of(&p.addr, p.len);
	return refuse(in, s, "%s: \"%.60s\" has bits set behind its length; \"%s\" is meant?", name,
		text, prefix_format(&p, fixed));
}

static int set_prefix(struct conf_reading *in, const struct conf_row *row,
	const config_setting_t *s, void *values)
{
	return parse_prefix(in, row->name, s, member(values, row->offset));
}

static int parse_endpoint(
	struct conf_reading *in, const char *name, const config_setting_t *s, struct endpoint *out)
{
	const char *text = config_setting_get_string(s);
	char full[ENDPOINT_STRLEN + 4];
	bool any = text != NULL && text[0] == '*';

	if (text == NULL)
		return refuse(in, s, "%s must be \"host\" or \"host:port\" in quotes", name);
	if (strlen(text) < sizeof(full) - 4) {
		(void)snprintf(full, sizeof(full), "%s%s", any ? "[::]" : "", text + any);
		if (endpoint_parse(full, DEFAULT_PORT, out) == 0)
			return 0;
	}
	return refuse(in, s,
		"%s: \"%.60s\" is no \"host:port\", \"1.2.3.4:port\" or \"[v6]:port\" (port 1 to "
		"65535)",
		name, text);
}

static int parse_addr(
	struct conf_reading *in, const char *name, const config_setting_t *s, struct addr *out)
{
	const char *text = config_setting_get_string(s);

	if (text == NULL || addr_parse(text, out) < 0)
		return refuse(in, s, "%s: %s%.60s%s is no address like \"192.0.2.1\"", name,
			text != NULL ? "\"" : "", text != NULL ? text : "this",
			text != NULL ? "\"" : "");
	return 0;
}

static int parse_string(
	struct conf_reading *in, const char *name, const config_setting_t *s, char **out)
{
	const int64_t range[2] = { 1, ELEMENT_MAX };
	const char *text = config_setting_get_string(s);

	if (text == NULL)
		return refuse(in, s, "%s must be a list of strings in quotes", name);
	if (check_text(in, s, name, text, range) < 0)
		return -EINVAL;
	char *copy = strdup(text);
	if (copy == NULL)
		return out_of_memory(in, s);
	*out = copy;
	return 0;
}

static size_t element_size(enum conf_type type)
{
	if (type == CONF_PREFIX_LIST)
		return sizeof(struct prefix);
	if (type == CONF_ADDR_LIST)
		return sizeof(struct addr);
	return type == CONF_ENDPOINT_LIST ? sizeof(struct endpoint) : sizeof(char *);
}

static int parse_element(
	struct conf_reading *in, const struct conf_row *row, const config_setting_t *s, void *out)
{
	if (row->type == CONF_PREFIX_LIST)
		return parse_prefix(in, row->name, s, out);
	if (row->type == CONF_ADDR_LIST)
		return parse_addr(in, row->name, s, out);
	if (row->type == CONF_ENDPOINT_LIST)
		return parse_endpoint(in, row->name, s, out);
	return parse_string(in, row->name, s, out);
}

/* An array, a list, or one string alone. */
static int set_list(struct conf_reading *in, const struct conf_row *row, const config_setting_t *s,
	void *values)
{
	const int type = config_setting_type(s);
	const size_t size = element_size(row->type);
	size_t n = 1;

	if (type == CONFIG_TYPE_ARRAY || type == CONFIG_TYPE_LIST)
		n = (size_t)config_setting_length(s);
	else if (type != CONFIG_TYPE_STRING)
		return refuse(in, s,
			"%s must be a string or a list of strings, like [\"...\", \"...\"]",
			row->name);
	if ((int64_t)n < row->min || (int64_t)n > row->max)
		return refuse(in, s, "%s must have %" PRId64 " to %" PRId64 " elements, not %zu",
			row->name, row->min, row->max, n);

	conf_value_clear(row, values);
	if (n == 0)
		return 0;
	char *list = calloc(n, size);
	if (list == NULL)
		return out_of_memory(in, s);
	/* Stored first: what has been parsed until an error is freed with the rest. */
	*(void **)member(values, row->offset) = list;
	for (size_t i = 0; i < n; i++) {
		const config_setting_t *e =
			type == CONFIG_TYPE_STRING ? s : config_setting_get_elem(s, (unsigned)i);
		int r = parse_element(in, row, e, list + i * size);
		if (r < 0)
			return r;
		*(size_t *)member(values, row->count_offset) = i + 1;
	}
	return 0;
}

int conf_value_set(struct conf_reading *in, const struct conf_row *row, const config_setting_t *s,
	void *values)
{
	switch (row->type) {
	case CONF_BOOL:
		return set_bool(in, row, s, values);
	case CONF_UINT16:
	case CONF_UINT32:
		return set_integer(in, row, s, values);
	case CONF_STRING:
		return set_string(in, row, s, values);
	case CONF_PEM:
		return set_pem(in, row, s, values);
	case CONF_CHOICE:
	case CONF_CHOICE_BOOL:
		return set_choice(in, row, s, values);
	case CONF_PREFIX:
		return set_prefix(in, row, s, values);
	case CONF_PREFIX_LIST:
	case CONF_ADDR_LIST:
	case CONF_ENDPOINT_LIST:
	case CONF_STRING_LIST:
		break;
	}
	return set_list(in, row, s, values);
}

void conf_value_clear(const struct conf_row *row, void *values)
{
	void *at = member(values, row->offset);

	if (row->type == CONF_STRING || row->type == CONF_PEM) {
		char **text = at;
		secret_free(*text, *text != NULL ? strlen(*text) : 0);
		*text = NULL;
	} else if (is_list(row->type)) {
		size_t *n = member(values, row->count_offset);
		char **strings = row->type == CONF_STRING_LIST ? *(char ***)at : NULL;
		for (size_t i = 0; strings != NULL && i < *n; i++)
			free(strings[i]);
		free(*(void **)at);
		*(void **)at = NULL;
		*n = 0;
	}
}
