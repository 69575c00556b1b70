#!/usr/bin/env python3
"""PKCS #12 in the eyes of four other programs, profiles that must work, keys under a passphrase."""
import pathlib
import shutil
import subprocess
import unittest

from help_pki import ALGS, FAILED, NETWORK, NOT_FOUND, OK, PASSPHRASE, USAGE, Ca, PkiTest, main, sh

PYTHON = "/usr/bin/python3"  # Debian's, which has Debian's python3-cryptography.
READ_P12 = """
import sys
from cryptography.hazmat.primitives.serialization import pkcs12, Encoding, PublicFormat
p = pkcs12.load_pkcs12(open(sys.argv[1], "rb").read(), sys.argv[2].encode())
spki = [k.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        for k in (p.key.public_key(), p.cert.certificate.public_key())]
assert spki[0] == spki[1]
print(p.cert.friendly_name.decode(), len(p.additional_certs))
"""


def has_cryptography():
    return subprocess.run([PYTHON, "-c", "import cryptography"], stderr=subprocess.DEVNULL).returncode == 0


class Pkcs12(PkiTest):
    def export(self, ca, name="alice", password="corréct horse"):
        (self.tmp / "pw").write_text(password + "\n")
        out = self.tmp / f"{name}.p12"
        ca.ok("export", "p12", name, "--key-pass-file", self.tmp / "pw", "--out", out)
        self.assertEqual(out.stat().st_mode & 0o777, 0o600)
        return out, password

    def each(self):
        for alg in ALGS:
            with self.subTest(alg=alg):
                ca = Ca(self.tmp / alg).init("--alg", alg)
                made = ca.json("client", "alice", "--alg", alg)
                yield alg, made, *self.export(ca)

    def test_openssl(self):
        for alg, made, p12, password in self.each():
            out = sh("openssl", "pkcs12", "-in", p12, "-passin", f"pass:{password}", "-noenc", "-info")
            for part in ("MAC: sha256, Iteration 600000", "AES-256-CBC, Iteration 600000, PRF hmacWithSHA256",
                         f"friendlyName: alice@{NETWORK}", "localKeyID: "):
                self.assertIn(part, out)
            for what in ("key", "certificate"):
                # openssl wraps and names as it likes: compare the content.
                lines = pathlib.Path(made[what]).read_text().splitlines()
                self.assertIn("\n".join(lines[1:3]), out)
            self.assertIn("invalid password", sh("openssl", "pkcs12", "-in", p12, "-passin", "pass:wrong", "-noenc",
                                                 check=False))

    @unittest.skipUnless(shutil.which("certtool"), "certtool is not here")
    def test_gnutls(self):
        for alg, made, p12, password in self.each():
            out = sh("certtool", "--p12-info", "--inder", "--infile", p12, "--password", password)
            self.assertIn("Schema: PBES2-AES256-CBC", out)
            self.assertNotIn("rror", out)
            self.assertEqual(out.count("BEGIN CERTIFICATE"), 2)

    @unittest.skipUnless(shutil.which("pk12util"), "pk12util is not here")
    def test_nss(self):
        for alg, made, p12, password in self.each():
            if alg == "ed25519":
                continue  # NSS has none.
            db = self.tmp / f"nss-{alg}"
            db.mkdir()
            sh("certutil", "-N", "-d", f"sql:{db}", "--empty-password")
            self.assertIn("SUCCESSFUL", sh("pk12util", "-i", p12, "-d", f"sql:{db}", "-W", password))
            self.assertRegex(sh("certutil", "-L", "-d", f"sql:{db}"), rf"alice@{NETWORK} +u,u,u")

    @unittest.skipUnless(has_cryptography(), "python3-cryptography is not here")
    def test_python(self):
        for alg, made, p12, password in self.each():
            self.assertEqual(sh(PYTHON, "-c", READ_P12, p12, password), f"alice@{NETWORK} 1\n")

    def test_bad_use(self):
        self.ca.init()
        self.ca.ok("client", "alice")
        self.fails(USAGE, "export", "p12", "alice")
        self.fails(USAGE, "export", "p12", "alice", "--key-pass-env", "NONE_SUCH")
        self.fails(USAGE, "export", "p12", "alice", "--key-pass-env", "P", env={"P": ""})
        (self.tmp / "latin1").write_bytes(b"p\xe4ss\n")
        self.fails(USAGE, "export", "p12", "alice", "--key-pass-file", self.tmp / "latin1", says="UTF-8")
        self.fails(USAGE, "export", "p12", "alice", "--key-pass-env", "P", "--remote", "a:1", env={"P": "x"})
        self.fails(NOT_FOUND, "export", "p12", "bob", "--key-pass-env", "P", env={"P": "x"})
        out = self.tmp / "out"
        self.ca.ok("export", "p12", "alice", "--key-pass-env", "P", "--dry-run", "--out", out, env={"P": "x"})
        self.assertFalse(out.exists())


