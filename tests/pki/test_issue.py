#!/usr/bin/env python3
"""What sallyport-pki issues, in the eyes of OpenSSL and GnuTLS."""
import os
import pathlib
import re
import shutil

from help_pki import ALGS, CRITICAL, FAILED, NETWORK, NOT_FOUND, OK, USAGE, PkiTest, main, sh


MANUAL = pathlib.Path(__file__).resolve().parents[2] / "docs/man/sallyport-pki.1"


class Chain(PkiTest):
    def verify(self, cert, purpose, *args):
        return sh("openssl", "verify", "-x509_strict", "-purpose", purpose, "-CAfile", self.ca.crt, "-crl_check",
                  "-CRLfile", self.ca.crl, *args, cert, check=False)

    def check_both_tools(self, cert, purpose):
        self.assertIn(": OK", self.verify(cert, purpose))
        out = sh("certtool", "--verify-chain", input=pathlib.Path(cert).read_text() + self.ca.crt.read_text())
        self.assertIn("Verified", out.splitlines()[-2] + out.splitlines()[-1])

    def test_every_algorithm(self):
        for ca_alg in ALGS:
            for leaf_alg in ALGS:
                with self.subTest(ca=ca_alg, leaf=leaf_alg):
                    shutil.rmtree(self.ca.dir, ignore_errors=True)
                    self.ca.init("--alg", ca_alg)
                    server = self.ca.json("server", "gw", "--dns", "vpn.example.net", "--ip", "192.0.2.1", "--ip",
                                          "2001:db8::1", "--alg", leaf_alg)
                    client = self.ca.json("client", "alice", "--alg", leaf_alg)
                    self.check_both_tools(server["certificate"], "sslserver")
                    self.check_both_tools(client["certificate"], "sslclient")
                    # Each for its own purpose only.
                    self.assertIn("certificate purpose", self.verify(server["certificate"], "sslclient"))
                    self.assertIn("certificate purpose", self.verify(client["certificate"], "sslserver"))
                    self.assertIn(": OK", self.verify(server["certificate"], "sslserver", "-verify_hostname",
                                                      "vpn.example.net"))
                    self.assertIn(": OK", self.verify(server["certificate"], "sslserver", "-verify_ip", "2001:db8::1"))
                    self.assertIn("mismatch", self.verify(server["certificate"], "sslserver", "-verify_hostname",
                                                          "other.example.net"))
                    for made in (server, client):
                        sh("openssl", "pkey", "-in", made["key"], "-check", "-noout")
                        self.assertEqual(sh("openssl", "pkey", "-in", made["key"], "-pubout"),
                                         sh("openssl", "x509", "-in", made["certificate"], "-noout", "-pubkey"))
                    self.ca.ok("revoke", "alice")
                    self.assertIn("certificate revoked", self.verify(client["certificate"], "sslclient"))
                    self.assertIn(": OK", self.verify(server["certificate"], "sslserver"))
                    sh("certtool", "--verify-crl", "--load-ca-certificate", self.ca.crt, "--infile", self.ca.crl)

    def text(self, cert):
        return sh("openssl", "x509", "-in", cert, "-noout", "-text")

    def test_contents(self):
        self.ca.init()
        ca = self.text(self.ca.crt)
        for part in ("CA:TRUE, pathlen:0", "Certificate Sign, CRL Sign", "X509v3 Key Usage: critical",
                     "X509v3 Basic Constraints: critical"):
            self.assertIn(part, ca)
        made = self.ca.json("server", "gw", "--dns", "VPN.example.net", "--dns", "vpn.example.net")
        text = self.text(made["certificate"])
        # Lower case, and each name once.
        self.assertIn(f"DNS:vpn.example.net, URI:spiffe://{NETWORK}/server/gw\n", text)
        self.assertRegex(text, r"Key Usage: critical\s+Digital Signature\n")
        self.assertRegex(text, r"Extended Key Usage: \n\s+TLS Web Server Authentication\n")
        self.assertRegex(text, r"Basic Constraints: critical\s+CA:FALSE")
        self.assertRegex(made["serial"], r"^[4-7][0-9a-f]{31}$")
        client = self.text(self.ca.json("client", "alice")["certificate"])
        self.assertRegex(client, r"Extended Key Usage: \n\s+TLS Web Client Authentication\n")
        self.assertIn(f"URI:spiffe://{NETWORK}/client/alice\n", client)

    def test_past_2049(self):
        self.ca.init("--days", "36500")
        made = self.ca.json("client", "alice", "--days", "20000")
        self.check_both_tools(made["certificate"], "sslclient")
        asn1 = sh("openssl", "asn1parse", "-in", made["certificate"])
        self.assertIn("UTCTIME", asn1)
        self.assertIn("GENERALIZEDTIME", asn1)

    def test_validity(self):
        self.ca.init("--days", "100", "--now", "2026-01-01T00:00:00Z")
        made = self.ca.json("client", "a", "--days", "10", "--now", "2026-02-01T00:00:00Z")
        self.assertEqual(made["not_after"], "2026-02-11T00:00:00Z")
        self.assertIn("notBefore=Jan 31 23:55:00 2026", sh("openssl", "x509", "-in", made["certificate"], "-noout", "-dates"))
        # Never past the CA's own end, and it says so.
        r = self.ca.run("client", "b", "--now", "2026-02-01T00:00:00Z", "--json")
        self.assertIn("2026-04-11T00:00:00Z", r.stdout)
        self.assertIn("ends with its CA", r.stderr)
        self.fails(CRITICAL, "client", "c", "--now", "2026-05-01T00:00:00Z", says="expired")
        self.fails(FAILED, "client", "c", "--days", "1", "--now", "2025-01-01T00:00:00Z", says="not valid yet")

    def test_bad_days(self):
        self.ca.init()
        for days in ("0", "-1", "36501", "99999999999999999999", "1.5", "x", ""):
            self.fails(USAGE, "client", "a", f"--days={days}")
            self.fails(USAGE, "crl", f"--days={days}")
        self.fails(USAGE, "crl", "--days", "29")
        self.assertEqual(len(self.ca.list()), 1)
        self.ca.ok("crl", "--days", "30")

    def test_bad_names(self):
        self.ca.init()
        before = sorted(p for p in self.ca.dir.rglob("*"))
        for name in ("", "../x", "a/b", "/etc/passwd", "..", ".hidden", "a\nb", "a\tb", "a\x7fb", "a b", "a" * 65,
                     "ä", "a;b", "a,CN=b", "a'b", "$(id)", "%s%n"):
            self.fails(USAGE, "client", name)
            self.fails(USAGE, "server", name, "--dns", "x.example")
        self.fails(USAGE, "client", "--", "-a")
        self.fails(USAGE, "client", "-a")
        self.assertEqual(len(self.ca.list()), 1)
        self.assertEqual(before, sorted(p for p in self.ca.dir.rglob("*")))
        for name in ("a", "a" * 64, "Alice@example.net", "a.b_c-d"):
            self.ca.ok("client", name)

    def test_bad_hosts(self):
        self.ca.init()
        for dns in ("", "*.example.net", "a..b", "-a.example", "a_b.example", "192.0.2.1", "1.2.3.4.5", "a" * 64 + ".x",
                    ".".join(["a" * 60] * 5), "a b", "a\n", "ä.example", "a.example."):
            self.fails(USAGE, "server", "gw", f"--dns={dns}", says="--dns")
        for ip in ("", "1.2.3", "1.2.3.4.5", "256.1.1.1", "::1::", "fe80::1%eth0", "host", "1.2.3.4/24"):
            self.fails(USAGE, "server", "gw", f"--ip={ip}", says="--ip")
        self.fails(USAGE, "server", "gw", says="at least one --dns")
        # A name that is a host name serves as one.
        self.assertIn("DNS:gw.example.net", self.text(self.ca.json("server", "gw.example.net")["certificate"]))

    def test_bad_networks(self):
        for network in ("", "UPPER.example", "a b", "a/b", "a" * 254, "-a.example", "spiffe://x"):
            self.fails(USAGE, "init", "--no-pass", "--", network)
            self.assertFalse(self.ca.dir.exists())

    def test_the_longest_network(self):
        network = ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * 61])
        self.ca.ok("init", network, "--no-pass")
        made = self.ca.json("client", "x" * 64)
        self.check_both_tools(made["certificate"], "sslclient")
        self.assertIn(f"spiffe://{network}/client/{'x' * 64}", self.text(made["certificate"]))


