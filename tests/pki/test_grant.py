#!/usr/bin/env python3
"""What certificates grant, and what bounds a CA: groups, addresses, networks, name constraints."""
import pathlib
import unittest

from help_pki import ALGS, FAILED, NETWORK, OK, USAGE, PkiTest, main, sh

OID = "1.3.6.1.4.1.32473.1.1"


class GrantTest(PkiTest):
    def text(self, cert):
        return sh("openssl", "x509", "-in", cert, "-noout", "-text")

    def verify(self, cert, purpose="sslclient"):
        return sh("openssl", "verify", "-x509_strict", "-purpose", purpose, "-CAfile", self.ca.crt, "-crl_check",
                  "-CRLfile", self.ca.crl, cert, check=False)


class Grants(GrantTest):
    FULL = ["--group", "staff", "--group", "ops", "--address", "10.8.0.7", "--address", "fd00::7", "--network",
            "192.168.7.0/24", "--network", "fd07::/48"]

    def check_full(self, shown):
        self.assertEqual(shown["groups"], ["staff", "ops"])
        self.assertEqual(shown["addresses"], ["10.8.0.7", "fd00::7"])
        self.assertEqual(shown["networks"], ["192.168.7.0/24", "fd07::/48"])

    def test_client_and_server(self):
        self.ca.init()
        client = self.ca.json("client", "alice", "--email", "alice@example.net", "--dns", "alice.example.net",
                              *self.FULL)
        server = self.ca.json("server", "gw", "--dns", "gw.example.net", "--email", "ops@example.net", *self.FULL)
        for made, purpose in ((client, "sslclient"), (server, "sslserver")):
            self.assertIn(": OK", self.verify(made["certificate"], purpose))
            text = self.text(made["certificate"])
            self.assertRegex(text, rf"\n +{OID}: \n")  # Not critical.
            sh("certtool", "--verify-chain",
               input=pathlib.Path(made["certificate"]).read_text() + self.ca.crt.read_text())
            self.check_full(self.ca.json("show", "--serial", made["serial"]))
        self.assertIn("DNS:alice.example.net, email:alice@example.net, URI", self.text(client["certificate"]))
        self.assertIn("group        ops", self.ca.ok("show", "alice"))
        # It goes along.
        for command in ("renew", "rekey"):
            made = self.ca.json(command, "alice")
            self.check_full(self.ca.json("show", "--serial", made["serial"]))
        self.assertNotIn(OID, self.text(self.ca.json("client", "bob")["certificate"]))
        self.ca.ok("lint", client["certificate"])

    def test_der_in_the_eyes_of_openssl(self):
        self.ca.init()
        made = self.ca.json("client", "alice", *self.FULL)
        asn1 = sh("openssl", "asn1parse", "-in", made["certificate"]).splitlines()
        at = next(i for i, s in enumerate(asn1) if s.endswith(OID))
        offset = asn1[at + 1].split(":")[0].strip()
        inner = sh("openssl", "asn1parse", "-in", made["certificate"], "-strparse", offset)
        for part in ("UTF8STRING        :staff", "UTF8STRING        :ops", "[HEX DUMP]:0A080007",
                     "[HEX DUMP]:C0A8070018"):
            self.assertIn(part, inner)

    def test_signing_requests(self):
        self.ca.init()
        sh("openssl", "req", "-new", "-newkey", "ed25519", "-nodes", "-keyout", self.tmp / "k", "-subj", "/CN=bob",
           "-addext", f"{OID}=DER:300AA0080C0661646D696E73", "-out", self.tmp / "bob.csr")
        r = self.ca.run("sign", self.tmp / "bob.csr", "--type", "client", "--copy-san", "--group", "staff", "--json")
        self.assertEqual(r.returncode, OK, r.stderr)
        self.assertIn("not taken", r.stderr)
        self.assertEqual(self.ca.json("show", "bob")["groups"], ["staff"])

    def test_bad(self):
        self.ca.init()
        for option, values in (("--group", ("", "a b", "-x", "a" * 33, "ä", "a,b")),
                               ("--address", ("", "10.0.0.0/8", "x", "224.0.0.1", "127.0.0.1", "fe80::1")),
                               ("--network", ("", "10.0.0.1/8", "10.0.0.0/33", "x")),
                               ("--email", ("", "x", "@x", "a@", "a b@c.de", "a@b@c.de", "a@1.2.3.4", "ä@b.de"))):
            for value in values:
                self.fails(USAGE, "client", "a", f"{option}={value}", says=option)
        self.fails(USAGE, "client", "a", *(f"--group=g{i}" for i in range(33)), says="too many")
        self.ca.ok("client", "a", *(f"--group=g{i}" for i in range(32)), *(f"--address=10.0.0.{i + 1}" for i in range(32)),
                   *(f"--network=fd00:{i}::/32" for i in range(32)))
        self.assertEqual(len(self.ca.list()), 2)


