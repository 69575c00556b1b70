/*
 * sys/netif against the real kernel in a namespace of its own: what it sets is read back with ip(8).
 *
 *	sally0 (TUN, ours)        other0 (TUN, somebody else's)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <net/if.h>

#include "help_netns.h"
#include "sys/netif.h"
#include "sys/tun.h"

enum { TABLE = 8300, MARK = 0x5a17 };

struct fixture {
	struct tun tun;
	struct netif *n;
};

static struct prefix prefix(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse_iface(text, &p), 0);
	return p;
}

static struct addr addr(const char *text)
{
	return prefix(text).addr;
}

static int setup(void **state)
{
	static struct fixture f;
	struct tun_opts opts = { .name = "sally0", .queues = 1 };
	char why[256];

	assert_int_equal(tun_open(&opts, &f.tun, why), 0);
	assert_int_equal(netif_open(&f.n), 0);
	(void)help_run("ip tuntap add other0 mode tun && ip link set other0 up");
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	tun_close(&f->tun);
	netif_close(f->n);
	(void)help_run("ip link del other0");
	return 0;
}

static void up_with_addresses(const struct fixture *f)
{
	const struct prefix p4 = prefix("10.88.0.1/24"), p6 = prefix("fd88::1/64");

	assert_int_equal(netif_set_up(f->n, f->tun.ifindex, 1400, 500), 0);
	assert_int_equal(netif_add_address(f->n, f->tun.ifindex, &p4), 0);
	assert_int_equal(netif_add_address(f->n, f->tun.ifindex, &p6), 0);
}

static struct netif_route route(const struct fixture *f, const char *dst, uint32_t table)
{
	return (struct netif_route){
		.dst = prefix(dst), .ifindex = f->tun.ifindex, .table = table
	};
}

static void assert_has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("\"%s\" is not in: %s", part, text);
}

static void assert_lacks(const char *text, const char *part)
{
	if (strstr(text, part) != NULL)
		fail_msg("\"%s\" is in: %s", part, text);
}

static void test_set_up(void **state)
{
	const struct fixture *f = *state;

	assert_int_equal(netif_set_up(f->n, f->tun.ifindex, 1400, 500), 0);
	assert_int_equal(netif_set_up(f->n, f->tun.ifindex, 1400, 500), 0);
	const char *link = help_run("ip -o link show sally0");
	assert_has(link, ",UP");
	assert_has(link, "mtu 1400 ");
	assert_has(link, "qlen 500");
	assert_string_equal(help_run("ip -6 -o addr show sally0"), "");
	assert_int_equal(netif_set_up(f->n, 9999, 1400, 500), -ENODEV);
}

static void test_addresses(void **state)
{
	const struct fixture *f = *state;
	const struct prefix p4 = prefix("10.88.0.1/24"), p6 = prefix("fd88::1/64");

	up_with_addresses(f);
	up_with_addresses(f); /* Once more changes nothing. */
	assert_has(help_run("ip -4 -o addr show sally0"), "inet 10.88.0.1/24 scope global sally0");
	const char *six = help_run("ip -6 -o addr show sally0");
	assert_has(six, "inet6 fd88::1/64 scope global nodad");
	assert_lacks(six, "tentative");
	assert_has(help_run("ip route show dev sally0"), "10.88.0.0/24 proto kernel");
	assert_has(help_run("ip -6 route show dev sally0"), "fd88::/64 proto kernel");

	for (int i = 0; i < 2; i++) {
		assert_int_equal(netif_del_address(f->n, f->tun.ifindex, &p4), 0);
		assert_int_equal(netif_del_address(f->n, f->tun.ifindex, &p6), 0);
		assert_string_equal(help_run("ip -o addr show sally0"), "");
	}
	assert_int_equal(netif_add_address(f->n, 9999, &p4), -ENODEV);
	assert_int_equal(netif_del_address(f->n, 9999, &p4), 0);
}