class Revocation(PkiTest):
    def test_name_means_all_of_its_valid_certificates(self):
        self.ca.init()
        mine = [self.ca.json("client", "alice")["serial"] for _ in range(3)]
        other = self.ca.json("client", "bob")["serial"]
        self.ca.ok("revoke", "--serial", mine[0])
        self.assertEqual(self.ca.crl_serials(), {mine[0]})
        self.ca.ok("revoke", "alice", "--reason", "keyCompromise")
        self.assertEqual(self.ca.crl_serials(), set(mine))
        self.assertEqual(self.ca.crl_text().count("Key Compromise"), 2)
        self.fails(NOT_FOUND, "revoke", "alice", says="still valid")
        self.fails(NOT_FOUND, "revoke", "carol")
        self.fails(NOT_FOUND, "revoke", "--serial", "00ff")
        self.fails(USAGE, "revoke", "--serial", "xyz")
        self.fails(USAGE, "revoke", "bob", "--reason", "whim")
        self.fails(USAGE, "revoke", "bob", "--serial", other)
        self.fails(USAGE, "revoke")
        self.fails(USAGE, "revoke", "ca")
        self.assertEqual(self.ca.crl_serials(), set(mine))
        states = {c["serial"]: c["state"] for c in self.ca.list()}
        self.assertEqual({s for s in states if states[s] == "revoked"}, set(mine))

    def test_a_name_of_both_kinds(self):
        self.ca.init()
        client = self.ca.json("client", "gw")["serial"]
        self.ca.json("server", "gw", "--dns", "gw.example")
        self.fails(USAGE, "revoke", "gw", says="--type")
        self.ca.ok("revoke", "gw", "--type", "client")
        self.assertEqual(self.ca.crl_serials(), {client})

    def test_serials_as_other_tools_write_them(self):
        self.ca.init()
        made = self.ca.json("client", "alice")
        colons = re.sub("(..)(?=.)", r"\1:", made["serial"].upper())
        self.ca.ok("revoke", "--serial", colons)
        self.assertEqual(self.ca.crl_serials(), {made["serial"]})

    def test_numbers_only_grow(self):
        self.ca.init("--now", "2026-01-01T00:00:00Z")
        numbers = [self.ca.crl_number()]
        for now in ("2026-01-01T00:00:00Z", "2026-03-01T00:00:00Z", "2026-02-01T00:00:00Z"):
            self.ca.ok("crl", "--now", now)
            numbers.append(self.ca.crl_number())
        self.assertEqual(numbers, sorted(set(numbers)))
        # An index from a backup does not lead back.
        saved = self.tmp / "saved"
        shutil.copytree(self.ca.dir, saved)
        self.ca.ok("crl", "--now", "2027-01-01T00:00:00Z")
        top = self.ca.crl_number()
        for p in self.ca.dir.glob("index.db*"):
            p.unlink()
        for p in saved.glob("index.db*"):
            shutil.copy(p, self.ca.dir)
        self.ca.ok("crl", "--now", "2026-03-02T00:00:00Z")
        self.assertGreater(self.ca.crl_number(), top)

    def test_expired_ones_leave_after_one_more_crl(self):
        self.ca.init("--now", "2026-01-01T00:00:00Z")
        serial = self.ca.json("client", "a", "--days", "10", "--now", "2026-01-01T00:00:00Z")["serial"]
        self.ca.ok("revoke", "a", "--now", "2026-01-02T00:00:00Z")
        for now, listed in (("2026-01-05", True), ("2026-01-20", True), ("2026-01-21", False), ("2026-01-22", False)):
            self.ca.ok("crl", "--now", f"{now}T00:00:00Z")
            self.assertEqual(serial in self.ca.crl_serials(), listed, now)

    def test_copy_of_the_crl(self):
        self.ca.init()
        out = self.tmp / "copy.pem"
        self.ca.ok("crl", "--out", out)
        self.assertEqual(out.read_text(), self.ca.crl.read_text())
        self.assertEqual(out.stat().st_mode & 0o777, 0o644)


