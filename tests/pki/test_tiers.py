#!/usr/bin/env python3
"""Requests made here, roots kept elsewhere, and two tiers."""
import os
import pathlib
import shutil
import unittest

from help_pki import (ALGS, CRITICAL, FAILED, NETWORK, NOT_FOUND, OK, PASSPHRASE, PROGRAM, USAGE, Ca, PkiTest, main, sh)


class TierTest(PkiTest):
    def verify(self, ca, cert, purpose="sslclient", *args):
        return sh("openssl", "verify", "-x509_strict", "-purpose", purpose, "-CAfile", ca.crt, "-crl_check", "-CRLfile",
                  ca.crl, *args, cert, check=False)

    def good(self, ca, cert, purpose="sslclient", *args):
        self.assertIn(": OK", self.verify(ca, cert, purpose, *args))
        sh("certtool", "--verify-chain", input=pathlib.Path(cert).read_text() + ca.crt.read_text())

    def text(self, cert):
        return sh("openssl", "x509", "-in", cert, "-noout", "-text")


class Csr(TierTest):
    def csr(self, *args, **kw):
        return self.ca.json("csr", *args, "--key", self.tmp / "k", "--out", self.tmp / "r", **kw)

    def test_every_algorithm(self):
        self.ca.init()
        for alg in ALGS:
            with self.subTest(alg=alg):
                (self.tmp / "k").unlink(missing_ok=True)
                self.csr("gw", "--dns", "gw.example.net", "--ip", "192.0.2.1", "--email", "a@example.net", "--alg", alg)
                self.assertEqual((self.tmp / "k").stat().st_mode & 0o777, 0o600)
                text = sh("openssl", "req", "-in", self.tmp / "r", "-noout", "-text", "-verify")
                self.assertIn("self-signature verify OK", text)
                self.assertIn("Version: 1 (0x0)", text)
                self.assertIn("DNS:gw.example.net, IP Address:192.0.2.1, email:a@example.net", text)
                sh("certtool", "--crq-info", "--infile", self.tmp / "r")
                made = self.ca.json("sign", self.tmp / "r", "--type", "server", "--copy-san")
                self.good(self.ca, made["certificate"], "sslserver")
                self.assertEqual(sh("openssl", "pkey", "-in", self.tmp / "k", "-pubout"),
                                 sh("openssl", "x509", "-in", made["certificate"], "-noout", "-pubkey"))

    def test_no_ca_is_needed(self):
        self.csr("alice")
        self.assertFalse(self.ca.dir.exists())
        self.assertNotIn("Alternative Name", sh("openssl", "req", "-in", self.tmp / "r", "-noout", "-text"))

    def test_key_is_encrypted_and_spared(self):
        self.csr("alice", "--key-pass-stdin", input="secret\n")
        sh("openssl", "pkey", "-in", self.tmp / "k", "-passin", "pass:secret", "-noout")
        before = (self.tmp / "k").read_bytes()
        self.fails(FAILED, "csr", "alice", "--key", self.tmp / "k", "--out", self.tmp / "r", says="already")
        self.assertEqual((self.tmp / "k").read_bytes(), before)

    def test_bad(self):
        for args in (["../x"], ["a b"], ["a", "--dns", "*.x"], ["a", "--ip", "x"], ["a", "--email", "x"],
                     ["a", "--alg", "des"], []):
            self.fails(USAGE, "csr", *args, "--key", self.tmp / "k", "--out", self.tmp / "r")
        # Nothing is left behind.
        self.fails(FAILED, "csr", "a", "--key", self.tmp / "k", "--out", "/nonexistent/r")
        self.fails(FAILED, "csr", "a", "--key", "/nonexistent/k", "--out", self.tmp / "r")
        self.ca.ok("csr", "a", "--key", self.tmp / "k", "--out", self.tmp / "r", "--dry-run")
        self.assertEqual(list(self.tmp.iterdir()), [])


