#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/session.h"
#include "net/frame.h"
#include "net/offload.h"

/* A session whose messages are recorded, on a clock that the test turns by hand. */
struct rig {
	struct session s;
	struct ctrl_msg sent[8];
	size_t n_sent;
	int send_result;
	int hellos, welcomes, opened, closed;
	struct session_end end;
};

static int on_send(void *arg, const uint8_t *body, size_t len)
{
	struct rig *r = arg;
	char why[128];

	if (r->send_result < 0)
		return r->send_result;
	assert_true(r->n_sent < 8);
	assert_int_equal(ctrl_decode(body, len, &r->sent[r->n_sent++], why), 0);
	return 0;
}

static void on_hello(void *arg, const struct ctrl_hello *h)
{
	(void)h;
	((struct rig *)arg)->hellos++;
}

static void on_welcome(void *arg, const struct ctrl_welcome *w)
{
	(void)w;
	((struct rig *)arg)->welcomes++;
}

static void on_opened(void *arg)
{
	((struct rig *)arg)->opened++;
}

static void on_closed(void *arg, const struct session_end *end)
{
	struct rig *r = arg;

	r->closed++;
	r->end = *end;
}

static const struct session_ops ops = {
	.send = on_send,
	.hello = on_hello,
	.welcome = on_welcome,
	.opened = on_opened,
	.closed = on_closed,
};

static const uint64_t SECOND = 1000000;

static void start(struct rig *r, enum ident_role role)
{
	struct session_opts o = {
		.role = role,
		.features = OFFLOAD_CAN_ALL,
		.greeting_us = 10 * SECOND,
		.keepalive_us = 15 * SECOND,
		.dead_after_us = 45 * SECOND,
		.ops = &ops,
		.arg = r,
	};

	memset(r, 0, sizeof(*r));
	session_start(&r->s, &o, SECOND);
}

static void receive(struct rig *r, const struct ctrl_msg *msg, uint64_t now_us)
{
	static uint8_t body[FRAME_CTRL_MAX];
	int n = ctrl_encode(msg, body, sizeof(body));

	assert_true(n > 0);
	session_ctrl_received(&r->s, body, (size_t)n, now_us);
}

static struct ctrl_msg hello(void)
{
	return (struct ctrl_msg){ .type = CTRL_HELLO,
		.hello = { .version = 1, .software = "test", .features = OFFLOAD_CAN_TCP } };
}

static struct ctrl_msg welcome(void)
{
	struct ctrl_msg m = { .type = CTRL_WELCOME };
	m.welcome = (struct ctrl_welcome){
		.hello = { .version = 1, .software = "test", .features = OFFLOAD_CAN_ALL },
		.session = "00112233445566778899aabbccddeeff",
		.n_addresses = 1,
		.mtu = 1400,
		.keepalive_s = 2,
		.dead_after_s = 6,
		.time = 1,
		.days_certificate = CTRL_DAYS_UNKNOWN,
		.days_ca = CTRL_DAYS_UNKNOWN,
		.days_crl = CTRL_DAYS_UNKNOWN,
	};
	(void)prefix_parse_iface("10.1.0.2/24", &m.welcome.addresses[0]);
	return m;
}

static void open_server(struct rig *r)
{
	struct ctrl_msg m = hello(), ready = { .type = CTRL_READY }, w = welcome();

	start(r, IDENT_SERVER);
	receive(r, &m, SECOND);
	session_welcome(&r->s, &w.welcome, SECOND);
	receive(r, &ready, SECOND);
	assert_int_equal(r->s.state, SESSION_OPEN);
}

static void open_client(struct rig *r)
{
	struct ctrl_msg w = welcome();

	start(r, IDENT_CLIENT);
	receive(r, &w, SECOND);
	session_ready(&r->s, SECOND);
	assert_int_equal(r->s.state, SESSION_OPEN);
}

static void test_server_opens(void **state)
{
	struct rig r;

	(void)state;
	open_server(&r);
	assert_int_equal(r.hellos, 1);
	assert_int_equal(r.opened, 1);
	assert_int_equal(r.sent[0].type, CTRL_WELCOME);
	assert_int_equal(r.sent[0].welcome.keepalive_s, 15);
	assert_int_equal(r.sent[0].welcome.dead_after_s, 45);
	assert_int_equal(r.s.peer_features, OFFLOAD_CAN_TCP);
	assert_true(session_packets_received(&r.s, SECOND));
}

