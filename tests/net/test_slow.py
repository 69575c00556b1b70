#!/usr/bin/env -S python3 -B
"""
One that does not read must not hold up the others, nor make the server grow.

    server  192.0.2.1 ---- 192.0.2.2   alice:   a real client
                                       sloth:   hand-made; opens a session and stops reading
"""
import socket
import statistics
import time

from lib import traffic, wait
from lib.case import NetCase, main
from peer import Peer

MB = 1 << 20


class Slow(NetCase):
    @classmethod
    def build(cls):
        cls.server_ns, cls.client_ns = cls.lab.pair()
        cls.server = cls.lab.server(cls.server_ns)
        cls.alice = cls.lab.client(cls.client_ns)
        cls.sloth = Peer(cls.client_ns, cls.lab.pki.client("sloth"))
        cls.sloth.open()
        cls.server.wait_session("sloth")

    @classmethod
    def tearDownClass(cls):
        cls.sloth.close()
        super().tearDownClass()

    def resident(self):
        """The server's memory in bytes."""
        with open(f"/proc/{self.server.pid}/status", encoding="ascii") as f:
            for line in f:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) * 1024
        raise AssertionError("no VmRSS")

    def flood(self, s, until):
        """Datagrams from the server to the sloth until the condition holds; returns how many bytes."""
        sent = 0
        data = b"x" * 1300
        deadline = time.monotonic() + 30
        while not until():
            self.assertLess(time.monotonic(), deadline)
            for _ in range(1000):
                try:
                    s.send(data)
                    sent += len(data)
                except BlockingIOError:
                    break
        return sent

    def test_others_go_on(self):
        backlog = ("drops", "backlog")
        with self.server_ns.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.setblocking(False)
            s.connect((self.sloth.address(4), 4242))
            # Until its queue is full and packets for it are dropped.
            before = self.server.counter(*backlog)
            self.flood(s, lambda: self.server.counter(*backlog) > before)
            memory = self.resident()
            # More of it changes nothing: neither the memory nor the other's traffic.
            count = self.server.counter(*backlog)
            self.flood(s, lambda: self.server.counter(*backlog) > count + 50000)
            self.assertLess(self.resident() - memory, 4 * MB)
            times = []
            for _ in range(10):
                self.flood(s, iter([False, True]).__next__)
                started = time.monotonic()
                self.assertPing(self.client_ns, "10.86.0.1")
                times.append(time.monotonic() - started)
            self.assertLess(statistics.median(times), 1)
        traffic.transfer(self.client_ns, self.server_ns, "10.86.0.1", 32 * MB)
        traffic.transfer(self.server_ns, self.client_ns, self.alice.addresses()[0], 32 * MB)
        self.assertPing(self.client_ns, "10.86.0.1", count=5)

    def test_sloth_wakes_up(self):
        """When it reads again, it finds whole frames and its session in order."""
        token = b"are you awake?"
        with self.server_ns.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.connect((self.sloth.address(4), 4243))

            def ask():
                s.send(token)
                return True

            wait.until(ask, 1, "a datagram sent")
            self.sloth.tls.settimeout(0.2)
            deadline = time.monotonic() + 20
            while True:
                try:
                    if token in self.sloth.recv_packet():
                        break
                except (TimeoutError, socket.timeout):
                    ask()
                self.assertLess(time.monotonic(), deadline)
        self.assertEqual(self.server.session("sloth")["state"], "open")


if __name__ == "__main__":
    main()