class Encrypted(PkiTest):
    """A client's key that is stored under a passphrase."""

    def setUp(self):
        super().setUp()
        self.ca.init()
        self.env = {"P": "secret"}
        self.made = self.ca.json("client", "alice", "--key-pass-env", "P", env=self.env)

    def test_as_it_is(self):
        stored = pathlib.Path(self.made["key"]).read_text()
        self.assertIn("BEGIN ENCRYPTED PRIVATE KEY", stored)
        self.assertEqual(self.ca.ok("export", "key", "alice"), stored)
        self.assertTrue(self.ca.ok("export", "bundle", "alice").startswith(stored))

    def test_in_clear_where_the_passphrase_is_given(self):
        profile = self.ca.ok("export", "profile", "alice", "--remote", "a:1", "--key-pass-env", "P", env=self.env)
        self.assertIn("\nkey = \"-----BEGIN PRIVATE KEY", profile)
        out = self.tmp / "a.p12"
        # One line of stdin serves the stored key and the file.
        self.ca.ok("export", "p12", "alice", "--key-pass-stdin", "--out", out, input="secret\n")
        sh("openssl", "pkcs12", "-in", out, "-passin", "pass:secret", "-noout")
        for what in (["profile", "alice", "--remote", "a:1"], ["p12", "alice"]):
            self.fails(PASSPHRASE, "export", *what, "--key-pass-env", "P", env={"P": "wrong"})
        self.fails(PASSPHRASE, "export", "profile", "alice", "--remote", "a:1", says="encrypted")


class Profile(PkiTest):
    def test_one_that_would_not_work_is_not_written(self):
        self.ca.init()
        self.ca.ok("client", "alice")
        args = ["export", "profile", "alice", "--remote", "vpn.example.net:4433"]
        self.ca.ok(*args)
        other = Ca(self.tmp / "other").init()
        for path, foreign in ((self.ca.crt, other.crt), (self.ca.crl, other.crl)):
            whole = path.read_text()
            for content in (foreign.read_text(), "", "x\n", whole[:100]):
                path.write_text(content)
                self.fails(FAILED, *args)
            path.write_text(whole)
        # On the CRL, though the index does not know it.
        saved = self.tmp / "saved"
        shutil.copytree(self.ca.dir, saved)
        self.ca.ok("revoke", "alice")
        shutil.copy(self.ca.crl, saved / "crl.pem")
        r = Ca(saved).run(*args)
        self.assertEqual(r.returncode, FAILED)
        self.assertIn("would not work", r.stderr)

    def test_a_key_of_another(self):
        self.ca.init()
        a, b = (self.ca.json("client", n) for n in "ab")
        pathlib.Path(a["key"]).write_text(pathlib.Path(b["key"]).read_text())
        for what in (["key"], ["bundle"], ["profile", "--remote", "a:1"], ["p12", "--key-pass-env", "P"]):
            self.fails(FAILED, "export", what[0], "a", *what[1:], env={"P": "x"}, says="does not hold the key")
        self.assertEqual(self.ca.run("export", "pem", "a").returncode, OK)


if __name__ == "__main__":
    main()
