#!/usr/bin/env python3
"""Signing requests that come from elsewhere."""
import os
import pty

from help_pki import FAILED, NETWORK, NOT_FOUND, OK, PASSPHRASE, PROGRAM, USAGE, PkiTest, main, sh

KEYS = {
    "p256": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "p384": ["ec", "-pkeyopt", "ec_paramgen_curve:P-384"],
    "ed25519": ["ed25519"],
    "rsa2048": ["rsa:2048"],
}


class Sign(PkiTest):
    def setUp(self):
        super().setUp()
        self.ca.init()

    def csr(self, *args, key="p256", subject="/CN=bob", out="bob.csr"):
        path = self.tmp / out
        keyopts = KEYS.get(key, [key])
        sh("openssl", "req", "-new", "-newkey", *keyopts, "-nodes", "-keyout", self.tmp / "bob.key", "-subj", subject,
           "-out", path, *args)
        return path

    def text(self, cert):
        return sh("openssl", "x509", "-in", cert, "-noout", "-text")

    def test_every_key(self):
        for key in KEYS:
            with self.subTest(key=key):
                made = self.ca.json("sign", self.csr(key=key), "--type", "client", "--name", key)
                self.assertNotIn("key", made)
                self.assertIn(": OK", sh("openssl", "verify", "-x509_strict", "-purpose", "sslclient", "-CAfile",
                                         self.ca.crt, made["certificate"]))
                self.assertEqual(sh("openssl", "pkey", "-in", self.tmp / "bob.key", "-pubout"),
                                 sh("openssl", "x509", "-in", made["certificate"], "-noout", "-pubkey"))
                self.fails(NOT_FOUND, "export", "key", key, says="only its holder")
        self.assertEqual(list((self.ca.dir / "keys").iterdir()), [])

    def test_forms(self):
        self.ca.ok("sign", self.csr("-outform", "DER"), "--type", "client")
        self.ca.ok("sign", self.csr("-newhdr"), "--type", "client")
        self.ca.ok("sign", self.csr(), "--type=server", "--dns=gw.example")

    def test_nothing_is_taken_unasked(self):
        ext = ["subjectAltName=DNS:bob.example,IP:10.0.0.1,email:bob@example.net,URI:spiffe://vpn.example.net/client/root",
               "basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign",
               "extendedKeyUsage=serverAuth,codeSigning", "nsComment=x"]
        path = self.csr(*(a for e in ext for a in ("-addext", e)))
        r = self.ca.run("sign", path, "--type", "client", "--json")
        self.assertEqual(r.returncode, OK, r.stderr)
        for name in ("subjectAltName", "basicConstraints", "keyUsage", "extKeyUsage", "unknown extension"):
            self.assertIn(f"not taken: {name if name[0] != 'u' else 'an ' + name}", r.stderr)
        text = self.text(self.ca.json("show", "bob")["certificate"])
        self.assertIn("CA:FALSE", text)
        self.assertRegex(text, r"Key Usage: critical\s+Digital Signature\n")
        self.assertRegex(text, r"Extended Key Usage: \n\s+TLS Web Client Authentication\n")
        self.assertRegex(text, rf"Alternative Name: \n\s+URI:spiffe://{NETWORK}/client/bob\n")
        # Asked for: hosts and mailboxes, and still no identity but ours.
        r = self.ca.run("sign", path, "--type", "server", "--copy-san", "--name", "gw", "--json")
        self.assertIn("not taken: URI spiffe://", r.stderr)
        self.assertIn("names dns:bob.example,ip:10.0.0.1,email:bob@example.net", r.stderr)
        text = self.text(self.ca.json("show", "gw")["certificate"])
        self.assertIn(f"DNS:bob.example, IP Address:10.0.0.1, email:bob@example.net, URI:spiffe://{NETWORK}/server/gw\n",
                      text)
        self.assertIn("CA:FALSE", text)
        self.assertNotIn("Code Signing", text)

    def test_names(self):
        self.fails(USAGE, "sign", self.csr(subject="/O=x"), "--type", "client", says="--name")
        self.fails(USAGE, "sign", self.csr(subject="/CN=..\\/x"), "--type", "client")
        self.fails(USAGE, "sign", self.csr(subject="/CN=" + "a" * 60 + " "), "--type", "client")
        self.fails(USAGE, "sign", self.csr(), "--type", "server", says="at least one --dns")
        self.fails(USAGE, "sign", self.csr(), says="--type")
        self.fails(USAGE, "sign", self.csr(), "--type", "ca")
        self.fails(FAILED, "sign", self.csr("-addext", "subjectAltName=DNS:*.example"), "--type", "server", "--copy-san",
                   says="no valid name")

    def test_refused(self):
        weak = self.csr(key="rsa:1024")
        self.fails(FAILED, "sign", weak, "--type", "client", says="too weak")
        self.fails(FAILED, "sign", self.csr("-sha1", key="rsa2048"), "--type", "client", says="SHA-1")
        self.fails(FAILED, "sign", self.csr("-sigopt", "rsa_padding_mode:pss", key="rsa2048"), "--type", "client")
        self.fails(FAILED, "sign", self.csr("-sha1"), "--type", "client", says="SHA-1")
        own = self.tmp / "own.csr"
        sh("openssl", "req", "-new", "-key", self.ca.key(), "-subj", "/CN=bob", "-out", own)
        self.fails(FAILED, "sign", own, "--type", "client", says="own key")
        self.assertEqual(len(self.ca.list()), 1)

    def test_every_changed_byte_is_noticed(self):
        """A request that was changed on its way has no valid signature, or cannot be read."""
        good = bytearray(self.csr("-outform", "DER").read_bytes())
        bad = self.tmp / "bad.csr"
        for i in range(0, len(good), 3):
            bad.write_bytes(good[:i] + bytes([good[i] ^ 0x01]) + good[i + 1:])
            self.fails(FAILED, "sign", bad, "--type", "client", "--name", "bob")
        for n in range(0, len(good), 17):
            bad.write_bytes(good[:n])
            self.fails(FAILED, "sign", bad, "--type", "client", "--name", "bob")
        bad.write_bytes(good + b"\0")
        self.fails(FAILED, "sign", bad, "--type", "client", "--name", "bob")
        self.assertEqual(len(self.ca.list()), 1)

    def test_no_request(self):
        self.fails(NOT_FOUND, "sign", self.tmp / "none", "--type", "client")
        self.fails(FAILED, "sign", self.tmp, "--type", "client")
        self.fails(FAILED, "sign", self.ca.crt, "--type", "client")
        self.fails(FAILED, "sign", "/dev/zero", "--type", "client")
        big = self.tmp / "big"
        big.write_text("-----BEGIN CERTIFICATE REQUEST-----\n" + "A" * 100000)
        self.fails(FAILED, "sign", big, "--type", "client")


