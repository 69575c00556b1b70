#!/usr/bin/env python3
"""The directory: permissions, locks, damage."""
import fcntl
import os
import pathlib
import shutil
import sqlite3
import subprocess
import threading
import unittest

from help_pki import CRITICAL, FAILED, LOCKED, NETWORK, OK, PROGRAM, Ca, PkiTest, main


def modes(ca):
    return {p.relative_to(ca.dir): p.stat().st_mode & 0o777 for p in ca.dir.rglob("*")}


class Permissions(PkiTest):
    def test_modes_whatever_the_umask(self):
        old = os.umask(0)
        try:
            self.ca.init()
            self.ca.ok("client", "a")
        finally:
            os.umask(old)
        self.assertEqual(self.ca.dir.stat().st_mode & 0o777, 0o700)
        for path, mode in modes(self.ca).items():
            if (self.ca.dir / path).is_dir():
                self.assertEqual(mode, 0o700, path)
            elif path.suffix == ".key":
                self.assertEqual(mode, 0o600, path)
            else:
                self.assertEqual(mode & 0o022, 0, path)

    def test_loose_keys_are_refused(self):
        self.ca.init()
        made = self.ca.json("client", "a")
        for mode in (0o640, 0o604, 0o660, 0o622):
            os.chmod(self.ca.key(), mode)
            self.fails(FAILED, "client", "b", says="chmod 600")
            os.chmod(made["key"], mode)
            self.fails(FAILED, "export", "key", "a", says="chmod 600")
        os.chmod(self.ca.key(), 0o600)
        self.ca.ok("client", "b")
        # A link could lead anywhere.
        real = self.tmp / "real.key"
        self.ca.key().rename(real)
        (self.ca.dir / "ca" / (self.ca.list()[0]["serial"] + ".key")).symlink_to(real)
        self.fails(FAILED, "client", "c")

    def test_a_directory_others_write_to(self):
        self.ca.init()
        os.chmod(self.ca.dir, 0o770)
        for command in (["list"], ["client", "a"], ["crl"]):
            self.fails(FAILED, *command, says="chmod go-w")

    def test_init_spares_what_is_there(self):
        self.ca.dir.mkdir()
        (self.ca.dir / "mine").write_text("x")
        self.fails(FAILED, "init", NETWORK, "--no-pass", says="not empty")
        (self.ca.dir / "mine").unlink()
        self.ca.init()
        before = self.ca.crt.read_text()
        self.fails(FAILED, "init", NETWORK, "--no-pass", says="already")
        self.assertEqual(self.ca.crt.read_text(), before)


class Together(PkiTest):
    def test_lock(self):
        self.ca.init()
        with open(self.ca.dir / "lock", "rb") as f:
            fcntl.flock(f, fcntl.LOCK_EX)
            for command in (["client", "a"], ["crl"], ["revoke", "a"]):
                self.fails(LOCKED, *command, "--wait", "0", says="in use")
            # Readers need no lock.
            self.ca.ok("list")
            self.ca.ok("show", "ca")
            waiting = subprocess.Popen([PROGRAM, "--dir", self.ca.dir, "client", "a", "--wait", "30"],
                                       stdout=subprocess.DEVNULL)
            self.assertIsNone(waiting.poll())
            fcntl.flock(f, fcntl.LOCK_UN)
            self.assertEqual(waiting.wait(30), OK)

    def test_many_at_once(self):
        self.ca.init()
        codes = []

        def work(i):
            r = self.ca.run("client", f"c{i}", "--wait", "60") if i % 3 else self.ca.run("crl", "--wait", "60")
            codes.append(r.returncode)
            codes.append(self.ca.run("list").returncode)
        threads = [threading.Thread(target=work, args=(i,)) for i in range(24)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(set(codes), {OK})
        rows = self.ca.list()
        self.assertEqual(len({c["serial"] for c in rows}), 1 + 16)
        self.assertEqual(len(rows), 1 + 16)
        self.ca.crl_text()


class Damage(PkiTest):
    def test_index(self):
        self.ca.init()
        index = self.ca.dir / "index.db"
        whole = index.read_bytes()
        for broken in (b"not a database" * 1000, whole[:1000], b""):
            index.write_bytes(broken)
            for name in ("-wal", "-shm"):
                (self.ca.dir / f"index.db{name}").unlink(missing_ok=True)
            self.assertNotEqual(self.ca.run("client", "a").returncode, OK)
            self.assertNotEqual(self.ca.run("list").returncode, OK)
        self.assertEqual(list((self.ca.dir / "certs").iterdir()), [])

    def test_audit_trail_only_grows(self):
        self.ca.init()
        self.ca.ok("client", "a")
        self.ca.ok("revoke", "a")
        db = sqlite3.connect(self.ca.dir / "index.db")
        actions = [r[0] for r in db.execute("SELECT action FROM audit ORDER BY id")]
        self.assertEqual(actions, ["ca", "issued", "crl", "client", "issued", "revoked", "crl"])
        for sql in ("DELETE FROM audit", "UPDATE audit SET who='nobody'"):
            with self.assertRaises(sqlite3.IntegrityError):
                db.execute(sql)
        db.close()

    def test_certificate_file(self):
        self.ca.init()
        a, b = (self.ca.json("client", n) for n in "ab")
        for content in ("", "x", pathlib.Path(b["certificate"]).read_text()):
            pathlib.Path(a["certificate"]).write_text(content)
            self.fails(FAILED, "show", "a")
            self.fails(FAILED, "export", "pem", "a") if content != "" else None
        # Revoking goes by the index and still works.
        self.ca.ok("revoke", "a")
        self.assertEqual(self.ca.crl_serials(), {a["serial"]})

    def test_wrong_ca_key(self):
        self.ca.init()
        other = Ca(self.tmp / "other").init()
        self.ca.key().write_text(other.key().read_text())
        self.fails(FAILED, "client", "a", says="does not hold the CA's key")
        self.ca.key().write_text("")
        self.fails(FAILED, "client", "a")


if __name__ == "__main__":
    main()
