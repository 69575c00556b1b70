#!/usr/bin/env -S python3 -B
"""
A server with two workers: connections land on either, packets come out of the right one.

    server (workers = 2)       bridge        client   192.0.2.11   alice
    192.0.2.1            ----- o ----- ...   second   192.0.2.12   bob      inside 10.86.0.0/24, fd86::/64
"""
import concurrent.futures

from lib import netns, traffic
from lib.case import NetCase, main
from peer import Peer

MB = 1 << 20


class Workers(NetCase):
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
        cls.client_ns = {"alice": place("client", "192.0.2.11"), "bob": place("second", "192.0.2.12")}
        cls.server_ns.sysctl("net.ipv4.ip_forward", 1)
        cls.server_ns.sysctl("net.ipv6.conf.all.forwarding", 1)
        cls.server = cls.lab.server(cls.server_ns, workers=2, client_to_client=True)
        cls.clients = {name: cls.lab.client(ns, name) for name, ns in cls.client_ns.items()}

    def test_status(self):
        status = self.server.ask()
        self.assertEqual(status["workers"], 2)
        self.assertEqual(sorted(s["name"] for s in status["sessions"]), ["alice", "bob"])

    def test_both_workers_take_connections(self):
        """The kernel deals connections by their ports: of thirty hand-made clients both get some."""
        peers = []
        try:
            for i in range(30):
                cert = self.lab.pki.client(f"w{i:02}")
                peers.append(Peer(self.client_ns["alice"], cert))
                peers[-1].open()
            sessions = self.server.wait_status(
                lambda s: len([x for x in s["sessions"] if x["state"] == "open"]) == 32,
                what="32 sessions")["sessions"]
            self.assertEqual({s["worker"] for s in sessions}, {0, 1})
        finally:
            for p in peers:
                p.close()

    def test_ping_all_flows(self):
        """Both clients, both families, several flows: some come out of the queue of the other worker."""
        for name, ns in self.client_ns.items():
            for host in ("10.86.0.1", "fd86::1"):
                for _ in range(4):
                    with self.subTest(name=name, host=host):
                        self.assertPing(ns, host, count=3)

    def test_bulk(self):
        inner = {name: c.addresses() for name, c in self.clients.items()}
        jobs = []
        for name, ns in self.client_ns.items():
            for family, host in enumerate(("10.86.0.1", "fd86::1")):
                jobs.append((ns, self.server_ns, host))
                jobs.append((self.server_ns, ns, inner[name][family]))
        for job in jobs:
            traffic.transfer(*job, 16 * MB)

    def test_streams_together(self):
        before = self.server.ask()["counters"]["drops"]
        with traffic.Iperf(self.lab, self.server_ns, "10.86.0.1", 5201) as one, \
                traffic.Iperf(self.lab, self.server_ns, "10.86.0.1", 5202) as two, \
                concurrent.futures.ThreadPoolExecutor(2) as pool:
            a = pool.submit(one.measure, self.client_ns["alice"], "-P", "4", seconds=2)
            b = pool.submit(two.measure, self.client_ns["bob"], "-P", "4", "-R", seconds=2)
            rates = a.result(), b.result()
        self.assertGreater(min(rates), 50e6)
        after = self.server.ask()["counters"]["drops"]
        for name in ("malformed", "spoofed", "descriptor"):
            self.assertEqual(after.get(name, 0), before.get(name, 0))

    def test_client_to_client(self):
        """Allowed, and by the kernel's forwarding, so that its firewall has a say."""
        alice, bob = self.clients["alice"].addresses(), self.clients["bob"].addresses()
        self.assertPing(self.client_ns["alice"], bob[0], count=5)
        self.assertPing(self.client_ns["bob"], alice[1], count=5)
        traffic.transfer(self.client_ns["alice"], self.client_ns["bob"], bob[0], 8 * MB)


if __name__ == "__main__":
    main()
