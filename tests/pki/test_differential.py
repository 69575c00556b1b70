#!/usr/bin/env python3
"""Every certificate reads the same in OpenSSL's eyes as in ours: made at random, shown by both, compared field by field."""
import datetime
import ipaddress
import random
import re

from help_pki import ALGS, NETWORK, Ca, PkiTest, main, sh

EACH = 12
KEYS = {"ECDSA P-256": "P-256", "ECDSA P-384": "P-384", "Ed25519": "ED25519", "RSA 3072": "RSA-3072"}
USAGE = {"server": "TLS Web Server Authentication", "client": "TLS Web Client Authentication"}


def openssl(path):
    """What OpenSSL reads, in our words."""
    text = sh("openssl", "x509", "-in", str(path), "-noout", "-text", "-nameopt", "RFC2253,-esc_msb,utf8")

    def one(pattern):
        return re.search(pattern, text).group(1)

    def date(label):
        when = datetime.datetime.strptime(one(label + r"\s*: (.*) GMT"), "%b %d %H:%M:%S %Y")
        return when.strftime("%Y-%m-%dT%H:%M:%SZ")

    def extension(name, default=""):
        found = re.search(rf"X509v3 {name}:.*\n\s+(.*)", text)
        return found.group(1).strip() if found else default

    key = one(r"Public Key Algorithm: (\S+)")
    names = [n.strip() for n in extension("Subject Alternative Name").split(",") if n.strip()]
    return {
        "serial": one(r"Serial Number:\s*\n?\s*([0-9a-f:]+)").replace(":", ""),
        "not_before": date("Not Before"),
        "not_after": date("Not After"),
        "subject": one(r"Subject: (.*)"),
        "issuer": one(r"Issuer: (.*)"),
        "key": {"id-ecPublicKey": re.findall(r"NIST CURVE: (\S+)", text), "ED25519": ["ED25519"],
                "rsaEncryption": ["RSA-" + b for b in re.findall(r"Public-Key: \((\d+) bit\)", text)]}[key][0],
        "usage": extension("Extended Key Usage"),
        "ca": extension("Basic Constraints"),
        "identity": [n[4:] for n in names if n.startswith("URI:")],
        "dns": [n[4:] for n in names if n.startswith("DNS:")],
        "email": [n[6:] for n in names if n.startswith("email:")],
        "ip": [ipaddress.ip_address(n[11:]) for n in names if n.startswith("IP Address:")],
    }


def ours(shown):
    names = [n.split(":", 1) for n in shown["names"].split(",") if n]
    return {
        "serial": shown["serial"],
        "not_before": shown["not_before"],
        "not_after": shown["not_after"],
        "subject": "CN=" + shown["name"],
        "key": KEYS[shown["key_type"]],
        "usage": USAGE[shown["type"]],
        "ca": "CA:FALSE",
        "identity": [shown["identity"]],
        "dns": [v for k, v in names if k == "dns"],
        "email": [v for k, v in names if k == "email"],
        "ip": [ipaddress.ip_address(v) for k, v in names if k == "ip"],
    }


class Differential(PkiTest):
    def random_args(self, r, i):
        """A command that makes a certificate with random names, validity and key."""
        label = "".join(r.choice("abcxyz0189") for _ in range(r.randint(1, 20)))
        args = ["--alg", r.choice(ALGS), "--days", str(r.choice((1, 30, 397, 3000, 9000)))]
        kind = r.choice(("server", "client"))
        for _ in range(r.randint(kind == "server", 3)):
            args += ["--dns", f"{label}{r.randint(0, 99999)}.example.net"]
        if kind == "server":
            for _ in range(r.randint(0, 2)):
                args += ["--ip", r.choice((str(ipaddress.IPv4Address(r.getrandbits(32) | 1 << 24)),
                                           str(ipaddress.IPv6Address(r.getrandbits(128) | 1 << 125))))]
        else:
            args += [a for _ in range(r.randint(0, 2)) for a in ("--email", f"{label}{r.randint(0, 9)}@example.net")]
        name = f"{r.choice(('a', 'Z', '0', 'user_'))}{label}{r.choice(('', '.x', '-y', '@z'))}{i}"
        return kind, name, args

    def test_random_certificates(self):
        r = random.Random(20261120)
        for alg in ALGS:
            ca = Ca(self.tmp / alg)
            ca.ok("init", NETWORK, "--no-pass", "--alg", alg, "--days", "10000")
            issuer = openssl(ca.crt)["subject"]
            for i in range(EACH):
                kind, name, args = self.random_args(r, i)
                with self.subTest(alg=alg, args=[kind, name, *args]):
                    made = ca.json(kind, name, *args)
                    theirs = openssl(made["certificate"])
                    self.assertEqual(theirs.pop("issuer"), issuer)
                    self.assertEqual(ours(ca.json("show", "--serial", made["serial"])), theirs)


if __name__ == "__main__":
    main()
