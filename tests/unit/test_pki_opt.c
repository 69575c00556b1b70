#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "pki/opt.h"

struct values {
	bool flag;
	const char *text;
	int64_t number;
	struct opt_list list;
};

static const struct opt opts[] = {
	{ "flag", OPT_FLAG, offsetof(struct values, flag), NULL, "", 0, 0 },
	{ "text", OPT_TEXT, offsetof(struct values, text), "T", "", 0, 0 },
	{ "number", OPT_NUMBER, offsetof(struct values, number), "N", "", -5, 100 },
	{ "list", OPT_LIST, offsetof(struct values, list), "L", "", 0, 0 },
};

enum { ARGS_MAX = 80 };

static void add(char *out, size_t cap, const char *text)
{
	size_t n = strlen(out);

	(void)snprintf(out + n, cap - n, "%s", text);
}

/* Parse the words of line.  Returns what opt_parse() does; the arguments left are in rest, joined by spaces. */
static int parse(const char *line, struct values *v, char rest[static 256])
{
	static char words[4096];
	char *argv[ARGS_MAX], why[256] = "", *save = NULL;
	const struct opt_set set = { opts, sizeof(opts) / sizeof(opts[0]), v };
	int argc = 0;

	(void)snprintf(words, sizeof(words), "%s", line);
	for (char *w = strtok_r(words, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save)) {
		assert_true(argc < ARGS_MAX);
		argv[argc++] = w;
	}
	*v = (struct values){ .number = 7 };
	int r = opt_parse(&set, 1, &argc, argv, why);
	assert_int_equal(r < 0, why[0] != '\0');
	rest[0] = '\0';
	for (int i = 0; r == 0 && i < argc; i++) {
		add(rest, 256, i > 0 ? " " : "");
		add(rest, 256, argv[i]);
	}
	return r;
}

static void test_forms(void **state)
{
	struct values v;
	char rest[256];

	(void)state;
	assert_int_equal(parse("a --flag b --text x --number=12 --list 1 c --list=2", &v, rest), 0);
	assert_string_equal(rest, "a b c");
	assert_true(v.flag);
	assert_string_equal(v.text, "x");
	assert_int_equal(v.number, 12);
	assert_int_equal(v.list.n, 2);
	assert_string_equal(v.list.item[1], "2");

	/* Values may look like options; what follows "--" never is one; "-" is an argument. */
	assert_int_equal(parse("--text --flag - -- --flag", &v, rest), 0);
	assert_string_equal(v.text, "--flag");
	assert_false(v.flag);
	assert_string_equal(rest, "- --flag");

	assert_int_equal(parse("--text= --number -5", &v, rest), 0);
	assert_string_equal(v.text, "");
	assert_int_equal(v.number, -5);

	assert_int_equal(parse("", &v, rest), 0);
	assert_int_equal(v.number, 7);
}

static void test_refused(void **state)
{
	static const char *const bad[] = { "--none", "-f", "--fla", "--flags", "--flag=1", "--text",
		"--text a --text b", "--number", "--number x", "--number 1x",
		"--number=", "--number 101", "--number -6", "--number 99999999999999999999",
		"--list", "--=x", "---flag" };
	struct values v;
	char rest[256], many[ARGS_MAX * 9] = "";

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(parse(bad[i], &v, rest), -EINVAL);
	for (int i = 0; i < OPT_LIST_MAX; i++)
		add(many, sizeof(many), "--list=x ");
	assert_int_equal(parse(many, &v, rest), 0);
	add(many, sizeof(many), "--list=x ");
	assert_int_equal(parse(many, &v, rest), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