static void test_routes(void **state)
{
	const struct fixture *f = *state;
	const char *const dsts[] = { "10.99.0.0/16", "0.0.0.0/0", "fd99::/48", "::/0" };
	const char *const sources[] = { "10.88.0.1", "10.88.0.1", "fd88::1", "fd88::1" };

	up_with_addresses(f);
	for (size_t i = 0; i < 8; i++) {
		struct netif_route r = route(f, dsts[i % 4], TABLE);
		r.source = addr(sources[i % 4]);
		assert_int_equal(netif_add_route(f->n, &r), 0);
	}
	const char *four = help_run("ip route show table %d", TABLE);
	assert_has(four, "default dev sally0 proto 83 scope link src 10.88.0.1");
	assert_has(four, "10.99.0.0/16 dev sally0 proto 83 scope link src 10.88.0.1");
	const char *six = help_run("ip -6 route show table %d", TABLE);
	assert_has(six, "default dev sally0 proto 83 src fd88::1");
	assert_has(six, "fd99::/48 dev sally0 proto 83 src fd88::1");

	for (size_t i = 0; i < 8; i++) {
		const struct netif_route r = route(f, dsts[i % 4], TABLE);
		assert_int_equal(netif_del_route(f->n, &r), 0);
	}
	assert_string_equal(
		help_run("ip route show table %d; ip -6 route show table %d", TABLE, TABLE), "");
}

/* What stands there already is taken over when it is ours, and left alone when it is not. */
static void test_route_exists(void **state)
{
	const struct fixture *f = *state;
	const char *const dsts[] = { "10.99.0.0/16", "fd99::/48" };
	const struct prefix second = prefix("10.88.0.2/24"), second6 = prefix("fd88::2/64");

	up_with_addresses(f);
	assert_int_equal(netif_add_address(f->n, f->tun.ifindex, &second), 0);
	assert_int_equal(netif_add_address(f->n, f->tun.ifindex, &second6), 0);
	for (size_t i = 0; i < 2; i++) {
		struct netif_route r = route(f, dsts[i], NETIF_TABLE_MAIN);
		r.source = addr(i == 0 ? "10.88.0.1" : "fd88::1");
		assert_int_equal(netif_add_route(f->n, &r), 0);
		r.source = addr(i == 0 ? "10.88.0.2" : "fd88::2");
		assert_int_equal(netif_add_route(f->n, &r), 0);
		assert_int_equal(netif_add_route(f->n, &r), 0);
	}
	assert_string_equal(help_run("ip route show proto 83"),
		"10.99.0.0/16 dev sally0 scope link src 10.88.0.2 \n");
	assert_has(help_run("ip -6 route show proto 83"), "fd99::/48 dev sally0 src fd88::2");

	(void)help_run(
		"ip route add 10.98.0.0/16 dev other0 && ip -6 route add fd98::/48 dev other0");
	const struct netif_route r4 = route(f, "10.98.0.0/16", NETIF_TABLE_MAIN);
	const struct netif_route r6 = route(f, "fd98::/48", NETIF_TABLE_MAIN);
	assert_int_equal(netif_add_route(f->n, &r4), -EEXIST);
	assert_int_equal(netif_add_route(f->n, &r6), -EEXIST);
	assert_has(help_run("ip route show 10.98.0.0/16"), "dev other0");
	assert_int_equal(netif_del_route(f->n, &r4), 0);
	assert_has(help_run("ip route show 10.98.0.0/16"), "dev other0");

	struct netif_route gone = route(f, "10.97.0.0/16", NETIF_TABLE_MAIN);
	gone.ifindex = 9999;
	assert_int_equal(netif_add_route(f->n, &gone), -ENODEV);
}

static void test_rules(void **state)
{
	const struct fixture *f = *state;
	const struct netif_rule r = { .priority = 8300, .table = TABLE, .fwmark = MARK };
	const char *line = "8300:\tnot from all fwmark 0x5a17 lookup 8300 proto 83\n";

	assert_int_equal(netif_add_rules(f->n, &r), 0);
	assert_int_equal(netif_add_rules(f->n, &r), 0);
	assert_string_equal(help_run("ip rule show priority 8300"), line);
	assert_string_equal(help_run("ip -6 rule show priority 8300"), line);
	assert_int_equal(netif_sweep(f->n, TABLE), 0);
	assert_string_equal(help_run("ip rule show priority 8300"), "");
	assert_string_equal(help_run("ip -6 rule show priority 8300"), "");
}

