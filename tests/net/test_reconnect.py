#!/usr/bin/env -S python3 -B
"""
Ends that vanish, links that break, identities that come twice.

    server  192.0.2.1 ---- 192.0.2.2  client        inside 10.86.0.0/24, fd86::/64
                           192.0.2.3  second (on the same bridge)

    second --- bridge --- client
                 |
               server
"""
from lib import netns, wait
from lib.case import NetCase, main

KEEPALIVE = {"keepalive": 1, "dead_after": 3}


class Reconnect(NetCase):
    @classmethod
    def build(cls):
        cls.bridge = cls.lab.namespace("bridge")
        cls.bridge.ip("link", "add", "name", "br0", "type", "bridge")
        cls.bridge.ip("link", "set", "br0", "up")
        cls.ns = {}
        for i, label in enumerate(("server", "client", "second"), start=1):
            ns = cls.ns[label] = cls.lab.namespace(label)
            netns.veth(ns, "wan", cls.bridge, label)
            cls.bridge.ip("link", "set", label, "master", "br0")
            ns.add_address("wan", f"192.0.2.{i}/24", f"2001:db8::{i}/64")

    def setUp(self):
        self.first_process = len(self.lab.processes)
        for label in self.ns:
            self.bridge.ip("link", "set", label, "up")

    def tearDown(self):
        for p in reversed(self.lab.processes[self.first_process:]):
            p.kill()

    def wait_ping(self, label, host="10.86.0.1", timeout=20):
        wait.until(lambda: self.ns[label].ping(host, timeout=1), timeout, f"a ping from {label} to {host}")

    def test_server_killed_and_restarted(self):
        server = self.lab.server(self.ns["server"], **KEEPALIVE)
        client = self.lab.client(self.ns["client"])
        address = client.addresses()
        mark = client.mark()
        server.kill()
        client.wait_log("disconnected: ", since=mark)
        client.wait_log("trying again in", since=mark)
        client.wait_status(lambda s: s["state"] != "open", what="the loss noticed")
        server = self.lab.server(self.ns["server"], label="server2", **KEEPALIVE)
        client.wait_log("connected to 192.0.2.1", since=mark)
        server.wait_session("alice")
        self.wait_ping("client")
        self.assertEqual(client.addresses(), address)

    def test_client_killed(self):
        """Its socket closes, the server notices, and the next one gets the same addresses."""
        server = self.lab.server(self.ns["server"], **KEEPALIVE)
        client = self.lab.client(self.ns["client"])
        address = client.addresses()
        client.kill()
        server.wait_gone("alice")
        again = self.lab.client(self.ns["client"], label="again")
        self.assertEqual(again.addresses(), address)
        self.wait_ping("client")

    def test_link_cut_and_restored(self):
        """Nobody says good-bye: both ends find out by themselves, and the client comes back."""
        server = self.lab.server(self.ns["server"], **KEEPALIVE)
        client = self.lab.client(self.ns["client"])
        marks = server.mark(), client.mark()
        self.bridge.ip("link", "set", "client", "down")
        server.wait_log(r"client alice \(192\.0\.2\.2:\d+\): gone: timeout", since=marks[0])
        client.wait_log("disconnected: timeout", since=marks[1])
        self.bridge.ip("link", "set", "client", "up")
        client.wait_log("connected to 192.0.2.1", timeout=30, since=marks[1])
        self.wait_ping("client")

    def test_short_cut_is_survived(self):
        """Shorter than dead_after: the same session goes on."""
        server = self.lab.server(self.ns["server"], keepalive=1, dead_after=30)
        self.lab.client(self.ns["client"])
        session = server.wait_session("alice")["session"]
        self.bridge.ip("link", "set", "client", "down")
        self.assertNoPing(self.ns["client"], "10.86.0.1")
        self.bridge.ip("link", "set", "client", "up")
        self.wait_ping("client")
        self.assertEqual(server.session("alice")["session"], session)

    def test_idle_tunnel_stays(self):
        """Keepalives alone keep it up for longer than dead_after."""
        server = self.lab.server(self.ns["server"], **KEEPALIVE)
        client = self.lab.client(self.ns["client"])
        first = server.wait_session("alice")["session"]
        since = server.ask()["now"]
        server.wait_status(lambda s: s["now"] >= since + 5, timeout=15, what="five seconds of silence")
        self.assertEqual(server.session("alice")["session"], first)
        self.assertIn("rtt_us", server.session("alice"))
        self.assertIn("rtt_us", client.ask()["sessions"][0])

    def test_silent_client_is_dropped(self):
        """One that is stopped answers no keepalive; its addresses are free again."""
        import signal
        server = self.lab.server(self.ns["server"], **KEEPALIVE)
        client = self.lab.client(self.ns["client"])
        mark = server.mark()
        client.signal(signal.SIGSTOP)
        server.wait_log("gone: timeout", since=mark)
        client.signal(signal.SIGCONT)
        server.wait_session("alice")
        self.wait_ping("client")

    def test_duplicate_replaces(self):
        server = self.lab.server(self.ns["server"], duplicate="replace")
        first = self.lab.client(self.ns["client"], label="first", retry_min=30, retry_max=60)
        address = first.addresses()
        mark = first.mark()
        second = self.lab.client(self.ns["second"], label="second")
        first.wait_log("disconnected: replaced", since=mark)
        self.assertEqual(second.addresses(), address)
        session = server.wait_session("alice", condition=lambda s: s["peer"].startswith("192.0.2.3:"))
        self.assertTrue(session["addresses"])
        self.assertEqual(len(server.ask()["sessions"]), 1)
        self.wait_ping("second")

    def test_duplicate_rejected(self):
        server = self.lab.server(self.ns["server"], duplicate="reject")
        self.lab.client(self.ns["client"], label="first")
        second = self.lab.client(self.ns["second"], label="second", wait_open=False)
        second.wait_log("duplicate")
        self.wait_ping("client")
        self.assertTrue(server.session("alice")["peer"].startswith("192.0.2.2:"))

    def test_second_remote(self):
        """A remote that refuses is passed over for the next one."""
        self.lab.server(self.ns["server"])
        client = self.lab.client(self.ns["client"], remote=["192.0.2.1:9", "192.0.2.1:4433"])
        self.assertEqual(client.ask()["remote"], "192.0.2.1:4433")


if __name__ == "__main__":
    main()
