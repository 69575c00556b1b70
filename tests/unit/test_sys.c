/* sys/tun and sys/sock against the real kernel, in a network namespace of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "help_netns.h"
#include "net/offload.h"
#include "sys/sock.h"
#include "sys/tun.h"

enum { PORT = 4433 };

static void assert_flags(int fd)
{
	assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
	assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
}

static void test_tun_open(void **state)
{
	const struct tun_opts opts = { .name = "sally%d", .queues = 1, .offload = true };
	char why[256];
	struct tun a, b;

	(void)state;
	assert_int_equal(tun_open(&opts, &a, why), 0);
	assert_int_equal(tun_open(&opts, &b, why), 0);
	assert_string_equal(a.name, "sally0");
	assert_string_equal(b.name, "sally1");
	assert_int_equal(a.ifindex, (int)if_nametoindex("sally0"));
	assert_int_equal(a.n_queues, 1);
	assert_flags(a.fds[0]);
	assert_int_equal(a.can & OFFLOAD_CAN_TCP, OFFLOAD_CAN_TCP);
	assert_int_equal(a.can & OFFLOAD_CAN_CSUM, OFFLOAD_CAN_CSUM);
	assert_int_equal(a.can == OFFLOAD_CAN_ALL, a.why_not[0] == '\0');
	tun_close(&a);
	assert_int_equal(if_nametoindex("sally0"), 0);
	tun_close(&a);
	tun_close(&b);
}

static void test_tun_no_offload(void **state)
{
	const struct tun_opts opts = { .name = "plain0", .queues = 1, .offload = false };
	char why[256];
	struct tun t;

	(void)state;
	assert_int_equal(tun_open(&opts, &t, why), 0);
	assert_int_equal(t.can, 0);
	assert_string_not_equal(t.why_not, "");
	tun_close(&t);
}

static void test_tun_queues(void **state)
{
	struct tun_opts opts = { .name = "many0", .queues = 4, .offload = true };
	char why[256];
	struct tun t;

	(void)state;
	assert_int_equal(tun_open(&opts, &t, why), 0);
	assert_int_equal(t.n_queues, 4);
	assert_non_null(strstr(help_run("ip -d link show many0"), "multi_queue"));
	for (size_t i = 0; i < 4; i++) {
		int size = 0;
		assert_flags(t.fds[i]);
		assert_int_equal(ioctl(t.fds[i], TUNGETVNETHDRSZ, &size), 0);
		assert_int_equal(size, 10);
	}
	tun_close(&t);
	assert_int_equal(if_nametoindex("many0"), 0);
	opts.queues = 0;
	assert_int_equal(tun_open(&opts, &t, why), -EINVAL);
	opts.queues = TUN_MAX_QUEUES + 1;
	assert_int_equal(tun_open(&opts, &t, why), -EINVAL);
}

/* A datagram out through the device, its header turned round, and in again. */
static void test_tun_packets(void **state)
{
	const struct tun_opts opts = { .name = "loop0", .queues = 1, .offload = true };
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(7) };
	uint8_t frame[2048], swap[4], back[16];
	struct virtio_net_hdr h;
	char why[256];
	struct tun t;
	ssize_t n;

	(void)state;
	assert_int_equal(tun_open(&opts, &t, why), 0);
	(void)help_run("ip addr add 10.5.0.1/24 dev loop0 && ip link set loop0 up");
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	to.sin_addr.s_addr = htonl(0x0a050002);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(send(fd, "there and back", 14, 0), 14);
	do /* The kernel's own IPv6 multicast may come first. */
		n = read(t.fds[0], frame, sizeof(frame));
	while (n > 10 && frame[10] >> 4 == 6);
	assert_int_equal(n, 10 + 20 + 8 + 14);
	memcpy(&h, frame, sizeof(h));
	assert_int_equal(h.gso_type, VIRTIO_NET_HDR_GSO_NONE);
	assert_int_equal(h.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);

	memcpy(swap, frame + 10 + 12, 4);
	memcpy(frame + 10 + 12, frame + 10 + 16, 4);
	memcpy(frame + 10 + 16, swap, 4);
	memcpy(swap, frame + 30, 2);
	memcpy(frame + 30, frame + 32, 2);
	memcpy(frame + 32, swap, 2);
	assert_int_equal(write(t.fds[0], frame, (size_t)n), n);
	assert_int_equal(recv(fd, back, sizeof(back), 0), 14);
	assert_memory_equal(back, "there and back", 14);
	(void)close(fd);
	tun_close(&t);
}

