#!/usr/bin/env -S python3 -B
"""
Fifty clients at once, each in a namespace of its own.

                       bridge
              +----------+----------+-- ... --+
           server      c01        c02        c50
           192.0.2.1   192.0.2.11            192.0.2.60      inside 10.86.0.0/24, fd86::/64
"""
import concurrent.futures

from lib import netns
from lib.case import NetCase, main

N = 50


class Many(NetCase):
    @classmethod
    def build(cls):
        bridge = cls.lab.namespace("bridge")
        bridge.ip("link", "add", "name", "br0", "type", "bridge")
        bridge.ip("link", "set", "br0", "up")

        def place(label, address):
            ns = cls.lab.namespace(label)
            netns.veth(ns, "wan", bridge, label)
            bridge.ip("link", "set", label, "master", "br0")
            ns.add_address("wan", f"{address}/24")
            return ns

        cls.server_ns = place("server", "192.0.2.1")
        cls.names = [f"c{i:02}" for i in range(1, N + 1)]
        cls.client_ns = {name: place(name, f"192.0.2.{i + 11}") for i, name in enumerate(cls.names)}
        for name in cls.names:
            cls.lab.pki.client(name)

    def test_all_connect_and_ping(self):
        server = self.lab.server(self.server_ns, max_clients=N)
        clients = [self.lab.client(self.client_ns[n], n, wait_open=False) for n in self.names]
        for c in clients:
            c.wait_open(60)
        sessions = server.wait_status(
            lambda s: len([x for x in s["sessions"] if x["state"] == "open"]) == N, what="fifty sessions")["sessions"]
        self.assertEqual(sorted(s["name"] for s in sessions), self.names)
        for family in (0, 1):
            self.assertEqual(len({s["addresses"][family] for s in sessions}), N, "an address was given twice")

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            def both(name):
                ns = self.client_ns[name]
                return ns.ping("10.86.0.1", count=3, timeout=10) and ns.ping("fd86::1", count=3, timeout=10)
            answered = list(pool.map(both, self.names))
        self.assertEqual(answered, [True] * N)
        # And from the server to each.
        for s in sessions:
            self.assertPing(self.server_ns, s["addresses"][0])

        # All go at once and the server has forgotten them.
        for c in clients:
            c.signal(15)
        self.assertEqual([c.wait_exit(30) for c in clients], [0] * N)
        server.wait_status(lambda s: not s["sessions"], what="no session")


if __name__ == "__main__":
    main()