class Views(PkiTest):
    def test_list(self):
        self.ca.init("--now", "2026-01-01T00:00:00Z")
        for name, days in (("site-1", 10), ("site-2", 300), ("bob", 300)):
            self.ca.ok("client", name, "--days", days, "--now", "2026-01-01T00:00:00Z")
        self.ca.ok("revoke", "bob", "--now", "2026-01-02T00:00:00Z")
        names = lambda *args: [c["name"] for c in self.ca.json("list", "--now", "2026-02-01T00:00:00Z", *args)]
        self.assertEqual(names(), ["ca", "site-1", "site-2", "bob"])
        self.assertEqual(names("--valid"), ["ca", "site-2"])
        self.assertEqual(names("--expired"), ["site-1"])
        self.assertEqual(names("--revoked"), ["bob"])
        self.assertEqual(names("--name", "site-*"), ["site-1", "site-2"])
        self.assertEqual(names("--name", "none"), [])
        self.fails(USAGE, "list", "--valid", "--revoked")
        self.assertIn("site-2", self.ca.ok("list"))

    def test_show(self):
        self.ca.init()
        first = self.ca.json("client", "alice")
        second = self.ca.json("client", "alice")
        shown = self.ca.json("show", "alice")
        self.assertEqual(shown["serial"], second["serial"])
        self.assertEqual(shown["identity"], f"spiffe://{NETWORK}/client/alice")
        self.assertEqual(shown["state"], "valid")
        self.assertTrue(os.path.samefile(shown["certificate"], second["certificate"]))
        self.assertEqual(self.ca.json("show", "--serial", first["serial"])["serial"], first["serial"])
        # The newest that is valid, not the newest.
        self.ca.ok("revoke", "--serial", second["serial"])
        self.assertEqual(self.ca.json("show", "alice")["serial"], first["serial"])
        self.assertEqual(self.ca.ok("show", "alice", "--pem"), pathlib.Path(first["certificate"]).read_text())
        self.fails(NOT_FOUND, "show", "nobody")
        self.assertIn("expires", self.ca.ok("show", "ca"))

    def test_another_certificate_of_the_name_is_mentioned(self):
        self.ca.init()
        first = self.ca.json("client", "alice")["serial"]
        self.assertIn(first, self.ca.run("client", "alice").stderr)
        self.assertEqual(self.ca.run("client", "alice", "--quiet").stderr, "")

    def test_nothing_there(self):
        for command in (["list"], ["show", "a"], ["client", "a"], ["crl"], ["revoke", "a"], ["export", "pem", "a"]):
            self.fails(NOT_FOUND, *command, says="init")
        self.assertFalse(self.ca.dir.exists())

    def test_help_has_an_example_for_each_command(self):
        r = self.ca.run("--help")
        self.assertEqual(r.returncode, OK)
        commands = re.findall(r"^  ([a-z][a-z-]+) ", r.stdout.split("Commands:")[1].split("\n\n")[0], re.M)
        self.assertGreaterEqual(len(commands), 9)
        for command in commands:
            out = self.ca.ok(command, "--help")
            self.assertRegex(out, rf"Example:\n  (.|\n)*sallyport-pki (--dir \S+ )?{command} ")
            # The manual knows every option, and each command by its heading.
            manual = MANUAL.read_text().replace("\\-", "-")
            self.assertRegex(manual, rf"(?m)^\.SS {command}\b")
            for option in re.findall(r"^  (--[a-z-]+)", out, re.M):
                self.assertIn(option, manual, command)
        self.fails(USAGE, "frobnicate", says="unknown command")
        self.fails(USAGE, says="no command")
        self.fails(USAGE, "list", "--frob", says="unknown option")
        self.fails(USAGE, "list", "extra")
        self.fails(USAGE, "client")


