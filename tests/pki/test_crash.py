#!/usr/bin/env python3
"""Commands that are killed, or whose call fails, at every system call that writes, one by one (shim.c).

After each: doctor names what is left, doctor --repair or just the next command puts it in order, and then no certificate
is without a record, no serial is there twice, no revocation is lost and nothing is torn.
"""
import concurrent.futures
import errno
import os
import pathlib
import shutil
import sqlite3
import ssl
import tempfile
import unittest

from help_pki import CRITICAL, NETWORK, OK, WARNING, Ca, PkiTest, main

SHIM = os.environ.get("SALLYPORT_PKI_SHIM", "")
HOWS = ("kill", *(str(e) for e in (errno.ENOSPC, errno.EIO, errno.EROFS)))
JOBS = 4


@unittest.skipUnless(SHIM, "the shim is not built")
class Crash(PkiTest):
    def env(self, how, at, count):
        asan = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0:detect_leaks=0"
        return {"LD_PRELOAD": SHIM, "SHIM_HOW": how, "SHIM_AT": str(at), "SHIM_COUNT": str(count),
                "ASAN_OPTIONS": asan}

    def setUp(self):
        super().setUp()
        self.ca.init()
        self.ca.ok("client", "old")
        self.ca.ok("client", "gone")
        self.ca.ok("revoke", "gone")

    def check_whole(self, ca, step):
        """Files and index agree, and every file is whole."""
        rows = {c["serial"]: c for c in ca.list()}
        db = sqlite3.connect(ca.dir / "index.db")
        self.assertEqual(db.execute("SELECT count(*) FROM cert WHERE state='reserved'").fetchone(), (0,), step)
        self.assertEqual(db.execute("PRAGMA integrity_check").fetchone(), ("ok",), step)
        self.assertEqual(db.execute("SELECT count(*)-count(DISTINCT serial) FROM cert").fetchone(), (0,), step)
        db.close()
        for folder, kinds in (("certs", ("server", "client")), ("ca", ("ca",))):
            certs = {p.stem for p in (ca.dir / folder).glob("*.crt")}
            self.assertEqual(certs, {s for s in rows if rows[s]["type"] in kinds}, step)
            for s in certs:
                der = ssl.PEM_cert_to_DER_cert((ca.dir / folder / f"{s}.crt").read_text())
                self.assertIn(bytes.fromhex("0210" + s), der, step)
        keys = {p.stem for folder in ("keys", "ca") for p in (ca.dir / folder).glob("*.key")}
        self.assertEqual(keys, {s for s in rows if "key" in rows[s]}, step)
        self.assertEqual([p for p in ca.dir.rglob(".tmp-*")], [], step)
        return rows

    def check(self, ca, at, step, gone):
        """What is left has a name; half of the time doctor repairs it, else the next command does."""
        if (ca.dir / "crl.pem").exists():
            ca.crl_text()
        r = ca.run("doctor")
        self.assertIn(r.returncode, (OK, WARNING, CRITICAL), f"{step}: {r.stderr}")
        if at % 2:
            r = ca.run("doctor", "--repair")
        else:
            ca.ok("client", "after")
            r = ca.run("crl")
        self.assertEqual(r.returncode, OK, f"{step}: {r.stdout}{r.stderr}")
        r = ca.run("doctor")
        self.assertEqual(r.returncode, OK, f"{step}: {r.stdout}{r.stderr}")
        rows = self.check_whole(ca, step)
        revoked = {s for s in rows if rows[s]["state"] == "revoked"}
        self.assertLessEqual(gone, revoked, step)
        self.assertEqual(ca.crl_serials(), revoked, step)
        return rows

    def one(self, template, gone, how, at, args, verify):
        with tempfile.TemporaryDirectory(dir=self.tmp) as tmp:
            ca = Ca(pathlib.Path(tmp) / "ca")
            if template is not None:
                shutil.copytree(template.dir, ca.dir)
            r = ca.run(*args, env=self.env(how, at, pathlib.Path(tmp) / "count"))
            step = f"{args[0]}, {how} at {at}: {r.stderr}"
            verify(ca, r, at, step, gone)

    def each(self, verify, *args, template="self", hows=HOWS):
        """Stop `args` at its 1st, 2nd, ... write, and verify each time."""
        template = self.ca if template == "self" else template
        gone = template.crl_serials() if template is not None else set()
        trial = Ca(self.tmp / "trial")
        if template is not None:
            shutil.copytree(template.dir, trial.dir)
        count = self.tmp / "count"
        trial.ok(*args, env=self.env("0", 0, count))
        n = int(count.read_text())
        self.assertGreater(n, 5)
        with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
            for f in [pool.submit(self.one, template, gone, how, at, args, verify)
                      for how in hows for at in range(1, n + 1)]:
                f.result()

    def test_issue(self):
        def verify(ca, r, at, step, gone):
            rows = self.check(ca, at, step, gone)
            new = [c for c in rows.values() if c["name"] == "new"]
            self.assertLessEqual(len(new), 1, step)
            if r.returncode == OK:
                self.assertEqual(len(new), 1, step)
        self.each(verify, "client", "new")

    def test_revoke(self):
        old = next(c["serial"] for c in self.ca.list() if c["name"] == "old")
        before = self.ca.crl_number()

        def verify(ca, r, at, step, gone):
            listed = ca.run("list", "--json")
            in_crl = old in ca.crl_serials()
            if listed.returncode == CRITICAL:  # Between recording and the CRL, everybody is told.
                self.assertIn('"state": "revoked"', listed.stdout, step)
            self.assertGreaterEqual(ca.crl_number(), before, step)
            rows = self.check(ca, at, step, gone)
            if r.returncode == OK or in_crl:
                self.assertEqual(rows[old]["state"], "revoked", step)
            self.assertGreaterEqual(ca.crl_number(), before, step)
        self.each(verify, "revoke", "old")

    def test_crl(self):
        self.each(self.check_plain, "crl", hows=HOWS[:2])

    def check_plain(self, ca, r, at, step, gone):
        self.check(ca, at, step, gone)

    def test_renew(self):
        self.each(self.check_plain, "renew", "old", hows=HOWS[:2])

    def test_doctor(self):
        """Repairing can be cut short as well."""
        old = next(c["serial"] for c in self.ca.list() if c["name"] == "old")
        db = sqlite3.connect(self.ca.dir / "index.db")
        with db:
            db.execute("DELETE FROM cert WHERE serial=?", (old,))
            db.execute("UPDATE cert SET revoked_at=NULL, reason=NULL, crl_number=NULL WHERE name='gone'")
        db.close()
        (self.ca.dir / "certs" / ".tmp-0123456789abcdef").write_text("x")

        def verify(ca, r, at, step, gone):
            ca.ok("doctor", "--repair")
            self.assertIn(old, {c["serial"] for c in ca.list()}, step)
            self.check(ca, at, step, gone)
        self.each(verify, "doctor", "--repair", hows=HOWS[:2])

    def test_restore(self):
        """The old directory or the restored one, and whatever was revoked since the backup."""
        backup = self.tmp / "backup.tar"
        self.ca.ok("backup", backup)
        self.ca.ok("revoke", "old")
        self.each(self.check_plain, "restore", backup, hows=HOWS[:2])

    def test_batch(self):
        table = self.tmp / "new.csv"
        table.write_text("name\none\ntwo\n")

        def verify(ca, r, at, step, gone):
            rows = self.check(ca, at, step, gone)
            names = [c["name"] for c in rows.values()]
            self.assertLessEqual(max(names.count("one"), names.count("two")), 1, step)
            # It goes on from where it was stopped.
            ca.ok("batch", table, "--skip-existing")
            names = [c["name"] for c in ca.list()]
            self.assertEqual((names.count("one"), names.count("two")), (1, 1), step)
        self.each(verify, "batch", table, hows=HOWS[:2])

    def test_init(self):
        def verify(ca, r, at, step, gone):
            # Either there is a CA, or init goes through the second time.
            again = ca.run("init", NETWORK, "--no-pass")
            if again.returncode != OK:
                self.assertIn("already", again.stderr, step)
            self.check(ca, at, step, gone)
        self.each(verify, "init", NETWORK, "--no-pass", template=None, hows=HOWS[:2])


if __name__ == "__main__":
    main()
