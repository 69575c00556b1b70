/* Configuration from files: errors, secrets, paths; the examples of configs/; settings described as JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <jansson.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/client_conf.h"
#include "conf/server_conf.h"

#define PEM "\"-----BEGIN X-----\\nAAAA\\n-----END X-----\""
#define SERVER                                                                             \
	"network = \"vpn.example\"; certificate = " PEM ";\nkey = " PEM ";\nca = " PEM ";" \
	"pool4 = \"10.73.0.0/24\";"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static char folder[] = "/tmp/sallyport-test-XXXXXX";
static char path[128];

static int make_folder(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/test.conf", folder);
	return 0;
}

static int remove_folder(void **state)
{
	static const char *const names[] = { "test.conf", "more.conf", "server.pem", "client.pem",
		"server.key", "client.key", "ca.pem", "crl.pem" };

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		char file[160];
		(void)snprintf(file, sizeof(file), "%s/%s", folder, names[i]);
		(void)unlink(file);
	}
	return rmdir(folder);
}

static void write_file(const char *name, const char *text, mode_t mode)
{
	char file[160];

	(void)snprintf(file, sizeof(file), "%s/%s", folder, name);
	FILE *f = fopen(file, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(file, mode), 0);
}

static void load_fails(int expected, int line, const char *file, const char *says)
{
	struct server_conf s;
	struct conf_error err;
	char whole[256];

	assert_int_equal(server_conf_load(path, &s, &err), expected);
	(void)snprintf(whole, sizeof(whole), "%s%s%s", folder, file[0] != '\0' ? "/" : "", file);
	assert_string_equal(err.file, whole);
	assert_int_equal(err.line, line);
	if (strstr(err.text, says) == NULL)
		fail_msg("%s", err.text);
}

static void test_file_errors(void **state)
{
	struct server_conf s;
	struct conf_error err;

	(void)state;
	load_fails(-ENOENT, 0, "test.conf", "No such file");
	assert_int_equal(server_conf_load(folder, &s, &err), -EINVAL);
	assert_string_equal(err.file, folder);
	assert_string_equal(err.text, "is not a regular file");
	write_file("test.conf", "\n\nmtu = \n", 0600);
	load_fails(-EINVAL, 4, "test.conf", "syntax error");
	write_file("test.conf", "\n\nmtu = 1;\n", 0600);
	load_fails(-EINVAL, 3, "test.conf", "mtu must be from 1280");
	write_file("test.conf", "\n\n@include \"more.conf\"\n", 0600);
	load_fails(-EINVAL, 3, "test.conf", "cannot open include file");
	write_file("more.conf", "\nmtu = 2;", 0600);
	load_fails(-EINVAL, 2, "more.conf", "mtu must be from 1280");
}

/* A key written out makes the file secret, also in a file that is included. */
static void test_file_secret(void **state)
{
	static const mode_t modes[] = { 0640, 0604, 0620, 0601 };
	struct server_conf s;
	struct conf_error err;

	(void)state;
	for (size_t i = 0; i < COUNT(modes); i++) {
		write_file("test.conf", SERVER, modes[i]);
		load_fails(-EINVAL, 2, "test.conf", "run: chmod 600 /tmp/sallyport-test");
	}
	write_file("test.conf", SERVER, 0600);
	assert_int_equal(server_conf_load(path, &s, &err), 0);
	server_conf_clear(&s);
	write_file("test.conf", "@include \"more.conf\"\n", 0644);
	write_file("more.conf", SERVER, 0640);
	load_fails(-EINVAL, 2, "more.conf", "run: chmod 600");
	write_file("more.conf", SERVER, 0600);
	assert_int_equal(server_conf_load(path, &s, &err), 0);
	server_conf_clear(&s);
}

/* Paths that do not start with a slash start where the configuration file is. */
static void test_file_relative(void **state)
{
	struct server_conf s;
	struct conf_error err;
	char whole[256];

	(void)state;
	write_file("ca.pem", "x", 0644);
	write_file("test.conf",
		"network = \"n\"; pool4 = \"10.0.0.0/8\"; certificate = \"ca.pem\";"
		"key = \"./ca.pem\"; ca = \"ca.pem\";",
		0644);
	assert_int_equal(server_conf_load(path, &s, &err), 0);
	(void)snprintf(whole, sizeof(whole), "%s/ca.pem", folder);
	assert_string_equal(s.ca, whole);
	(void)snprintf(whole, sizeof(whole), "%s/./ca.pem", folder);
	assert_string_equal(s.key, whole);
	server_conf_clear(&s);
}

/*
 * An example file of configs/, written to test.conf with its paths led to this test's folder; with every setting that is
 * commented out put in force when all is set.
 */
