#!/usr/bin/env python3
"""The life of a certificate after it was issued: renewed, rekeyed, revoked, held; and the CRL's."""
import os
import pathlib
import shutil
import signal
import subprocess
import unittest

from help_pki import (ALGS, CRITICAL, FAILED, LOCKED, NETWORK, NOT_FOUND, OK, PASSPHRASE, USAGE, Ca, PkiTest, main, sh)


def pubkey(cert):
    return sh("openssl", "x509", "-in", cert, "-noout", "-pubkey")


class Renewal(PkiTest):
    def setUp(self):
        super().setUp()
        self.ca.init()

    def verify(self, cert, purpose="sslclient"):
        return sh("openssl", "verify", "-x509_strict", "-purpose", purpose, "-CAfile", self.ca.crt, "-crl_check",
                  "-CRLfile", self.ca.crl, cert, check=False)

    def test_renew_keeps_key_and_names(self):
        for alg in ALGS:
            with self.subTest(alg=alg):
                old = self.ca.json("server", f"gw-{alg}", "--dns", "vpn.example.net", "--ip", "192.0.2.1", "--alg", alg)
                new = self.ca.json("renew", f"gw-{alg}", "--days", "500")
                self.assertNotEqual(old["serial"], new["serial"])
                self.assertEqual(pubkey(old["certificate"]), pubkey(new["certificate"]))
                self.assertEqual(pathlib.Path(old["key"]).read_bytes(), pathlib.Path(new["key"]).read_bytes())
                self.assertEqual(os.stat(new["key"]).st_mode & 0o777, 0o600)
                for cert in (old, new):
                    self.assertIn(": OK", self.verify(cert["certificate"], "sslserver"))
                san = lambda c: sh("openssl", "x509", "-in", c["certificate"], "-noout", "-ext", "subjectAltName")
                self.assertEqual(san(old), san(new))

    def test_rekey_makes_a_key_of_the_same_kind(self):
        for alg in ALGS:
            old = self.ca.json("client", alg, "--alg", alg)
            new = self.ca.json("rekey", alg)
            self.assertNotEqual(pubkey(old["certificate"]), pubkey(new["certificate"]))
            self.assertEqual(self.ca.json("show", "--serial", old["serial"])["key_type"],
                             self.ca.json("show", "--serial", new["serial"])["key_type"])
            self.assertIn(": OK", self.verify(new["certificate"]))
        self.ca.ok("rekey", "p256", "--alg", "p384")
        self.assertIn("P-384", self.ca.json("show", "p256")["key_type"])
        self.fails(USAGE, "rekey", "p256", "--alg", "des")

    def test_the_old_one_is_mentioned_and_can_be_ended(self):
        old = self.ca.json("client", "alice")["serial"]
        r = self.ca.run("renew", "alice", "--json")
        self.assertIn(old, r.stderr)
        self.assertIn("--all-but-newest", r.stderr)
        r = self.ca.run("revoke", "alice", "--type", "client", "--all-but-newest", "--reason", "superseded")
        # It says that the same key is still good under the new certificate.
        self.assertIn("for the same key", r.stderr)
        self.assertEqual(self.ca.crl_serials(), {old})
        before = self.ca.crl_number()
        self.ca.ok("revoke", "alice", "--all-but-newest")
        self.assertEqual(self.ca.crl_number(), before)

    def test_refusals(self):
        self.ca.ok("client", "alice")
        self.fails(NOT_FOUND, "renew", "nobody")
        self.fails(USAGE, "renew", says="NAME")
        self.fails(USAGE, "renew", "alice", "--serial", "40")
        self.fails(USAGE, "renew", "ca", says="ca renew")
        self.fails(USAGE, "rekey", "ca")
        self.ca.ok("revoke", "alice")
        self.fails(FAILED, "renew", "alice", says="rekey")
        self.ca.ok("rekey", "alice")
        # Both roles bear one name.
        self.ca.ok("server", "alice", "--dns", "a.example")
        self.fails(USAGE, "renew", "alice", says="--type")
        self.ca.ok("renew", "alice", "--type", "server")

    def test_an_expired_one(self):
        self.ca.ok("client", "alice", "--days", "10", "--now", "2026-12-01T00:00:00Z")
        new = self.ca.json("renew", "alice", "--now", "2027-01-01T00:00:00Z", "--days", "10")
        self.assertEqual(new["not_after"], "2027-01-11T00:00:00Z")

    def test_a_key_that_its_holder_keeps(self):
        sh("openssl", "req", "-new", "-newkey", "ed25519", "-nodes", "-keyout", self.tmp / "k", "-subj", "/CN=bob",
           "-out", self.tmp / "bob.csr")
        old = self.ca.json("sign", self.tmp / "bob.csr", "--type", "client")
        new = self.ca.json("renew", "bob")
        self.assertNotIn("key", new)
        self.assertEqual(pubkey(old["certificate"]), pubkey(new["certificate"]))
        self.fails(FAILED, "rekey", "bob", says="csr")

    def test_dry_run_changes_nothing(self):
        self.ca.ok("client", "alice")
        before = {p: p.stat().st_mtime_ns for p in self.ca.dir.rglob("*") if p.is_file() and "index" not in p.name}
        for command in (["client", "bob"], ["renew", "alice"], ["rekey", "alice"], ["revoke", "alice"], ["crl"]):
            r = self.ca.run(*command, "--dry-run")
            self.assertEqual((r.returncode, r.stdout), (OK, ""), command)
            self.assertIn("would", r.stderr)
        self.fails(USAGE, "client", "../x", "--dry-run")
        self.fails(NOT_FOUND, "revoke", "nobody", "--dry-run")
        after = {p: p.stat().st_mtime_ns for p in self.ca.dir.rglob("*") if p.is_file() and "index" not in p.name}
        self.assertEqual(before, after)
        self.assertEqual(len(self.ca.list()), 2)


