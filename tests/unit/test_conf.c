/*
 * Configuration: defaults, every kind of value, and for every mistake the file, the line and what was expected.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "base/log.h"
#include "conf/client_conf.h"
#include "conf/server_conf.h"

#define PEM "\"-----BEGIN X-----\nAAAA\n-----END X-----\n\""

/* What each program must be told, in ten lines. */
#define IDENTITY "network = \"vpn.example\"; certificate = " PEM "; key = " PEM "; ca = " PEM ";"
#define SERVER   IDENTITY " pool4 = \"10.73.0.0/24\";"
#define CLIENT   IDENTITY " remote = \"gw.example\";"

enum { LINE = 11 }; /* The next. */

static void server_ok(const char *text, struct server_conf *out)
{
	struct conf_error err;

	if (server_conf_load_string(text, out, &err) != 0)
		fail_msg("line %d: %s", err.line, err.text);
}

static void client_ok(const char *text, struct client_conf *out)
{
	struct conf_error err;

	if (client_conf_load_string(text, out, &err) != 0)
		fail_msg("line %d: %s", err.line, err.text);
}

struct mistake {
	const char *text; /* Stands in a line of its own behind what must be there. */
	int line;
	const char *says;
};

static void check_error(int r, const struct conf_error *err, const struct mistake *m)
{
	if (r != -EINVAL || err->line != m->line || strstr(err->text, m->says) == NULL)
		fail_msg("%s\n  gives %d, line %d: %s\n  not line %d: %s", m->text, r, err->line,
			err->text, m->line, m->says);
	assert_string_equal(err->file, "");
}

static void server_fails(const char *start, const struct mistake *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct server_conf s = { .workers = 77 };
		struct conf_error err;
		char text[8192];
		(void)snprintf(text, sizeof(text), "%s\n%s\n", start, list[i].text);
		check_error(server_conf_load_string(text, &s, &err), &err, &list[i]);
		assert_int_equal(s.workers, 77);
	}
}

static void client_fails(const struct mistake *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct client_conf s = { .table = 77 };
		struct conf_error err;
		char text[8192];
		(void)snprintf(text, sizeof(text), "%s\n%s\n", CLIENT, list[i].text);
		check_error(client_conf_load_string(text, &s, &err), &err, &list[i]);
		assert_int_equal(s.table, 77);
	}
}

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static void test_server_defaults(void **state)
{
	struct server_conf s;

	(void)state;
	server_ok(SERVER, &s);
	assert_int_equal(s.n_listen, 1);
	assert_string_equal(s.listen[0].host, "::");
	assert_int_equal(s.listen[0].port, 4433);
	assert_int_equal(s.workers, 1);
	assert_string_equal(s.network, "vpn.example");
	assert_true(conf_is_pem(s.certificate) && conf_is_pem(s.key) && conf_is_pem(s.ca));
	assert_null(s.crl);
	assert_false(s.crl_stale_deny);
	assert_int_equal(s.crl_grace_days, 7);
	assert_false(s.require_pq);
	assert_string_equal(s.device, "sally0");
	assert_int_equal(s.mtu, 1400);
	assert_true(s.offload);
	assert_int_equal(s.pool4.addr.family, 4);
	assert_int_equal(s.pool4.len, 24);
	assert_int_equal(s.pool6.addr.family, 0);
	assert_int_equal(s.n_routes + s.n_dns_servers + s.n_dns_domains, 0);
	assert_false(s.client_to_client);
	assert_false(s.duplicate_reject);
	assert_int_equal(s.max_clients, 1024);
	assert_int_equal(s.max_handshakes, 1024);
	assert_int_equal(s.handshake_timeout_s, 10);
	assert_int_equal(s.keepalive_s, 15);
	assert_int_equal(s.dead_after_s, 45);
	assert_string_equal(s.congestion_control, "bbr");
	assert_string_equal(s.control, "/run/sallyport/server.sock");
	assert_int_equal(s.log_level, LOG_LEVEL_INFO);
	server_conf_clear(&s);
	assert_null(s.network);
	server_conf_clear(&s);
}