static void test_tun_exists(void **state)
{
	const struct tun_opts opts = { .name = "taken0", .queues = 1, .offload = true };
	const struct tun_opts lo = { .name = "lo", .queues = 1 };
	char why[256] = "";
	struct tun t = { .n_queues = 77 };

	(void)state;
	(void)help_run("ip tuntap add taken0 mode tun");
	assert_int_equal(tun_open(&opts, &t, why), -EBUSY);
	assert_non_null(strstr(why, "taken0 exists already"));
	assert_int_equal(tun_open(&lo, &t, why), -EBUSY);
	assert_int_equal(t.n_queues, 77);
	(void)help_run("ip link del taken0");
}

static void test_tun_names(void **state)
{
	const char *const bad[] = { "", ".", "..", "a/b", "a b", "a:b", "sixteen_letters_", "%s",
		"%d%d", "x%", "\x7f", "\xc3\xa4" };
	char why[256];
	struct tun t;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct tun_opts opts = { .name = bad[i], .queues = 1 };
		why[0] = '\0';
		if (tun_open(&opts, &t, why) != -EINVAL || why[0] == '\0')
			fail_msg("\"%s\" was taken", bad[i]);
	}
}

static bool tun_without_device(void)
{
	const struct tun_opts opts = { .name = "sally0", .queues = 1 };
	char why[256] = "";
	struct tun t;

	return unshare(CLONE_NEWNS) == 0 &&
	       mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("none", "/dev/net", "tmpfs", 0, NULL) == 0 &&
	       tun_open(&opts, &t, why) == -ENOENT && strstr(why, "modprobe tun") != NULL;
}

static bool tun_without_rights(void)
{
	const struct tun_opts opts = { .name = "sally0", .queues = 1 };
	char why[256] = "";
	struct tun t;

	return setuid(65534) == 0 && tun_open(&opts, &t, why) == -EPERM && why[0] != '\0';
}

static void test_tun_refused(void **state)
{
	(void)state;
	assert_true(help_in_child(tun_without_device));
	assert_true(help_in_child(tun_without_rights));
}