class Passphrase(PkiTest):
    def setUp(self):
        super().setUp()
        self.file = self.tmp / "pass"
        self.file.write_text("correct horse\n")

    def init(self):
        self.ca.ok("init", NETWORK, "--pass-file", self.file)

    def test_every_source(self):
        self.init()
        self.assertIn("BEGIN ENCRYPTED PRIVATE KEY", self.ca.key().read_text())
        self.ca.ok("client", "a", "--pass-file", self.file)
        self.ca.ok("client", "a", "--pass-env", "CA_PASS", env={"CA_PASS": "correct horse"})
        self.ca.ok("client", "a", "--pass-stdin", input="correct horse\n")
        self.ca.ok("client", "a", "--pass-stdin", input="correct horse")
        with open(self.file, encoding="ascii") as f:
            self.ca.ok("client", "a", "--pass-fd", f.fileno(), pass_fds=(f.fileno(),))

    def test_other_tools_read_the_key(self):
        self.init()
        for args in (["openssl", "pkey", "-passin", "pass:correct horse", "-noout", "-in"],
                     ["certtool", "--key-info", "--password", "correct horse", "--infile"]):
            sh(*args, self.ca.key())
        asn1 = sh("openssl", "asn1parse", "-in", self.ca.key())
        for part in ("PBES2", "PBKDF2", "hmacWithSHA256", "aes-256-cbc", "0927C0"):
            self.assertIn(part, asn1)

    def test_odd_passphrases(self):
        for text in ("$x'\"\\ `id`", "ünïcödé", " leading and trailing ", "x" * 1024):
            with self.subTest(text=text[:20]):
                self.file.write_text(text)
                ca = type(self.ca)(self.tmp / f"ca{len(text)}")
                ca.ok("init", NETWORK, "--pass-file", self.file)
                ca.ok("client", "a", "--pass-stdin", input=text + "\n")
                self.assertEqual(ca.run("client", "a", "--pass-stdin", input=text[:-1]).returncode, PASSPHRASE)

    def test_bad_sources(self):
        for text in ("", "\n", "x" * 1025, "a\0b"):
            self.file.write_text(text)
            self.fails(USAGE, "init", NETWORK, "--pass-file", self.file, says="passphrase")
        self.fails(USAGE, "init", NETWORK, "--pass-file", self.tmp / "none")
        self.fails(USAGE, "init", NETWORK, "--pass-env", "NOT_SET")
        self.fails(USAGE, "init", NETWORK, "--pass-fd", "99")
        self.fails(USAGE, "init", NETWORK, "--pass-stdin", "--pass-env", "HOME")
        self.fails(USAGE, "init", NETWORK, "--pass-env", "HOME", "--no-pass")
        # Without a terminal to ask on and without --no-pass, nothing is stored in clear by accident.
        self.fails(USAGE, "init", NETWORK, says="--no-pass")
        self.assertFalse(self.ca.dir.exists())

    def test_wrong_one_changes_nothing(self):
        self.init()
        self.ca.ok("client", "a", "--pass-file", self.file)
        crl = self.ca.crl.read_text()
        for command in (["client", "b"], ["crl"], ["revoke", "a"], ["server", "s", "--dns", "s.example"]):
            self.fails(PASSPHRASE, *command, "--pass-stdin", input="wrong\n", says="wrong passphrase")
            self.fails(PASSPHRASE, *command, says="--pass-file")
        self.assertEqual(self.ca.crl.read_text(), crl)
        self.assertEqual([(c["name"], c["state"]) for c in self.ca.list()], [("ca", "valid"), ("a", "valid")])

    def test_wrong_one_never_passes(self):
        """One wrong passphrase in 256 gives padding that looks right: the key must be looked at as well."""
        self.ca.init()
        key = self.ca.key()
        sealed = self.tmp / "sealed"
        # As OpenSSL writes it, with few iterations, so that many can be tried.
        sh("openssl", "pkcs8", "-topk8", "-in", key, "-out", sealed, "-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA256",
           "-iter", "1", "-passout", "pass:right")
        key.write_text(sealed.read_text())
        for i in range(600):
            r = self.ca.run("crl", "--pass-stdin", input=f"wrong{i}\n")
            self.assertEqual(r.returncode, PASSPHRASE, r.stderr)
        self.ca.ok("crl", "--pass-stdin", input="right\n")

    def test_prompt(self):
        """On a terminal it asks, twice for a new one, and shows nothing of what is typed."""
        def typed(text, *args):
            pid, fd = pty.fork()
            if pid == 0:
                os.execv(PROGRAM, [PROGRAM, "--dir", str(self.ca.dir), *args])
            seen = b""
            for line in text.splitlines():
                while not seen.rstrip(b" ").endswith(b":"):
                    seen += os.read(fd, 1024)
                os.write(fd, line.encode() + b"\n")
                seen += b"|"
            try:
                while chunk := os.read(fd, 1024):
                    seen += chunk
            except OSError:  # The other end is closed.
                pass
            os.close(fd)
            return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), seen.decode()

        code, seen = typed("hunter2\nhunter3\n", "init", NETWORK)
        self.assertEqual(code, USAGE, seen)
        self.assertIn("differ", seen)
        code, seen = typed("hunter2\nhunter2\n", "init", NETWORK)
        self.assertEqual(code, OK, seen)
        self.assertNotIn("hunter", seen)
        code, seen = typed("hunter2\n", "client", "a")
        self.assertEqual(code, OK, seen)
        code, seen = typed("hunter1\n", "client", "a")
        self.assertEqual(code, PASSPHRASE, seen)


if __name__ == "__main__":
    main()
