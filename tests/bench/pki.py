#!/usr/bin/env -S python3 -B
"""
Measures the CA tool beside easy-rsa (Debian's package), in turn, and compares with its goals.  Prints Markdown.

Issuing: one client, key and certificate, ECDSA P-256, no passphrase on either key.  Batch: 1,000 clients from a file.  List: an
index of 100,000 certificates.
"""
import os
import pathlib
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

PROGRAM = os.environ["SALLYPORT_PKI_PROGRAM"]
EASYRSA = shutil.which("easyrsa") or "/usr/share/easy-rsa/easyrsa"
ROUNDS, BATCH, LISTED = 15, 1000, 100_000


def run(*argv, **kw):
    subprocess.run([str(a) for a in argv], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, **kw)


def timed(*argv, **kw):
    start = time.monotonic()
    run(*argv, **kw)
    return time.monotonic() - start


def ours(folder, *args):
    return (PROGRAM, "--dir", folder / "ours", *args)


def easyrsa_env(folder):
    return {**os.environ, "EASYRSA_PKI": str(folder / "easyrsa"), "EASYRSA_BATCH": "1", "EASYRSA_ALGO": "ec",
            "EASYRSA_CURVE": "prime256v1"}


def issuing(folder):
    """Seconds for one client: ours, easy-rsa's; in turn."""
    env = easyrsa_env(folder)
    run(*ours(folder, "init", "vpn.example.net", "--no-pass"))
    run(EASYRSA, "init-pki", env=env)
    run(EASYRSA, "build-ca", "nopass", env={**env, "EASYRSA_REQ_CN": "Example CA"})
    a, b = [], []
    for i in range(ROUNDS):
        a.append(timed(*ours(folder, "client", f"user{i}")))
        b.append(timed(EASYRSA, "build-client-full", f"user{i}", "nopass", env=env))
    return a, b


def batch(folder):
    file = folder / "clients.csv"
    file.write_text("type,name\n" + "".join(f"client,many{i}\n" for i in range(BATCH)))
    return timed(*ours(folder, "batch", file))


def listing(folder):
    db = sqlite3.connect(folder / "ours" / "index.db")
    ca, start, end = db.execute("SELECT serial,not_before,not_after FROM cert WHERE kind='ca'").fetchone()
    with db:
        db.executemany(
            "INSERT INTO cert(serial,issuer,kind,name,state,sans,has_key,created,not_before,not_after) "
            "VALUES(?,?,'client',?,'issued','',0,?,?,?)",
            ((f"{4 << 124 | i:032x}", ca, f"listed{i}", start, start, end) for i in range(LISTED)))
    db.close()
    return timed(*ours(folder, "list")), timed(*ours(folder, "list", "--json"))


def spread(values):
    return f"{statistics.median(values) * 1000:.0f} ms ({min(values) * 1000:.0f}-{max(values) * 1000:.0f})"


def goal(what, measured, reached):
    print(f"| {what} | {measured} | {'reached' if reached else '**missed**'} |")


def main():
    if not pathlib.Path(EASYRSA).exists():
        sys.exit("bench: easy-rsa is not installed")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        a, b = issuing(folder)
        in_batch = batch(folder)
        text, as_json = listing(folder)
    ratio = statistics.median(y / x for x, y in zip(a, b))
    print(f"{ROUNDS} rounds, in turn; median (lowest-highest).\n")
    print("| what | sallyport-pki | easy-rsa |\n|---|---|---|")
    print(f"| one client, P-256, no passphrases | {spread(a)} | {spread(b)} |")
    print(f"| batch of {BATCH:,} clients | {in_batch:.1f} s | - |")
    print(f"| list of {LISTED:,}, text / JSON | {text:.2f} s / {as_json:.2f} s | - |")
    print("\n| goal | measured |  |\n|---|---|---|")
    goal("issuing at least 3 times as fast as easy-rsa", f"{ratio:.1f}", ratio >= 3)
    goal("batch of 1,000 in under 10 s", f"{in_batch:.1f} s", in_batch < 10)
    goal("list of 100,000 within a second", f"{max(text, as_json):.2f} s", max(text, as_json) < 1)


if __name__ == "__main__":
    main()
