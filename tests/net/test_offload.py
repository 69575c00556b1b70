#!/usr/bin/env -S python3 -B
"""
Offload switched off on either side: everything still arrives, and status says why it is off.

    server  192.0.2.1 ---- 192.0.2.2  client        inside 10.86.0.0/24, fd86::/64
    offload on/off                    offload on/off
"""
from lib import traffic
from lib.case import NetCase, main

MB = 1 << 20


class Offload(NetCase):
    @classmethod
    def build(cls):
        cls.server_ns, cls.client_ns = cls.lab.pair()

    def check(self, server_on, client_on):
        server = self.lab.server(self.server_ns, offload=server_on)
        client = self.lab.client(self.client_ns, offload=client_on)
        inner4, inner6 = client.addresses()
        for daemon, on in ((server, server_on), (client, client_on)):
            state = daemon.ask()["offload"]
            self.assertEqual([state["csum"], state["tcp"]], [on, on])
            if not on:
                self.assertIn("offload", state["reason"])
        for session in (server.session("alice"), client.ask()["sessions"][0]):
            if not server_on or not client_on:
                self.assertEqual(session["offload"], [])
                self.assertNotEqual(session["offload_reason"], "")
            else:
                self.assertIn("tcp", session["offload"])
        for host, other in (("10.86.0.1", inner4), ("fd86::1", inner6)):
            self.assertPing(self.client_ns, host)
            traffic.transfer(self.client_ns, self.server_ns, host, 16 * MB)
            traffic.transfer(self.server_ns, self.client_ns, other, 16 * MB)
            traffic.datagrams(self.client_ns, self.server_ns, host, [0, 1, 1000, 1333, 30000])
        self.assertEqual(client.terminate(), 0)
        self.assertEqual(server.terminate(), 0)

    def test_off_at_server(self):
        self.check(False, True)

    def test_off_at_client(self):
        self.check(True, False)

    def test_off_at_both(self):
        self.check(False, False)

    def test_on_at_both(self):
        self.check(True, True)


if __name__ == "__main__":
    main()