class Bounds(GrantTest):
    def test_groups_and_networks(self):
        self.ca.init("--groups", "staff,ops", "--networks", "10.8.0.0/16,192.168.0.0/16")
        shown = self.ca.json("show", "ca")
        self.assertEqual((shown["groups"], shown["networks"]), (["staff", "ops"], ["10.8.0.0/16", "192.168.0.0/16"]))
        self.ca.ok("client", "a", "--group", "ops", "--address", "10.8.1.1", "--network", "192.168.7.0/24")
        for args, says in ((["--group", "root"], "group root"), (["--address", "10.9.0.1"], "address 10.9.0.1"),
                           (["--address", "fd00::1"], "address fd00::1"),
                           (["--network", "192.0.0.0/8"], "network 192.0.0.0/8"),
                           (["--network", "0.0.0.0/0"], "network")):
            self.fails(FAILED, "client", "b", *args, says=says)
        self.assertEqual(len(self.ca.list()), 2)
        # They stay with the CA.
        self.ca.ok("ca", "renew")
        self.fails(FAILED, "client", "b", "--group", "root", says="group root")
        self.ca.ok("ca", "rollover")
        self.ca.ok("ca", "rollover", "--switch")
        self.fails(FAILED, "client", "b", "--group", "root", says="group root")

    def test_bad(self):
        for args in (["--groups", ""], ["--groups", "a,,b"], ["--groups", "a b"], ["--networks", "10.0.0.1/8"],
                     ["--networks", "x"], ["--networks", "10.0.0.0/8,"], ["--permit-dns", "*.x"], ["--permit-dns", ""],
                     ["--permit-dns", ".example.net"], ["--permit-ip", "10.0.0.1/8"], ["--permit-ip", ""]):
            self.fails(USAGE, "init", NETWORK, "--no-pass", *args)
            self.assertFalse(self.ca.dir.exists())

    def test_name_constraints(self):
        for alg in ALGS:
            with self.subTest(alg=alg):
                self.ca.dir = self.tmp / alg
                self.ca.init("--alg", alg, "--permit-dns", "example.net", "--permit-dns", "example.org", "--permit-ip",
                             "192.0.2.0/24", "--permit-ip", "2001:db8::/32")
                text = self.text(self.ca.crt)
                self.assertRegex(text, r"Name Constraints: critical\s+Permitted:\s+DNS:example.net\s+DNS:example.org\s+"
                                       r"IP:192.0.2.0/255.255.255.0\s+IP:2001:DB8:0:0")
                self.assertEqual(self.ca.json("show", "ca")["permitted"],
                                 "dns:example.net,dns:example.org,ip:192.0.2.0/24,ip:2001:db8::/32")
                server = self.ca.json("server", "gw", "--dns", "a.b.example.net", "--dns", "example.org", "--ip",
                                      "192.0.2.7", "--ip", "2001:db8::7")
                self.assertIn(": OK", self.verify(server["certificate"], "sslserver"))
                sh("certtool", "--verify-chain",
                   input=pathlib.Path(server["certificate"]).read_text() + self.ca.crt.read_text())
                self.assertIn(": OK", self.verify(self.ca.json("client", "alice")["certificate"]))
                for args in (["--dns", "example.com"], ["--dns", "notexample.net"], ["--ip", "192.0.3.1"],
                             ["--ip", "2001:db9::1"], ["--dns", "a.example.net", "--dns", "b.example.com"]):
                    self.fails(FAILED, "server", "bad", *args, says="name constraints")
                self.assertEqual(len(self.ca.list()), 3)
                self.ca.ok("ca", "renew")
                self.assertIn("Name Constraints: critical", self.text(self.ca.crt))
                self.fails(FAILED, "server", "bad", "--dns", "example.com", says="name constraints")
                self.assertIn(": OK", self.verify(server["certificate"], "sslserver"))


if __name__ == "__main__":
    main()