class KeyPassphrase(PkiTest):
    def setUp(self):
        super().setUp()
        self.ca.init()

    def test_five_ways(self):
        (self.tmp / "p").write_text("secret $x\n")
        read, write = os.pipe()
        os.write(write, b"secret $x")
        os.close(write)
        ways = ((["--key-pass-file", self.tmp / "p"], {}), (["--key-pass-env", "KP"], {"env": {"KP": "secret $x"}}),
                (["--key-pass-stdin"], {"input": "secret $x\n"}), (["--key-pass-fd", read], {"pass_fds": (read,)}))
        for i, (args, kw) in enumerate(ways):
            made = self.ca.json("client", f"c{i}", *args, **kw)
            self.assertIn("ENCRYPTED", pathlib.Path(made["key"]).read_text())
            sh("openssl", "pkey", "-in", made["key"], "-passin", "pass:secret $x", "-noout")
            sh("certtool", "--key-info", "--infile", made["key"], "--password", "secret $x")
        os.close(read)
        self.fails(USAGE, "client", "x", "--key-pass-env", "NONE")
        self.fails(USAGE, "client", "x", "--key-pass-env", "NONE", "--key-pass-stdin", says="more than one")
        self.fails(USAGE, "client", "x", "--key-pass-ask", "--key-pass-stdin", says="more than one")
        self.fails(USAGE, "client", "x", "--key-pass-ask", says="no terminal")
        self.fails(USAGE, "client", "x", "--key-pass-stdin", input="\n", says="empty")
        self.assertEqual(len(self.ca.list()), 5)

    def test_both_from_stdin(self):
        ca = Ca(self.tmp / "ca2")
        ca.ok("init", NETWORK, "--pass-stdin", input="ca pass\n")
        made = ca.json("client", "a", "--pass-stdin", "--key-pass-stdin", input="ca pass\nkey pass\n")
        sh("openssl", "pkey", "-in", made["key"], "-passin", "pass:key pass", "-noout")
        r = ca.run("client", "a", "--pass-stdin", "--key-pass-stdin", input="wrong\nkey pass\n")
        self.assertEqual(r.returncode, PASSPHRASE)

    def test_what_was_encrypted_stays_so(self):
        old = self.ca.json("client", "a", "--key-pass-stdin", input="one\n")
        self.fails(USAGE, "rekey", "a", says="passphrase")
        new = self.ca.json("rekey", "a", "--key-pass-stdin", input="two\n")
        sh("openssl", "pkey", "-in", new["key"], "-passin", "pass:two", "-noout")
        # A renewal needs no passphrase: the file goes along as it is.
        again = self.ca.json("renew", "--serial", old["serial"])
        self.assertEqual(pathlib.Path(again["key"]).read_bytes(), pathlib.Path(old["key"]).read_bytes())