class TwoTier(TierTest):
    def test_every_algorithm(self):
        for alg in ALGS:
            with self.subTest(alg=alg):
                shutil.rmtree(self.ca.dir, ignore_errors=True)
                self.ca.init("--two-tier", "--alg", alg)
                self.assertEqual([c["role"] for c in self.ca.json("ca", "show")], ["active", "root"])
                self.assertEqual(self.ca.crt.read_text().count("BEGIN"), 2)
                client, server = self.ca.json("client", "alice"), self.ca.json("server", "gw", "--dns", "gw.example")
                for made, purpose in ((client, "sslclient"), (server, "sslserver")):
                    self.good(self.ca, made["certificate"], purpose)
                    self.good(self.ca, made["certificate"], purpose, "-crl_check_all")
                self.assertIn("pathlen:0", self.text(self.ca.crt))
                self.ca.ok("revoke", "alice")
                self.assertIn("revoked", self.verify(self.ca, client["certificate"]))
                self.ca.ok("ca", "renew")
                self.good(self.ca, server["certificate"], "sslserver", "-crl_check_all")
                self.ca.ok("ca", "renew", "--root", "--days", "9000")
                self.good(self.ca, server["certificate"], "sslserver", "-crl_check_all")
                # The one below is rolled over under the same root, and the old one revoked by it.
                old = self.ca.json("ca", "show")[0]["serial"]
                self.ca.ok("ca", "rollover")
                self.ca.ok("ca", "rollover", "--switch")
                new = self.ca.json("renew", "gw")
                for made in (server, new):
                    self.assertIn(": OK", self.verify(self.ca, made["certificate"], "sslserver"))
                self.fails(USAGE, "revoke", "--serial", old, says="itself")
                self.ca.ok("revoke", "gw", "--all-but-newest")
                self.ca.ok("ca", "retire")
                self.ca.ok("revoke", "--serial", old, "--reason", "cACompromise")
                self.assertIn(": OK", self.verify(self.ca, new["certificate"], "sslserver", "-crl_check_all"))

    def test_the_root_key_taken_away(self):
        self.ca.init("--two-tier", "--permit-dns", "example.net", "--groups", "a,b")
        root = self.ca.json("ca", "show")[1]["id"]
        key = self.ca.dir / "ca" / f"{root}.key"
        key.rename(self.tmp / "root.key")
        made = self.ca.json("server", "gw", "--dns", "gw.example.net", "--group", "a")
        self.good(self.ca, made["certificate"], "sslserver")
        self.fails(FAILED, "server", "x", "--dns", "x.example", says="name constraints")
        self.fails(FAILED, "client", "x", "--group", "c", says="bounds")
        r = self.ca.run("crl")
        self.assertIn("its key is not here", r.stderr)
        self.fails(FAILED, "ca", "renew", says="ca csr")
        self.fails(FAILED, "ca", "rollover", says="ca csr")
        (self.tmp / "root.key").rename(key)
        self.ca.ok("ca", "renew")
        self.good(self.ca, made["certificate"], "sslserver")

    def test_usage(self):
        self.fails(USAGE, "init", NETWORK, "--no-pass", "--root", "--two-tier")
        self.ca.ok("init", NETWORK, "--no-pass", "--two-tier", "--dry-run")
        self.assertFalse(self.ca.dir.exists())

    def test_past_2049(self):
        self.ca.init("--two-tier", "--days", "20000")
        self.good(self.ca, self.ca.json("client", "a", "--days", "15000")["certificate"])


