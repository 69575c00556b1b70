#!/usr/bin/env python3
"""verify and lint: files of ours, of others, old, revoked, changed, and rubbish."""
import base64
import json
import pathlib
import sqlite3
import ssl

from help_pki import ALGS, CRITICAL, FAILED, NOT_FOUND, OK, USAGE, WARNING, Ca, PkiTest, main, sh

DAY0 = "2026-01-01T00:00:00Z"


class Verify(PkiTest):
    def setUp(self):
        super().setUp()
        self.ca.init("--now", DAY0)
        self.alice = self.ca.json("client", "alice", "--days", "100", "--now", DAY0)

    def at(self, code, path, now="2026-01-02T00:00:00Z", says=""):
        r = self.ca.run("verify", path, "--now", now)
        self.assertEqual(r.returncode, code, r.stdout + r.stderr)
        self.assertIn(says, r.stdout + r.stderr)

    def test_life(self):
        cert = self.alice["certificate"]
        self.at(OK, cert)
        self.at(OK, self.ca.crt)
        self.at(OK, self.ca.crl)
        self.at(WARNING, cert, "2026-04-01T00:00:00Z", "expires in 10 days")
        self.at(CRITICAL, cert, "2026-05-01T00:00:00Z", "has expired")
        self.at(CRITICAL, cert, "2025-05-01T00:00:00Z", "not valid before")
        self.at(CRITICAL, self.ca.crl, "2027-01-01T00:00:00Z", "has expired")
        old = self.tmp / "old.pem"
        old.write_text(self.ca.crl.read_text())
        self.ca.ok("revoke", "alice", "--reason", "keyCompromise", "--now", "2026-01-02T00:00:00Z")
        self.at(CRITICAL, cert, says="revoked 2026-01-02T00:00:00Z (keyCompromise)")
        self.at(WARNING, old, says="the newest is")

    def test_forms(self):
        der = self.tmp / "alice.der"
        der.write_bytes(ssl.PEM_cert_to_DER_cert(pathlib.Path(self.alice["certificate"]).read_text()))
        self.at(OK, der)
        bundle = self.tmp / "bundle"
        self.ca.ok("export", "bundle", "alice", "--out", bundle, "--now", DAY0)
        self.at(OK, bundle)

    def test_others(self):
        other = Ca(self.tmp / "other").init()
        self.at(FAILED, other.json("client", "alice")["certificate"], says="not issued by this CA")
        self.at(FAILED, other.crl, says="not signed by this CA")
        # Changed: every byte of the signed part and of the signature counts.
        whole = ssl.PEM_cert_to_DER_cert(pathlib.Path(self.alice["certificate"]).read_text())
        path = self.tmp / "changed.der"
        for at in range(4, len(whole), 23):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1:])
            self.at(FAILED, path)
        for content, code in (("", FAILED), ("x", FAILED), ("-----BEGIN CERTIFICATE-----\nAAAA", FAILED)):
            path.write_text(content)
            self.at(code, path)
        path.write_bytes(whole[:-1])
        self.at(FAILED, path)
        self.at(NOT_FOUND, self.tmp / "nothing")
        self.at(FAILED, self.tmp)
        self.fails(USAGE, "verify")
        self.fails(USAGE, "verify", "a", "b")

    def test_not_in_the_index(self):
        db = sqlite3.connect(self.ca.dir / "index.db")
        with db:
            db.execute("DELETE FROM cert WHERE name='alice'")
        db.close()
        self.at(CRITICAL, self.alice["certificate"], says="not in the index")


