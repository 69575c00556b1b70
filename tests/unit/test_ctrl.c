#include "net/ctrl.h"

#include "base/util.h"
#include "net/frame.h"
#include "net/offload.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HELLO "\"type\":\"HELLO\",\"version\":1,\"software\":\"x\""
#define WELCOME \
	"\"type\":\"WELCOME\",\"version\":1,\"software\":\"sallyport 0.1.0\",\"features\":[]"
#define SESSION "\"session\":\"0123456789abcdef0123456789ABCDEF\""
#define ADDRS   "\"addresses\":[\"10.8.0.7/16\",\"fd00::7/64\"]"
#define ROUTES  "\"routes\":[\"192.0.2.0/24\",\"2001:db8::/32\"]"
#define NUMBERS "\"mtu\":1400,\"keepalive\":10,\"dead_after\":30,\"time\":1767225600"
#define DNS     "\"dns\":{\"servers\":[\"10.8.0.1\"],\"domains\":[\"corp.example\"]}"
#define DAYS    "\"days\":{\"certificate\":20,\"ca\":300,\"crl\":-2}"
#define BASIC   WELCOME "," SESSION "," ADDRS "," ROUTES "," NUMBERS

static int decode_bytes(const void *bytes, size_t len, struct ctrl_msg *out, char why[static 128])
{
	/* Exactly as large as the text, so that a sanitizer sees a read past its end. */
	uint8_t *copy = malloc(len + (len == 0));

	assert_non_null(copy);
	memcpy(copy, bytes, len);
	int err = ctrl_decode(copy, len, out, why);
	free(copy);
	return err;
}

static struct ctrl_msg decode(const char *text)
{
	struct ctrl_msg msg;
	char why[128] = "";

	if (decode_bytes(text, strlen(text), &msg, why) != 0)
		fail_msg("%s: %s", text, why);
	return msg;
}

/* reason: part of what is said. */
static void assert_refused_bytes(const void *bytes, size_t len, const char *reason)
{
	static struct ctrl_msg msg, before;
	char why[128] = "";

	memset(&msg, 0x5a, sizeof(msg));
	memset(&before, 0x5a, sizeof(before));
	assert_int_equal(decode_bytes(bytes, len, &msg, why), -EBADMSG);
	if (strstr(why, reason) == NULL)
		fail_msg("%.60s: \"%s\" is not said, but: %s", (const char *)bytes, reason, why);
	assert_memory_equal(&msg, &before, sizeof(msg));
}

static void assert_refused(const char *text, const char *reason)
{
	assert_refused_bytes(text, strlen(text), reason);
}

static void assert_encodes(const struct ctrl_msg *msg, const char *expected)
{
	uint8_t out[FRAME_CTRL_MAX];
	size_t len = strlen(expected);

	assert_int_equal(ctrl_encode(msg, out, sizeof(out)), len);
	assert_memory_equal(out, expected, len);
	/* Exactly enough room, and less. */
	assert_int_equal(ctrl_encode(msg, out, len), len);
	for (size_t cap = 0; cap < len; cap += 7)
		assert_int_equal(ctrl_encode(msg, out, cap), -ENOBUFS);
}

static void hello(void **state)
{
	struct ctrl_msg msg =
		decode("{" HELLO ",\"features\":[\"super-udp\",\"later\",\"super-csum\"],"
		       "\"unknown\":{\"a\":[1.5,null,true]}}");

	(void)state;
	assert_int_equal(msg.type, CTRL_HELLO);
	assert_int_equal(msg.hello.version, 1);
	assert_string_equal(msg.hello.software, "x");
	assert_int_equal(msg.hello.features, OFFLOAD_CAN_UDP | OFFLOAD_CAN_CSUM);
	assert_encodes(&msg, "{" HELLO ",\"features\":[\"super-csum\",\"super-udp\"]}");
	msg = decode("{" HELLO ",\"features\":[\"super-tcp\"]}");
	assert_int_equal(msg.hello.features, OFFLOAD_CAN_TCP);
}

