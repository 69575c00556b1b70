#!/usr/bin/env -S python3 -B
"""
Certificates and revocations that change while the server runs.

    server  192.0.2.1 ---- 192.0.2.2  alice        inside 10.86.0.0/24
                           192.0.2.3  bob (on the same bridge)
"""
import shutil
import signal

from lib import netns
from lib.case import NetCase, main


class Reload(NetCase):
    @classmethod
    def build(cls):
        cls.bridge = cls.lab.namespace("bridge")
        cls.bridge.ip("link", "add", "name", "br0", "type", "bridge")
        cls.bridge.ip("link", "set", "br0", "up")
        cls.ns = {}
        for i, label in enumerate(("server", "alice", "bob"), start=1):
            ns = cls.ns[label] = cls.lab.namespace(label)
            netns.veth(ns, "wan", cls.bridge, label)
            cls.bridge.ip("link", "set", label, "master", "br0")
            cls.bridge.ip("link", "set", label, "up")
            ns.add_address("wan", f"192.0.2.{i}/24")

    def setUp(self):
        self.first_process = len(self.lab.processes)
        self.crl = self.lab.dir / "server.crl"
        self.lab.pki.run("crl")
        shutil.copy(self.lab.pki.dir / "crl.pem", self.crl)
        self.server = self.lab.server(self.ns["server"], crl=self.crl, workers=2)

    def tearDown(self):
        for p in reversed(self.lab.processes[self.first_process:]):
            p.kill()

    def install_crl(self):
        """As an administrator would: a new file in the old one's place."""
        new = self.crl.with_suffix(".new")
        shutil.copy(self.lab.pki.dir / "crl.pem", new)
        new.rename(self.crl)

    def connect(self, name):
        return self.lab.client(self.ns[name.split("-")[0]], name, label=name)

    def test_revoking_ends_the_session(self):
        """One session ends soon, says why, and cannot come back; the other one does not notice."""
        alice, bob = self.connect("alice-1"), self.connect("bob-1")
        mark, bobs = self.server.mark(), bob.mark()
        self.lab.pki.run("revoke", "alice-1")
        self.assertPing(self.ns["alice"], "10.86.0.1")  # Not before the server has been told.
        self.install_crl()
        self.server.wait_log("client alice-1 .*: gone: revoked", timeout=10, since=mark)
        alice.wait_log("disconnected: revoked: .*said by the server")
        self.server.wait_log("refused .*: revoked: ", since=mark, timeout=20)
        self.assertPing(self.ns["bob"], "10.86.0.1")
        self.assertEqual(self.server.session("bob-1")["state"], "open")
        self.assertEqual(bob.find_log("disconnected", since=bobs), [])

    def test_bad_crl_changes_nothing(self):
        alice = self.connect("alice-2")
        mark = self.server.mark()
        self.crl.write_text("-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n")
        self.server.wait_log("reload failed, nothing has changed: ", since=mark)
        self.assertPing(self.ns["alice"], "10.86.0.1")
        self.assertEqual(alice.status()["state"], "open")
        self.lab.pki.run("revoke", "alice-2")
        self.install_crl()
        self.server.wait_log("client alice-2 .*: gone: revoked", timeout=10, since=mark)

    def test_sighup_takes_a_new_certificate(self):
        """New connections see it, sessions stay."""
        first, second = self.lab.pki.server("gw-first", ip=["192.0.2.1"]), self.lab.pki.server("gw-second", ip=["192.0.2.1"])
        cert, key = self.lab.dir / "gw.crt", self.lab.dir / "gw.key"

        def install(c):
            for source, target in ((c.certificate, cert), (c.key, key)):
                shutil.copy(source, target)
                target.chmod(0o600)

        install(first)
        self.server.kill()
        self.server = self.lab.server(self.ns["server"], label="renewed", certificate=cert, key=key, ca=first.ca, crl=self.crl)
        alice = self.connect("alice-3")
        self.assertEqual(alice.ask()["sessions"][0]["name"], "gw-first")
        install(second)
        mark = self.server.mark()
        self.server.signal(signal.SIGHUP)
        self.server.wait_log("certificates are in use anew", since=mark)
        bob = self.connect("bob-3")
        self.assertEqual(bob.ask()["sessions"][0]["name"], "gw-second")
        self.assertEqual(alice.ask()["sessions"][0]["name"], "gw-first")
        self.assertPing(self.ns["alice"], "10.86.0.1")
        key.write_text("not a key")
        mark = self.server.mark()
        self.server.signal(signal.SIGHUP)
        self.server.wait_log("reload failed, nothing has changed: ", since=mark)
        self.assertPing(self.ns["bob"], "10.86.0.1")


if __name__ == "__main__":
    main()