class Lint(PkiTest):
    def lint(self, code, path, *args):
        r = self.ca.run("lint", path, "--json", *args)
        self.assertEqual(r.returncode, code, r.stdout + r.stderr)
        return [f["text"] for f in json.loads(r.stdout)["findings"]] if r.stdout else []

    def test_our_own_are_clean(self):
        for alg in ALGS:
            ca = Ca(self.tmp / alg).init("--alg", alg)
            ca.ok("client", "a")
            ca.ok("server", "b", "--dns", "b.example", "--ip", "2001:db8::1")
            ca.ok("revoke", "a")
            for path in [ca.crt, ca.crl, *(ca.dir / "certs").iterdir()]:
                r = ca.run("lint", path)
                self.assertEqual((r.returncode, r.stdout, r.stderr), (OK, "OK: 1 looked at, nothing found\n", ""))

    def openssl(self, *args, alg=("ec", "-pkeyopt", "ec_paramgen_curve:P-256")):
        out = self.tmp / "other.crt"
        sh("openssl", "req", "-x509", "-newkey", *alg, "-nodes", "-keyout", self.tmp / "k", "-out", out, "-subj",
           "/CN=x", *args)
        return out

    def test_others(self):
        ca = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")
        self.assertEqual(self.lint(OK, self.openssl(*ca)), [])
        self.assertEqual(self.lint(WARNING, self.openssl(*ca, alg=["rsa:2048"])), ["an RSA CA below 3072 bits"])
        for args, rule in (
                ((), "no keyUsage"),
                (("-addext", "keyUsage=keyCertSign,cRLSign"), "keyUsage is not critical"),
                (("-addext", "keyUsage=critical,digitalSignature"), "keyCertSign and the CA flag disagree"),
                (("-addext", "keyUsage=critical,keyCertSign"), "a CA that may not sign CRLs"),
                ((*ca, "-sha1"), "a signature algorithm that is weak or unknown (SHA-1, MD5, PSS)"),
                ((*ca, "-addext", "nameConstraints=permitted;DNS:x"),
                 "nameConstraints that are not critical, or not a CA's"),
                ((*ca, "-addext", "crlDistributionPoints=critical,URI:http://x/"),
                 "cRLDistributionPoints is critical"),
                ((*ca, "-addext", "1.2.3=critical,ASN1:NULL"), "a critical extension that peers do not know"),
                ((*ca, "-addext", "subjectKeyIdentifier=none"), "no subjectKeyIdentifier"),
                ((*ca, "-subj", "/CN=" + "x" * 64 + "/OU=a\tb"),
                 "a name part that is empty, too long or not plain text"),
                ((*ca, "-set_serial", "0"), "serial number not positive, minimal and of 1 to 20 octets")):
            path = self.openssl(*args)
            r = self.ca.run("lint", path, "--json")
            self.assertIn(r.returncode, (FAILED, WARNING), (args, r.stderr))
            self.assertIn(rule, [f["text"] for f in json.loads(r.stdout)["findings"]])
        found = self.lint(FAILED, self.openssl(alg=["rsa:1024"]))
        self.assertIn("a key that is too weak or of unknown kind", found)
        leaf = self.openssl("-addext", "basicConstraints=critical,CA:FALSE", "-addext",
                            "keyUsage=critical,keyEncipherment", "-addext", "extendedKeyUsage=serverAuth")
        found = self.lint(FAILED, leaf)
        for rule in ("no subjectAltName", "a server without a DNS name or address",
                     "keyEncipherment with an elliptic curve key (RFC 8813)"):
            self.assertIn(rule, found)

    def test_issuer(self):
        self.ca.init()
        cert = self.ca.json("client", "a")["certificate"]
        other = Ca(self.tmp / "other").init()
        away = Ca(self.tmp / "nowhere")
        r = away.run("lint", cert)
        self.assertEqual(r.returncode, OK)
        self.assertIn("signatures were not checked", r.stderr)
        self.assertEqual(away.run("lint", cert, "--issuer", self.ca.crt).stderr, "")
        # A CA of the same name with another key.
        self.fails(NOT_FOUND, "lint", cert, "--issuer", self.tmp / "nothing")
        self.fails(FAILED, "lint", cert, "--issuer", other.crl)
        whole = ssl.PEM_cert_to_DER_cert(pathlib.Path(cert).read_text())
        bad = self.tmp / "bad.der"
        bad.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        self.assertEqual(self.lint(FAILED, bad), ["the signature does not verify"])

    def test_requests_and_rubbish(self):
        csr = self.tmp / "r.csr"
        sh("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
           self.tmp / "k", "-subj", "/CN=bob", "-out", csr)
        self.assertEqual(self.lint(OK, csr), [])
        lines = csr.read_text().splitlines()
        der = bytearray(base64.b64decode("".join(lines[1:-1])))
        der[-1] ^= 1
        csr.write_bytes(der)
        self.assertIn("does not verify", self.lint(FAILED, csr)[0])
        csr.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        self.assertEqual(self.lint(FAILED, csr), ["not well-formed DER"])
        for content in ("", "x", "-----BEGIN CERTIFICATE-----\nAA!A\n-----END CERTIFICATE-----\n"):
            csr.write_text(content)
            self.fails(FAILED, "lint", csr)
        self.fails(NOT_FOUND, "lint", self.tmp / "nothing")
        self.fails(USAGE, "lint")


if __name__ == "__main__":
    main()
