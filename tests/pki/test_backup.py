#!/usr/bin/env python3
"""backup and restore: nothing revoked comes back, no CRL number goes back, what is torn is refused."""
import pathlib
import shutil
import sqlite3
import subprocess

from help_pki import FAILED, LOCKED, NOT_FOUND, OK, USAGE, Ca, PkiTest, main, sh


class Backup(PkiTest):
    def setUp(self):
        super().setUp()
        self.ca.init()
        self.a = self.ca.json("client", "a")
        self.b = self.ca.json("client", "b")
        self.ca.ok("revoke", "b")
        self.file = self.tmp / "backup.tar"
        self.ca.ok("backup", self.file)

    def content(self, ca):
        return {p.relative_to(ca.dir): p.read_bytes() for p in ca.dir.rglob("*")
                if p.suffix in (".crt", ".key", ".pem")}

    def left_over(self):
        return [p.name for p in self.tmp.iterdir() if "restor" in p.name]

    def test_there_and_back(self):
        self.assertEqual(self.file.stat().st_mode & 0o777, 0o600)
        names = sh("tar", "-tf", self.file).splitlines()
        self.assertIn("index.db", names)
        self.assertIn(f"keys/{self.a['serial']}.key", names)
        before, rows = self.content(self.ca), self.ca.list()
        shutil.rmtree(self.ca.dir)
        r = self.ca.run("restore", self.file)
        self.assertEqual(r.returncode, OK, r.stderr)
        self.assertIn("no newer CRL", r.stderr)
        self.assertEqual(self.content(self.ca), before)
        self.assertEqual(self.ca.list(), rows)
        self.ca.ok("doctor")
        self.ca.ok("client", "c")
        self.assertEqual(self.left_over(), [])

    def test_what_was_revoked_since_stays_revoked(self):
        self.ca.ok("revoke", "a")
        c = self.ca.json("client", "c")
        self.ca.ok("revoke", "c")
        d = self.ca.json("client", "d")
        number, newest = self.ca.crl_number(), self.tmp / "newest.pem"
        shutil.copy(self.ca.crl, newest)
        gone = {x["serial"] for x in (self.a, self.b, c)}
        for how in ("in place", "crl of a server", "only its crl"):
            with self.subTest(how):
                there = Ca(self.tmp / how)
                args = []
                if how == "crl of a server":
                    args = ["--crl", newest]
                else:
                    shutil.copytree(self.ca.dir, there.dir)
                    if how == "only its crl":
                        (there.dir / "index.db").write_bytes(b"rubbish")
                        for p in there.dir.glob("index.db-*"):
                            p.unlink()
                r = there.run("restore", self.file, *args)
                self.assertEqual(r.returncode, OK, r.stderr)
                if how == "in place":
                    self.assertIn(f"{d['serial']} (client d) was issued after the backup", r.stderr)
                self.assertIn("was revoked after the backup", r.stderr)
                self.assertEqual(there.crl_serials(), gone)
                there.ok("crl")
                self.assertEqual(there.crl_serials(), gone)
                self.assertGreater(there.crl_number(), number)
                there.ok("doctor")

    def test_pending_in_the_index_that_was_there(self):
        db = sqlite3.connect(self.ca.dir / "index.db")
        with db:
            db.execute("UPDATE cert SET revoked_at=1700000000, reason=1 WHERE name='a'")
        db.close()
        self.ca.ok("restore", self.file)
        self.assertEqual(self.ca.run("list").returncode, 4)
        self.ca.ok("crl")
        self.assertEqual(self.ca.crl_serials(), {self.a["serial"], self.b["serial"]})

    def test_what_was_there_stays_beside_it(self):
        before = self.content(self.ca)
        self.ca.ok("restore", self.file, "--now", "1800000000")
        aside = Ca(self.tmp / "ca.before-restore-1800000000")
        self.assertEqual(self.content(aside), before)
        self.assertEqual(self.left_over(), ["ca.before-restore-1800000000"])

    def test_torn_and_foreign(self):
        whole = self.file.read_bytes()
        bad = self.tmp / "bad.tar"
        before = self.content(self.ca)
        for at in (0, 1, 511, 512, 5000, len(whole) // 2, len(whole) - 1024, len(whole) - 1):
            bad.write_bytes(whole[:at])
            self.fails(FAILED, "restore", bad)
        bad.write_bytes(whole[:100] + b"X" + whole[101:])
        self.fails(FAILED, "restore", bad, says="damaged")
        for name in ("../evil", "/etc/evil", "ca/../../evil", "keys/x.key", "certs/00.sh", "README"):
            (self.tmp / "member").write_text("x")
            subprocess.run(["tar", "-cPf", bad, "-C", self.tmp, "--transform", f"s,member,{name},", "member"], check=True)
            self.fails(FAILED, "restore", bad, says="damaged")
        subprocess.run(["ln", "-s", "/etc/passwd", self.tmp / "index.db"], check=True)
        subprocess.run(["tar", "-cf", bad, "-C", self.tmp, "index.db"], check=True)
        self.fails(FAILED, "restore", bad)
        self.fails(NOT_FOUND, "restore", self.tmp / "nothing")
        self.fails(USAGE, "restore")
        other = Ca(self.tmp / "other").init()
        self.fails(FAILED, "restore", self.file, "--crl", other.crl, says="no CRL of the CA")
        self.fails(NOT_FOUND, "restore", self.file, "--crl", self.tmp / "nothing")
        self.assertEqual(self.content(self.ca), before)
        self.assertEqual(self.left_over(), [])
        self.assertFalse((self.tmp / "evil").exists())

    def test_bad_use(self):
        self.fails(FAILED, "backup", self.file, says="not overwritten")
        self.fails(FAILED, "backup", "/nonexistent/x")
        self.fails(USAGE, "backup")
        self.ca.ok("backup", self.tmp / "dry", "--dry-run")
        self.assertFalse((self.tmp / "dry").exists())
        before = self.content(self.ca)
        self.ca.ok("restore", self.file, "--dry-run")
        self.assertEqual(self.content(self.ca), before)
        self.assertEqual(self.left_over(), [])
        import fcntl
        with open(self.ca.dir / "lock", "rb") as f:
            fcntl.flock(f, fcntl.LOCK_EX)
            self.fails(LOCKED, "restore", self.file, "--wait", "0")
            self.fails(LOCKED, "backup", self.tmp / "x", "--wait", "0")


if __name__ == "__main__":
    main()
