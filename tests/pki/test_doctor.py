#!/usr/bin/env python3
"""doctor: every state that a crash, a backup or a hand can leave has a name, and most a repair."""
import json
import os
import pathlib
import shutil
import sqlite3

from help_pki import CRITICAL, FAILED, LOCKED, NOT_FOUND, OK, USAGE, WARNING, Ca, PkiTest, main


class Doctor(PkiTest):
    def setUp(self):
        super().setUp()
        self.ca.init()
        self.a = self.ca.json("client", "a")
        self.b = self.ca.json("server", "b", "--dns", "b.example")
        self.gone = self.ca.json("client", "gone")
        self.ca.ok("revoke", "gone")

    def doctor(self, *args):
        r = self.ca.run("doctor", "--json", *args)
        self.assertIn(r.returncode, (OK, WARNING, CRITICAL), r.stderr)
        found = json.loads(r.stdout)
        self.assertEqual(found["status"], {OK: "ok", WARNING: "warning", CRITICAL: "critical"}[r.returncode])
        texts = {}
        for f in found["findings"]:
            texts[f["what"]] = "; ".join(filter(None, (texts.get(f["what"]), f["text"])))
        return texts

    def sql(self, *statements):
        db = sqlite3.connect(self.ca.dir / "index.db")
        with db:
            for s in statements:
                db.execute(*s)
        db.close()

    def repaired(self, says):
        """Named, then repaired, then gone."""
        found = self.doctor()
        self.assertTrue(any(says in t for t in found.values()), found)
        # Naming changes nothing, nor does a dry run.
        self.assertEqual(self.doctor("--repair", "--dry-run"), found)
        self.assertEqual(self.doctor("--repair"), {})
        self.assertEqual(self.doctor(), {})
        self.ca.ok("client", "after")
        self.ca.ok("crl")
        self.assertEqual(self.doctor(), {})

    def named(self, what, says):
        found = self.doctor("--repair")
        self.assertEqual(list(found), [what])
        self.assertIn(says, found[what])

    def test_healthy(self):
        self.assertEqual(self.ca.ok("doctor"), "OK: files, keys, index and CRL agree\n")
        before = {p: p.stat().st_mtime_ns for p in self.ca.dir.rglob("*") if p.suffix in (".crt", ".key", ".pem")}
        self.assertEqual(self.doctor("--repair"), {})
        self.assertEqual(before, {p: p.stat().st_mtime_ns for p in before})
        self.fails(USAGE, "doctor", "extra")
        shutil.rmtree(self.ca.dir)
        self.fails(NOT_FOUND, "doctor")
        self.fails(NOT_FOUND, "doctor", "--repair")

    def test_several_cas(self):
        ca = Ca(self.tmp / "tiers").init("--two-tier")
        ca.ok("client", "a")
        for command in (["revoke", "a"], ["ca", "renew"], ["client", "b"], ["ca", "rollover"], ["ca", "rollover", "--switch"],
                        ["crl"], ["revoke", "b"], ["client", "c"]):
            ca.ok(*command)
            self.assertEqual(ca.run("doctor").stdout, "OK: files, keys, index and CRL agree\n", command)
        # Forgotten of a CA that no longer signs certificates.
        db = sqlite3.connect(ca.dir / "index.db")
        with db:
            db.execute("UPDATE cert SET revoked_at=NULL, reason=NULL, crl_number=NULL WHERE name='b'")
        db.close()
        self.assertEqual(ca.run("doctor").returncode, CRITICAL)
        ca.ok("doctor", "--repair")
        self.assertEqual({c["name"] for c in ca.list() if c["state"] == "revoked"}, {"a", "b"})

    def test_modes(self):
        for path, mode in ((self.ca.key(), 0o640), (pathlib.Path(self.a["key"]), 0o604), (self.ca.crl, 0o666),
                           (self.ca.dir / "keys", 0o755), (self.ca.dir / "certs", 0o770), (self.ca.dir, 0o750)):
            os.chmod(path, mode)
            self.repaired("others")
            self.assertEqual(path.stat().st_mode & 0o077 & ~(0o44 if path.is_file() and path.suffix != ".key" else 0), 0)

    def test_cut_short(self):
        (self.ca.dir / "keys" / ".tmp-0123456789abcdef").write_text("half a key")
        self.repaired("cut short")
        self.sql(("UPDATE cert SET state='reserved' WHERE serial=?", (self.a["serial"],)))
        self.repaired("--repair records it")
        self.assertEqual([c["state"] for c in self.ca.list() if c["serial"] == self.a["serial"]], ["valid"])
        self.sql(("UPDATE cert SET state='reserved' WHERE serial=?", (self.b["serial"],)))
        pathlib.Path(self.b["certificate"]).unlink()
        self.repaired("--repair gives up it")
        self.assertFalse(pathlib.Path(self.b["key"]).exists())

    def test_files_without_record(self):
        self.sql(("DELETE FROM cert WHERE serial=?", (self.b["serial"],)))
        self.repaired("without a record")
        again = next(c for c in self.ca.list() if c["serial"] == self.b["serial"])
        self.assertEqual((again["name"], again["type"], again["names"]), ("b", "server", "dns:b.example"))
        self.ca.ok("revoke", "b")
        self.assertIn(self.b["serial"], self.ca.crl_serials())
        self.sql(("UPDATE cert SET state='abandoned' WHERE serial=?", (self.a["serial"],)))
        self.repaired("without a record")

    def test_keys_without_certificate(self):
        self.sql(("UPDATE cert SET state='abandoned' WHERE serial=?", (self.a["serial"],)))
        pathlib.Path(self.a["certificate"]).unlink()
        self.repaired("key without a certificate")
        key = self.ca.dir / "keys" / ("4" * 32 + ".key")
        shutil.copy(self.b["key"], key)
        self.named(f"keys/{key.name}", "remove it unless")
        self.assertTrue(key.exists())  # It may be anything: not ours to throw away.

    def test_strangers(self):
        other = Ca(self.tmp / "other").init().json("client", "x")
        shutil.copy(other["certificate"], self.ca.dir / "certs")
        self.named(f"certs/{other['serial']}.crt", "no certificate of this CA")
        (self.ca.dir / "certs" / f"{other['serial']}.crt").unlink()
        (self.ca.dir / "certs" / "README").write_text("x")
        self.named("certs/README", "does not belong here")

    def test_lost_files(self):
        pathlib.Path(self.a["key"]).unlink()
        self.named(f"keys/{self.a['serial']}.key", "is lost")
        shutil.copy(self.b["key"], self.a["key"])
        self.named(f"keys/{self.a['serial']}.key", "does not hold the key")
        pathlib.Path(self.a["key"]).unlink()
        cert = pathlib.Path(self.a["certificate"])
        for content, says in ((None, "is lost"), ("x", "cannot be read"),
                              (pathlib.Path(self.b["certificate"]).read_text(), "another certificate")):
            cert.unlink()
            if content is not None:
                cert.write_text(content)
            found = self.doctor("--repair")
            self.assertIn(says, found[f"certs/{cert.name}"])
            if content is None:
                cert.write_text("")
        # It can still be revoked.
        self.ca.ok("revoke", "a")
        self.assertIn(self.a["serial"], self.ca.crl_serials())

    def test_dates(self):
        self.sql(("UPDATE cert SET not_after=not_after+1000 WHERE serial=?", (self.a["serial"],)))
        self.repaired("other dates")

    def test_bundle(self):
        for content in (None, "", Ca(self.tmp / "other").init().crt.read_text()):
            self.ca.crt.unlink()
            if content is not None:
                self.ca.crt.write_text(content)
            self.repaired("does not hold the CA's certificate")
            shutil.rmtree(self.tmp / "other", ignore_errors=True)

    def test_crl_gone_or_foreign(self):
        other = Ca(self.tmp / "other").init()
        for content in (None, "x", other.crl.read_text()):
            self.ca.crl.unlink()
            if content is not None:
                self.ca.crl.write_text(content)
            self.repaired(CRL_SAYS[content == other.crl.read_text() or content == "x"])
            self.assertEqual(self.ca.crl_serials(), {self.gone["serial"]})

    def test_crl_old_or_new(self):
        old, number = self.ca.crl.read_text(), self.ca.crl_number()
        self.ca.ok("revoke", "a")
        self.ca.crl.write_text(old)
        self.repaired("older than the newest")
        self.assertEqual(self.ca.crl_serials(), {self.gone["serial"], self.a["serial"]})
        self.assertGreater(self.ca.crl_number(), number)
        self.sql(("DELETE FROM crl WHERE number=?", (self.ca.crl_number(),)), )
        before = self.ca.crl.read_text()
        self.assertIn("newer than the index", str(self.doctor()))
        self.assertEqual(self.doctor("--repair"), {})
        self.assertEqual(self.ca.crl.read_text(), before)

    def test_pending(self):
        self.sql(("UPDATE cert SET revoked_at=1, reason=1 WHERE serial=?", (self.a["serial"],)))
        self.repaired("lacks what the index has")
        self.assertIn(self.a["serial"], self.ca.crl_serials())

    def test_revocations_are_not_forgotten(self):
        # The index is from before; the CRL knows better.
        for forget in (("UPDATE cert SET revoked_at=NULL, reason=NULL, crl_number=NULL WHERE name='gone'",),
                       ("DELETE FROM cert WHERE name='gone'",)):
            if "DELETE" in forget[0]:
                pathlib.Path(self.gone["certificate"]).unlink()
                pathlib.Path(self.gone["key"]).unlink()
            self.sql(forget)
            self.repaired("has forgotten")
            self.assertEqual(self.ca.crl_serials(), {self.gone["serial"]})

    def test_needs_the_passphrase_only_for_a_new_crl(self):
        env = {"P": "secret"}
        ca = Ca(self.tmp / "locked")
        ca.ok("init", "vpn.example.net", "--pass-env", "P", env=env)
        made = ca.json("client", "a", "--pass-env", "P", env=env)
        os.chmod(made["key"], 0o644)
        ca.crt.unlink()
        ca.ok("doctor", "--repair")
        ca.crl.unlink()
        self.assertNotEqual(ca.run("doctor", "--repair").returncode, OK)
        self.assertEqual(ca.run("doctor", "--repair", "--pass-env", "P", env={"P": "wrong"}).returncode, 5)
        ca.ok("doctor", "--repair", "--pass-env", "P", env=env)
        ca.crl_text()

    def test_damaged_index(self):
        index = self.ca.dir / "index.db"
        self.sql(("PRAGMA wal_checkpoint(TRUNCATE)",))
        data = bytearray(index.read_bytes())
        page = 4096
        for at in range(page * 2, len(data), page):
            data[at:at + 200] = b"\xff" * 200
        index.write_bytes(data)
        r = self.ca.run("doctor")
        self.assertIn(r.returncode, (FAILED, CRITICAL))
        self.assertIn("damaged", r.stdout + r.stderr)

    def test_waits_for_others(self):
        import fcntl
        with open(self.ca.dir / "lock", "rb") as f:
            fcntl.flock(f, fcntl.LOCK_EX)
            self.fails(LOCKED, "doctor", "--wait", "0")
            self.fails(LOCKED, "doctor", "--repair", "--wait", "0")


CRL_SAYS = {False: "is not there", True: "is no CRL of this CA"}

if __name__ == "__main__":
    main()
