#include "net/ident.h"

#include "base/util.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define X16 "xxxxxxxxxxxxxxxx"
#define X63 X16 X16 X16 "xxxxxxxxxxxxxxx"

static int parse_bytes(const char *uri, size_t len, struct ident *out)
{
	/* Exactly as large as the text: nothing may look for a NUL. */
	char *copy = malloc(len + (len == 0));

	assert_non_null(copy);
	memcpy(copy, uri, len);
	int err = ident_parse(copy, len, out);
	free(copy);
	return err;
}

static int parse(const char *uri, struct ident *out)
{
	return parse_bytes(uri, strlen(uri), out);
}

static void well_formed(void **state)
{
	static const struct {
		const char *uri, *network, *name;
		enum ident_role role;
	} cases[] = {
		{ "spiffe://vpn.example/client/alice", "vpn.example", "alice", IDENT_CLIENT },
		{ "spiffe://vpn.example/server/gw-1", "vpn.example", "gw-1", IDENT_SERVER },
		{ "spiffe://a/client/_", "a", "_", IDENT_CLIENT },
		{ "spiffe://9-9.x/client/A.b_c@d-E9.", "9-9.x", "A.b_c@d-E9.", IDENT_CLIENT },
		{ "spiffe://" X63 "." X63 "." X63 "." X16 X16 X16 "xxxxxxxxxxxxx/server/" X63 "x",
			X63 "." X63 "." X63 "." X16 X16 X16 "xxxxxxxxxxxxx", X63 "x",
			IDENT_SERVER },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct ident id;
		char text[IDENT_URI_MAX + 1];
		assert_int_equal(parse(cases[i].uri, &id), 0);
		assert_string_equal(id.network, cases[i].network);
		assert_string_equal(id.name, cases[i].name);
		assert_int_equal(id.role, cases[i].role);
		assert_ptr_equal(ident_format(&id, text), text);
		assert_string_equal(text, cases[i].uri);
	}
}

static void malformed(void **state)
{
	static const char *const bad[] = { "", "spiffe:", "spiffe://", "spiffe:///client/a",
		"spiffe://net", "spiffe://net/client", "spiffe://net/client/", "spiffe://net//a",
		"spiffe://net/admin/a", "spiffe://net/Client/a", "spiffe://net/clients/a",
		"spiffe://net/client/a/", "spiffe://net/client/a/b", "spiffe://net/client//a",
		"spiffe://net/client/-a", "spiffe://net/client/.a", "spiffe://net/client/a b",
		"spiffe://net/client/a%20b", "spiffe://net/client/a?b", "spiffe://net/client/a#b",
		"spiffe://net/client/\xc3\xa4", "spiffe://net/client/a\n",
		"spiffe://net/client/" X63 "xx", "spiffe://Net/client/a", "spiffe://-net/client/a",
		"spiffe://net-/client/a", "spiffe://net./client/a", "spiffe://.net/client/a",
		"spiffe://a..b/client/a", "spiffe://a_b/client/a", "spiffe://user@net/client/a",
		"spiffe://net:1/client/a", "spiffe://" X63 "x/client/a",
		"spiffe://" X63 "." X63 "." X63 "." X16 X16 X16 "xxxxxxxxxxxxxx/client/a",
		"SPIFFE://net/client/a", "https://net/client/a", " spiffe://net/client/a" };
	struct ident id, before;

	(void)state;
	memset(&id, 0x5a, sizeof(id));
	before = id;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (parse(bad[i], &id) != -EINVAL)
			fail_msg("%s is taken", bad[i]);
	assert_int_equal(parse_bytes("spiffe://net/client/a\0b", 23, &id), -EINVAL);
	assert_int_equal(parse_bytes("spiffe://net/client/a\0", 22, &id), -EINVAL);
	assert_int_equal(parse_bytes("spiffe://net\0/client/a", 22, &id), -EINVAL);
	assert_int_equal(parse_bytes("spiffe://net/client\0/a", 22, &id), -EINVAL);
	assert_memory_equal(&id, &before, sizeof(id));
}

/* A certificate that has just these alternative names. */
struct names {
	uint8_t bytes[1024];
	size_t len;
	struct x509_cert cert;
};

static const struct x509_cert *add(struct names *n, uint8_t kind, const void *value, size_t len)
{
	assert_true(len < 128 && n->len + 2 + len <= sizeof(n->bytes));
	n->bytes[n->len++] = (uint8_t)(DER_CONTEXT + kind);
	n->bytes[n->len++] = (uint8_t)len;
	memcpy(n->bytes + n->len, value, len);
	n->len += len;
	n->cert.san = (struct der){ n->bytes, n->len };
	return &n->cert;
}

static const struct x509_cert *add_text(struct names *n, enum x509_san kind, const char *text)
{
	return add(n, (uint8_t)kind, text, strlen(text));
}

static void identity_of_a_certificate(void **state)
{
	struct names n = { .len = 0 };
	struct ident id = { .role = IDENT_SERVER };

	(void)state;
	assert_int_equal(ident_of_cert(&n.cert, &id), -ENOENT);
	/* The text of an identity in names of another kind, and other URIs, are none. */
	(void)add_text(&n, X509_SAN_DNS, "spiffe://net/client/a");
	(void)add_text(&n, X509_SAN_EMAIL, "spiffe://net/client/a");
	(void)add_text(&n, X509_SAN_URI, "https://net/client/a");
	(void)add_text(&n, X509_SAN_URI, "spiff");
	assert_int_equal(ident_of_cert(&n.cert, &id), -ENOENT);
	(void)add_text(&n, X509_SAN_URI, "spiffe://net/client/alice");
	(void)add_text(&n, X509_SAN_URI, "urn:uuid:1");
	assert_int_equal(ident_of_cert(&n.cert, &id), 0);
	assert_string_equal(id.network, "net");
	assert_string_equal(id.name, "alice");
	assert_int_equal(id.role, IDENT_CLIENT);
}