class Revoke(PkiTest):
    def setUp(self):
        super().setUp()
        self.ca.init()

    def test_by_file(self):
        made = [self.ca.json("client", "alice") for _ in range(2)]
        self.ca.ok("revoke", "--cert", made[0]["certificate"])
        self.assertEqual(self.ca.crl_serials(), {made[0]["serial"]})
        der = self.tmp / "a.der"
        sh("openssl", "x509", "-in", made[1]["certificate"], "-outform", "DER", "-out", der)
        self.ca.ok("revoke", "--cert", der)
        self.assertEqual(self.ca.crl_serials(), {m["serial"] for m in made})
        self.fails(NOT_FOUND, "revoke", "--cert", der, says="still valid")
        other = Ca(self.tmp / "other").init()
        theirs = other.json("client", "alice")
        self.fails(NOT_FOUND, "revoke", "--cert", theirs["certificate"], says="not a certificate of this CA")
        self.fails(NOT_FOUND, "revoke", "--cert", self.tmp / "none")
        self.fails(FAILED, "revoke", "--cert", self.ca.key(), says="no certificate")
        self.fails(NOT_FOUND, "revoke", "--cert", self.ca.crt)
        # Another certificate that bears a serial number of ours.
        forged = self.tmp / "forged.pem"
        sh("openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-keyout", self.tmp / "f.key", "-subj", "/CN=x",
           "-set_serial", "0x" + made[0]["serial"], "-out", forged)
        self.fails(FAILED, "revoke", "--cert", forged, says="another certificate")
        self.fails(USAGE, "revoke", "alice", "--cert", der)
        self.fails(USAGE, "revoke", "--all-but-newest", "--cert", der)

    def test_warns_of_other_live_ones(self):
        sh("openssl", "req", "-new", "-newkey", "ed25519", "-nodes", "-keyout", self.tmp / "k", "-subj", "/CN=bob",
           "-out", self.tmp / "bob.csr")
        bob = self.ca.json("sign", self.tmp / "bob.csr", "--type", "client")["serial"]
        rob = self.ca.json("sign", self.tmp / "bob.csr", "--type", "client", "--name", "rob")["serial"]
        server = self.ca.json("server", "bob", "--dns", "b.example")["serial"]
        self.ca.ok("client", "carol")
        r = self.ca.run("revoke", "bob", "--type", "client", "--reason", "keyCompromise")
        self.assertEqual(r.returncode, OK, r.stderr)
        self.assertIn(f"client rob, serial {rob}, for the same key", r.stderr)
        self.assertIn(f"server bob, serial {server}, of the same name", r.stderr)
        self.assertNotIn("carol", r.stderr)
        self.assertEqual(self.ca.crl_serials(), {bob})

    def test_hold(self):
        serial = self.ca.json("client", "alice")["serial"]
        self.fails(NOT_FOUND, "unhold", "alice", says="on hold")
        self.ca.ok("revoke", "alice", "--reason", "certificateHold")
        self.assertIn("Certificate Hold", self.ca.crl_text())
        self.ca.ok("unhold", "alice")
        self.assertEqual(self.ca.crl_serials(), set())
        self.assertEqual(self.ca.json("show", "alice")["state"], "valid")
        # From hold to good: it counts from now and cannot be taken back.
        self.ca.ok("revoke", "alice", "--reason", "certificateHold")
        self.ca.ok("revoke", "alice", "--reason", "keyCompromise")
        self.assertIn("Key Compromise", self.ca.crl_text())
        self.fails(NOT_FOUND, "unhold", "--serial", serial)
        self.fails(USAGE, "unhold")

    def test_a_hold_taken_back_that_is_still_listed_is_known(self):
        self.ca.ok("client", "alice")
        self.ca.ok("revoke", "alice", "--reason", "certificateHold")
        self.ca.crl.unlink()
        self.ca.crl.mkdir()  # Nothing can be put there.
        (self.ca.crl / "x").touch()
        self.fails(CRITICAL, "unhold", "alice", says="crl")
        self.assertEqual(self.ca.run("list").returncode, CRITICAL)
        shutil.rmtree(self.ca.crl)
        self.ca.ok("crl")
        self.assertEqual(self.ca.run("list").returncode, OK)
        self.assertEqual(self.ca.crl_serials(), set())

    def test_reasons(self):
        for i, reason in enumerate(("keyCompromise", "affiliationChanged", "superseded", "cessationOfOperation",
                                    "privilegeWithdrawn", "certificateHold", "unspecified")):
            self.ca.ok("client", f"c{i}")
            self.ca.ok("revoke", f"c{i}", "--reason", reason)
        for bad in ("removeFromCRL", "", "x", "7"):
            self.fails(USAGE, "revoke", "c0", f"--reason={bad}")


