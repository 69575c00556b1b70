#!/usr/bin/env -S python3 -B
"""Runs every command of README's chapter on the CA, in its order, as it stands there."""
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ["SALLYPORT_PKI_PROGRAM"])
CHAPTER = "## The CA, step by step"


def commands():
    text = (ROOT / "README.md").read_text()
    chapter = text[text.index(CHAPTER) + len(CHAPTER):]
    chapter = chapter[:chapter.index("\n## ")]
    return re.findall(r"^    (\S.*)$", chapter, re.M)


class Readme(unittest.TestCase):
    def test_commands(self):
        lines = commands()
        self.assertGreater(len(lines), 20)
        with tempfile.TemporaryDirectory() as folder:
            env = {**os.environ, "PATH": f"{PROGRAM.parent}:{os.environ['PATH']}"}
            env.pop("SALLYPORT_PKI", None)
            for line in lines:
                done = subprocess.run(["bash", "-c", line], cwd=folder, env=env, stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
                self.assertEqual(done.returncode, 0, f"{line}\n{done.stdout}")
            self.check(pathlib.Path(folder))

    def check(self, folder):
        """What is left is as the chapter says."""
        def openssl(*args):
            return subprocess.run(["openssl", *args], cwd=folder, text=True, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, check=True).stdout

        self.assertIn("BEGIN ENCRYPTED PRIVATE KEY", next((folder / "pki-data" / "ca").glob("*.key")).read_text())
        self.assertEqual((folder / "alice.conf").stat().st_mode & 0o777, 0o600)
        self.assertEqual((folder / "pki-data" / "ca.crt").read_text().count("BEGIN CERTIFICATE"), 1)
        revoked = openssl("crl", "-in", "server-crl.pem", "-noout", "-text")
        self.assertIn("Key Compromise", revoked)


if __name__ == "__main__":
    unittest.main(verbosity=2)