static struct addr addr(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static void wait_for(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	assert_int_equal(poll(&p, 1, 5000), 1);
}

static int get_int(int fd, int level, int option)
{
	int value = -1;
	socklen_t len = sizeof(value);

	assert_int_equal(getsockopt(fd, level, option, &value, &len), 0);
	return value;
}

/* Connect to server_addr and accept: the ends are in fds[0], fds[1]. */
static void connect_pair(
	int listener, const char *server_addr, uint32_t mark, int fds[2], struct endpoint *peer)
{
	const struct addr a = addr(server_addr);

	fds[0] = sock_connect(&a, PORT, mark);
	assert_true(fds[0] >= 0);
	wait_for(fds[0], POLLOUT);
	assert_int_equal(sock_connect_result(fds[0]), 0);
	wait_for(listener, POLLIN);
	fds[1] = sock_accept(listener, peer);
	assert_true(fds[1] >= 0);
	assert_flags(fds[0]);
	assert_flags(fds[1]);
}

static uint16_t local_port(int fd)
{
	struct sockaddr_in6 sa = { 0 };
	socklen_t len = sizeof(sa);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	return ntohs(sa.sin6_port); /* At the same place for IPv4. */
}

static void test_sock_dual_stack(void **state)
{
	const char *const from[] = { "127.0.0.1", "::1" };
	const struct addr any = addr("::");
	struct endpoint peer = { .port = 1 };
	int fds[2] = { -1, -1 };

	(void)state;
	int listener = sock_listen(&any, PORT);
	assert_true(listener >= 0);
	assert_flags(listener);
	assert_int_equal(sock_accept(listener, &peer), -EAGAIN);
	assert_int_equal(peer.port, 1);
	for (size_t i = 0; i < 2; i++) {
		connect_pair(listener, from[i], 0, fds, &peer);
		assert_string_equal(peer.host, from[i]);
		assert_int_equal(peer.port, local_port(fds[0]));
		(void)close(fds[0]);
		(void)close(fds[1]);
	}
	(void)close(listener);
}

static void test_sock_share(void **state)
{
	const struct addr any = addr("::"), four = addr("127.0.0.1"), strange = addr("192.0.2.1");
	struct addr none = { 0 };

	(void)state;
	assert_int_equal(sock_probe(&any, PORT), 0);
	assert_int_equal(sock_probe(&four, PORT), 0);
	int a = sock_listen(&any, PORT), b = sock_listen(&any, PORT);
	assert_true(a >= 0 && b >= 0);
	assert_int_equal(sock_probe(&any, PORT), -EADDRINUSE);
	assert_int_equal(sock_probe(&four, PORT), -EADDRINUSE);
	assert_int_equal(sock_probe(&any, PORT + 1), 0);
	assert_int_equal(sock_listen(&strange, PORT), -EADDRNOTAVAIL);
	assert_int_equal(sock_listen(&none, PORT), -EINVAL);
	(void)close(a);
	(void)close(b);
}

/* Each family by itself: "0.0.0.0" and a plain IPv6 address do not get in each other's way. */
static void test_sock_each_family(void **state)
{
	const struct addr four = addr("0.0.0.0"), six = addr("::1");

	(void)state;
	int a = sock_listen(&four, PORT), b = sock_listen(&six, PORT);
	assert_true(a >= 0 && b >= 0);
	assert_int_equal(get_int(b, IPPROTO_IPV6, IPV6_V6ONLY), 1);
	(void)close(a);
	(void)close(b);
}

static void test_sock_refused(void **state)
{
	const struct addr lo = addr("127.0.0.1"), nowhere = addr("2001:db8::1");
	struct addr none = { 0 };

	(void)state;
	int fd = sock_connect(&lo, PORT, 0);
	assert_true(fd >= 0);
	wait_for(fd, POLLOUT);
	assert_int_equal(sock_connect_result(fd), -ECONNREFUSED);
	(void)close(fd);
	assert_int_equal(sock_connect(&nowhere, PORT, 0), -ENETUNREACH);
	assert_int_equal(sock_connect(&none, PORT, 0), -EINVAL);
	assert_int_equal(sock_connect_result(-1), -EBADF);
}

static void test_sock_tune(void **state)
{
	struct sock_tuning t = { .congestion = "reno", .notsent_lowat = 131072 };
	const struct addr any = addr("::");
	struct endpoint peer;
	char name[16];
	int fds[2] = { -1, -1 };

	(void)state;
	int listener = sock_listen(&any, PORT);
	connect_pair(listener, "127.0.0.1", 0x5a17, fds, &peer);
	assert_int_equal(get_int(fds[0], SOL_SOCKET, SO_MARK), 0x5a17);
	assert_int_equal(get_int(fds[1], SOL_SOCKET, SO_MARK), 0);
	assert_int_equal(sock_tune(fds[0], &t), 0);
	assert_int_equal(get_int(fds[0], IPPROTO_TCP, TCP_NODELAY), 1);
	assert_int_equal(get_int(fds[0], IPPROTO_TCP, TCP_NOTSENT_LOWAT), 131072);
	sock_congestion(fds[0], name);
	assert_string_equal(name, "reno");

	t.congestion = "no-such-thing";
	assert_int_equal(sock_tune(fds[0], &t), 1);
	sock_congestion(fds[0], name);
	assert_string_equal(name, "reno");
	t.congestion = "";
	assert_int_equal(sock_tune(fds[0], &t), 0);
	t.congestion = NULL;
	assert_int_equal(sock_tune(fds[0], &t), 0);
	assert_int_equal(sock_tune(-1, &t), -EBADF);
	sock_congestion(-1, name);
	assert_string_equal(name, "");
	(void)close(fds[0]);
	(void)close(fds[1]);
	(void)close(listener);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tun_open),
		cmocka_unit_test(test_tun_no_offload),
		cmocka_unit_test(test_tun_queues),
		cmocka_unit_test(test_tun_packets),
		cmocka_unit_test(test_tun_exists),
		cmocka_unit_test(test_tun_names),
		cmocka_unit_test(test_tun_refused),
		cmocka_unit_test(test_sock_dual_stack),
		cmocka_unit_test(test_sock_share),
		cmocka_unit_test(test_sock_each_family),
		cmocka_unit_test(test_sock_refused),
		cmocka_unit_test(test_sock_tune),
	};

	help_netns_enter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
