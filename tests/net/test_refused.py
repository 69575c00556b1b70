#!/usr/bin/env -S python3 -B
"""
Certificates that must not get in, on both sides.  The CA is openssl, which signs anything.

    server (the real one)   192.0.2.1 ---- 192.0.2.2  alice: a good client, which goes on undisturbed
                                                      a hand-made client with the certificate in question
    hand-made server        192.0.2.1:5443            the real client, which must turn away
"""
import contextlib
import ssl
import threading

from lib.case import NetCase, main
from lib.lab import NETWORK, PORT
from lib.pki import OpensslCa
from peer import Closed, Peer, Stream, context

PAST, LONG_PAST, FUTURE, FAR = "20200201000000Z", "20200101000000Z", "20480101000000Z", "20490101000000Z"

# What each bad leaf has (OpensslCa.issue()), and what it is refused as (PROTOCOL 2.2).
LEAVES = {
    "expired": ({"start": LONG_PAST, "end": PAST}, "expired"),
    "future": ({"start": FUTURE, "end": FAR}, "not-yet-valid"),
    "ca-as-leaf": ({"basicConstraints": "critical, CA:true", "keyUsage": "critical, digitalSignature, keyCertSign"},
                   "bad-certificate"),
    "no-eku": ({"eku": ""}, "wrong-usage"),
    "other-eku": ({"eku": "emailProtection"}, "wrong-usage"),
    "no-uri": ({"san": "email:mallory@test.example"}, "bad-identity"),
    "no-san": ({"san": ""}, "bad-identity"),
    "two-uris": ({"san": f"URI:spiffe://{NETWORK}/client/a, URI:spiffe://{NETWORK}/client/b"}, "bad-identity"),
    "other-network": ({"san": "URI:spiffe://other.example/client/mallory"}, "bad-identity"),
    "bad-name": ({"san": f"URI:spiffe://{NETWORK}/client/-rf"}, "bad-identity"),
    "deep-name": ({"san": f"URI:spiffe://{NETWORK}/client/a/b"}, "bad-identity"),
    "sha1": ({"md": "sha1"}, "bad-certificate"),
    "rsa1024": ({"algorithm": ("RSA", "rsa_keygen_bits:1024")}, "bad-certificate"),
}


def wrong_role(role):
    """What the other side's certificate looks like to a peer that expects role."""
    other = {"client": "server", "server": "client"}[role]
    return {
        "right-eku-wrong-role": ({"san": f"URI:spiffe://{NETWORK}/{other}/x"}, "bad-identity"),
        "wrong-eku-right-role": ({"eku": {"client": "serverAuth", "server": "clientAuth"}[role]}, "wrong-usage"),
        f"{other}-as-{role}": ({"eku": {"client": "serverAuth", "server": "clientAuth"}[role],
                                "san": f"URI:spiffe://{NETWORK}/{other}/x"}, "wrong-usage"),
    }