static void welcome(void **state)
{
	struct ctrl_msg msg = decode("{" BASIC "," DNS "," DAYS "}");
	const struct ctrl_welcome *w = &msg.welcome;
	char text[PREFIX_STRLEN];

	(void)state;
	assert_int_equal(msg.type, CTRL_WELCOME);
	assert_string_equal(w->hello.software, "sallyport 0.1.0");
	assert_string_equal(w->session, "0123456789abcdef0123456789ABCDEF");
	assert_int_equal(w->n_addresses, 2);
	assert_string_equal(prefix_format(&w->addresses[0], text), "10.8.0.7/16");
	assert_string_equal(prefix_format(&w->addresses[1], text), "fd00::7/64");
	assert_int_equal(w->n_routes, 2);
	assert_string_equal(prefix_format(&w->routes[1], text), "2001:db8::/32");
	assert_int_equal(w->mtu, 1400);
	assert_int_equal(w->keepalive_s, 10);
	assert_int_equal(w->dead_after_s, 30);
	assert_int_equal(w->time, 1767225600);
	assert_int_equal(w->dns.n_servers, 1);
	assert_string_equal(addr_format(&w->dns.servers[0], text), "10.8.0.1");
	assert_int_equal(w->dns.n_domains, 1);
	assert_string_equal(w->dns.domains[0], "corp.example");
	assert_int_equal(w->days_certificate, 20);
	assert_int_equal(w->days_ca, 300);
	assert_int_equal(w->days_crl, -2);
	assert_encodes(&msg, "{" BASIC "," DNS "," DAYS "}");
}

static void welcome_without_the_optional(void **state)
{
	struct ctrl_msg msg = decode("{" BASIC "}");

	(void)state;
	assert_int_equal(msg.welcome.dns.n_servers, 0);
	assert_int_equal(msg.welcome.days_certificate, CTRL_DAYS_UNKNOWN);
	assert_int_equal(msg.welcome.days_ca, CTRL_DAYS_UNKNOWN);
	assert_int_equal(msg.welcome.days_crl, CTRL_DAYS_UNKNOWN);
	assert_encodes(&msg, "{" BASIC "}");
	msg = decode("{" BASIC ",\"days\":{\"ca\":0},\"dns\":{}}");
	assert_int_equal(msg.welcome.days_ca, 0);
	assert_encodes(&msg, "{" BASIC ",\"days\":{\"ca\":0}}");
}

static void largest_welcome_fits_a_frame(void **state)
{
	static struct ctrl_msg msg, back;
	static uint8_t out[FRAME_CTRL_MAX];
	struct ctrl_welcome *w = &msg.welcome;
	char why[128];

	(void)state;
	msg = decode("{" BASIC "," DAYS "}");
	w->n_addresses = CTRL_MAX_ADDRS;
	w->n_routes = CTRL_MAX_ROUTES;
	w->dns.n_servers = CTRL_MAX_DNS_SERVERS;
	w->dns.n_domains = CTRL_MAX_DNS_DOMAINS;
	memset(w->hello.software, '"', CTRL_SOFTWARE_LEN);
	for (size_t i = 0; i < CTRL_MAX_ADDRS; i++)
		w->addresses[i] = prefix_host(&w->addresses[1].addr);
	for (size_t i = 0; i < CTRL_MAX_ROUTES; i++)
		assert_int_equal(
			prefix_parse("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff/128", &w->routes[i]),
			0);
	for (size_t i = 0; i < CTRL_MAX_DNS_SERVERS; i++)
		w->dns.servers[i] = w->routes[0].addr;
	for (size_t i = 0; i < CTRL_MAX_DNS_DOMAINS; i++)
		memset(w->dns.domains[i], 'd', 253);
	int n = ctrl_encode(&msg, out, sizeof(out));
	assert_in_range(n, 20000, FRAME_CTRL_MAX);
	assert_int_equal(ctrl_decode(out, (size_t)n, &back, why), 0);
	assert_memory_equal(&back, &msg, sizeof(msg));
}

