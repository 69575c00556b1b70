#!/usr/bin/env python3
"""The directory: permissions, locks, damage, and commands killed or failing at every call that writes."""
import errno
import fcntl
import os
import pathlib
import shutil
import sqlite3
import ssl
import subprocess
import threading
import unittest

from help_pki import CRITICAL, FAILED, LOCKED, NETWORK, OK, PROGRAM, Ca, PkiTest, main

SHIM = os.environ.get("SALLYPORT_PKI_SHIM", "")


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


@unittest.skipUnless(SHIM, "the shim is not built")
class Crash(PkiTest):
    """Every command, killed (or with a full disk) at each call that writes: see shim.c."""

    def env(self, how, at):
        asan = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0:detect_leaks=0"
        return {"LD_PRELOAD": SHIM, "SHIM_HOW": how, "SHIM_AT": str(at), "SHIM_COUNT": str(self.tmp / "count"),
                "ASAN_OPTIONS": asan}

    def check(self, ca, step):
        """The next command copes; files and index agree; nothing was lost or used twice."""
        r = ca.run("client", "after")
        self.assertEqual(r.returncode, OK, f"{step}: {r.stderr}")
        rows = {c["serial"]: c for c in ca.list()}
        db = sqlite3.connect(ca.dir / "index.db")
        self.assertEqual(db.execute("SELECT count(*) FROM cert WHERE state='reserved'").fetchone(), (0,), step)
        self.assertEqual(db.execute("PRAGMA integrity_check").fetchone(), ("ok",), step)
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
        # What is revoked in the index is in the next CRL, whatever had become of the last one.
        ca.ok("crl")
        self.assertEqual(ca.crl_serials(), {s for s in rows if rows[s]["state"] == "revoked"}, step)
        return rows

    def each(self, how, template, *args):
        """Yields a fresh copy of template after `args` was stopped at its 1st, 2nd, ... write."""
        ca = Ca(self.tmp / "try")

        def fresh():
            shutil.rmtree(ca.dir, ignore_errors=True)
            if template is not None:
                shutil.copytree(template.dir, ca.dir)
        fresh()
        ca.ok(*args, env=self.env(how, 0))
        count = int((self.tmp / "count").read_text())
        self.assertGreater(count, 10)
        for at in range(1, count + 1):
            fresh()
            r = ca.run(*args, env=self.env(how, at))
            yield ca, r, f"{args[0]}, {how} at {at} of {count}"

    def prepare(self):
        self.ca.init()
        self.ca.ok("client", "old")
        self.ca.ok("client", "gone")
        self.ca.ok("revoke", "gone")
        return self.ca

    def test_issue(self):
        template = self.prepare()
        for how in ("kill", str(errno.ENOSPC)):
            for ca, r, step in self.each(how, template, "client", "new"):
                rows = self.check(ca, step)
                new = [c for c in rows.values() if c["name"] == "new"]
                self.assertLessEqual(len(new), 1, step)
                if r.returncode == OK:
                    self.assertEqual(len(new), 1, step)

    def test_revoke(self):
        template = self.prepare()
        old = next(c["serial"] for c in template.list() if c["name"] == "old")
        before = template.crl_number()
        for how in ("kill", str(errno.ENOSPC)):
            for ca, r, step in self.each(how, template, "revoke", "old"):
                # Between recording and the CRL, everybody is told.
                listed = ca.run("list", "--json")
                revoked = '"state": "revoked"' in listed.stdout
                in_crl = old in ca.crl_serials()
                if listed.returncode == CRITICAL:
                    self.assertTrue(revoked, step)
                self.assertGreaterEqual(ca.crl_number(), before, step)
                rows = self.check(ca, step)
                if r.returncode == OK or in_crl:
                    self.assertEqual(rows[old]["state"], "revoked", step)
                self.assertGreater(ca.crl_number(), before, step)

    def test_crl(self):
        template = self.prepare()
        for ca, r, step in self.each("kill", template, "crl"):
            ca.crl_text()
            self.check(ca, step)

    def test_init(self):
        for how in ("kill", str(errno.ENOSPC)):
            for ca, r, step in self.each(how, None, "init", NETWORK, "--no-pass"):
                # Either there is a CA, or init goes through the second time.
                again = ca.run("init", NETWORK, "--no-pass")
                if again.returncode != OK:
                    self.assertIn("already", again.stderr, step)
                self.check(ca, step)


if __name__ == "__main__":
    main()
