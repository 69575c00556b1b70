#!/usr/bin/env python3
"""What needs attention: status, expiring, log, and list with many certificates."""
import json
import shutil
import sqlite3
import time

from help_pki import CRITICAL, NOT_FOUND, OK, USAGE, WARNING, PkiTest, main

DAY0 = "2026-01-01T00:00:00Z"


class Status(PkiTest):
    def setUp(self):
        super().setUp()
        self.ca.init("--now", DAY0, "--days", "1000")

    def at(self, now, code, *args):
        """The findings of status at that time, as (level, what), and its text."""
        r = self.ca.run("status", "--json", "--now", now, *args)
        self.assertEqual(r.returncode, code, r.stdout + r.stderr)
        found = json.loads(r.stdout)
        self.assertEqual(found["status"], {OK: "ok", WARNING: "warning", CRITICAL: "critical"}[code])
        text = self.ca.run("status", "--now", now, *args)
        self.assertEqual(text.returncode, code)
        self.assertTrue(text.stdout.startswith(found["status"].upper() + ": "), text.stdout)
        self.assertEqual(len(text.stdout.splitlines()), 1 + len(found["findings"]))
        return {(f["level"], f["what"]): f["text"] for f in found["findings"]}

    def test_all_is_well(self):
        self.ca.ok("client", "a", "--now", DAY0)
        self.assertEqual(self.at("2026-01-02T00:00:00Z", OK), {})
        # Cron gets a mail only when there is something in it.
        r = self.ca.run("status", "--quiet", "--now", "2026-01-02T00:00:00Z")
        self.assertEqual((r.returncode, r.stdout, r.stderr), (OK, "", ""))

    def test_certificates(self):
        self.ca.ok("server", "gw", "--dns", "gw.example", "--days", "100", "--now", DAY0)
        self.ca.ok("client", "gw", "--days", "60", "--now", DAY0)
        self.assertEqual(self.at("2026-02-10T00:00:00Z", WARNING).keys(), {("warning", "client gw")})
        self.assertEqual(self.at("2026-02-10T00:00:00Z", OK, "--days", "10"), {})
        self.assertEqual(self.at("2026-03-20T00:00:00Z", CRITICAL).keys(),
                         {("critical", "client gw"), ("warning", "server gw")})
        # One that has been followed by another needs nothing, nor has one that is revoked.
        self.ca.ok("client", "gw", "--days", "60", "--now", "2026-02-20T00:00:00Z")
        self.assertEqual(self.at("2026-03-20T00:00:00Z", WARNING).keys(), {("warning", "server gw")})
        self.ca.ok("revoke", "gw", "--type", "server", "--now", "2026-03-20T00:00:00Z")
        self.assertEqual(self.at("2026-03-20T00:00:00Z", OK), {})

    def test_forget(self):
        self.ca.ok("client", "a", "--days", "5", "--now", DAY0)
        self.at("2026-02-01T00:00:00Z", CRITICAL)
        self.at("2026-02-01T00:00:00Z", CRITICAL, "--forget", "30")
        self.at("2026-02-01T00:00:00Z", OK, "--forget", "20")

    def test_crl(self):
        self.assertEqual(self.at("2026-06-10T00:00:00Z", WARNING).keys(), {("warning", "crl")})
        found = self.at("2026-07-10T00:00:00Z", CRITICAL)
        self.assertIn("expired 10 days ago", found["critical", "crl"])
        old = self.ca.crl.read_text()
        self.ca.ok("crl", "--now", "2026-01-02T00:00:00Z")
        new = self.ca.crl.read_text()
        for content, says in ((None, "there is none"), ("x", "not a CRL of this CA"), (old, "has been made since")):
            self.ca.crl.unlink()
            if content is not None:
                self.ca.crl.write_text(content)
            self.assertIn(says, self.at("2026-01-02T00:00:00Z", CRITICAL)["critical", "crl"])
            self.ca.crl.write_text(new)
        self.at("2026-01-02T00:00:00Z", OK)

    def test_revocation_without_crl(self):
        serial = self.ca.json("client", "a", "--now", DAY0)["serial"]
        db = sqlite3.connect(self.ca.dir / "index.db")
        with db:
            db.execute("UPDATE cert SET revoked_at=1767225600, reason=0 WHERE serial=?", (serial,))
        db.close()
        self.assertIn("not yet in a CRL", self.at(DAY0, CRITICAL)["critical", "crl"])
        self.ca.ok("crl", "--now", DAY0)
        self.at(DAY0, OK)

    def test_ca(self):
        self.ca.ok("crl", "--days", "2000", "--now", DAY0)
        self.assertEqual(self.at("2028-08-01T00:00:00Z", WARNING).keys(), {("warning", "ca ca")})
        self.assertEqual(self.at("2029-01-01T00:00:00Z", CRITICAL).keys(), {("critical", "ca ca")})

    def test_bad_use(self):
        for command in ("status", "expiring"):
            for days in ("0", "-1", "36501", "x", ""):
                self.fails(USAGE, command, f"--days={days}")
            self.fails(USAGE, command, "extra")
        shutil.rmtree(self.ca.dir)
        self.fails(NOT_FOUND, "status")
        self.fails(NOT_FOUND, "expiring")
        self.fails(NOT_FOUND, "log")

    def test_expiring(self):
        self.ca.ok("client", "late", "--days", "60", "--now", DAY0)
        self.ca.ok("client", "soon", "--days", "20", "--now", DAY0)
        r = self.ca.run("expiring", "--json", "--now", DAY0)
        self.assertEqual((r.returncode, [c["name"] for c in json.loads(r.stdout)]), (WARNING, ["soon"]))
        r = self.ca.run("expiring", "--json", "--now", DAY0, "--days", "200")
        self.assertEqual([c["name"] for c in json.loads(r.stdout)], ["crl", "soon", "late"])
        r = self.ca.run("expiring", "--json", "--now", DAY0, "--days", "10")
        self.assertEqual((r.returncode, json.loads(r.stdout)), (OK, []))
        r = self.ca.run("expiring", "--now", "2026-02-01T00:00:00Z")
        self.assertEqual(r.returncode, CRITICAL)
        self.assertRegex(r.stdout, r"\n-11 +client +soon +2026-01-21T00:00:00Z +[0-9a-f]{32}\n29 +client +late ")


