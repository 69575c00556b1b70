/*
 * Configuration from any text.  What loads is within the range its table documents, and passes the checks that go over
 * several settings; what does not names a line of the text, says something, and leaves the values alone.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "conf/client_conf.h"
#include "conf/conf_table.h"
#include "conf/server_conf.h"

/* libconfig 1.5 loses the strings its parser holds when it comes upon a syntax error. */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
	return "leak:strbuf_append\nleak:libconfig_yylex\n";
}

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_row(const struct conf_row *row, const void *values)
{
	const char *at = (const char *)values + row->offset;
	const char *count = (const char *)values + row->count_offset;
	int64_t n = 0;

	if (row->type == CONF_UINT16)
		n = *(const uint16_t *)(const void *)at;
	else if (row->type == CONF_UINT32)
		n = *(const uint32_t *)(const void *)at;
	else if (row->count_offset != 0)
		n = (int64_t) * (const size_t *)(const void *)count;
	else if (row->type == CONF_STRING && *(char *const *)(const void *)at != NULL)
		n = (int64_t)strlen(*(char *const *)(const void *)at);
	else
		return;
	require(n >= row->min && n <= row->max);
}

static void check_table(const struct conf_table *t, const void *values)
{
	for (size_t i = 0; i < t->n_rows; i++)
		check_row(&t->rows[i], values);
}

static void check_server(const struct server_conf *s)
{
	struct addr a;

	check_table(server_conf_table(), s);
	require(s->network != NULL && s->certificate != NULL && s->key != NULL && s->ca != NULL);
	require(s->dead_after_s > s->keepalive_s);
	require(s->log_level <= 3);
	require(s->pool4.addr.family == 4 || s->pool6.addr.family == 6);
	require(s->pool4.addr.family == 0 || (s->pool4.len >= 8 && s->pool4.len <= 30));
	require(s->pool6.addr.family == 0 || (s->pool6.len >= 64 && s->pool6.len <= 126));
	for (size_t i = 0; i < s->n_listen; i++)
		require(addr_parse(s->listen[i].host, &a) == 0 && s->listen[i].port > 0);
	for (size_t i = 0; i < s->n_routes; i++) {
		for (size_t j = 0; j < i; j++)
			require(!prefix_equal(&s->routes[i], &s->routes[j]));
	}
}

static void check_client(const struct client_conf *s)
{
	check_table(client_conf_table(), s);
	require(s->network != NULL && s->certificate != NULL && s->key != NULL && s->ca != NULL);
	require(s->retry_max_s >= s->retry_min_s);
	require(s->table < 253 || s->table > 255);
	require(s->log_level <= 3);
	for (size_t i = 0; i < s->n_remotes; i++)
		require(s->remotes[i].host[0] != '\0' && s->remotes[i].port > 0);
}

static void check_error(const struct conf_error *err, const char *text)
{
	int lines = 1;

	for (const char *c = text; *c != '\0'; c++)
		lines += *c == '\n';
	require(err->line >= 0 && err->line <= lines);
	require(err->text[0] != '\0' && memchr(err->text, '\0', sizeof(err->text)) != NULL);
	require(err->file[0] == '\0');
}

enum { UNTOUCHED = 0x5a };

static void check_untouched(const void *values, size_t size)
{
	const uint8_t *bytes = values;

	for (size_t i = 0; i < size; i++)
		require(bytes[i] == UNTOUCHED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct server_conf s;
	struct client_conf c;
	struct conf_error err;
	char *text = malloc(size + 1);

	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	memset(&s, UNTOUCHED, sizeof(s));
	memset(&c, UNTOUCHED, sizeof(c));
	if (strstr(text, "@include") != NULL) { /* Files of this machine are no input. */
		free(text);
		return 0;
	}
	if (server_conf_load_string(text, &s, &err) == 0) {
		check_server(&s);
		server_conf_clear(&s);
	} else {
		check_error(&err, text);
		check_untouched(&s, sizeof(s));
	}
	if (client_conf_load_string(text, &c, &err) == 0) {
		check_client(&c);
		client_conf_clear(&c);
	} else {
		check_error(&err, text);
		check_untouched(&c, sizeof(c));
	}
	free(text);
	return 0;
}
