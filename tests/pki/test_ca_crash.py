#!/usr/bin/env python3
"""What changes the CA itself is killed, or fails, at every system call that writes (as in test_crash.py).

After each: what was valid is valid, what was revoked is revoked, doctor is content, and the walk goes on to its end.
"""
import errno
import os
import pathlib
import unittest

import test_crash
from help_pki import CRITICAL, NETWORK, OK, WARNING, Ca, PkiTest, main, sh

HOWS = ("kill", str(errno.ENOSPC))


@unittest.skipUnless(test_crash.SHIM, "the shim is not built")
class CaCrash(PkiTest):
    env, one, each = test_crash.Crash.env, test_crash.Crash.one, test_crash.Crash.each

    def setUp(self):
        super().setUp()
        self.ca.init()
        self.ca.ok("client", "old")
        self.ca.ok("client", "gone")
        self.ca.ok("revoke", "gone")

    def verify(self, ca, name, says, step):
        cert = ca.dir / "certs" / (next(c["serial"] for c in ca.list() if c["name"] == name) + ".crt")
        out = sh("openssl", "verify", "-x509_strict", "-CAfile", ca.crt, "-crl_check", "-CRLfile", ca.crl, cert, check=False)
        self.assertIn(says, out, step)

    def settle(self, ca, at, step):
        """doctor has a name for what is left, and it or the next command puts it in order."""
        self.assertIn(ca.run("doctor").returncode, (OK, WARNING, CRITICAL), step)
        r = ca.run("doctor", "--repair") if at % 2 else ca.run("crl")
        self.assertEqual(r.returncode, OK, f"{step}: {r.stdout}{r.stderr}")
        r = ca.run("doctor")
        self.assertEqual(r.returncode, OK, f"{step}: {r.stdout}{r.stderr}")
        self.verify(ca, "old", ": OK", step)
        self.verify(ca, "gone", "revoked", step)
        return [c["role"] for c in ca.json("ca", "show")]

    def test_renew(self):
        def verify(ca, r, at, step, gone):
            self.assertEqual(self.settle(ca, at, step), ["active"], step)
            ca.ok("client", "new")
            self.verify(ca, "new", ": OK", step)
        self.each(verify, "ca", "renew", hows=HOWS)

    def test_rollover(self):
        def verify(ca, r, at, step, gone):
            roles = self.settle(ca, at, step)
            self.assertIn(roles, (["active"], ["active", "next"]), step)
            if r.returncode == OK:
                self.assertEqual(len(roles), 2, step)
            if len(roles) == 1:
                ca.ok("ca", "rollover")
            ca.ok("ca", "rollover", "--switch")
        self.each(verify, "ca", "rollover", hows=HOWS)

    def test_switch(self):
        self.ca.ok("ca", "rollover")

        def verify(ca, r, at, step, gone):
            roles = self.settle(ca, at, step)
            self.assertIn(roles, (["active", "next"], ["active", "old"]), step)
            if "next" in roles:
                ca.ok("ca", "rollover", "--switch")
            ca.ok("client", "new")
            self.verify(ca, "new", ": OK", step)
            self.verify(ca, "old", ": OK", step)
            self.verify(ca, "gone", "revoked", step)
        self.each(verify, "ca", "rollover", "--switch", hows=HOWS)

    def test_retire(self):
        self.ca.ok("ca", "rollover")
        self.ca.ok("ca", "rollover", "--switch")
        self.ca.ok("rekey", "old")
        self.ca.ok("revoke", "old", "--all-but-newest")
        serial = self.ca.json("show", "old")["serial"]

        def verify(ca, r, at, step, gone):
            self.assertIn(ca.run("doctor").returncode, (OK, WARNING, CRITICAL), step)
            repair = ca.run("doctor", "--repair") if at % 2 else ca.run("crl")
            self.assertEqual(repair.returncode, OK, f"{step}: {repair.stdout}{repair.stderr}")
            roles = [c["role"] for c in ca.json("ca", "show")]
            self.assertIn(roles, (["active", "old"], ["active", "retired"]), step)
            self.assertEqual(ca.crt.read_text().count("BEGIN"), 2 if "old" in roles else 1, step)
            self.assertEqual(ca.crl.read_text().count("BEGIN"), 2 if "old" in roles else 1, step)
            out = sh("openssl", "verify", "-x509_strict", "-CAfile", ca.crt, "-crl_check", "-CRLfile", ca.crl,
                     ca.dir / "certs" / f"{serial}.crt", check=False)
            self.assertIn(": OK", out, step)
            if "old" in roles:
                ca.ok("ca", "retire")
        self.each(verify, "ca", "retire", hows=HOWS)

    def test_passwd(self):
        self.ca.ok("ca", "rollover")
        new = self.tmp / "new"
        new.write_text("two")

        def verify(ca, r, at, step, gone):
            """One of the two passphrases, and the same command goes on from there."""
            if ca.run("crl").returncode == OK:
                ca.ok("ca", "passwd", "--new-pass-file", new)
            ca.ok("crl", "--pass-file", new)
            for key in (ca.dir / "ca").glob("*.key"):
                self.assertIn("ENCRYPTED", key.read_text(), step)
            self.verify(ca, "gone", "revoked", step)
        self.each(verify, "ca", "passwd", "--new-pass-file", new, hows=HOWS)

    def test_unhold(self):
        self.ca.ok("client", "held")
        self.ca.ok("revoke", "held", "--reason", "certificateHold")

        def verify(ca, r, at, step, gone):
            self.settle(ca, at, step)
            ca.run("unhold", "held")
            self.verify(ca, "held", ": OK", step)
            self.verify(ca, "gone", "revoked", step)
        self.each(verify, "unhold", "held", hows=HOWS)

    def test_import(self):
        root, chain = Ca(self.tmp / "root").init("--root"), self.tmp / "chain"
        template = Ca(self.tmp / "template")
        template.ok("ca", "csr", NETWORK, "--no-pass", "--out", self.tmp / "csr")
        root.ok("ca", "sign", self.tmp / "csr", "--out", chain)

        def verify(ca, r, at, step, gone):
            if ca.run("ca", "show", "--json").stdout in ("", "[]\n"):
                ca.ok("ca", "import", chain)
            ca.ok("crl")
            ca.ok("client", "new")
            self.verify(ca, "new", ": OK", step)
            self.assertEqual([c["role"] for c in ca.json("ca", "show")], ["active", "root"], step)
        template.crl_serials = lambda: set()
        self.each(verify, "ca", "import", chain, template=template, hows=HOWS)

    def test_init_two_tier(self):
        def verify(ca, r, at, step, gone):
            again = ca.run("init", NETWORK, "--no-pass", "--two-tier")
            if again.returncode != OK:
                self.assertIn("already", again.stderr, step)
            ca.ok("client", "new")
            self.verify(ca, "new", ": OK", step)
        self.each(verify, "init", NETWORK, "--no-pass", "--two-tier", template=None, hows=HOWS)


if __name__ == "__main__":
    main()