static void test_client_opens(void **state)
{
	struct rig r;

	(void)state;
	open_client(&r);
	assert_int_equal(r.sent[0].type, CTRL_HELLO);
	assert_int_equal(r.sent[0].hello.features, OFFLOAD_CAN_ALL);
	assert_int_equal(r.sent[1].type, CTRL_READY);
	assert_int_equal(r.sent[2].type, CTRL_PING);
	assert_int_equal(r.s.opts.dead_after_us, 6 * SECOND);
}

/* PROTOCOL 4.2, every message in every state of both roles: what the table there does not name ends the session. */
static void test_order_is_enforced(void **state)
{
	enum { GREETING, ADMITTING, WELCOMED, OPEN, N_STATES };
	static const bool server_takes[N_STATES][CTRL_N_TYPES] = {
		[GREETING] = { [CTRL_HELLO] = true, [CTRL_BYE] = true },
		[ADMITTING] = { [CTRL_BYE] = true },
		[WELCOMED] = { [CTRL_READY] = true,
			[CTRL_PING] = true,
			[CTRL_PONG] = true,
			[CTRL_BYE] = true },
		[OPEN] = { [CTRL_PING] = true, [CTRL_PONG] = true, [CTRL_BYE] = true },
	};
	static const bool client_takes[N_STATES][CTRL_N_TYPES] = {
		[GREETING] = { [CTRL_WELCOME] = true, [CTRL_BYE] = true },
		[ADMITTING] = { [CTRL_PING] = true, [CTRL_PONG] = true, [CTRL_BYE] = true },
		[OPEN] = { [CTRL_PING] = true, [CTRL_PONG] = true, [CTRL_BYE] = true },
	};

	(void)state;
	for (int role = 0; role < 2; role++)
		for (int st = 0; st < N_STATES; st++)
			for (int type = 0; type < CTRL_N_TYPES; type++) {
				struct rig r;
				struct ctrl_msg m = { .type = (enum ctrl_type)type }, w = welcome();
				bool server = role == IDENT_SERVER;
				if (!server && st == WELCOMED)
					continue;
				start(&r, (enum ident_role)role);
				struct ctrl_msg h = hello();
				if (st >= ADMITTING)
					receive(&r, server ? &h : &w, SECOND);
				if (st >= WELCOMED && server)
					session_welcome(&r.s, &w.welcome, SECOND);
				struct ctrl_msg ready = { .type = CTRL_READY };
				if (st == OPEN && server)
					receive(&r, &ready, SECOND);
				else if (st == OPEN)
					session_ready(&r.s, SECOND);
				assert_int_equal(r.closed, 0);

				if (type == CTRL_HELLO)
					m = h;
				if (type == CTRL_WELCOME)
					m = w;
				if (type == CTRL_BYE)
					(void)strcpy(m.bye.code, "shutdown");
				receive(&r, &m, SECOND);
				bool taken =
					server ? server_takes[st][type] : client_takes[st][type];
				bool ends = !taken || type == CTRL_BYE;
				assert_int_equal(r.closed, ends);
				if (ends && taken) {
					assert_true(r.end.by_peer);
				} else if (ends) {
					assert_string_equal(r.end.bye.code, "protocol");
					assert_int_equal(r.sent[r.n_sent - 1].type, CTRL_BYE);
				}
			}
}

static void test_packets_before_open_end_it(void **state)
{
	struct rig r;

	(void)state;
	start(&r, IDENT_SERVER);
	assert_false(session_packets_received(&r.s, SECOND));
	assert_int_equal(r.closed, 1);
	assert_string_equal(r.end.bye.code, "protocol");
}

static void test_bad_json_ends_it(void **state)
{
	struct rig r;

	(void)state;
	start(&r, IDENT_SERVER);
	session_ctrl_received(&r.s, (const uint8_t *)"{\"type\":", 8, SECOND);
	assert_int_equal(r.closed, 1);
	assert_string_equal(r.end.bye.code, "protocol");
	session_ctrl_received(&r.s, (const uint8_t *)"{}", 2, SECOND);
	session_tick(&r.s, 1000 * (uint64_t)SECOND);
	session_close(&r.s, "internal", NULL);
	session_lost(&r.s, "internal", NULL);
	assert_int_equal(r.closed, 1); /* Once, whatever comes after. */
}

static void test_greeting_deadline(void **state)
{
	struct rig r;

	(void)state;
	start(&r, IDENT_SERVER);
	session_tick(&r.s, 10 * SECOND);
	assert_int_equal(r.closed, 0);
	session_tick(&r.s, 11 * SECOND);
	assert_int_equal(r.closed, 1);
	assert_string_equal(r.end.bye.code, "timeout");
	assert_false(r.end.by_peer);
}