static void test_client_defaults(void **state)
{
	struct client_conf s;

	(void)state;
	client_ok(CLIENT, &s);
	assert_int_equal(s.n_remotes, 1);
	assert_string_equal(s.remotes[0].host, "gw.example");
	assert_int_equal(s.remotes[0].port, 4433);
	assert_null(s.server_name);
	assert_null(s.crl);
	assert_false(s.crl_stale_deny);
	assert_int_equal(s.crl_grace_days, 7);
	assert_false(s.require_pq);
	assert_string_equal(s.device, "sally0");
	assert_true(s.offload);
	assert_int_equal(s.mtu_max, 65535);
	assert_true(s.accept_routes);
	assert_int_equal(s.n_accept, 0);
	assert_int_equal(s.table, 8300);
	assert_int_equal(s.fwmark, 0x5a17);
	assert_int_equal(s.rule_priority, 8300);
	assert_int_equal(s.connect_timeout_s, 15);
	assert_int_equal(s.retry_min_s, 1);
	assert_int_equal(s.retry_max_s, 60);
	assert_string_equal(s.congestion_control, "bbr");
	assert_string_equal(s.control, "/run/sallyport/client.sock");
	assert_int_equal(s.log_level, LOG_LEVEL_INFO);
	client_conf_clear(&s);
}

static void test_server_values(void **state)
{
	struct server_conf s;

	(void)state;
	server_ok(IDENTITY
		"listen = (\"192.0.2.1\", \"[2001:db8::1]:443\", \"*:1\"); workers = 64;"
		"crl = " PEM "; crl_stale = \"deny\"; crl_grace_days = 0; require_pq = true;"
		"device = \"vpn%d\"; mtu = 65535; offload = false; pool6 = \"fd73::/64\";"
		"routes = [\"10.0.0.0/8\", \"192.0.2.7\", \"0.0.0.0/0\", \"::/0\"];"
		"dns_servers = [\"10.73.0.1\", \"fd73::1\"]; dns_domains = \"corp.example\";"
		"client_to_client = true; duplicate = \"reject\"; max_clients = 65536;"
		"max_handshakes = 1; handshake_timeout = 60; keepalive = 3599;"
		"dead_after = 3600; congestion_control = \"\"; control = \"/run/x\";"
		"log_level = \"debug\";",
		&s);
	assert_int_equal(s.n_listen, 3);
	assert_string_equal(s.listen[0].host, "192.0.2.1");
	assert_int_equal(s.listen[0].port, 4433);
	assert_string_equal(s.listen[1].host, "2001:db8::1");
	assert_int_equal(s.listen[1].port, 443);
	assert_string_equal(s.listen[2].host, "::");
	assert_int_equal(s.workers, 64);
	assert_true(s.crl_stale_deny && s.require_pq && s.client_to_client && s.duplicate_reject);
	assert_true(conf_is_pem(s.crl));
	assert_int_equal(s.crl_grace_days, 0);
	assert_string_equal(s.device, "vpn%d");
	assert_int_equal(s.mtu, 65535);
	assert_false(s.offload);
	assert_int_equal(s.pool4.addr.family, 0);
	assert_int_equal(s.pool6.addr.family, 6);
	assert_int_equal(s.n_routes, 4);
	assert_int_equal(s.routes[0].len, 8);
	assert_int_equal(s.routes[1].len, 32);
	assert_int_equal(s.n_dns_servers, 2);
	assert_int_equal(s.dns_servers[1].family, 6);
	assert_int_equal(s.n_dns_domains, 1);
	assert_string_equal(s.dns_domains[0], "corp.example");
	assert_int_equal(s.max_clients, 65536);
	assert_int_equal(s.max_handshakes, 1);
	assert_int_equal(s.handshake_timeout_s, 60);
	assert_int_equal(s.keepalive_s, 3599);
	assert_int_equal(s.dead_after_s, 3600);
	assert_string_equal(s.congestion_control, "");
	assert_string_equal(s.control, "/run/x");
	assert_int_equal(s.log_level, LOG_LEVEL_DEBUG);
	server_conf_clear(&s);
}

