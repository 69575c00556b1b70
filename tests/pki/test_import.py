#!/usr/bin/env python3
"""CAs begun by easy-rsa and by 'openssl ca': taken over whole, with every revocation, and gone on with."""
import os
import pathlib
import shutil
import subprocess
import unittest

from help_pki import FAILED, NETWORK, NOT_FOUND, PASSPHRASE, USAGE, Ca, PkiTest, main, sh

EASYRSA = "/usr/share/easy-rsa/easyrsa"
CONFIG = """
[ca]
default_ca = d
[d]
dir = {dir}
database = $dir/index.txt
new_certs_dir = $dir/newcerts
certificate = $dir/cacert.pem
private_key = $dir/private/cakey.pem
serial = $dir/serial
crlnumber = $dir/crlnumber
default_md = sha256
default_days = 300
default_crl_days = 30
policy = p
unique_subject = no
[p]
commonName = supplied
[client]
basicConstraints = CA:FALSE
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[server]
basicConstraints = CA:FALSE
extendedKeyUsage = serverAuth
subjectAltName = DNS:gw.example
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


class OpensslCa:
    def __init__(self, path, key=("ec", "-pkeyopt", "ec_paramgen_curve:P-256"), password=None):
        self.dir = pathlib.Path(path)
        for d in (self.dir, self.dir / "private", self.dir / "newcerts"):
            d.mkdir()
        (self.dir / "index.txt").touch()
        (self.dir / "serial").write_text("F1\n")
        (self.dir / "crlnumber").write_text("09\n")
        self.conf = self.dir / "openssl.cnf"
        self.conf.write_text(CONFIG.format(dir=self.dir))
        self.passin = ["-passin", f"pass:{password}"] if password else []
        sh("openssl", "req", "-x509", "-newkey", *key, "-nodes", "-days", "3000", "-keyout",
           self.dir / "private/cakey.pem", "-out", self.dir / "cacert.pem", "-subj", "/CN=old.example.net", "-addext",
           "keyUsage=critical,keyCertSign,cRLSign")
        if password:
            ca_key = self.dir / "private/cakey.pem"
            sh("openssl", "pkcs8", "-topk8", "-v2", "aes256", "-in", ca_key, "-out", self.tmp_key(), "-passout",
               f"pass:{password}")
            self.tmp_key().rename(ca_key)

    def tmp_key(self):
        return self.dir / "private/new.pem"

    def issue(self, name, ext="client"):
        key, csr = self.dir / "private" / f"{name}.key", self.dir / f"{name}.csr"
        sh("openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", csr, "-subj", f"/CN={name}")
        sh("openssl", "ca", "-batch", "-config", self.conf, "-in", csr, "-extensions", ext, *self.passin, "-notext",
           "-out", self.dir / f"{name}.crt")

    def revoke(self, name, reason="keyCompromise"):
        sh("openssl", "ca", "-config", self.conf, "-revoke", self.dir / f"{name}.crt", "-crl_reason", reason, *self.passin)

    def crl(self):
        sh("openssl", "ca", "-config", self.conf, "-gencrl", "-out", self.dir / "crl.pem", *self.passin)


class Openssl(PkiTest):
    def setUp(self):
        super().setUp()
        self.old = OpensslCa(self.tmp / "demoCA")
        for name in ("alice", "bob", "carol"):
            self.old.issue(name)
        self.old.issue("gw", "server")
        self.old.revoke("bob")
        self.old.crl()

    def check(self, *, crl=2):
        rows = {c["name"]: c for c in self.ca.list()}
        self.assertEqual({n: (c["type"], c["state"]) for n, c in rows.items()},
                         {"ca": ("ca", "valid"), "alice": ("client", "valid"), "bob": ("client", "revoked"),
                          "carol": ("client", "valid"), "gw": ("server", "valid")})
        self.assertEqual(self.ca.crl_serials(), {"f2"})
        self.assertIn("Key Compromise", self.ca.crl_text())
        self.assertGreater(self.ca.crl_number(), 9)
        self.assertTrue(all("key" in c for c in rows.values()))
        self.ca.ok("doctor")
        # And on from there.
        new = self.ca.json("client", "dave")
        for cert in (new["certificate"], rows["alice"]["certificate"], rows["gw"]["certificate"]):
            self.assertIn(": OK", sh("openssl", "verify", "-CAfile", self.ca.crt, "-crl_check", "-CRLfile", self.ca.crl, cert))
        self.ca.ok("revoke", "alice")
        self.assertIn("certificate revoked", sh("openssl", "verify", "-CAfile", self.ca.crt, "-crl_check", "-CRLfile",
                                                self.ca.crl, rows["alice"]["certificate"], check=False))

    def test_all(self):
        made = self.ca.json("import-openssl", self.old.dir)
        self.assertEqual(made["network"], "old.example.net")
        self.check()

    def test_years_of_two_and_four_digits(self):
        index = self.old.dir / "index.txt"
        lines = index.read_text().splitlines()
        for i in (0, 1):
            f = lines[i].split("\t")
            lines[i] = "\t".join([f[0], "20" + f[1], "20" + f[2] if f[2] else "", *f[3:]])
        index.write_text("\n".join(lines) + "\n")
        before = [c["not_after"] for c in self.ca.json("import-openssl", self.old.dir) and self.ca.list()]
        self.assertTrue(all(d.startswith("20") for d in before))
        self.check()

    def test_what_is_missing(self):
        """Without their files serial numbers stay used, and revocations stay."""
        for p in (self.old.dir / "newcerts").iterdir():
            if p.stem in ("F1", "F2"):
                p.unlink()
        (self.old.dir / "crl.pem").unlink()
        self.ca.ok("import-openssl", self.old.dir, "--network", NETWORK)
        self.assertEqual({c["name"] for c in self.ca.list()}, {"ca", "carol", "gw"})
        self.assertEqual(self.ca.crl_serials(), {"f2"})
        self.ca.ok("crl")
        self.ca.ok("doctor")
        self.assertEqual(self.ca.crl_serials(), {"f2"})

    def test_the_crl_knows_more_than_the_index(self):
        index = self.old.dir / "index.txt"
        index.write_text("\n".join(s for s in index.read_text().splitlines() if "bob" not in s) + "\n")
        self.ca.ok("import-openssl", self.old.dir)
        self.assertEqual(self.ca.crl_serials(), {"f2"})
        self.ca.ok("doctor")

    def test_passphrase(self):
        old = OpensslCa(self.tmp / "locked", password="secret")
        old.issue("alice")
        env = {"P": "secret", "W": "wrong"}
        self.fails(PASSPHRASE, "import-openssl", old.dir, "--pass-env", "W", env=env)
        self.assertEqual(self.ca.run("list").returncode, NOT_FOUND)
        self.ca.ok("import-openssl", old.dir, "--pass-env", "P", env=env)
        self.assertIn("ENCRYPTED", self.ca.key().read_text())
        self.ca.ok("client", "bob", "--pass-env", "P", env=env)

    def test_older_forms_of_keys(self):
        key = self.old.dir / "private/cakey.pem"
        whole = key.read_text()
        key.write_text(sh("openssl", "pkey", "-in", key, "-traditional"))
        self.assertIn("BEGIN EC PRIVATE KEY", key.read_text())
        rsa = self.old.dir / "private/alice.key"
        rsa.write_text(sh("openssl", "pkey", "-in", rsa, "-traditional"))
        self.assertIn("BEGIN RSA PRIVATE KEY", rsa.read_text())
        self.ca.ok("import-openssl", self.old.dir)
        self.check()
        for how in (["ec", "-aes256", "-passout", "pass:x"], ["pkcs8", "-topk8", "-v1", "PBE-SHA1-3DES", "-passout", "pass:x"]):
            (self.tmp / "k").write_text(whole)
            sh("openssl", *how, "-in", self.tmp / "k", "-out", key)
            r = Ca(self.tmp / "again").run("import-openssl", self.old.dir)
            self.assertEqual(r.returncode, FAILED)
            self.assertIn("openssl pkcs8 -topk8", r.stderr)

    def test_bad_directories(self):
        self.fails(NOT_FOUND, "import-openssl", self.tmp / "nothing")
        self.fails(USAGE, "import-openssl", self.old.dir, "--network", "Not A Name")
        self.fails(USAGE, "import-openssl")
        for bad in ("X\t290222201533Z\t\tF1\tunknown\t/CN=a", "V\t29022220153Z\t\tF1\tunknown\t/CN=a",
                    "V\t290222201533Z\t\tzz\tunknown\t/CN=a", "V\t290222201533Z", "R\t290222201533Z\t\tF1\tunknown\t/CN=a",
                    "V\t290222201533Z\t\t" + "F" * 42 + "\tunknown\t/CN=a", "V\t299922201533Z\t\tF1\tunknown\t/CN=a"):
            old = Ca(self.tmp / "bad")
            shutil.rmtree(old.dir, ignore_errors=True)
            shutil.copytree(self.old.dir, old.dir)
            (old.dir / "index.txt").write_text(bad + "\n")
            self.fails(FAILED, "import-openssl", old.dir, says="entry 1: malformed")
        (self.old.dir / "private/cakey.pem").write_text((self.old.dir / "private/alice.key").read_text())
        self.fails(FAILED, "import-openssl", self.old.dir, says="not the CA's key")
        (self.old.dir / "private/cakey.pem").unlink()
        self.fails(NOT_FOUND, "import-openssl", self.old.dir, says="no CA key")
        there = Ca(self.tmp / "there").init()
        self.assertEqual(there.run("import-openssl", self.old.dir).returncode, FAILED)

    def test_again_after_a_failure(self):
        index = self.old.dir / "index.txt"
        whole = index.read_text()
        index.write_text(whole + "rubbish\n")
        self.fails(FAILED, "import-openssl", self.old.dir, says="malformed")
        index.write_text(whole)
        self.ca.ok("import-openssl", self.old.dir)
        self.check()


@unittest.skipUnless(os.access(EASYRSA, os.X_OK), "easy-rsa is not here")
class EasyRsa(PkiTest):
    def test_all(self):
        def run(*args, **env):
            subprocess.run([EASYRSA, "--batch", *args], cwd=self.tmp, check=True, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, env={**os.environ, **env})
        run("init-pki")
        run("build-ca", "nopass", EASYRSA_REQ_CN="Old CA")
        run("build-server-full", "gw", "nopass")
        run("build-client-full", "alice", "nopass")
        run("build-client-full", "bob", "nopass")
        run("revoke", "bob", "superseded")
        run("gen-crl")
        self.fails(USAGE, "import-easyrsa", self.tmp / "pki", says="--network")
        self.ca.ok("import-easyrsa", self.tmp / "pki", "--network", NETWORK)
        rows = {c["name"]: c for c in self.ca.list()}
        self.assertEqual({n: (c["type"], c["state"], "key" in c) for n, c in rows.items()},
                         {"ca": ("ca", "valid", True), "gw": ("server", "valid", True), "alice": ("client", "valid", True),
                          "bob": ("client", "revoked", True)})
        self.assertEqual(self.ca.crl_serials(), {rows["bob"]["serial"].removeprefix("00")})
        self.ca.ok("doctor")
        new = self.ca.json("client", "dave")
        for cert in (new["certificate"], rows["alice"]["certificate"]):
            self.assertIn(": OK", sh("openssl", "verify", "-CAfile", self.ca.crt, "-crl_check", "-CRLfile", self.ca.crl, cert))
        self.ca.ok("renew", "alice")


if __name__ == "__main__":
    main()