class ServerRefuses(NetCase):
    @classmethod
    def build(cls):
        cls.server_ns, cls.client_ns = cls.lab.pair()
        cls.ca = OpensslCa(cls.lab.dir / "ours", NETWORK)
        cls.twin = OpensslCa(cls.lab.dir / "twin", NETWORK)  # Another key under the same name.
        cls.foreign = OpensslCa(cls.lab.dir / "foreign", NETWORK, cn="Foreign CA")
        cls.revoked = cls.ca.issue("revoked")
        cls.ca.revoke(cls.revoked)
        cls.crl = cls.ca.crl()
        cls.server = cls.lab.server(cls.server_ns, crl=cls.crl, **cls.ca.server().settings())
        cls.alice = cls.lab.client(cls.client_ns, **cls.ca.issue("alice").settings())
        cls.session = cls.server.wait_session("alice")["session"]

    def attempt(self, cert, **tls):
        """How the server ends a connection with this certificate."""
        with contextlib.closing(Peer(self.client_ns, cert, **tls)) as p:
            try:
                p.connect()
                p.send_ctrl("HELLO", version=1, software="x", features=[])
                p.expect("WELCOME")
            except Closed as closed:
                return closed
        raise AssertionError("let in")

    def check(self, reason, cert, authenticated=False, **tls):
        before = self.server.counter("refused", reason)
        mark = self.server.mark()
        closed = self.attempt(cert, **tls)
        self.server.wait_counter("refused", reason, above=before)
        self.assertEqual(self.server.counter("refused", reason), before + 1)
        self.server.wait_log(r"refused 192\.0\.2\.2:\d+: " + reason + r"\b", since=mark)
        self.assertEqual(len(self.server.find_log(r"refused 192\.0\.2\.2", since=mark)), 1)
        # Where TLS itself has refused it, an alert tells (PROTOCOL 2.5).
        self.assertTrue(closed.alert or authenticated and closed.code == reason, closed)
        self.assertPing(self.client_ns, "10.86.0.1")
        self.assertEqual([s["session"] for s in self.server.ask()["sessions"]], [self.session])

    def test_leaves(self):
        for label, (changes, reason) in {**LEAVES, **wrong_role("client")}.items():
            with self.subTest(label):
                self.check(reason, self.ca.issue(label, **changes), authenticated=True)

    def test_revoked(self):
        self.check("revoked", self.revoked, authenticated=True)

    def test_no_certificate(self):
        self.check("no-certificate", None)

    def test_self_signed(self):
        self.check("unknown-ca", self.ca.self_signed("selfsigned"))

    def test_foreign_ca(self):
        self.check("unknown-ca", self.foreign.issue("alice"))

    def test_foreign_ca_of_the_same_name(self):
        self.check("unknown-ca", self.twin.issue("alice"))

    def test_the_foreign_ca_sent_along(self):
        """What a peer sends as its chain vouches for nobody, not for itself and not for the next one."""
        chained = self.foreign.issue("chained")
        chained.certificate.write_text(chained.certificate.read_text() + self.foreign.ca.read_text())
        self.check("unknown-ca", chained)
        self.check("unknown-ca", self.foreign.issue("next"))

    def test_leaf_as_issuer(self):
        """A good client may not sign others."""
        good = self.ca.issue("issuer")
        evil = OpensslCa(self.lab.dir / "evil", NETWORK)
        evil.ca.write_text(good.certificate.read_text())
        evil.key.write_text(good.key.read_text())
        leaf = evil.issue("signed-by-leaf")
        leaf.certificate.write_text(leaf.certificate.read_text() + good.certificate.read_text())
        self.check("unknown-ca", leaf)

    def test_good_one_still_gets_in(self):
        with Peer(self.client_ns, self.ca.issue("fine")) as p:
            p.open()
            self.server.wait_session("fine")
        self.server.wait_gone("fine")


class CrlPastItsDate(NetCase):
    """A CRL past nextUpdate still revokes; whether others get in is a setting."""

    @classmethod
    def build(cls):
        cls.server_ns, cls.client_ns = cls.lab.pair()
        cls.ca = OpensslCa(cls.lab.dir / "ours", NETWORK)
        cls.revoked, cls.good = cls.ca.issue("revoked"), cls.ca.issue("good")
        cls.ca.revoke(cls.revoked)
        cls.crl = cls.ca.crl("-crl_lastupdate", LONG_PAST, "-crl_nextupdate", PAST)

    def end_of(self, cert):
        with Peer(self.client_ns, cert) as p:
            p.connect()
            try:
                p.hello()
            except Closed as closed:
                return closed.code
        return "in"

    def test_warn(self):
        server = self.lab.server(self.server_ns, crl=self.crl, crl_stale="warn", **self.ca.server().settings())
        self.assertLess(server.ask()["days"]["crl"], 0)
        self.assertEqual(self.end_of(self.revoked), "revoked")
        self.assertEqual(self.end_of(self.good), "in")
        server.terminate()

    def test_deny(self):
        server = self.lab.server(self.server_ns, crl=self.crl, crl_stale="deny", **self.ca.server().settings())
        self.assertEqual(self.end_of(self.good), "crl-stale")
        self.assertEqual(self.end_of(self.revoked), "revoked")
        server.terminate()