static void exactly_one_identity(void **state)
{
	static const char *const second[] = { "spiffe://net/client/bob",
		"spiffe://net/client/alice", "spiffe://net/x", "spiffe:x",
		"SPIFFE://net/client/bob" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(second); i++) {
		struct names n = { .len = 0 }, reversed = { .len = 0 };
		struct ident id;
		(void)add_text(&n, X509_SAN_URI, "spiffe://net/client/alice");
		assert_int_equal(ident_of_cert(&n.cert, &id), 0);
		(void)add_text(&n, X509_SAN_URI, second[i]);
		assert_int_equal(ident_of_cert(&n.cert, &id), -EINVAL);
		(void)add_text(&reversed, X509_SAN_URI, second[i]);
		(void)add_text(&reversed, X509_SAN_URI, "spiffe://net/client/alice");
		assert_int_equal(ident_of_cert(&reversed.cert, &id), -EINVAL);
	}
}

static void malformed_names_give_no_identity(void **state)
{
	struct names n = { .len = 0 };
	struct ident id;

	(void)state;
	(void)add_text(&n, X509_SAN_URI, "spiffe://net/client/alice");
	(void)add_text(&n, X509_SAN_DNS, "gw.example");
	n.cert.san.len--;
	assert_int_equal(ident_of_cert(&n.cert, &id), -EINVAL);
	assert_false(ident_cert_names_host(&n.cert, "gw.example"));
	n.cert.san.len++;
	assert_true(ident_cert_names_host(&n.cert, "gw.example"));
	/* Malformed after the one that matches. */
	(void)add(&n, X509_SAN_IP, "\x01\x02\x03", 3);
	assert_int_equal(ident_of_cert(&n.cert, &id), -EINVAL);
	assert_false(ident_cert_names_host(&n.cert, "gw.example"));
}

static void host_names(void **state)
{
	static const char *const no[] = { "", "gw", "example", "w.example.net", "xgw.example.net",
		"gw.example.net.", "gw.example.ne", "a.wild.net", "wild.net", "mail.example.net",
		"gw.example.org", "10.0.0.1", "::1" };
	struct names n = { .len = 0 };

	(void)state;
	assert_false(ident_cert_names_host(&n.cert, "gw.example.net"));
	assert_false(ident_cert_names_host(&n.cert, ""));
	(void)add_text(&n, X509_SAN_URI, "gw.example.org");
	(void)add_text(&n, X509_SAN_EMAIL, "mail.example.net");
	(void)add_text(&n, X509_SAN_DNS, "*.wild.net");
	(void)add_text(&n, X509_SAN_DNS, "*");
	(void)add_text(&n, X509_SAN_DNS, "10.0.0.1");
	(void)add_text(&n, X509_SAN_DNS, "Gw.Example.NET");
	assert_true(ident_cert_names_host(&n.cert, "gw.example.net"));
	assert_true(ident_cert_names_host(&n.cert, "GW.eXAMPLE.net"));
	for (size_t i = 0; i < ARRAY_LEN(no); i++)
		if (ident_cert_names_host(&n.cert, no[i]))
			fail_msg("\"%s\" is taken as named", no[i]);
}

static void host_addresses(void **state)
{
	static const uint8_t v4[] = { 192, 0, 2, 1 };
	static const uint8_t v6[] = { 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 };
	static const char *const no[] = { "192.0.2.2", "2001:db8::2", "::ffff:192.0.2.1", "::1",
		"0.0.0.1", "192.0.2.1/32", "[2001:db8::1]" };
	struct names n = { .len = 0 };

	(void)state;
	(void)add(&n, X509_SAN_IP, v4, sizeof(v4));
	(void)add(&n, X509_SAN_IP, v6, sizeof(v6));
	assert_true(ident_cert_names_host(&n.cert, "192.0.2.1"));
	assert_true(ident_cert_names_host(&n.cert, "2001:db8::1"));
	assert_true(ident_cert_names_host(&n.cert, "2001:0DB8:0:0::0.0.0.1"));
	for (size_t i = 0; i < ARRAY_LEN(no); i++)
		if (ident_cert_names_host(&n.cert, no[i]))
			fail_msg("\"%s\" is taken as named", no[i]);
	/* The bytes of an address spelled as a DNS name are not that address: 97.98.99.100 is "abcd". */
	(void)add_text(&n, X509_SAN_DNS, "abcd");
	assert_false(ident_cert_names_host(&n.cert, "97.98.99.100"));
	(void)add(&n, X509_SAN_IP, "wxyz", 4);
	assert_false(ident_cert_names_host(&n.cert, "wxyz"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(well_formed),
		cmocka_unit_test(malformed),
		cmocka_unit_test(identity_of_a_certificate),
		cmocka_unit_test(exactly_one_identity),
		cmocka_unit_test(malformed_names_give_no_identity),
		cmocka_unit_test(host_names),
		cmocka_unit_test(host_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
