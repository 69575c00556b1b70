#include "net/x509.h"

#include "base/util.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static int pem(const char *text, const char *label, uint8_t *out, size_t cap, size_t *pos)
{
	return x509_pem_next(text, strlen(text), pos, label, out, cap);
}

static void test_pem_finds_each_block(void **state)
{
	(void)state;
	static const char two[] = "words before\n"
				  "-----BEGIN A-----\nAQID\n-----END A-----\n"
				  "between -----BEGIN A----- in a line\r\n"
				  "-----BEGIN B-----\r\nAQI=\r\n-----END B-----\r\n"
				  "-----BEGIN A-----\n BA \n ==\n-----END A-----";
	uint8_t out[16];
	size_t pos = 0;

	assert_int_equal(pem(two, "A", out, sizeof(out), &pos), 3);
	assert_memory_equal(out, "\1\2\3", 3);
	assert_int_equal(pem(two, NULL, out, sizeof(out), &pos), 2);
	assert_memory_equal(out, "\1\2", 2);
	assert_int_equal(pem(two, "A", out, sizeof(out), &pos), 1);
	assert_int_equal(out[0], 4);
	assert_int_equal(pem(two, "A", out, sizeof(out), &pos), 0);

	pos = 0;
	assert_int_equal(pem(two, "C", out, sizeof(out), &pos), 0);
	assert_int_equal(pos, 0);
	assert_int_equal(pem("", NULL, out, sizeof(out), &pos), 0);
}

static void test_pem_malformed(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"-----BEGIN A-----\nAQID\n",                  /* no end */
		"-----BEGIN A-----\nAQID\n-----END B-----\n", /* another's end */
		"-----BEGIN A-----\nAQID\n-----END A----\n",
		"-----BEGIN A----\nAQID\n-----END A-----\n",
		"-----BEGIN A-----\nAQI\n-----END A-----\n",  /* three characters */
		"-----BEGIN A-----\nAQ=D\n-----END A-----\n", /* padding inside */
		"-----BEGIN A-----\nAQ==AQID\n-----END A-----\n",
		"-----BEGIN A-----\nA===\n-----END A-----\n",
		"-----BEGIN A-----\nAR==\n-----END A-----\n", /* bits left over */
		"-----BEGIN A-----\nAQ*D\n-----END A-----\n",
		"-----BEGIN A-----\n-----END A-----\n", /* nothing in it */
		"-----BEGIN A-----\nDEK-Info: x\n\nAQID\n-----END A-----\n",
	};
	uint8_t out[16];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		size_t pos = 0;
		assert_int_equal(pem(bad[i], "A", out, sizeof(out), &pos), -EBADMSG);
		assert_int_equal(pos, 0);
	}
}

static void test_pem_that_does_not_fit(void **state)
{
	(void)state;
	static const char text[] = "-----BEGIN A-----\nAQIDBA==\n-----END A-----\n";
	uint8_t out[4];
	size_t pos = 0;

	assert_int_equal(pem(text, "A", out, 3, &pos), -ENOBUFS);
	assert_int_equal(pem(text, "A", out, 0, &pos), -ENOBUFS);
	assert_int_equal(pos, 0);
	assert_int_equal(pem(text, "A", out, 4, &pos), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pem_finds_each_block),
		cmocka_unit_test(test_pem_malformed),
		cmocka_unit_test(test_pem_that_does_not_fit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
