/*
 * Configuration: defaults, every kind of value, and for every mistake the file, the line and what was expected.
 */
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

/* ---- files -------------------------------------------------------------- */

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
		load_fails(-EINVAL, 4, "test.conf", "run: chmod 600 /tmp/sallyport-test");
	}
	write_file("test.conf", SERVER, 0600);
	assert_int_equal(server_conf_load(path, &s, &err), 0);
	server_conf_clear(&s);
	write_file("test.conf", "@include \"more.conf\"\n", 0644);
	write_file("more.conf", SERVER, 0640);
	load_fails(-EINVAL, 4, "more.conf", "run: chmod 600");
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
		cmocka_unit_test(test_file_errors),
		cmocka_unit_test(test_file_secret),
		cmocka_unit_test(test_file_relative),
		cmocka_unit_test(test_examples),
		cmocka_unit_test(test_describe),
		cmocka_unit_test(test_print_error),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
