#!/usr/bin/env python3
"""The CA's own life: renewed, rolled over, retired, its passphrase changed."""
import os
import pathlib
import shutil
import unittest

from test_import import OpensslCa
from help_pki import ALGS, CRITICAL, FAILED, NETWORK, NOT_FOUND, OK, PASSPHRASE, USAGE, Ca, PkiTest, main, sh


class CaTest(PkiTest):
    def verify(self, cert, purpose="sslclient", bundle=None):
        return sh("openssl", "verify", "-x509_strict", "-purpose", purpose, "-CAfile", bundle or self.ca.crt,
                  "-crl_check", "-CRLfile", self.ca.crl, cert, check=False)

    def roles(self):
        return [c["role"] for c in self.ca.json("ca", "show")]

    def pems(self, path):
        return path.read_text().count("-----BEGIN")

    def keep(self, path, name):
        shutil.copy(path, self.tmp / name)
        return self.tmp / name


class Renew(CaTest):
    def test_old_and_new_certificates_fit_old_and_new_ca(self):
        for alg in ALGS:
            with self.subTest(alg=alg):
                shutil.rmtree(self.ca.dir, ignore_errors=True)
                self.ca.init("--alg", alg, "--days", "1000")
                first = self.ca.json("client", "a")["certificate"]
                old = self.keep(self.ca.crt, "old.crt")
                made = self.ca.json("ca", "renew", "--days", "5000")
                self.assertEqual(self.pems(self.ca.crt), 1)
                second = self.ca.json("client", "b")["certificate"]
                for cert in (first, second):
                    for bundle in (old, self.ca.crt):
                        self.assertIn(": OK", self.verify(cert, bundle=bundle))
                sh("certtool", "--verify-chain", input=pathlib.Path(first).read_text() + self.ca.crt.read_text())
                for field in ("-subject", "-pubkey"):
                    self.assertEqual(sh("openssl", "x509", "-in", old, "-noout", field),
                                     sh("openssl", "x509", "-in", self.ca.crt, "-noout", field))
                self.assertNotEqual(sh("openssl", "x509", "-in", old, "-noout", "-enddate"),
                                    sh("openssl", "x509", "-in", self.ca.crt, "-noout", "-enddate"))
                # One CRL has what was issued before and after.
                for name in "ab":
                    self.ca.ok("revoke", name)
                self.assertEqual(len(self.ca.crl_serials()), 2)
                for bundle in (old, self.ca.crt):
                    self.assertIn("revoked", self.verify(first, bundle=bundle))
                self.assertEqual(self.ca.json("show", "ca")["serial"], made["serial"])
                self.ca.ok("ca", "renew")
                self.assertIn(": OK", self.verify(self.ca.json("client", "c")["certificate"]))
                self.assertEqual(self.roles(), ["active"])

    def test_one_that_another_tool_began(self):
        """Its certificates name its key by an identifier of the other tool's making, which stays."""
        other = OpensslCa(self.tmp / "openssl")
        other.issue("alice")
        self.ca.ok("import-openssl", other.dir, "--network", NETWORK)
        alice = self.ca.json("show", "alice")["certificate"]
        self.assertIn(": OK", self.verify(alice))
        self.ca.ok("ca", "renew")
        for cert in (alice, self.ca.json("client", "bob")["certificate"]):
            self.assertIn(": OK", self.verify(cert))
            self.assertIn(": OK", self.verify(cert, bundle=other.dir / "cacert.pem"))

    def test_an_expired_ca(self):
        self.ca.init("--days", "10", "--now", "2026-01-01T00:00:00Z")
        self.fails(CRITICAL, "client", "a", "--now", "2026-02-01T00:00:00Z")
        self.ca.ok("ca", "renew", "--now", "2026-02-01T00:00:00Z")
        self.ca.ok("client", "a", "--now", "2026-02-01T00:00:00Z")

    def test_past_2049(self):
        self.ca.init()
        self.ca.ok("ca", "renew", "--days", "36500")
        self.assertIn("GENERALIZEDTIME", sh("openssl", "asn1parse", "-in", self.ca.crt))
        self.assertIn(": OK", self.verify(self.ca.json("client", "a", "--days", "30000")["certificate"]))

    def test_usage(self):
        self.fails(NOT_FOUND, "ca", "renew", says="init")
        self.ca.init()
        self.fails(USAGE, "ca")
        self.fails(USAGE, "ca", "frobnicate")
        self.fails(USAGE, "ca", "renew", "x")
        self.fails(USAGE, "ca", "renew", "--days", "0")
        self.fails(NOT_FOUND, "ca", "renew", "--root", says="no root")
        self.ca.ok("ca", "renew", "--dry-run")
        self.assertEqual(len(self.ca.list()), 1)