class Log(PkiTest):
    def test_log(self):
        self.ca.init()
        a, b = (self.ca.json("client", n) for n in "ab")
        self.ca.ok("revoke", "a", "--reason", "superseded")
        events = self.ca.json("log")
        self.assertEqual([e["action"] for e in events],
                         ["ca", "issued", "crl", "client", "issued", "client", "issued", "revoked", "crl"])
        self.assertEqual([e["action"] for e in self.ca.json("log", "a")], ["client", "issued", "revoked"])
        self.assertEqual(self.ca.json("log", "--serial", b["serial"].upper()), self.ca.json("log", "b"))
        self.assertEqual(self.ca.json("log", "--last", "2"), events[-2:])
        self.assertEqual(self.ca.json("log", "--since", "2100-01-01T00:00:00Z"), [])
        self.assertEqual(self.ca.json("log", "nobody"), [])
        text = self.ca.ok("log", "a")
        self.assertEqual(len(text.splitlines()), 4)
        self.assertIn(f" {a['serial']}  superseded ", text)
        self.fails(USAGE, "log", "--since", "yesterday")
        self.fails(USAGE, "log", "--serial", "xyz")
        self.fails(USAGE, "log", "a", "b")


class Many(PkiTest):
    def test_100000_within_a_second(self):
        self.ca.init()
        db = sqlite3.connect(self.ca.dir / "index.db")
        ca, start, end = db.execute("SELECT serial,not_before,not_after FROM cert").fetchone()
        with db:
            db.executemany(
                "INSERT INTO cert(serial,issuer,kind,name,state,sans,has_key,created,not_before,not_after) "
                "VALUES(?,?,'client',?,'issued','',0,?,?,?)",
                ((f"{4 << 124 | i:032x}", ca, f"user{i}", start, start, end) for i in range(100000)))
        db.close()
        for args in (["list"], ["list", "--json"], ["list", "--name", "user9*", "--valid"], ["status"]):
            took = []
            for _ in range(3):  # The machine may be busy with something else.
                start = time.monotonic()
                r = self.ca.run(*args)
                took.append(time.monotonic() - start)
                self.assertEqual(r.returncode, OK)
            self.assertLess(min(took), 1.0, args)


if __name__ == "__main__":
    main()
