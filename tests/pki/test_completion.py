#!/usr/bin/env python3
"""The completions say what --help says, and bash completes with them."""
import os
import pathlib
import shutil
import subprocess
import sys
import unittest

from help_pki import PROGRAM, PkiTest, main

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "configs" / "completion"
DRIVER = '''
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_sallyport_pki
printf '%s\\n' "${COMPREPLY[@]}"
'''


class Completion(PkiTest):
    def bash(self, *words):
        env = {**os.environ, "PATH": f"{pathlib.Path(PROGRAM).resolve().parent}:{os.environ['PATH']}"}
        r = subprocess.run(["bash", "-c", DRIVER, "bash", FOLDER / "sallyport-pki.bash", "sallyport-pki", *words],
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env, cwd=self.tmp)
        self.assertEqual(r.stderr, "")
        return r.stdout.split()

    def test_up_to_date(self):
        r = subprocess.run([sys.executable, "-B", ROOT / "scripts/make-completion.py", "--check", PROGRAM, FOLDER],
                           stdout=subprocess.PIPE, text=True)
        self.assertEqual((r.returncode, r.stdout), (0, ""))

    def test_bash(self):
        self.ca.init()
        self.ca.ok("client", "alice")
        self.ca.ok("client", "bob")
        self.assertEqual(self.bash("exp"), ["export", "expiring"])
        self.assertIn("import-easyrsa", self.bash(""))
        self.assertEqual(self.bash("export", "p"), ["pem", "p12", "profile"])
        self.assertEqual(self.bash("export", "--qr-"), ["--qr-png"])
        self.assertEqual(self.bash("--dir", "x", "doctor", "--rep"), ["--repair"])
        self.assertEqual(self.bash("client", "x", "--alg", "p"), ["p256", "p384"])
        self.assertEqual(self.bash("revoke", "x", "--reason", "super"), ["superseded"])
        self.assertEqual(self.bash("client", "x", "--days", ""), [])
        (self.tmp / "file.csv").touch()
        self.assertEqual(self.bash("batch", "fi"), ["file.csv"])
        self.assertEqual(self.bash("--dir", str(self.ca.dir), "export", "pem", "al"), ["alice"])
        self.assertEqual(self.bash("--dir", str(self.ca.dir), "revoke", ""), ["alice", "bob"])

    @unittest.skipUnless(shutil.which("zsh"), "zsh is not here")
    def test_zsh_reads_it(self):
        subprocess.run(["zsh", "-n", FOLDER / "_sallyport-pki"], check=True)


if __name__ == "__main__":
    main()
