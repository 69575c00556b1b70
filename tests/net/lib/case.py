"""The base of the network tests: a lab for each class, and its logs when a test fails."""
import sys
import unittest

from .lab import Lab


class NetCase(unittest.TestCase):
    """build() makes what the tests of a class share; it may use cls.lab."""

    maxDiff = None

    @classmethod
    def build(cls):
        """Make namespaces and daemons."""

    @classmethod
    def setUpClass(cls):
        cls.lab = Lab()
        try:
            cls.build()
        except BaseException:
            print(cls.lab.logs(), file=sys.stderr)
            cls.lab.close()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.lab.close()

    def run(self, result=None):
        before = self._bad(result)
        super().run(result)
        if self._bad(result) > before:
            print(f"===== logs after {self.id()}\n{self.lab.logs()}\n=====", file=sys.stderr, flush=True)

    @staticmethod
    def _bad(result):
        return 0 if result is None else len(result.failures) + len(result.errors)

    def assertPing(self, ns, host, **kwargs):
        self.assertTrue(ns.ping(host, **kwargs), f"{ns.label}: no answer from {host} {kwargs or ''}")

    def assertNoPing(self, ns, host, **kwargs):
        self.assertFalse(ns.ping(host, timeout=1, **kwargs), f"{ns.label}: {host} answers and should not")


def main():
    unittest.main(verbosity=2)