class Rollover(CaTest):
    def test_the_walk(self):
        for alg, next_alg in (("p256", "ed25519"), ("rsa3072", "p384")):
            with self.subTest(alg=alg):
                shutil.rmtree(self.ca.dir, ignore_errors=True)
                self.ca.init("--alg", alg)
                old = self.keep(self.ca.crt, "old.crt")
                server = self.ca.json("server", "gw", "--dns", "gw.example")
                client = self.ca.json("client", "alice")
                gone = self.ca.json("client", "gone")
                self.ca.ok("revoke", "gone")
                # Add: peers get to know the next CA, which has issued nothing.
                self.fails(USAGE, "ca", "rollover", "--switch", says="no next CA")
                self.ca.ok("ca", "rollover", "--alg", next_alg)
                self.assertEqual(self.roles(), ["active", "next"])
                self.assertEqual(self.pems(self.ca.crt), 2)
                self.assertEqual(self.pems(self.ca.crl), 1)
                self.fails(FAILED, "ca", "rollover", says="--switch")
                self.fails(NOT_FOUND, "ca", "retire")
                middle = self.ca.json("client", "bob")
                for made in (client, middle):
                    self.assertIn(": OK", self.verify(made["certificate"]))
                    self.assertIn(": OK", self.verify(made["certificate"], bundle=old))
                # Reissue.
                r = self.ca.run("ca", "rollover", "--switch")
                self.assertEqual(r.returncode, OK, r.stderr)
                self.assertIn("3 certificates of the old CA are valid", r.stderr)
                self.assertEqual(self.roles(), ["active", "old"])
                self.assertEqual((self.pems(self.ca.crt), self.pems(self.ca.crl)), (2, 2))
                new = [self.ca.json("renew", "gw"), self.ca.json("rekey", "alice")]
                for made in (server, client, middle, *new):
                    purpose = "sslserver" if made in (server, new[0]) else "sslclient"
                    self.assertIn(": OK", self.verify(made["certificate"], purpose))
                self.assertNotIn(": OK", self.verify(new[1]["certificate"], bundle=old))
                self.assertIn("revoked", self.verify(gone["certificate"]))
                # Both CAs' certificates can still be revoked.
                self.ca.ok("revoke", "--serial", client["serial"])
                self.assertIn("revoked", self.verify(client["certificate"]))
                # Retire: not while somebody depends on it.
                self.fails(FAILED, "ca", "retire", says="client bob")
                self.ca.ok("revoke", "bob")
                self.fails(FAILED, "ca", "retire", says="server gw")
                self.ca.ok("revoke", "gw", "--all-but-newest")
                self.ca.ok("ca", "retire")
                self.assertEqual(self.roles(), ["active", "retired"])
                self.assertEqual((self.pems(self.ca.crt), self.pems(self.ca.crl)), (1, 1))
                self.assertIn(": OK", self.verify(new[1]["certificate"]))
                self.assertNotIn(": OK", self.verify(server["certificate"], "sslserver"))
                self.ca.ok("ca", "renew")
                self.assertIn(": OK", self.verify(self.ca.json("client", "carol")["certificate"]))

    def test_numbers_only_grow(self):
        self.ca.init()
        numbers = [self.ca.crl_number()]
        self.ca.ok("ca", "rollover")
        self.ca.ok("ca", "rollover", "--switch")
        for _ in range(3):
            self.ca.ok("crl")
            numbers.append(self.ca.crl_number())
        self.assertEqual(numbers, sorted(set(numbers)))

    def test_the_passphrase_goes_along(self):
        (self.tmp / "p").write_text("x")
        self.ca.ok("init", NETWORK, "--pass-file", self.tmp / "p")
        self.ca.ok("ca", "rollover", "--pass-file", self.tmp / "p")
        for key in (self.ca.dir / "ca").glob("*.key"):
            self.assertIn("ENCRYPTED", key.read_text())
        self.fails(PASSPHRASE, "ca", "rollover", "--switch")
        self.ca.ok("ca", "rollover", "--switch", "--pass-file", self.tmp / "p")
        self.ca.ok("client", "a", "--pass-file", self.tmp / "p")
        self.fails(PASSPHRASE, "client", "a", "--pass-stdin", input="y\n")

    def test_two_rollovers_at_once(self):
        self.ca.init()
        self.ca.ok("client", "a")
        first = self.ca.json("ca", "show")[0]["id"]
        for _ in range(2):
            self.ca.ok("ca", "rollover")
            self.ca.ok("ca", "rollover", "--switch")
        self.assertEqual(self.roles(), ["active", "old", "old"])
        self.fails(USAGE, "ca", "retire", says="--serial")
        self.fails(FAILED, "ca", "retire", "--serial", first, says="client a")
        self.ca.ok("ca", "retire", "--serial", self.ca.json("ca", "show")[1]["id"])
        self.assertEqual(self.roles(), ["active", "old", "retired"])
        self.fails(NOT_FOUND, "ca", "retire", "--serial", "40")

    def test_a_missing_bundle_is_made_again(self):
        self.ca.init()
        self.ca.ok("ca", "rollover")
        before = self.ca.crt.read_text()
        self.ca.crt.unlink()
        self.ca.ok("crl")
        self.assertEqual(self.ca.crt.read_text(), before)
        self.ca.crt.write_text("torn")
        self.ca.ok("crl")
        self.assertEqual(self.ca.crt.read_text(), before)

    def test_dry_run(self):
        self.ca.init()
        self.ca.ok("ca", "rollover", "--dry-run")
        self.assertEqual(self.roles(), ["active"])
        self.ca.ok("ca", "rollover")
        self.ca.ok("ca", "rollover", "--switch", "--dry-run")
        self.assertEqual(self.roles(), ["active", "next"])
        self.ca.ok("ca", "rollover", "--switch")
        self.ca.ok("ca", "retire", "--dry-run")
        self.assertEqual(self.roles(), ["active", "old"])