/* More than one datagram of answers; neither another table nor another's proto is touched. */
static void test_sweep(void **state)
{
	const struct fixture *f = *state;
	const struct netif_rule r = { .priority = 8300, .table = TABLE, .fwmark = MARK };
	const struct netif_rule mine = { .priority = 8301, .table = TABLE + 1, .fwmark = MARK };
	const struct netif_route other = route(f, "10.99.0.0/16", TABLE + 1);

	up_with_addresses(f);
	assert_int_equal(netif_add_rules(f->n, &r), 0);
	assert_int_equal(netif_add_rules(f->n, &mine), 0);
	assert_int_equal(netif_add_route(f->n, &other), 0);
	for (unsigned i = 0; i < 600; i++) {
		char text[64];
		(void)snprintf(text, sizeof(text), "10.%u.%u.0/24", 100 + i / 256, i % 256);
		const struct netif_route r4 = route(f, text, TABLE);
		(void)snprintf(text, sizeof(text), "fd99:%x::/32", i);
		const struct netif_route r6 = route(f, text, TABLE);
		assert_int_equal(netif_add_route(f->n, &r4), 0);
		assert_int_equal(netif_add_route(f->n, &r6), 0);
	}
	(void)help_run("ip route add 10.1.0.0/16 dev other0 table %d && "
		       "ip rule add fwmark 7 lookup %d priority 8299",
		TABLE, TABLE);
	assert_int_equal(netif_sweep(f->n, TABLE), 0);
	assert_string_equal(help_run("ip route show table %d", TABLE),
		"10.1.0.0/16 dev other0 scope link linkdown \n");
	assert_string_equal(help_run("ip -6 route show table %d", TABLE), "");
	assert_string_equal(help_run("ip rule show priority 8300"), "");
	assert_has(help_run("ip rule show priority 8299"), "fwmark 0x7");
	assert_has(help_run("ip rule show priority 8301"), "lookup 8301");
	assert_has(help_run("ip -6 rule show priority 8301"), "lookup 8301");
	assert_has(help_run("ip route show table %d", TABLE + 1), "10.99.0.0/16");

	(void)help_run("ip rule del priority 8299");
	assert_int_equal(netif_sweep(f->n, TABLE + 1), 0);
	assert_int_equal(netif_sweep(f->n, TABLE + 1), 0);
	assert_int_equal(netif_sweep(f->n, TABLE + 2), 0);
}

static void test_has_address(void **state)
{
	const struct fixture *f = *state;
	const char *const texts[] = { "10.88.0.1", "127.0.0.1", "fd88::1", "::1", "10.88.0.2",
		"10.88.0.255", "fd88::2", "10.7.0.1", "10.7.0.2" };
	const int expected[] = { 1, 1, 1, 1, 0, 0, 0, 1, 0 };

	up_with_addresses(f);
	(void)help_run("ip addr add 10.7.0.1 peer 10.7.0.2 dev other0");
	for (size_t i = 0; i < 9; i++) {
		const struct addr a = addr(texts[i]);
		if (netif_has_address(f->n, &a) != expected[i])
			fail_msg("%s", texts[i]);
	}
}

static void test_overlap(void **state)
{
	const struct fixture *f = *state;
	const char *const texts[] = { "10.7.0.0/16", "10.7.3.0/25", "10.7.3.128/25", "10.88.0.0/24",
		"10.8.0.0/24", "fd07::/32", "fd07:0:0:1::/64", "fd88::/64", "10.6.0.2/32",
		"10.6.0.1/32" };
	const int expected[] = { 1, 1, 0, 0, 0, 1, 0, 0, 1, 1 };
	char name[16] = "";

	up_with_addresses(f);
	(void)help_run("ip addr add 10.7.3.1/25 dev other0 && ip addr add fd07::1/64 dev other0 && "
		       "ip addr add 10.6.0.1 peer 10.6.0.2 dev other0");
	for (size_t i = 0; i < 10; i++) {
		const struct prefix p = prefix(texts[i]);
		if (netif_overlap(f->n, f->tun.ifindex, &p, name) != expected[i])
			fail_msg("%s", texts[i]);
		assert_string_equal(name, "other0");
	}
	const struct prefix own = prefix("10.88.0.0/24");
	assert_int_equal(netif_overlap(f->n, 0, &own, name), 1);
	assert_string_equal(name, "sally0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_set_up, setup, teardown),
		cmocka_unit_test_setup_teardown(test_addresses, setup, teardown),
		cmocka_unit_test_setup_teardown(test_routes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_route_exists, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rules, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sweep, setup, teardown),
		cmocka_unit_test_setup_teardown(test_has_address, setup, teardown),
		cmocka_unit_test_setup_teardown(test_overlap, setup, teardown),
	};

	help_netns_enter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