static void test_client_values(void **state)
{
	struct client_conf s;

	(void)state;
	client_ok(IDENTITY "remote = [\"a.example:1\", \"[::1]\", \"192.0.2.1:65535\"];"
			   "server_name = \"gw\"; device = \"a\"; offload = false; mtu_max = 1280;"
			   "accept_routes = false; accept = [\"10.0.0.0/8\"]; table = 0xfffffffe;"
			   "fwmark = 0xcafe0000L; rule_priority = 32765; connect_timeout = 300;"
			   "retry_min = 60; retry_max = 60; log_level = \"error\";",
		&s);
	assert_int_equal(s.n_remotes, 3);
	assert_int_equal(s.remotes[0].port, 1);
	assert_string_equal(s.remotes[1].host, "::1");
	assert_int_equal(s.remotes[1].port, 4433);
	assert_int_equal(s.remotes[2].port, 65535);
	assert_string_equal(s.server_name, "gw");
	assert_int_equal(s.mtu_max, 1280);
	assert_false(s.accept_routes);
	assert_int_equal(s.n_accept, 1);
	assert_int_equal(s.accept[0].len, 8);
	assert_int_equal(s.table, 0xfffffffe);
	assert_int_equal(s.fwmark, 0xcafe0000);
	assert_int_equal(s.retry_min_s, 60);
	assert_int_equal(s.log_level, LOG_LEVEL_ERROR);
	client_conf_clear(&s);
}