static void the_others(void **state)
{
	struct ctrl_msg msg = decode(" { \"type\" : \"READY\" } \n");

	(void)state;
	assert_int_equal(msg.type, CTRL_READY);
	assert_encodes(&msg, "{\"type\":\"READY\"}");
	msg = decode("{\"type\":\"PING\",\"id\":0}");
	assert_int_equal(msg.type, CTRL_PING);
	msg = decode("{\"id\":9007199254740991,\"type\":\"PONG\"}");
	assert_int_equal(msg.type, CTRL_PONG);
	assert_true(msg.ping.id == 9007199254740991);
	assert_encodes(&msg, "{\"type\":\"PONG\",\"id\":9007199254740991}");
	msg = decode("{\"type\":\"BYE\",\"code\":\"full\"}");
	assert_int_equal(msg.type, CTRL_BYE);
	assert_int_equal(msg.bye.move_to.port, 0);
	assert_encodes(&msg, "{\"type\":\"BYE\",\"code\":\"full\"}");
	static const char bye[] =
		"{\"type\":\"BYE\",\"code\":\"full\",\"text\":\"zum \xc3\x9c"
		"berlaufen\",\"retry_after\":86400,\"move_to\":\"[2001:db8::1]:443\"}";
	msg = decode(bye);
	assert_string_equal(msg.bye.text, "zum \xc3\x9c"
					  "berlaufen");
	assert_int_equal(msg.bye.retry_after_s, 86400);
	assert_string_equal(msg.bye.move_to.host, "2001:db8::1");
	assert_int_equal(msg.bye.move_to.port, 443);
	assert_encodes(&msg, bye);
	assert_string_equal(ctrl_type_name(CTRL_WELCOME), "WELCOME");
	assert_string_equal(ctrl_type_name(CTRL_N_TYPES), "?");
}

