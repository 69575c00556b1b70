#!/usr/bin/env python3
"""Profiles as QR codes, read back by zbarimg and from the terminal's half blocks."""
import shutil
import struct
import subprocess
import unittest
import zlib

from help_pki import FAILED, OK, USAGE, PkiTest, main

BASE45 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
MARK = "SALLYPORT1:"
ARGS = ("export", "profile", "alice", "--remote", "vpn.example.net:4433")


def base45(text):
    """RFC 9285, the reverse."""
    out = bytearray()
    for i in range(0, len(text), 3):
        v = [BASE45.index(c) for c in text[i:i + 3]]
        n = v[0] + 45 * v[1] + (45 * 45 * v[2] if len(v) == 3 else 0)
        out += n.to_bytes(len(v) - 1, "big")
    return bytes(out)


def png_rows(data):
    """The pixels of a one-bit PNG, True is dark; every chunk's checksum is looked at."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, body, width = 8, b"", 0
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        chunk = data[at + 8:at + 8 + size]
        assert struct.unpack(">I", data[at + 8 + size:at + 12 + size])[0] == zlib.crc32(kind + chunk)
        if kind == b"IHDR":
            width = struct.unpack(">I", chunk[:4])[0]
        body += chunk if kind == b"IDAT" else b""
        at += 12 + size
    raw, stride = zlib.decompress(body), 1 + (width + 7) // 8
    return [[not raw[y * stride + 1 + x // 8] >> (7 - x % 8) & 1 for x in range(width)] for y in range(width)]


class Qr(PkiTest):
    def setUp(self):
        super().setUp()
        self.ca.init()
        self.ca.ok("client", "alice")
        self.png = self.tmp / "alice.png"

    def revoke(self, n):
        table = self.tmp / "many.csv"
        table.write_text("name\n" + "".join(f"x{i}\n" for i in range(n)))
        self.ca.ok("batch", table, "--again")
        import sqlite3
        db = sqlite3.connect(self.ca.dir / "index.db")
        with db:
            db.execute("UPDATE cert SET revoked_at=1700000000, reason=0 WHERE name LIKE 'x%'")
        db.close()
        self.ca.ok("crl")

    def read(self):
        return subprocess.run(["zbarimg", "-q", "--raw", self.png], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              check=True).stdout.decode().removesuffix("\n")

    @unittest.skipUnless(shutil.which("zbarimg"), "zbarimg is not here")
    def test_as_it_is(self):
        self.assertEqual(self.ca.ok(*ARGS, "--qr-png", self.png), "")
        self.assertEqual(self.png.stat().st_mode & 0o777, 0o600)
        self.assertEqual(self.read().rstrip("\n"), self.ca.ok(*ARGS).rstrip("\n"))

    @unittest.skipUnless(shutil.which("zbarimg"), "zbarimg is not here")
    def test_compressed(self):
        self.revoke(20)
        r = self.ca.run(*ARGS, "--qr-png", self.png)
        self.assertEqual(r.returncode, OK, r.stderr)
        self.assertIn("compressed", r.stderr)
        text = self.read()
        self.assertTrue(text.startswith(MARK))
        self.assertEqual(zlib.decompress(base45(text[len(MARK):])).decode(), self.ca.ok(*ARGS))

    def test_too_much(self):
        self.revoke(150)
        self.fails(FAILED, *ARGS, "--qr", says="does not fit")
        self.fails(FAILED, *ARGS, "--qr-png", self.png, says="4296 are the most")
        self.assertFalse(self.png.exists())

    def test_terminal_and_picture_are_the_same(self):
        lines = self.ca.ok(*ARGS, "--qr", "--qr-png", self.png).splitlines()
        rows = png_rows(self.png.read_bytes())
        modules = [row[::4] for row in rows[::4]]
        self.assertEqual(len(modules), len(lines[0]))
        for y in range(0, len(modules), 2):
            below = modules[y + 1] if y + 1 < len(modules) else [True] * len(modules)
            self.assertEqual(lines[y // 2], "".join(
                {(False, False): "█", (False, True): "▀", (True, False): "▄", (True, True): " "}[pair]
                for pair in zip(modules[y], below)))

    def test_use(self):
        out = self.tmp / "alice.conf"
        self.ca.ok(*ARGS, "--qr-png", self.png, "--out", out)
        self.assertEqual(out.read_text(), self.ca.ok(*ARGS))
        self.fails(USAGE, "export", "pem", "alice", "--qr")
        self.fails(USAGE, "export", "key", "alice", "--qr-png", self.png)
        self.fails(FAILED, *ARGS, "--qr-png", "/nonexistent/x.png")
        self.png.unlink()
        self.ca.ok(*ARGS, "--qr", "--qr-png", self.png, "--dry-run")
        self.assertFalse(self.png.exists())


if __name__ == "__main__":
    main()
