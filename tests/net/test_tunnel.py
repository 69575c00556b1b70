#!/usr/bin/env -S python3 -B
"""
One server, one client: what goes through, and what is left when they end.

    server                                        client
    +------------------------+  wan      wan  +------------------------+
    | sally0 10.86.0.1/24    |----------------| sally0 10.86.0.2/24    |
    |        fd86::1/64      |  192.0.2.1/24  |        fd86::2/64      |
    +------------------------+  192.0.2.2/24  +------------------------+
                                2001:db8::1/64, 2001:db8::2/64
"""
import signal

from lib import traffic
from lib.case import NetCase, main
from lib.lab import PORT, BIN
from lib.netns import run

MB = 1 << 20


class Tunnel:
    """The tests; the classes below choose what is outside."""

    remote = None

    @classmethod
    def build(cls):
        cls.server_ns, cls.client_ns = cls.lab.pair()
        cls.server = cls.lab.server(cls.server_ns)
        cls.client = cls.lab.client(cls.client_ns, remote=[cls.remote])
        cls.session = cls.server.wait_session("alice")
        cls.inner4, cls.inner6 = cls.client.addresses()

    def both_ways(self):
        """(sender, receiver, the receiver's inside address) for both directions and families."""
        for here, there in (("10.86.0.1", self.inner4), ("fd86::1", self.inner6)):
            yield self.client_ns, self.server_ns, here
            yield self.server_ns, self.client_ns, there

    def test_ping(self):
        for sender, _, host in self.both_ways():
            with self.subTest(host=host):
                self.assertPing(sender, host, count=5)

    def test_mtu_edges(self):
        mtu = self.server.ask()["mtu"]
        self.assertEqual(mtu, self.client.ask()["mtu"])
        for sender, _, host in self.both_ways():
            headers = 48 if ":" in host else 28
            with self.subTest(host=host):
                for size in (mtu - headers, mtu - headers - 1, 1, 0):
                    self.assertPing(sender, host, size=size, fragment=False)
                # One more does not fit and is refused at once; in fragments it arrives.
                self.assertNoPing(sender, host, size=mtu - headers + 1, fragment=False)
                self.assertPing(sender, host, size=mtu - headers + 1)
                self.assertPing(sender, host, size=20000)

    def test_datagrams(self):
        mtu = self.server.ask()["mtu"]
        for sender, receiver, host in self.both_ways():
            headers = 48 if ":" in host else 28
            with self.subTest(host=host):
                traffic.datagrams(sender, receiver, host, [0, 1, 2, 17, mtu - headers - 1, mtu - headers,
                                                           mtu - headers + 1, 4000, 60000])

    def test_bulk(self):
        for sender, receiver, host in self.both_ways():
            with self.subTest(host=host):
                traffic.transfer(sender, receiver, host, 64 * MB)

    def test_odd_tcp_sizes(self):
        mtu = self.server.ask()["mtu"]
        odd = [1, 7, 8, mtu - 53, mtu - 52, mtu - 51, mtu - 40, 2 * mtu - 103, 16383, 16384, 16385, 65483, 65535, 65536]
        for sender, receiver, host in self.both_ways():
            with self.subTest(host=host):
                traffic.transfer(sender, receiver, host, sum(odd) * 3 + 1, writes=odd)

    def test_iperf(self):
        for options in ([], ["-R"], ["-P", "4"], ["--bidir"]):
            with self.subTest(options=options), traffic.Iperf(self.lab, self.server_ns, "10.86.0.1") as iperf:
                self.assertGreater(iperf.measure(self.client_ns, *options), 50e6)

    def test_counters_move(self):
        before = self.server.session("alice")
        self.assertPing(self.client_ns, "10.86.0.1", count=10, size=1000)
        after = self.server.session("alice")
        for way in ("rx", "tx"):
            self.assertGreaterEqual(after[f"{way}_packets"], before[f"{way}_packets"] + 10)
            self.assertGreaterEqual(after[f"{way}_bytes"], before[f"{way}_bytes"] + 10000)