class OfflineRoot(TierTest):
    def setUp(self):
        super().setUp()
        self.root = Ca(self.tmp / "root")

    def certify(self, *args, alg="p256", root_args=(), **kw):
        self.root.init("--root", *root_args)
        self.ca.ok("ca", "csr", NETWORK, "--no-pass", "--alg", alg, "--out", self.tmp / "csr", *args)
        self.root.ok("ca", "sign", self.tmp / "csr", "--out", self.tmp / "chain")

    def test_the_walk(self):
        for alg in ALGS:
            with self.subTest(alg=alg):
                shutil.rmtree(self.ca.dir, ignore_errors=True)
                shutil.rmtree(self.root.dir, ignore_errors=True)
                self.certify(alg=alg)
                self.fails(NOT_FOUND, "client", "a", says="no CA")
                self.ca.ok("ca", "import", self.tmp / "chain")
                self.assertEqual([c["role"] for c in self.ca.json("ca", "show")], ["active", "root"])
                client = self.ca.json("client", "alice")
                self.good(self.ca, client["certificate"])
                self.assertEqual(len(list((self.ca.dir / "ca").glob("*.key"))), 1)
                self.ca.ok("revoke", "alice")
                self.assertIn("revoked", self.verify(self.ca, client["certificate"]))
                # Renewed by the root: the same key and name.
                gw = self.ca.json("server", "gw", "--dns", "gw.example")
                self.fails(FAILED, "ca", "renew", says="ca sign")
                self.ca.ok("ca", "csr", "--out", self.tmp / "csr2")
                self.root.ok("ca", "sign", self.tmp / "csr2", "--days", "5000", "--out", self.tmp / "chain2")
                self.ca.ok("ca", "import", self.tmp / "chain2")
                self.good(self.ca, gw["certificate"], "sslserver")
                self.good(self.ca, self.ca.json("client", "bob")["certificate"])
                self.assertIn(client["serial"], self.ca.crl_serials())
                self.assertEqual([c["role"] for c in self.ca.json("ca", "show")], ["active", "root"])
                self.ca.ok("doctor")
                self.root.ok("doctor")

    def test_bounds_of_the_root_go_along(self):
        self.certify(root_args=["--permit-dns", "example.net", "--groups", "a,b", "--networks", "10.0.0.0/8"])
        self.ca.ok("ca", "import", self.tmp / "chain")
        self.fails(FAILED, "server", "gw", "--dns", "gw.example.org", says="name constraints")
        self.fails(FAILED, "client", "x", "--group", "c", says="group c")
        self.good(self.ca, self.ca.json("server", "gw", "--dns", "gw.example.net")["certificate"], "sslserver")

    def test_a_root_signs_nothing_else(self):
        self.root.init("--root")
        for command in (["client", "a"], ["server", "gw", "--dns", "x.example"]):
            r = self.root.run(*command)
            self.assertEqual(r.returncode, USAGE)
            self.assertIn("ca sign", r.stderr)
        self.assertIn("pathlen:1", self.text(self.root.crt))

    def test_the_root_revokes(self):
        self.certify()
        serial = [c for c in self.root.json("ca", "show") if c["role"] == "foreign"][0]["serial"]
        self.root.ok("revoke", "--serial", serial, "--reason", "cACompromise")
        self.assertEqual(self.root.crl_serials(), {serial})

    def test_a_passphrase(self):
        self.root.init("--root")
        self.ca.ok("ca", "csr", NETWORK, "--pass-stdin", "--out", self.tmp / "csr", input="one\n")
        # The same again, from the key that waits.
        self.fails(PASSPHRASE, "ca", "csr", NETWORK, "--pass-stdin", input="two\n")
        again = self.ca.ok("ca", "csr", NETWORK, "--pass-stdin", input="one\n")
        sh("openssl", "req", "-verify", "-noout", input=again)
        self.root.ok("ca", "sign", self.tmp / "csr", "--out", self.tmp / "chain")
        self.fails(PASSPHRASE, "ca", "import", self.tmp / "chain")
        self.fails(PASSPHRASE, "ca", "import", self.tmp / "chain", "--pass-stdin", input="two\n")
        self.ca.ok("ca", "import", self.tmp / "chain", "--pass-stdin", input="one\n")
        self.ca.ok("client", "a", "--pass-stdin", input="one\n")
        self.assertIn("ENCRYPTED", self.ca.key().read_text())

    def test_refused_requests(self):
        self.root.init("--root")
        for args in (["-newkey", "rsa:2048"], ["-newkey", "rsa:1024"]):
            sh("openssl", "req", "-new", *args, "-nodes", "-keyout", self.tmp / "k", "-subj", "/CN=x", "-out",
               self.tmp / "r")
            r = self.root.run("ca", "sign", self.tmp / "r")
            self.assertEqual(r.returncode, FAILED, r.stdout)
        sh("openssl", "req", "-new", "-key", self.root.key(), "-subj", "/CN=x", "-out", self.tmp / "r")
        self.assertIn("root itself", self.root.run("ca", "sign", self.tmp / "r").stderr)
        sh("openssl", "req", "-new", "-newkey", "ed25519", "-nodes", "-keyout", self.tmp / "k", "-subj", "/", "-out",
           self.tmp / "r")
        self.assertEqual(self.root.run("ca", "sign", self.tmp / "r").returncode, FAILED)
        self.assertEqual(self.root.run("ca", "sign", self.tmp / "none").returncode, NOT_FOUND)
        self.assertEqual(self.root.run("ca", "sign", self.root.crt).returncode, FAILED)
        self.assertEqual(self.root.run("ca", "sign").returncode, USAGE)
        # A CA that may not certify others does not.
        self.ca.init()
        sh("openssl", "req", "-new", "-newkey", "ed25519", "-nodes", "-keyout", self.tmp / "k", "-subj", "/CN=x", "-out",
           self.tmp / "r")
        self.fails(FAILED, "ca", "sign", self.tmp / "r", says="root")

    def test_refused_imports(self):
        self.fails(NOT_FOUND, "ca", "import", self.tmp / "chain")
        self.certify()
        chain = (self.tmp / "chain").read_text()
        lower, root = (p + "-----END CERTIFICATE-----\n" for p in chain.split("-----END CERTIFICATE-----\n")[:2])
        bad = self.tmp / "bad"
        for text, says in ((lower, "lacks the root"), (root, "no (new) certificate"), ("", ""), ("x", ""),
                           (lower[:200], "")):
            bad.write_text(text)
            self.fails(FAILED, "ca", "import", bad, says=says)
        # Another root of whatever name has not signed it.
        other = Ca(self.tmp / "other").init("--root")
        bad.write_text(lower + other.crt.read_text())
        self.fails(FAILED, "ca", "import", bad, says="lacks the root")
        self.fails(FAILED, "ca", "import", self.tmp / "chain", "--now", "2099-01-01T00:00:00Z", says="expired")
        self.fails(USAGE, "ca", "import")
        before = sorted(p.name for p in self.ca.dir.rglob("*"))
        self.ca.ok("ca", "import", self.tmp / "chain", "--dry-run")
        self.assertEqual(before, sorted(p.name for p in self.ca.dir.rglob("*")))
        self.ca.ok("ca", "import", self.tmp / "chain")
        self.fails(FAILED, "ca", "import", self.tmp / "chain", says="no (new) certificate")

    def test_a_root_made_by_others(self):
        """Of the usual form: no path length, more key usages, a short serial number."""
        sh("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-nodes", "-keyout",
           self.tmp / "rk", "-subj", "/O=Example/CN=Root", "-days", "3000", "-set_serial", "7", "-addext",
           "keyUsage=critical,digitalSignature,keyCertSign,cRLSign", "-out", self.tmp / "root.pem")
        self.ca.ok("ca", "csr", NETWORK, "--no-pass", "--out", self.tmp / "csr")
        (self.tmp / "ext").write_text("basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\n"
                                      "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n")
        sh("openssl", "x509", "-req", "-in", self.tmp / "csr", "-CA", self.tmp / "root.pem", "-CAkey", self.tmp / "rk",
           "-days", "1000", "-sha384", "-set_serial", "4711", "-extfile", self.tmp / "ext", "-out", self.tmp / "ca.pem")
        (self.tmp / "chain").write_text((self.tmp / "ca.pem").read_text() + (self.tmp / "root.pem").read_text())
        self.ca.ok("ca", "import", self.tmp / "chain")
        self.good(self.ca, self.ca.json("client", "a")["certificate"])
        self.ca.ok("revoke", "a")
        self.ca.crl_text()

    def test_what_a_root_made_by_others_must_not_have_signed(self):
        sh("openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-keyout", self.tmp / "rk", "-subj", "/CN=Root",
           "-days", "3000", "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-out", self.tmp / "root.pem")
        self.ca.ok("ca", "csr", NETWORK, "--no-pass", "--out", self.tmp / "csr")
        good = ["basicConstraints=critical,CA:TRUE,pathlen:0", "keyUsage=critical,keyCertSign,cRLSign",
                "subjectKeyIdentifier=hash"]
        for i, (line, says) in enumerate((("basicConstraints=critical,CA:TRUE,pathlen:1", "path length"),
                                          ("keyUsage=critical,keyCertSign", "keyUsage"),
                                          ("subjectKeyIdentifier=none", "subjectKeyIdentifier"),
                                          ("1.2.3.4=critical,DER:0500", "do not know"))):
            lines = good[:i] + [line] + good[i + 1:]
            (self.tmp / "ext").write_text("\n".join(lines) + "\n")
            sh("openssl", "x509", "-req", "-in", self.tmp / "csr", "-CA", self.tmp / "root.pem", "-CAkey", self.tmp / "rk",
               "-days", "1000", "-set_serial", "4711", "-extfile", self.tmp / "ext", "-out", self.tmp / "ca.pem")
            (self.tmp / "chain").write_text((self.tmp / "ca.pem").read_text() + (self.tmp / "root.pem").read_text())
            self.fails(FAILED, "ca", "import", self.tmp / "chain", says=says)


if __name__ == "__main__":
    main()