static void test_keepalive_and_death(void **state)
{
	struct rig r;
	uint64_t t = SECOND;

	(void)state;
	open_client(&r); /* keepalive 2 s, dead after 6 s; one ping at the start */
	r.n_sent = 0;
	session_tick(&r.s, t + 2 * SECOND - 1);
	assert_int_equal(r.n_sent, 0);
	session_tick(&r.s, t + 2 * SECOND);
	assert_int_equal(r.n_sent, 1);
	assert_int_equal(r.sent[0].type, CTRL_PING);
	session_tick(&r.s, t + 3 * SECOND);
	assert_int_equal(r.n_sent, 1); /* Not one on each tick. */
	session_tick(&r.s, t + 4 * SECOND);
	assert_int_equal(r.n_sent, 2);
	/* A packet counts as a sign of life. */
	assert_true(session_packets_received(&r.s, t + 5 * SECOND));
	session_tick(&r.s, t + 10 * SECOND);
	assert_int_equal(r.closed, 0);
	session_tick(&r.s, t + 11 * SECOND);
	assert_int_equal(r.closed, 1);
	assert_string_equal(r.end.bye.code, "timeout");
}

static void test_round_trip_time(void **state)
{
	struct rig r;

	(void)state;
	open_client(&r);
	struct ctrl_msg pong = { .type = CTRL_PONG, .ping = r.sent[2].ping };
	pong.ping.id++;
	receive(&r, &pong, SECOND + 100); /* Not the one that was asked for. */
	assert_int_equal(r.s.rtt_us, 0);
	pong.ping.id--;
	receive(&r, &pong, SECOND + 250);
	assert_int_equal(r.s.rtt_us, 250);
	receive(&r, &pong, SECOND + 9000); /* Twice. */
	assert_int_equal(r.s.rtt_us, 250);
}

static void test_ping_is_answered(void **state)
{
	struct rig r;
	struct ctrl_msg ping = { .type = CTRL_PING, .ping = { .id = 77 } };

	(void)state;
	open_server(&r);
	r.n_sent = 0;
	receive(&r, &ping, SECOND);
	assert_int_equal(r.n_sent, 1);
	assert_int_equal(r.sent[0].type, CTRL_PONG);
	assert_int_equal(r.sent[0].ping.id, 77);
}

/* PROTOCOL 6: 128 at once, then 64 a second. */
static void test_message_flood_ends_it(void **state)
{
	struct rig r;
	struct ctrl_msg pong = { .type = CTRL_PONG, .ping = { .id = 1 } };

	(void)state;
	open_server(&r); /* HELLO and READY were two. */
	for (int i = 0; i < 126; i++)
		receive(&r, &pong, SECOND);
	assert_int_equal(r.closed, 0);
	receive(&r, &pong, SECOND);
	assert_int_equal(r.closed, 1);
	assert_string_equal(r.end.bye.code, "protocol");
}

static void test_failed_send_ends_it_once(void **state)
{
	struct rig r;
	struct ctrl_msg ping = { .type = CTRL_PING, .ping = { .id = 1 } };

	(void)state;
	open_server(&r);
	r.send_result = -EPIPE;
	receive(&r, &ping, SECOND);
	assert_int_equal(r.closed, 1);
	assert_string_equal(r.end.bye.code, "internal");
}

static void test_bye_carries_its_fields(void **state)
{
	struct rig r;
	struct ctrl_bye bye = { .code = "shutdown", .retry_after_s = 30 };

	(void)state;
	open_server(&r);
	r.n_sent = 0;
	session_bye(&r.s, &bye);
	assert_int_equal(r.sent[0].type, CTRL_BYE);
	assert_int_equal(r.sent[0].bye.retry_after_s, 30);
	assert_string_equal(r.end.bye.code, "shutdown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_server_opens),
		cmocka_unit_test(test_client_opens),
		cmocka_unit_test(test_order_is_enforced),
		cmocka_unit_test(test_packets_before_open_end_it),
		cmocka_unit_test(test_bad_json_ends_it),
		cmocka_unit_test(test_greeting_deadline),
		cmocka_unit_test(test_keepalive_and_death),
		cmocka_unit_test(test_round_trip_time),
		cmocka_unit_test(test_ping_is_answered),
		cmocka_unit_test(test_message_flood_ends_it),
		cmocka_unit_test(test_failed_send_ends_it_once),
		cmocka_unit_test(test_bye_carries_its_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