class OverIpv4(Tunnel, NetCase):
    remote = f"192.0.2.1:{PORT}"

    def test_status(self):
        server, client = self.server.ask(), self.client.ask()
        self.assertEqual(server["program"], "sallyport-server")
        self.assertEqual(client["program"], "sallyport-client")
        self.assertEqual(server["identity"], "spiffe://test.example/server/gateway")
        self.assertEqual(client["identity"], "spiffe://test.example/client/alice")
        self.assertEqual([s["identity"] for s in client["sessions"]], [server["identity"]])
        session = server["sessions"][0]
        self.assertEqual(session["identity"], client["identity"])
        self.assertEqual(session["addresses"], [self.inner4, self.inner6])
        self.assertTrue(session["peer"].startswith("192.0.2.2:"))
        for s in (session, client["sessions"][0]):
            self.assertEqual((s["version"], s["suite"], s["group"]),
                             ("TLSv1.3", "TLS_AES_256_GCM_SHA384", "X25519MLKEM768"))
            self.assertEqual(s["session"], session["session"])
            # As far as this kernel can, everything is offloaded; where not, it is said why.
            for kind, on in server["offload"].items():
                if kind != "reason":
                    self.assertEqual(kind in s["offload"], on and client["offload"][kind], s)

    def test_error_for_other_commands(self):
        self.assertIn("error", self.server.ask("dance"))
        self.assertIn("error", self.client.ask("dance"))

    def test_ctl(self):
        for daemon in (self.server, self.client):
            with self.subTest(daemon=daemon.label):
                text = run(BIN / "sallyport", "status", "--socket", daemon.control).stdout
                self.assertIn("X25519MLKEM768", text)
                self.assertIn(self.inner4, text)
        self.assertIn("alice", run(BIN / "sallyport", "status", "--socket", self.server.control,
                                   env={"COLUMNS": "40"}).stdout)


class OverIpv6(Tunnel, NetCase):
    remote = f"[2001:db8::1]:{PORT}"

    def test_outside_is_ipv6(self):
        self.assertTrue(self.session["peer"].startswith("[2001:db8::2]:"))


class End(NetCase):
    """A daemon that is told to end leaves the machine as it found it."""

    @classmethod
    def build(cls):
        cls.server_ns, cls.client_ns = cls.lab.pair()

    def check_end(self, number):
        before = self.server_ns.snapshot(), self.client_ns.snapshot()
        server = self.lab.server(self.server_ns, routes=["198.51.100.0/24", "2001:db8:99::/48"])
        client = self.lab.client(self.client_ns)
        self.assertPing(self.client_ns, "10.86.0.1")
        self.assertIn("198.51.100.0/24", "\n".join(self.client_ns.snapshot()))
        client.signal(number)
        self.assertEqual(client.wait_exit(), 0)
        server.wait_log(r"client alice \(192\.0\.2\.2:\d+\): gone: shutdown")
        self.assertEqual(self.client_ns.snapshot(), before[1])
        self.assertFalse(client.control.exists())

        client = self.lab.client(self.client_ns)
        mark = client.mark()
        server.signal(number)
        self.assertEqual(server.wait_exit(), 0)
        client.wait_log("disconnected: shutdown", since=mark)
        self.assertEqual(self.server_ns.snapshot(), before[0])
        self.assertFalse(server.control.exists())
        client.wait_log("trying again in", since=mark)
        client.signal(number)
        self.assertEqual(client.wait_exit(), 0)
        self.assertEqual(self.client_ns.snapshot(), before[1])

    def test_sigterm(self):
        self.check_end(signal.SIGTERM)

    def test_sigint(self):
        self.check_end(signal.SIGINT)

    def test_killed_client_leaves_nothing_that_hinders(self):
        """What kill -9 leaves (rules, routes) is swept at the next start and is gone after its end."""
        before = self.client_ns.snapshot()
        server = self.lab.server(self.server_ns)
        self.lab.client(self.client_ns).kill()
        client = self.lab.client(self.client_ns)
        self.assertPing(self.client_ns, "10.86.0.1")
        self.assertEqual(client.terminate(), 0)
        self.assertEqual(self.client_ns.snapshot(), before)
        server.terminate()


if __name__ == "__main__":
    main()