static void write_example(const char *name, bool all)
{
	const char *end = strrchr(__FILE__, '/');
	char from[512], line[512], out[16384];
	size_t len = 0;

	assert_non_null(end);
	(void)snprintf(
		from, sizeof(from), "%.*s/../../configs/%s", (int)(end - __FILE__), __FILE__, name);
	FILE *f = fopen(from, "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		const char *text = line[0] == '#' && line[1] != ' ' && all ? line + 1 : line;
		const char *etc = strstr(text, "/etc/sallyport");
		int n = etc == NULL ? snprintf(out + len, sizeof(out) - len, "%s", text)
				    : snprintf(out + len, sizeof(out) - len, "%.*s%s%s",
					      (int)(etc - text), text, folder, etc + 14);
		len += (size_t)n;
		assert_true(len < sizeof(out));
	}
	(void)fclose(f);
	write_file("test.conf", out, 0644);
}

static void test_examples(void **state)
{
	static const char *const names[] = { "server.pem", "client.pem", "server.key", "client.key",
		"ca.pem", "crl.pem" };
	struct conf_error err = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++)
		write_file(names[i], "x", 0600);
	for (int all = 0; all < 2; all++) {
		struct server_conf s;
		struct client_conf c;
		write_example("server.conf", all);
		if (server_conf_load(path, &s, &err) != 0)
			fail_msg("server.conf:%d: %s", err.line, err.text);
		assert_int_equal(s.mtu, 1400);
		assert_int_equal(s.crl != NULL, all);
		server_conf_clear(&s);
		write_example("client.conf", all);
		if (client_conf_load(path, &c, &err) != 0)
			fail_msg("client.conf:%d: %s", err.line, err.text);
		assert_int_equal(c.server_name != NULL, all);
		client_conf_clear(&c);
	}
}

static json_t *describe(const struct conf_table *t)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	conf_describe(t, f);
	(void)fclose(f);
	json_t *all = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	free(text);
	assert_true(json_is_array(all));
	return all;
}

/* The object of one setting. */
static const json_t *described(const json_t *all, const char *name)
{
	size_t i;
	const json_t *o;

	json_array_foreach(all, i, o)
	{
		if (strcmp(json_string_value(json_object_get(o, "name")), name) == 0)
			return o;
	}
	fail_msg("%s is not there", name);
	return NULL;
}

static void test_describe(void **state)
{
	(void)state;
	json_t *all = describe(server_conf_table());
	const json_t *mtu = described(all, "mtu"), *ca = described(all, "ca");
	const json_t *device = described(all, "device"), *stale = described(all, "crl_stale");
	const json_t *range = json_object_get(mtu, "range");

	assert_string_equal(json_string_value(json_object_get(mtu, "type")), "integer");
	assert_string_equal(json_string_value(json_object_get(mtu, "default")), "1400");
	assert_int_equal(json_integer_value(json_object_get(range, "min")), 1280);
	assert_int_equal(json_integer_value(json_object_get(range, "max")), 65535);
	assert_true(json_is_false(json_object_get(mtu, "required")));
	assert_string_equal(json_string_value(json_object_get(device, "default")), "\"sally0\"");
	assert_true(json_is_null(json_object_get(ca, "default")));
	assert_true(json_is_true(json_object_get(ca, "required")));
	assert_int_equal(json_array_size(json_object_get(stale, "choices")), 2);
	json_decref(all);
	all = describe(client_conf_table());
	assert_non_null(described(all, "fwmark"));
	json_decref(all);
}

static void test_print_error(void **state)
{
	static const struct {
		struct conf_error err;
		const char *printed;
	} cases[] = {
		{ { "/etc/a.conf", 3, "is wrong" }, "/etc/a.conf:3: is wrong\n" },
		{ { "/etc/a.conf", 0, "is wrong" }, "/etc/a.conf: is wrong\n" },
		{ { "", 3, "is wrong" }, "3: is wrong\n" },
		{ { "", 0, "is wrong" }, "is wrong\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *text = NULL;
		size_t len = 0;
		FILE *f = open_memstream(&text, &len);
		assert_non_null(f);
		conf_print_error(&cases[i].err, f);
		(void)fclose(f);
		assert_string_equal(text, cases[i].printed);
		free(text);
	}
	assert_int_equal(
		strspn(conf_library_version(), "0123456789."), strlen(conf_library_version()));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_file_errors),
		cmocka_unit_test(test_file_secret),
		cmocka_unit_test(test_file_relative),
		cmocka_unit_test(test_examples),
		cmocka_unit_test(test_describe),
		cmocka_unit_test(test_print_error),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