class Passwd(CaTest):
    def test_change(self):
        self.ca.ok("init", NETWORK, "--pass-stdin", input="one\n")
        self.ca.ok("ca", "rollover", "--pass-stdin", input="one\n")
        self.ca.ok("ca", "rollover", "--switch", "--pass-stdin", input="one\n")
        self.fails(PASSPHRASE, "ca", "passwd", "--pass-stdin", "--new-pass-stdin", input="two\nthree\n")
        self.ca.ok("ca", "passwd", "--pass-stdin", "--new-pass-stdin", input="one\ntwo\n")
        for key in (self.ca.dir / "ca").glob("*.key"):
            self.assertEqual(key.stat().st_mode & 0o777, 0o600)
            sh("openssl", "pkey", "-in", key, "-passin", "pass:two", "-noout")
        self.fails(PASSPHRASE, "crl", "--pass-stdin", input="one\n")
        self.ca.ok("crl", "--pass-stdin", input="two\n")
        self.ca.ok("ca", "passwd", "--pass-stdin", "--no-pass", input="two\n")
        self.ca.ok("crl")
        self.ca.ok("ca", "passwd", "--new-pass-env", "P", env={"P": "three"})
        self.ca.ok("crl", "--pass-stdin", input="three\n")

    def test_cut_short(self):
        """One key has the new passphrase already, the active one not yet: the same command goes on."""
        self.ca.ok("init", NETWORK, "--pass-stdin", input="one\n")
        self.ca.ok("ca", "rollover", "--pass-stdin", input="one\n")
        shutil.copytree(self.ca.dir, self.tmp / "saved")
        self.ca.ok("ca", "passwd", "--pass-stdin", "--new-pass-stdin", input="one\ntwo\n")
        active = self.ca.json("ca", "show")[0]["id"] + ".key"
        shutil.copy(self.tmp / "saved" / "ca" / active, self.ca.dir / "ca" / active)
        self.ca.ok("ca", "passwd", "--pass-stdin", "--new-pass-stdin", input="one\ntwo\n")
        self.ca.ok("crl", "--pass-stdin", input="two\n")

    def test_bad(self):
        self.ca.ok("init", NETWORK, "--pass-stdin", input="one\n")
        key = self.ca.key().read_bytes()
        self.fails(USAGE, "ca", "passwd", "--pass-stdin", input="one\n", says="new passphrase")
        self.fails(USAGE, "ca", "passwd", "--pass-stdin", "--new-pass-stdin", input="one\n\n", says="empty")
        self.fails(USAGE, "ca", "passwd", "--pass-stdin", "--new-pass-stdin", "--no-pass", input="one\n")
        self.fails(PASSPHRASE, "ca", "passwd", "--new-pass-stdin", input="two\n")
        self.assertEqual(self.ca.key().read_bytes(), key)


if __name__ == "__main__":
    main()