class ClientRefuses(NetCase):
    """The real client in front of hand-made servers."""

    PORT = 5443

    @classmethod
    def build(cls):
        cls.server_ns, cls.client_ns = cls.lab.pair()
        cls.ca = OpensslCa(cls.lab.dir / "ours", NETWORK)
        cls.foreign = OpensslCa(cls.lab.dir / "foreign", NETWORK, cn="Foreign CA")
        cls.alice = cls.ca.issue("alice")
        cls.revoked = cls.ca.server("revoked")
        cls.ca.revoke(cls.revoked)
        cls.crl = cls.ca.crl()

    @contextlib.contextmanager
    def fake_server(self, cert, alpn=("sallyport/1",), tls12=False):
        """A TLS server that takes every client and notes what it is told."""
        ctx = context(cert, alpn, server=True)
        ctx.load_verify_locations(self.ca.ca)
        ctx.verify_mode = ssl.CERT_REQUIRED
        if tls12:
            ctx.maximum_version = ssl.TLSVersion.TLSv1_2
        told = []
        listener = self.server_ns.listen("192.0.2.1", self.PORT)

        def serve():
            while True:
                try:
                    raw, _ = listener.accept()
                except OSError:
                    return
                try:
                    raw.settimeout(10)
                    with Stream(ctx.wrap_socket(raw, server_side=True)) as s:
                        told.append(s.wait_closed())
                except (OSError, Closed, AssertionError) as e:
                    told.append(e)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield told
        finally:
            with contextlib.suppress(OSError):
                listener.shutdown(2)
            listener.close()
            thread.join(15)

    def check(self, reason, cert, server_name=None, **server):
        with self.fake_server(cert, **server):
            client = self.lab.client(self.client_ns, wait_open=False, remote=[f"192.0.2.1:{self.PORT}"],
                                     server_name=server_name, crl=self.crl, **self.alice.settings())
            client.wait_log(reason)
            client.wait_log("trying again in")
            self.assertNotEqual(client.ask()["state"], "open")
            self.assertEqual(client.terminate(), 0)

    def test_leaves(self):
        names = ", DNS:gateway.test, IP:192.0.2.1"
        for label, (changes, reason) in {**LEAVES, **wrong_role("server")}.items():
            if label in ("no-san", "bad-name", "deep-name", "two-uris", "other-eku"):
                continue  # One code for both roles; the others show that it is used.
            san = changes.get("san", f"URI:spiffe://{NETWORK}/server/{label}") + names
            with self.subTest(label):
                self.check(reason, self.ca.issue(label, **{"role": "server", **changes, "san": san}))

    def test_revoked(self):
        self.check("revoked", self.revoked)

    def test_foreign_ca(self):
        self.check("unknown-ca", self.foreign.server())

    def test_self_signed(self):
        self.check("unknown-ca", self.ca.self_signed("selfsigned", "server"))

    def test_wrong_address(self):
        self.check("wrong-name", self.ca.server("elsewhere", ip=("192.0.2.99",)))

    def test_wrong_name(self):
        self.check("wrong-name", self.ca.server("named"), server_name="other.test")

    def test_wildcard_is_no_name(self):
        self.check("wrong-name", self.ca.server("wild", dns=("*.test",), ip=()), server_name="gateway.test")

    def test_other_protocols(self):
        for label, server in (("no ALPN", {"alpn": ()}), ("other ALPN", {"alpn": ("h2",)}), ("TLS 1.2", {"tls12": True})):
            with self.subTest(label):
                self.check("alert|protocol|ALPN|version", self.ca.server("ok" + label.replace(" ", "")), **server)

    def test_good_one_by_name(self):
        server = self.lab.server(self.server_ns, **self.ca.server().settings())
        client = self.lab.client(self.client_ns, server_name="gateway.test", crl=self.crl, remote=[f"192.0.2.1:{PORT}"],
                                 **self.alice.settings())
        self.assertPing(self.client_ns, "10.86.0.1")
        client.terminate()
        server.terminate()


if __name__ == "__main__":
    main()