static void malformed_json(void **state)
{
	static const char *const bad[] = { "[]", "\"HELLO\"", "12", "null", "  ", "{]", "nonsense",
		"{\"type\":\"READY\"}x", "{\"type\":\"READY\"}{}", "{'type':'READY'}",
		"{\"type\":\"READY\",}", "{\"type\":\"READY\",\"a\":01}",
		"{\"type\":\"READY\",\"a\":NaN}", "{\"type\":\"READY\",\"a\":1e999}",
		"{\"type\":\"READY\",\"type\":\"READY\"}",
		"{\"type\":\"READY\",\"a\":1,\"\\u0061\":1}",
		"{\"type\":\"READY\",\"a\":{\"b\":1,\"b\":2}}",
		"{\"type\":\"READY\",\"a\":\"\\u0000\"}", "{\"type\":\"READY\",\"\\u0000\":1}",
		"{\"type\":\"READY\",\"a\":\"\x01\"}", "{\"type\":\"READY\",\"a\":\"\xff\"}",
		"{\"type\":\"READY\",\"a\":\"\xc0\x80\"}", "{\"type\":\"READY\",\"a\":\"\\ud800\"}",
		"{\"type\":\"READY\",\"a\":99999999999999999999}" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_refused(bad[i], "not a JSON object");
	assert_refused_bytes("{\"type\":\"READY\"}", 17, "not a JSON object");
	assert_refused_bytes("{\"type\":\"READY\0\"}", 17, "not a JSON object");
	assert_refused("", "length");
	assert_refused("{", "length");
}

static void wrong_type_member(void **state)
{
	static const char *const bad[] = { "{}", "{\"type\":1}", "{\"type\":null}",
		"{\"type\":\"\"}", "{\"type\":\"hello\"}", "{\"type\":\"HELLO \"}",
		"{\"type\":\"UPDATE\"}", "{\"type\":[\"HELLO\"]}" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_refused(bad[i], "type: ");
}

static void length_is_limited(void **state)
{
	static const char ready[] = "{\"type\":\"READY\"}";
	static char text[FRAME_CTRL_MAX + 1];

	(void)state;
	memset(text, ' ', sizeof(text));
	for (size_t i = 0; ready[i] != '\0'; i++)
		text[i] = ready[i];
	struct ctrl_msg msg;
	char why[128];
	assert_int_equal(decode_bytes(text, FRAME_CTRL_MAX, &msg, why), 0);
	assert_refused_bytes(text, FRAME_CTRL_MAX + 1, "length");
}

static void depth_is_limited(void **state)
{
	static char text[FRAME_CTRL_MAX];

	(void)state;
	/* The message itself is one. */
	(void)decode("{\"type\":\"READY\",\"a\":[[[[[[[1]]]]]]]}");
	(void)decode("{\"type\":\"READY\",\"a\":[{\"b\":[{\"c\":[{\"d\":[]}]}]}]}");
	assert_refused("{\"type\":\"READY\",\"a\":[[[[[[[[1]]]]]]]]}", "too deep");
	assert_refused("{\"type\":\"READY\",\"a\":[{\"b\":[{\"c\":[{\"d\":[{}]}]}]}]}", "too deep");
	/* Beside each other is not within each other, and strings do not nest. */
	(void)decode("{\"type\":\"READY\",\"a\":[[],[],[],[],[],[],[],[],[],[]]}");
	(void)decode("{\"type\":\"READY\",\"a\":\"[[[[[[[[[[{{{{{{{{{{\"}");
	(void)decode("{\"type\":\"READY\",\"a\":\"\\\"[[[[[[[[[[\\\\\"}");
	assert_refused("{\"type\":\"READY\",\"a\":\"\\\\\",\"b\":[[[[[[[[[]]]]]]]]]}", "too deep");
	assert_refused("{\"type\":\"READY\",\"a\":\"\\\"\",\"b\":[[[[[[[[[]]]]]]]]]}", "too deep");
	/* What never closes, and what is closed before it is opened. */
	memset(text, '[', sizeof(text));
	assert_refused_bytes(text, sizeof(text), "too deep");
	memset(text, ']', 100);
	assert_refused_bytes(text, sizeof(text), "too deep");
}

/* Each replaces or adds one member of a message that is right without it. */
static void members_out_of_range(void **state)
{
	static const struct {
		const char *text, *reason;
	} bad[] = {
		{ "{\"type\":\"HELLO\",\"version\":1,\"features\":[]}", "software: " },
		{ "{\"type\":\"HELLO\",\"software\":\"\",\"features\":[]}", "version: " },
		{ "{\"type\":\"HELLO\",\"version\":1.0,\"software\":\"\",\"features\":[]}",
			"version: " },
		{ "{\"type\":\"HELLO\",\"version\":2,\"software\":\"\",\"features\":[]}",
			"version: " },
		{ "{\"type\":\"HELLO\",\"version\":\"1\",\"software\":\"\",\"features\":[]}",
			"version: " },
		{ "{\"type\":\"HELLO\",\"version\":true,\"software\":\"\",\"features\":[]}",
			"version: " },
		{ "{\"type\":\"HELLO\",\"version\":1,\"software\":1,\"features\":[]}",
			"software: " },
		{ "{" HELLO "}", "features: " },
		{ "{" HELLO ",\"features\":\"super-tcp\"}", "features: " },
		{ "{" HELLO ",\"features\":[1]}", "features: element 0" },
		{ "{" HELLO ",\"features\":{}}", "features: " },
		{ "{" WELCOME "}", "session: " },
		{ "{" WELCOME ",\"session\":\"0123456789abcdef0123456789abcde\"}", "session: " },
		{ "{" WELCOME ",\"session\":\"0123456789abcdef0123456789abcdef0\"}", "session: " },
		{ "{" WELCOME ",\"session\":\"0123456789abcdef0123456789abcdeg\"}", "session: " },
		{ "{" WELCOME "," SESSION ",\"addresses\":[]}", "addresses: " },
		{ "{" WELCOME "," SESSION ",\"addresses\":[\"10.8.0.7\"]}",
			"addresses: element 0" },
		{ "{" WELCOME "," SESSION ",\"addresses\":[\"10.8.0.7/33\"]}", "addresses: " },
		{ "{" WELCOME "," SESSION ",\"addresses\":[\"10.8.0.7/16\",null]}",
			"addresses: element 1" },
		{ "{" WELCOME "," SESSION "," ADDRS "}", "routes: " },
		{ "{" WELCOME "," SESSION "," ADDRS ",\"routes\":[\"10.0.0.1/8\"]}",
			"routes: element 0" },
		{ "{" WELCOME "," SESSION "," ADDRS "," ROUTES "}", "mtu: " },
		{ "{" WELCOME "," SESSION "," ADDRS "," ROUTES ",\"mtu\":1279}", "mtu: " },
		{ "{" WELCOME "," SESSION "," ADDRS "," ROUTES ",\"mtu\":65536}", "mtu: " },
		{ "{" WELCOME "," SESSION "," ADDRS "," ROUTES ",\"mtu\":1280}", "keepalive: " },
		{ "{" WELCOME "," SESSION "," ADDRS "," ROUTES ",\"mtu\":1280,\"keepalive\":0}",
			"keepalive: " },
		{ "{" WELCOME "," SESSION "," ADDRS "," ROUTES
		  ",\"mtu\":65535,\"keepalive\":1,\"dead_after\":3601}",
			"dead_after: " },
		{ "{" WELCOME "," SESSION "," ADDRS "," ROUTES
		  ",\"mtu\":65535,\"keepalive\":1,\"dead_after\":3600,\"time\":-1}",
			"time: " },
		{ "{" BASIC ",\"dns\":[]}", "dns: " },
		{ "{" BASIC ",\"dns\":null}", "dns: " },
		{ "{" BASIC ",\"dns\":{\"servers\":\"10.0.0.1\"}}", "dns.servers: " },
		{ "{" BASIC ",\"dns\":{\"servers\":[\"10.0.0.1/32\"]}}", "dns.servers: element 0" },
		{ "{" BASIC ",\"dns\":{\"domains\":[\"a\",\"b..c\"]}}", "dns.domains: element 1" },
		{ "{" BASIC ",\"dns\":{\"domains\":[\"\"]}}", "dns.domains: " },
		{ "{" BASIC ",\"dns\":{\"domains\":[\".a\"]}}", "dns.domains: " },
		{ "{" BASIC ",\"dns\":{\"domains\":[\"-a\"]}}", "dns.domains: " },
		{ "{" BASIC ",\"dns\":{\"domains\":[\"a b\"]}}", "dns.domains: " },
		{ "{" BASIC ",\"dns\":{\"domains\":[\"a\\nnameserver 192.0.2.1\"]}}",
			"dns.domains: " },
		{ "{" BASIC ",\"days\":1}", "days: " },
		{ "{" BASIC ",\"days\":{\"ca\":null}}", "days.ca: " },
		{ "{" BASIC ",\"days\":{\"crl\":2147483648}}", "days.crl: " },
		{ "{" BASIC ",\"days\":{\"certificate\":-2147483648}}", "days.certificate: " },
		{ "{\"type\":\"PING\"}", "id: " },
		{ "{\"type\":\"PING\",\"id\":-1}", "id: " },
		{ "{\"type\":\"PONG\",\"id\":1.0}", "id: " },
		{ "{\"type\":\"PONG\",\"id\":9007199254740992}", "id: " },
		{ "{\"type\":\"BYE\"}", "code: " },
		{ "{\"type\":\"BYE\",\"code\":\"x\",\"text\":null}", "text: " },
		{ "{\"type\":\"BYE\",\"code\":\"x\",\"retry_after\":86401}", "retry_after: " },
		{ "{\"type\":\"BYE\",\"code\":\"x\",\"retry_after\":-1}", "retry_after: " },
		{ "{\"type\":\"BYE\",\"code\":\"x\",\"move_to\":1}", "move_to: " },
		{ "{\"type\":\"BYE\",\"code\":\"x\",\"move_to\":\"host\"}", "move_to: " },
		{ "{\"type\":\"BYE\",\"code\":\"x\",\"move_to\":\"host:0\"}", "move_to: " },
		{ "{\"type\":\"BYE\",\"code\":\"x\",\"move_to\":\"a\\nb:1\"}", "move_to: " },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_refused(bad[i].text, bad[i].reason);
}

/* before, then n times element with commas between, then after: right with n, refused with one more. */
static void assert_most(size_t n, const char *before, const char *element, const char *after)
{
	static char text[FRAME_CTRL_MAX];

	for (int more = 0; more < 2; more++) {
		char *end = stpcpy(text, before);
		for (size_t i = 0; i < n + (size_t)more; i++) {
			if (i > 0 && element[0] == '"')
				*end++ = ',';
			end = stpcpy(end, element);
		}
		(void)stpcpy(end, after);
		if (more)
			assert_refused(text, "at most");
		else
			(void)decode(text);
	}
}

static void numbers_of_elements_and_bytes(void **state)
{
	(void)state;
	assert_most(32, "{" HELLO ",\"features\":[", "\"later\"", "]}");
	assert_most(CTRL_MAX_ADDRS,
		"{" WELCOME "," SESSION "," ROUTES "," NUMBERS ",\"addresses\":[", "\"10.0.0.1/8\"",
		"]}");
	assert_most(CTRL_MAX_ROUTES, "{" WELCOME "," SESSION "," ADDRS "," NUMBERS ",\"routes\":[",
		"\"10.0.0.0/8\"", "]}");
	assert_most(CTRL_MAX_DNS_SERVERS, "{" BASIC ",\"dns\":{\"servers\":[", "\"::1\"", "]}}");
	assert_most(CTRL_MAX_DNS_DOMAINS, "{" BASIC ",\"dns\":{\"domains\":[", "\"a\"", "]}}");
	assert_most(CTRL_SOFTWARE_LEN,
		"{\"type\":\"HELLO\",\"version\":1,\"features\":[],\"software\":\"", "s", "\"}");
	assert_most(CTRL_CODE_LEN, "{\"type\":\"BYE\",\"code\":\"", "c", "\"}");
	/* Bytes are counted, not characters. */
	assert_most(CTRL_TEXT_LEN / 2, "{\"type\":\"BYE\",\"code\":\"\",\"text\":\"", "\xc3\xa9",
		"\"}");
}

static void domain_of_254_is_refused(void **state)
{
	char text[2048], name[255] = { 0 };

	(void)state;
	for (size_t len = 253; len <= 254; len++) {
		memset(name, 'd', len);
		char *end = stpcpy(text, "{" BASIC ",\"dns\":{\"domains\":[\"");
		(void)stpcpy(stpcpy(end, name), "\"]}}");
		if (len == 253)
			(void)decode(text);
		else
			assert_refused(text, "dns.domains: element 0");
	}
}

static void control_characters_are_replaced(void **state)
{
	struct ctrl_msg msg = decode("{\"type\":\"BYE\",\"code\":\"a\\nb\\u001b[2J\",\"text\":"
				     "\"\x7f\\u0085\xc2\x9b\xc2\xa0\\t\"}");

	(void)state;
	assert_string_equal(msg.bye.code, "a?b?[2J");
	assert_string_equal(msg.bye.text, "?????\xc2\xa0?");
	/* Nor does the reason repeat what the peer has sent. */
	char why[128];
	assert_int_equal(decode_bytes("{\"a\":\x1b\x9b", 7, &msg, why), -EBADMSG);
	assert_null(strchr(why, 0x1b));
}

static void encoder_never_makes_what_is_refused(void **state)
{
	struct ctrl_msg msg = { .type = CTRL_BYE,
		.bye = { .code = "x", .text = "cut \xc3\x9c\xc3" } };

	(void)state;
	assert_encodes(&msg, "{\"type\":\"BYE\",\"code\":\"x\",\"text\":\"cut ???\"}");
	(void)stpcpy(msg.bye.text, "a\nb\"\\");
	assert_encodes(&msg, "{\"type\":\"BYE\",\"code\":\"x\",\"text\":\"a?b\\\"\\\\\"}");
	memset(msg.bye.text, '\x01', CTRL_TEXT_LEN);
	uint8_t out[512];
	assert_true(ctrl_encode(&msg, out, sizeof(out)) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hello),
		cmocka_unit_test(welcome),
		cmocka_unit_test(welcome_without_the_optional),
		cmocka_unit_test(largest_welcome_fits_a_frame),
		cmocka_unit_test(the_others),
		cmocka_unit_test(malformed_json),
		cmocka_unit_test(wrong_type_member),
		cmocka_unit_test(length_is_limited),
		cmocka_unit_test(depth_is_limited),
		cmocka_unit_test(members_out_of_range),
		cmocka_unit_test(numbers_of_elements_and_bytes),
		cmocka_unit_test(domain_of_254_is_refused),
		cmocka_unit_test(control_characters_are_replaced),
		cmocka_unit_test(encoder_never_makes_what_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
