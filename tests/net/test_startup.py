#!/usr/bin/env -S python3 -B
"""
What cannot work says so, says why and what to do, and leaves nothing behind.

    server  192.0.2.1 ---- 192.0.2.2  client
"""
import os
import re
import socket

from lib.case import NetCase, main
from lib.lab import BIN, PORT
from lib.netns import run
from peer import Closed, Peer

PROGRAMS = ("sallyport-server", "sallyport-client")


class Startup(NetCase):
    @classmethod
    def build(cls):
        cls.server_ns, cls.client_ns = cls.lab.pair()

    def setUp(self):
        self.first_process = len(self.lab.processes)
        self.before = self.server_ns.snapshot(), self.client_ns.snapshot()

    def tearDown(self):
        for p in reversed(self.lab.processes[self.first_process:]):
            p.terminate()
        self.assertEqual((self.server_ns.snapshot(), self.client_ns.snapshot()), self.before)

    def check_fails(self, daemon, code, *patterns):
        self.assertEqual(daemon.wait_exit(), code, daemon.output())
        for pattern in patterns:
            self.assertRegex(daemon.output(), re.compile(pattern, re.I | re.S))
        self.assertFalse(daemon.control.exists())

    def server_fails(self, code, *patterns, **settings):
        self.check_fails(self.lab.server(self.server_ns, wait_ready=False, **settings), code, *patterns)

    def client_fails(self, code, *patterns, **settings):
        self.check_fails(self.lab.client(self.client_ns, wait_open=False, **settings), code, *patterns)

    def test_device_exists(self):
        for ns, fails in ((self.server_ns, self.server_fails), (self.client_ns, self.client_fails)):
            with self.subTest(ns.label):
                ns.ip("link", "add", "name", "taken0", "type", "veth", "peer", "name", "taken1")
                fails(1, "taken0", "exists", "device", device="taken0")
                self.assertIn("taken0", ns.devices())
                ns.ip("link", "del", "taken0")

    def test_device_is_ours_already(self):
        self.lab.server(self.server_ns, label="first")
        self.server_fails(1, "sally0", listen=["[::]:4434"])

    def test_port_taken(self):
        for host in ("0.0.0.0", "192.0.2.1"):
            with self.subTest(host), self.server_ns.listen(host, PORT):
                self.server_fails(1, str(PORT), "in use|taken", listen=[f"{host}:{PORT}"])

    def test_port_taken_by_ourselves(self):
        """SO_REUSEPORT would let a second server steal connections from the first."""
        self.lab.server(self.server_ns, label="first")
        self.server_fails(1, str(PORT), "in use|taken", device="sally1", pool4="10.87.0.0/24", pool6=None)

    def test_listen_address_is_not_ours(self):
        self.server_fails(1, "203.0.113.7", listen=[f"203.0.113.7:{PORT}"])

    def test_control_socket_taken(self):
        first = self.lab.server(self.server_ns)
        second = self.lab.server(self.server_ns, label="second", wait_ready=False, control=first.control,
                                 device="sally1", listen=["[::]:4434"], pool4="10.87.0.0/24", pool6=None)
        self.assertEqual(second.wait_exit(), 1)
        self.assertRegex(second.output(), str(first.control))
        self.assertTrue(first.ask()["pid"])  # The first one's is still there.

    def test_stale_control_socket(self):
        path = self.lab.dir / "stale.sock"
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(str(path))
        self.lab.server(self.server_ns, control=path)

    def test_key_readable_by_others(self):
        for cert, fails in ((self.lab.pki.server("loose", dns=["loose.test"]), self.server_fails),
                            (self.lab.pki.client("loose"), self.client_fails)):
            for mode in (0o644, 0o640, 0o602):
                with self.subTest(cert=cert.certificate, mode=oct(mode)):
                    cert.key.chmod(mode)
                    fails(2, re.escape(str(cert.key)), "chmod", **cert.settings())
            cert.key.chmod(0o600)

    def test_missing_files(self):
        good = self.lab.pki.server("gateway", dns=["gateway.test"], ip=["192.0.2.1", "2001:db8::1"]).settings()
        for setting in ("certificate", "key", "ca", "crl"):
            with self.subTest(setting):
                self.server_fails(2, "/nowhere/file", "no such file", **{**good, setting: "/nowhere/file"})
                alice = self.lab.pki.client("alice").settings()
                self.client_fails(2, "/nowhere/file", "no such file", **{**alice, setting: "/nowhere/file"})

    def test_files_that_are_something_else(self):
        good = self.lab.pki.server("gateway", dns=["gateway.test"], ip=["192.0.2.1", "2001:db8::1"]).settings()
        junk = self.lab.write("junk.pem", "this is not a certificate\n")
        for setting in ("certificate", "key", "ca", "crl"):
            with self.subTest(setting):
                self.server_fails(2, re.escape(str(junk)), **{**good, setting: junk})
        with self.subTest("another's key"):
            other = self.lab.pki.client("other").key
            self.server_fails(2, "key", "match|belong", **{**good, "key": other})
        with self.subTest("a client's certificate"):
            self.server_fails(2, "client|usage|role", **self.lab.pki.client("alice").settings())
        with self.subTest("a server's certificate"):
            self.client_fails(2, "server|usage|role", **good)

    def test_settings(self):
        cases = [
            ("colour = 1;\n", r":1: .*colour"),
            ("\n\nmtu = \"big\";\n", r":3: .*mtu"),
            ("mtu = 70000;\n", r":1: .*mtu.*65535"),
            ("mtu = ;\n", r":1: "),
        ]
        for program in PROGRAMS:
            for text, pattern in cases:
                name = "mtu_max" if program == "sallyport-client" else "mtu"
                path = self.lab.write("bad.conf", text.replace("mtu", name))
                with self.subTest(program=program, text=text):
                    done = self.server_ns.run(BIN / program, "--config", path, check=False)
                    self.assertEqual(done.returncode, 2)
                    self.assertRegex(done.stdout, re.escape(str(path)) + pattern.replace("mtu", name))
        missing = self.server_ns.run(BIN / "sallyport-server", "--config", "/nowhere.conf", check=False)
        self.assertEqual(missing.returncode, 2)
        self.assertIn("/nowhere.conf", missing.stdout)

    def test_network_in_use(self):
        """A pool inside a network that the host is in already would take that network's traffic."""
        self.server_fails(1, r"192\.0\.2\.", "pool4", pool4="192.0.2.0/24", pool6=None)

    def test_address_in_use(self):
        """The client's inside address is on another of its devices already: it says so, and takes it when it is free."""
        self.lab.server(self.server_ns)
        client = self.lab.client(self.client_ns)
        address = client.addresses()[0]
        client.terminate()
        self.client_ns.add_address("wan", f"{address}/32")
        client = self.lab.client(self.client_ns, wait_open=False)
        client.wait_log(f"this host has the address {address}.* already")
        client.wait_log("trying again in")
        self.client_ns.ip("addr", "del", f"{address}/32", "dev", "wan")
        client.wait_open()
        self.assertPing(self.client_ns, "10.86.0.1")

    def test_pool_full(self):
        """A pool for one: the second client is told so and tries again."""
        server = self.lab.server(self.server_ns, pool4="10.86.0.0/30", pool6=None)
        self.lab.client(self.client_ns)
        with Peer(self.client_ns, self.lab.pki.client("bob")) as p:
            p.connect()
            with self.assertRaises(Closed) as raised:
                p.hello()
        self.assertEqual(raised.exception.code, "full")
        server.wait_log("bob.*full|full.*bob")
        self.assertPing(self.client_ns, "10.86.0.1")

    def test_max_clients(self):
        self.lab.server(self.server_ns, max_clients=1)
        self.lab.client(self.client_ns)
        with Peer(self.client_ns, self.lab.pki.client("bob")) as p:
            p.connect()
            with self.assertRaises(Closed) as raised:
                p.hello()
        self.assertEqual(raised.exception.code, "full")

    def test_room_again(self):
        """An address is free as soon as its holder has gone."""
        server = self.lab.server(self.server_ns, pool4="10.86.0.0/30", pool6=None)
        for name in ("one", "two", "three"):
            with Peer(self.client_ns, self.lab.pki.client(name)) as p:
                p.open()
                self.assertEqual(p.address(4), "10.86.0.2")
                p.send_ctrl("BYE", code="shutdown")
            server.wait_gone(name)

    def test_check(self):
        server = self.lab.write_config("check-server", self.lab.server_settings())
        client = self.lab.write_config("check-client", self.lab.client_settings("alice"))
        for program, config in zip(PROGRAMS, (server, client)):
            with self.subTest(program):
                done = self.server_ns.run(BIN / program, "--check", "--config", config)
                self.assertIn("test.example", done.stdout)
        done = self.server_ns.run(BIN / "sallyport-server", "--check", "--config",
                                  self.lab.write_config("check-bad", self.lab.server_settings(key="/nowhere/file")),
                                  check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("/nowhere/file", done.stdout)

    def test_usage(self):
        for program in PROGRAMS:
            with self.subTest(program):
                self.assertIn("--config", run(BIN / program, "--help").stdout)
                version = run(BIN / program, "--version").stdout
                for name in (program, "wolfSSL 5", "libuv 1", "libconfig 1"):
                    self.assertIn(name, version)
                for wrong in (["--nonsense"], ["extra"], []):
                    self.assertEqual(run(BIN / program, *wrong, check=False).returncode, 2)

    def test_device_taken_away(self):
        """Somebody deletes the device of a running daemon: it says so, tells its peer good-bye and ends."""
        server = self.lab.server(self.server_ns)
        client = self.lab.client(self.client_ns, "mover", retry_max=1)
        self.server_ns.ip("link", "del", "sally0")
        self.check_fails(server, 1, "device sally0 is gone")
        client.wait_log("disconnected: shutdown: .*said by the server")
        self.client_ns.ip("link", "del", "sally0")
        self.check_fails(client, 1, "device sally0 is gone")

    def test_not_root(self):
        """Without the right to make a device it says that, and what to do."""
        if os.geteuid() != 0:
            self.fail("this test starts as root")
        config = self.lab.write_config("nobody", self.lab.server_settings(control=self.lab.dir / "n.sock"))
        done = self.server_ns.run("setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin",
                                  BIN / "sallyport-server", "--config", config, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, "root|CAP_NET_ADMIN")


if __name__ == "__main__":
    main()
