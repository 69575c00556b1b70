"""Runs sallyport-pki for the tests, each CA in a directory of its own."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

OK, FAILED, USAGE, WARNING, CRITICAL, PASSPHRASE, LOCKED, NOT_FOUND = range(8)
NETWORK = "vpn.example.net"
ALGS = ("p256", "p384", "ed25519", "rsa3072")

PROGRAM = os.environ.get("SALLYPORT_PKI_PROGRAM", "build/bin/sallyport-pki")


def sh(*args, input=None, check=True):
    """Run another tool; returns its output, stdout and stderr together."""
    r = subprocess.run(args, stdin=None if input else subprocess.DEVNULL, input=input, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, text=True)
    if check and r.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, args))}: {r.returncode}\n{r.stdout}")
    return r.stdout


class Ca:
    """A CA directory."""

    def __init__(self, path):
        self.dir = pathlib.Path(path)

    def run(self, *args, input=None, env=None, pass_fds=()):
        args = [PROGRAM, "--dir", str(self.dir), *map(str, args)]
        return subprocess.run(args, input=input, stdin=None if input is not None else subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, pass_fds=pass_fds,
                              env={**os.environ, **(env or {})}, timeout=60)

    def ok(self, *args, **kw):
        r = self.run(*args, **kw)
        if r.returncode != OK:
            raise AssertionError(f"{args}: exit {r.returncode}\n{r.stdout}{r.stderr}")
        return r.stdout

    def json(self, *args, **kw):
        return json.loads(self.ok(*args, "--json", **kw))

    def init(self, *args):
        self.ok("init", NETWORK, "--no-pass", *args)
        return self

    def list(self):
        return json.loads(self.run("list", "--json").stdout)

    @property
    def crt(self):
        return self.dir / "ca.crt"

    @property
    def crl(self):
        return self.dir / "crl.pem"

    def key(self):
        return next((self.dir / "ca").glob("*.key"))

    def crl_text(self):
        """What openssl reads in the CRL, its signature checked."""
        out = sh("openssl", "crl", "-in", self.crl, "-CAfile", self.crt, "-noout", "-text")
        assert "verify OK" in out, out
        return out

    def crl_serials(self):
        lines = [s.strip() for s in self.crl_text().splitlines()]
        return {s.split()[-1].lower() for s in lines if s.startswith("Serial Number:")}

    def crl_number(self):
        lines = [s.strip() for s in self.crl_text().splitlines()]
        return int(lines[lines.index("X509v3 CRL Number:") + 1], 0)


class PkiTest(unittest.TestCase):
    def setUp(self):
        self.tmp = pathlib.Path(tempfile.mkdtemp(prefix="pki-"))
        self.addCleanup(shutil.rmtree, self.tmp)
        self.ca = Ca(self.tmp / "ca")

    def fails(self, code, *args, says="", **kw):
        """The command exits with code, says so on stderr, and writes no result."""
        r = self.ca.run(*args, **kw)
        self.assertEqual(r.returncode, code, f"{args}: {r.stdout}{r.stderr}")
        self.assertIn(says, r.stderr)
        self.assertEqual(r.stdout, "", args)
        self.assertNotEqual(r.stderr, "", args)


# All but this comes from packages that scripts/deps installs; it is fetched, which may fail.
MAY_BE_AWAY = "zlint"


def main():
    """Run the file's tests.  A tool that is missing must not look like a passed test."""
    done = unittest.main(module="__main__", verbosity=1, exit=False)
    missing = {why for _, why in done.result.skipped if MAY_BE_AWAY not in why}
    for why in sorted(missing):
        print(f"not run: {why}")
    sys.exit(bool(missing) or not done.result.wasSuccessful())
