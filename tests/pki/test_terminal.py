#!/usr/bin/env python3
"""What is asked on a terminal: passphrases, twice where they are new, and whether to go on."""
import os
import pty
import select
import time
import unittest

from help_pki import FAILED, NETWORK, OK, PASSPHRASE, PROGRAM, USAGE, PkiTest, main, sh


class Terminal(PkiTest):
    def talk(self, *args, answers=()):
        """Run it on a terminal of its own; answers are (what it asks, what is typed).  Returns exit code and output."""
        pid, fd = pty.fork()
        if pid == 0:
            os.execv(PROGRAM, [PROGRAM, "--dir", str(self.ca.dir), *map(str, args)])
        seen, todo, end = b"", list(answers), time.monotonic() + 30
        while time.monotonic() < end:
            if not select.select([fd], [], [], 1)[0]:
                continue
            try:
                part = os.read(fd, 4096)
            except OSError:
                break
            if not part:
                break
            seen += part
            if todo and todo[0][0].encode() in seen:
                os.write(fd, todo.pop(0)[1].encode() + b"\n")
        os.close(fd)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        self.assertEqual(todo, [], seen)
        return code, seen.decode()

    def test_new_passphrases_are_asked_twice(self):
        code, seen = self.talk("init", NETWORK, answers=(("New passphrase", "one"), ("Again", "one")))
        self.assertEqual(code, OK, seen)
        self.assertNotIn("one", seen.split())  # Not echoed.
        sh("openssl", "pkey", "-in", self.ca.key(), "-passin", "pass:one", "-noout")
        code, seen = self.talk("client", "a", "--key-pass-ask", answers=(("Passphrase of the CA", "one"),
                                                                       ("New passphrase for the key", "two"), ("Again", "two")))
        self.assertEqual(code, OK, seen)
        key = next((self.ca.dir / "keys").glob("*.key"))
        sh("openssl", "pkey", "-in", key, "-passin", "pass:two", "-noout")
        code, seen = self.talk("client", "b", "--key-pass-ask", answers=(("Passphrase of the CA", "one"),
                                                                       ("New passphrase for the key", "two"), ("Again", "tow")))
        self.assertEqual(code, USAGE, seen)
        self.assertIn("differ", seen)
        code, seen = self.talk("crl", answers=(("Passphrase of the CA", "two"),))
        self.assertEqual(code, PASSPHRASE, seen)
        self.assertEqual([c["name"] for c in self.ca.list()], ["ca", "a"])

    def test_whether_to_go_on(self):
        self.ca.init()
        self.ca.ok("client", "alice")
        for answer in ("n", "", "maybe"):
            code, seen = self.talk("revoke", "alice", answers=(("[y/N]", answer),))
            self.assertEqual(code, FAILED, seen)
            self.assertIn("nothing was changed", seen)
        self.assertEqual(self.ca.json("show", "alice")["state"], "valid")
        self.assertEqual(self.talk("revoke", "alice", "--dry-run")[0], OK)
        self.assertEqual(self.talk("revoke", "alice", answers=(("[y/N]", "y"),))[0], OK)
        self.assertEqual(self.ca.json("show", "alice")["state"], "revoked")
        self.ca.ok("client", "bob")
        code, seen = self.talk("revoke", "bob", "--yes")
        self.assertEqual(code, OK, seen)
        self.assertNotIn("[y/N]", seen)

    def test_a_rollover_is_asked_about(self):
        self.ca.init()
        self.ca.ok("ca", "rollover")
        self.assertEqual(self.talk("ca", "rollover", "--switch", answers=(("[y/N]", "n"),))[0], FAILED)
        self.assertEqual([c["role"] for c in self.ca.json("ca", "show")], ["active", "next"])
        self.assertEqual(self.talk("ca", "rollover", "--switch", answers=(("[y/N]", "y"),))[0], OK)
        self.assertEqual(self.talk("ca", "retire", answers=(("[y/N]", "n"),))[0], FAILED)
        self.assertEqual(self.talk("ca", "retire", "--yes")[0], OK)


if __name__ == "__main__":
    main()