class Crl(PkiTest):
    def test_if_needed(self):
        self.ca.init("--now", "2026-01-01T00:00:00Z")
        number = self.ca.crl_number()
        r = self.ca.run("crl", "--if-needed", "--now", "2026-04-01T00:00:00Z")
        self.assertEqual((r.returncode, r.stdout, self.ca.crl_number()), (OK, "", number))
        # A third of 180 days is left on the first of May.
        self.ca.ok("maintain", "--now", "2026-04-30T00:00:00Z")
        self.assertEqual(self.ca.crl_number(), number)
        self.ca.ok("maintain", "--now", "2026-05-02T00:00:00Z")
        second = self.ca.crl_number()
        self.assertGreater(second, number)
        self.ca.crl.unlink()
        self.ca.ok("crl", "--if-needed", "--now", "2026-05-02T00:00:00Z")
        self.assertGreater(self.ca.crl_number(), second)

    def test_no_passphrase_while_not_needed(self):
        self.ca.ok("init", NETWORK, "--pass-stdin", input="x\n")
        self.ca.ok("maintain")
        self.fails(PASSPHRASE, "crl", says="passphrase")

    def test_install(self):
        self.ca.init()
        out, mark = self.tmp / "crl.pem", self.tmp / "mark"
        script = self.tmp / "hook"
        script.write_text(f"#!/bin/sh\necho \"$# $PATH\" >>{mark}\nenv >>{self.tmp}/env\necho noise\n")
        script.chmod(0o755)
        result = self.ca.json("crl", "--install", out, "--notify", script, env={"SECRET": "x"})
        self.assertIn("number", result)
        self.assertEqual(out.read_text(), self.ca.crl.read_text())
        self.assertEqual(out.stat().st_mode & 0o777, 0o644)
        self.assertTrue(mark.read_text().startswith("0 /usr"))
        self.assertNotIn("SECRET", (self.tmp / "env").read_text())
        # The same again: nobody is told.
        self.ca.ok("maintain", "--install", out, "--notify", script)
        self.assertEqual(len(mark.read_text().splitlines()), 1)
        # What went missing there is mended, with no new CRL.
        number = self.ca.crl_number()
        out.write_text("torn")
        self.ca.ok("maintain", "--install", out, "--notify", script)
        self.assertEqual(len(mark.read_text().splitlines()), 2)
        self.assertEqual(self.ca.crl_number(), number)
        script.write_text("#!/bin/sh\nexit 3\n")
        self.fails(FAILED, "crl", "--install", out, "--notify", script, says="exit status 3")
        self.assertEqual(out.read_text(), self.ca.crl.read_text())
        self.fails(FAILED, "crl", "--install", out, "--notify", self.tmp / "none", says="cannot run")
        self.fails(FAILED, "crl", "--install", self.tmp, says="cannot write")
        for bad in ("reload", "-1", "0", "1x", "99999999999"):
            self.fails(USAGE, "crl", "--install", out, f"--notify={bad}", says="--notify")
        self.fails(USAGE, "crl", "--notify", script, says="--install")

    def test_no_shell(self):
        self.ca.init()
        self.fails(FAILED, "crl", "--install", self.tmp / "c", "--notify", f"/bin/true; touch {self.tmp}/x")
        self.assertFalse((self.tmp / "x").exists())

    def test_signal(self):
        self.ca.init()
        p = subprocess.Popen(["sleep", "60"])
        self.ca.ok("crl", "--install", self.tmp / "c", "--notify", p.pid)
        self.assertEqual(p.wait(10), -signal.SIGHUP)
        self.fails(FAILED, "crl", "--install", self.tmp / "c", "--notify", p.pid, says="cannot signal")


if __name__ == "__main__":
    main()
