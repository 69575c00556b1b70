#!/usr/bin/env python3
"""What the CA makes, in the eyes of zlint, OpenSSL (strict), GnuTLS, NSS and Python's cryptography."""
import json
import pathlib
import shutil
import sqlite3
import subprocess
import unittest

from help_pki import ALGS, Ca, PkiTest, main, sh

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Rules of the browser forum, of root programs and of qualified signatures are for others.
EXCLUDED = "CABF_BR,CABF_EV,CABF_SMIME_BR,Apple,Mozilla,ETSI_ESI"
PYTHON = "/usr/bin/python3"
READ = """
import sys
from cryptography import x509
for path in sys.argv[1:]:
    data = open(path, "rb").read()
    if b"X509 CRL" in data:
        crl = x509.load_pem_x509_crl(data)
        [crl.get_revoked_certificate_by_serial_number(r.serial_number) for r in crl]
        crl.extensions.get_extension_for_class(x509.CRLNumber)
    else:
        cert = x509.load_pem_x509_certificate(data)
        [e.value for e in cert.extensions]
"""


def find_zlint():
    r = subprocess.run([ROOT / "scripts/deps", "--tool", "zlint"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                       text=True)
    return r.stdout.strip() or shutil.which("zlint")


ZLINT = find_zlint()


class Matrix(PkiTest):
    def fill(self, ca, alg, *init):
        ca.ok("init", "vpn.example.net", "--no-pass", "--alg", alg, *init)
        ca.ok("server", "gw", "--dns", "vpn.example.net", "--ip", "192.0.2.1", "--ip", "2001:db8::1", "--alg", alg)
        ca.ok("client", "alice", "--alg", alg)
        ca.ok("client", "gone", "--alg", alg)
        ca.ok("revoke", "gone", "--reason", "keyCompromise")
        return ca

    def each(self):
        """CAs of every kind, and what each is called."""
        for alg in ALGS:
            yield alg, self.fill(Ca(self.tmp / alg), alg)
        yield "two tiers", self.fill(Ca(self.tmp / "tiers"), "p256", "--two-tier")
        yield "past 2049", self.fill(Ca(self.tmp / "late"), "p256", "--days", "20000")
        yield "name constraints", self.fill(Ca(self.tmp / "bounds"), "p256", "--permit-dns", "example.net", "--permit-ip",
                                            "192.0.2.0/24", "--permit-ip", "2001:db8::/32")

    def certs(self, ca):
        return sorted([*(ca.dir / "ca").glob("*.crt"), *(ca.dir / "certs").glob("*.crt")])

    def leaves(self, ca):
        return [(c["certificate"], c["type"]) for c in ca.list() if c["state"] == "valid" and c["type"] != "ca"]

    def parts(self, path, label):
        """The PEM blocks of a file, each in one of its own."""
        text, out = path.read_text(), []
        for i, block in enumerate(text.split(f"-----BEGIN {label}-----")[1:]):
            part = self.tmp / f"part{i}.pem"
            part.write_text(f"-----BEGIN {label}-----{block}")
            out.append(part)
        return out

    @unittest.skipUnless(ZLINT, "zlint is not here: 'scripts/deps test' could not fetch it")
    def test_zlint(self):
        for name, ca in self.each():
            for path in [*self.certs(ca), *self.parts(ca.crl, "X509 CRL")]:
                found = json.loads(sh(ZLINT, "-excludeSources", EXCLUDED, path))
                bad = {k: v for k, v in found.items() if v["result"] not in ("pass", "NA", "NE")}
                self.assertEqual(bad, {}, f"{name}: {path}")
                self.assertIn("pass", {v["result"] for v in found.values()})

    def test_openssl_strict(self):
        for name, ca in self.each():
            for cert, kind in self.leaves(ca):
                out = sh("openssl", "verify", "-x509_strict", "-crl_check", "-CAfile", ca.crt, "-CRLfile", ca.crl, "-purpose",
                         "sslserver" if kind == "server" else "sslclient", cert)
                self.assertIn(": OK", out, name)
            for crl in self.parts(ca.crl, "X509 CRL"):
                self.assertIn("verify OK", sh("openssl", "crl", "-in", crl, "-CAfile", ca.crt, "-noout"), name)

    @unittest.skipUnless(shutil.which("certtool"), "certtool is not here")
    def test_gnutls(self):
        for name, ca in self.each():
            # Two tiers: certtool wants the issuer before the root.
            cas = [p.read_text() for p in self.parts(ca.crt, "CERTIFICATE")]
            for cert, _ in self.leaves(ca):
                chain = pathlib.Path(cert).read_text() + "".join(cas)
                out = sh("certtool", "--verify-chain", input=chain)
                self.assertIn("Chain verification output: Verified", out, name)

    @unittest.skipUnless(shutil.which("vfychain") and shutil.which("certutil"), "libnss3-tools is not here")
    def test_nss(self):
        for name, ca in self.each():
            if name == "ed25519":
                continue  # NSS has none.
            db = self.tmp / f"nss-{name.replace(' ', '-')}"
            db.mkdir()
            sh("certutil", "-N", "-d", f"sql:{db}", "--empty-password")
            for i, part in enumerate(self.parts(ca.crt, "CERTIFICATE")):
                sh("certutil", "-A", "-d", f"sql:{db}", "-n", f"ca{i}", "-t", "CT,C,C", "-i", part)
            for cert, kind in self.leaves(ca):
                if name == "rsa3072" and kind == "server":
                    continue  # It wants keyEncipherment there, for which TLS 1.3 has no use.
                out = sh("vfychain", "-d", f"sql:{db}", "-a", "-u", "1" if kind == "server" else "0", cert)
                self.assertIn("Chain is good", out, name)

    @unittest.skipUnless(subprocess.run([PYTHON, "-c", "import cryptography"], stderr=subprocess.DEVNULL).returncode == 0,
                         "python3-cryptography is not here")
    def test_python(self):
        for _, ca in self.each():
            sh(PYTHON, "-c", READ, *self.certs(ca), ca.crl)

    def test_10000_revoked(self):
        ca = self.fill(Ca(self.tmp / "many"), "p256")
        db = sqlite3.connect(ca.dir / "index.db")
        issuer, start, end = db.execute("SELECT serial,not_before,not_after FROM cert WHERE kind='ca'").fetchone()
        with db:
            db.executemany(
                "INSERT INTO cert(serial,issuer,kind,name,state,sans,has_key,created,not_before,not_after,revoked_at,reason) "
                "VALUES(?,?,'client',?,'abandoned','',0,?,?,?,?,1)",
                ((f"{4 << 124 | i << 64:032x}", issuer, f"user{i}", start, start, end, start) for i in range(10000)))
        db.close()
        ca.ok("crl")
        self.assertEqual(len(ca.crl_serials()), 10001)
        ca.ok("doctor")
        sh("certtool", "--verify-crl", "--load-ca-certificate", ca.crt, "--infile", ca.crl)
        sh(PYTHON, "-c", READ, ca.crl)
        if ZLINT:
            found = json.loads(sh(ZLINT, "-excludeSources", EXCLUDED, ca.crl))
            self.assertEqual({k for k, v in found.items() if v["result"] not in ("pass", "NA", "NE")}, set())


if __name__ == "__main__":
    main()