/* Certificates may be one string over many lines, or a row of strings. */
static void test_inline_pem(void **state)
{
	struct client_conf s;

	(void)state;
	client_ok("remote = \"a\"; network = \"n\"; certificate = " PEM ";\n"
		  "key = \"-----BEGIN PRIVATE KEY-----\\n\"\n  \"AAAA\\n\"\n"
		  "  \"-----END PRIVATE KEY-----\\n\";\n ca = \"subject\n\n-----BEGIN "
		  "CERTIFICATE-----\";",
		&s);
	assert_string_equal(s.certificate, "-----BEGIN X-----\nAAAA\n-----END X-----\n");
	assert_string_equal(
		s.key, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
	assert_true(conf_is_pem(s.ca));
	assert_false(conf_is_pem("/etc/ssl/BEGIN"));
	client_conf_clear(&s);
}

static void test_wrong_values(void **state)
{
	static const struct mistake list[] = {
		{ "mtu = \"1400\";", LINE, "mtu must be a whole number from 1280 to 65535" },
		{ "mtu = 1400.0;", LINE, "mtu must be a whole number" },
		{ "mtu = 1279;", LINE, "mtu must be from 1280 to 65535, not 1279" },
		{ "mtu = 65536;", LINE, "mtu must be from 1280 to 65535, not 65536" },
		{ "mtu = 4294968696L;", LINE, "mtu must be from 1280 to 65535, not 4294968696" },
		{ "mtu = -1400;", LINE, "not -1400" },
		{ "workers = 0;", LINE, "workers must be from 1 to 64, not 0" },
		{ "workers = 65;", LINE, "workers must be from 1 to 64, not 65" },
		{ "max_clients = 65537;", LINE, "from 1 to 65536" },
		{ "handshake_timeout = 61;", LINE, "from 1 to 60" },
		{ "offload = \"yes\";", LINE, "offload must be true or false" },
		{ "offload = 1;", LINE, "offload must be true or false" },
		{ "device = 3;", LINE, "device must be a string in quotes" },
		{ "device = \"\";", LINE, "device must have 1 to 15 bytes, not 0" },
		{ "device = \"sixteen_letters_\";", LINE, "1 to 15 bytes, not 16" },
		{ "device = \"a\\nb\";", LINE, "control character" },
		{ "device = \"a b\";", LINE, "device must be an interface name" },
		{ "device = \"..\";", LINE, "device must be an interface name" },
		{ "control = \"run/x\";", LINE, "control must be an absolute path" },
		{ "crl_stale = \"never\";", LINE, "must be \"warn\" or \"deny\", not \"never\"" },
		{ "crl_stale = true;", LINE, "must be \"warn\" or \"deny\"" },
		{ "log_level = \"x\";", LINE, "\"error\", \"warn\", \"info\" or \"debug\"" },
		{ "crl = true;", LINE, "crl must be a path, or PEM text" },
		{ "crl = \"\";", LINE, "crl must have 1 to" },
		{ "crl = \"/no/such.pem\";", LINE, "crl: /no/such.pem: No such file" },
		{ "pool6 = 6;", LINE, "pool6 must be a prefix in quotes" },
		{ "pool6 = \"fd00::/129\";", LINE, "\"fd00::/129\" is no prefix like" },
		{ "pool6 = \"fd73::1/64\";", LINE, "\"fd73::/64\" is meant?" },
		{ "routes = 5;", LINE, "routes must be a string or a list of strings" },
		{ "routes = [5];", LINE, "routes must be a prefix in quotes" },
		{ "routes = { };", LINE, "routes must be a string or a list of strings" },
		{ "routes = (\"10.0.0.0/8\",\n \"x\");", LINE + 1, "\"x\" is no prefix" },
		{ "listen = [];", LINE, "listen must have 1 to 16 elements, not 0" },
		{ "listen = \"*:70000\";", LINE, "\"*:70000\" is no \"host:port\"" },
		{ "listen = \"\";", LINE, "\"\" is no \"host:port\"" },
		{ "listen = (\"::1\");", LINE, "\"::1\" is no \"host:port\"" },
		{ "listen = [true];", LINE, "listen must be \"host\" or \"host:port\"" },
		{ "dns_servers = \"ns.example\";", LINE, "\"ns.example\" is no address" },
		{ "dns_servers = [1];", LINE, "this is no address" },
		{ "dns_domains = [1];", LINE, "must be a list of strings" },
		{ "dns_domains = (\"a\", \"\");", LINE, "must have 1 to 253 bytes, not 0" },
	};

	(void)state;
	server_fails(SERVER, list, COUNT(list));
}

static void test_unknown_names(void **state)
{
	static const struct mistake list[] = {
		{ "workres = 1;", LINE, "unknown setting workres; did you mean workers?" },
		{ "pools4 = 1;", LINE, "did you mean pool4?" },
		{ "Listen = 1;", LINE, "did you mean listen?" },
		{ "remote = \"a\";", LINE, "unknown setting remote; the manual" },
		{ "x = 1;", LINE, "unknown setting x; the manual" },
		{ "server = { mtu = 1; };", LINE, "unknown setting server" },
		{ "mtu = 1400; mtu = 1400;", LINE, "duplicate setting name" },
		{ "mtu = ;", LINE, "syntax error" },
	};

	(void)state;
	server_fails(SERVER, list, COUNT(list));
}

static void test_server_checks(void **state)
{
	static const struct mistake list[] = {
		{ "dead_after = 15;", LINE, "dead_after (15) must be more than keepalive (15)" },
		{ "keepalive = 45;", 0, "dead_after (45) must be more than keepalive (45)" },
		{ "listen = \"gw.example:1\";", LINE, "listen: gw.example is a name" },
		{ "listen = [\"*:1\", \"[::]:1\"];", LINE, "listen: :: port 1 is there twice" },
		{ "routes = [\"10.1.0.0/16\", \"10.1.0.0/16\"];", LINE,
			"10.1.0.0/16 is there twice" },
		{ "routes = \"224.0.0.0/8\";", LINE, "224.0.0.0/8 cannot go through the tunnel" },
		{ "routes = \"fe80::/64\";", LINE, "fe80::/64 cannot go through the tunnel" },
		{ "pool6 = \"10.0.0.0/24\";", LINE, "pool6 must be an IPv6 prefix" },
		{ "pool6 = \"fd00::/48\";", LINE, "pool6 must be a /64 to /126, not a /48" },
		{ "pool6 = \"fd00::/127\";", LINE, "pool6 must be a /64 to /126, not a /127" },
		{ "pool6 = \"ff02::/64\";", LINE, "pool6 is a range no host can have" },
		{ "dns_servers = \"10.0.0.1\"; dns_domains = \"a..b\";", LINE,
			"\"a..b\" is no domain" },
		{ "dns_domains = \"a\";", LINE, "of no use without dns_servers" },
	};
	static const struct mistake pools[] = {
		{ "", 0, "pool4 or pool6 must be set" },
		{ "pool4 = \"fd00::/64\";", LINE, "pool4 must be an IPv4 prefix" },
		{ "pool4 = \"10.0.0.0/31\";", LINE, "pool4 must be a /8 to /30, not a /31" },
		{ "pool4 = \"0.0.0.0/0\";", LINE, "pool4 must be a /8 to /30, not a /0" },
		{ "pool4 = \"127.0.0.0/24\";", LINE, "pool4 is a range no host can have" },
	};

	(void)state;
	server_fails(SERVER, list, COUNT(list));
	server_fails(IDENTITY, pools, COUNT(pools));
}

static void test_client_checks(void **state)
{
	static const struct mistake list[] = {
		{ "table = 0;", LINE, "table must be from 1 to 4294967295, not 0" },
		{ "table = 254;", LINE, "table 254 is the system's" },
		{ "table = 253;", LINE, "table 253 is the system's" },
		{ "table = 255;", LINE, "table 255 is the system's" },
		{ "fwmark = -1;", LINE, "fwmark must be from 1 to 4294967295, not -1" },
		{ "fwmark = 0x0;", LINE, "fwmark must be from 1" },
		{ "retry_min = 61;", 0, "retry_max (60) must not be less than retry_min (61)" },
		{ "retry_min = 5; retry_max = 4;", LINE, "retry_max (4) must not be less" },
		{ "accept = \"10.0.0.1/8\";", LINE, "\"10.0.0.0/8\" is meant?" },
		{ "server_name = \"\";", LINE, "server_name must have 1 to 253 bytes" },
		{ "listen = \"*\";", LINE, "unknown setting listen" },
	};

	(void)state;
	client_fails(list, COUNT(list));
}

static void test_required(void **state)
{
	static const struct mistake server[] = {
		{ "", 0, "network is missing: Name of the network" },
		{ "network = \"n\"; key = " PEM "; ca = " PEM ";", 0, "certificate is missing" },
		{ "network = \"n\"; certificate = " PEM "; ca = " PEM ";", 0, "key is missing" },
		{ "network = \"n\"; certificate = " PEM "; key = " PEM ";", 0, "ca is missing" },
		{ "network = \"No Name\"; certificate = " PEM "; key = " PEM "; ca = " PEM ";", 2,
			"network must be a lower-case DNS name" },
	};
	struct client_conf c;
	struct conf_error err;

	(void)state;
	server_fails("", server, COUNT(server));
	assert_int_equal(client_conf_load_string(IDENTITY, &c, &err), -EINVAL);
	assert_non_null(strstr(err.text, "remote is missing: Servers to connect to"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_server_defaults),
		cmocka_unit_test(test_client_defaults),
		cmocka_unit_test(test_server_values),
		cmocka_unit_test(test_client_values),
		cmocka_unit_test(test_inline_pem),
		cmocka_unit_test(test_wrong_values),
		cmocka_unit_test(test_unknown_names),
		cmocka_unit_test(test_server_checks),
		cmocka_unit_test(test_client_checks),
		cmocka_unit_test(test_required),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