class Export(PkiTest):
    def setUp(self):
        super().setUp()
        self.ca.init()
        self.alice = self.ca.json("client", "alice")
        self.ca.ok("server", "gw", "--dns", "vpn.example.net")

    def test_profile(self):
        out = self.tmp / "alice.conf"
        self.ca.ok("export", "profile", "alice", "--remote", "vpn.example.net:4433", "--remote", "[2001:db8::1]:443",
                   "--out", out)
        self.assertEqual(out.stat().st_mode & 0o777, 0o600)
        text = out.read_text()
        self.assertIn('remote = ["vpn.example.net:4433", "[2001:db8::1]:443"];', text)
        self.assertIn(f'network = "{NETWORK}";', text)
        for setting, path in (("certificate", self.alice["certificate"]), ("key", self.alice["key"]),
                              ("ca", self.ca.crt), ("crl", self.ca.crl)):
            self.assertIn(f'\n{setting} = "{pathlib.Path(path).read_text()}";\n', text)
        self.assertEqual(text, self.ca.ok("export", "profile", "alice", "--remote", "vpn.example.net:4433", "--remote",
                                          "[2001:db8::1]:443"))

    def test_client_reads_the_profile(self):
        client = pathlib.Path(os.environ.get("SALLYPORT_CLIENT_PROGRAM", ""))
        if not client.is_file():
            self.skipTest("sallyport-client is not built")
        out = self.tmp / "alice.conf"
        self.ca.ok("export", "profile", "alice", "--remote", "vpn.example.net:4433", "--out", out)
        sh(client, "--config", out, "--check")

    def test_other_forms(self):
        key, cert = (pathlib.Path(self.alice[k]).read_text() for k in ("key", "certificate"))
        self.assertEqual(self.ca.ok("export", "pem", "alice"), cert)
        self.assertEqual(self.ca.ok("export", "key", "alice"), key)
        self.assertEqual(self.ca.ok("export", "bundle", "alice"), key + cert + self.ca.crt.read_text())
        self.ca.ok("export", "key", "alice", "--out", self.tmp / "k")
        self.assertEqual((self.tmp / "k").stat().st_mode & 0o777, 0o600)

    def test_refusals(self):
        for remote in ("vpn.example.net", "a b:1", 'x":1', "host:0", "host:70000", ":1", "a\n:1", "x\\:1"):
            self.fails(USAGE, "export", "profile", "alice", f"--remote={remote}", says="remote")
        self.fails(USAGE, "export", "profile", "alice", says="--remote")
        self.fails(USAGE, "export", "profile", "gw", "--remote", "a:1", says="server")
        self.fails(USAGE, "export", "tarball", "alice")
        self.fails(USAGE, "export", "key", "ca")
        self.fails(NOT_FOUND, "export", "key", "nobody")
        self.fails(FAILED, "export", "key", "alice", "--out", "/nonexistent/x")
        self.fails(FAILED, "export", "key", "alice", "--out", self.tmp)
        self.ca.ok("revoke", "alice")
        self.fails(FAILED, "export", "profile", "alice", "--remote", "a:1", says="revoked")


if __name__ == "__main__":
    main()
