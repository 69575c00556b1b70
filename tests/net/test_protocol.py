#!/usr/bin/env -S python3 -B
"""
What is not the protocol: that connection ends, the reason is logged and counted, everybody else goes on.

    server (the real one)   192.0.2.1 ---- 192.0.2.2  alice: a good client, which goes on undisturbed
                                                      mallory: hand-made, with a good certificate where one is needed
"""
import json
import socket
import ssl
import struct
import time

from lib.case import NetCase, main
from peer import CTRL, PACKET, SUPER, Closed, Peer, context, frame
from lib import packets, wait

DEADLINE = 2  # handshake_timeout


class Protocol(NetCase):
    @classmethod
    def build(cls):
        cls.server_ns, cls.client_ns = cls.lab.pair()
        cls.server = cls.lab.server(cls.server_ns, handshake_timeout=DEADLINE, max_handshakes=64)
        cls.alice = cls.lab.client(cls.client_ns)
        cls.session = cls.server.wait_session("alice")["session"]
        cls.mallory = cls.lab.pki.client("mallory")

    def peer(self, cert=None, **tls):
        return Peer(self.client_ns, cert or self.mallory, **tls)

    def refused(self):
        return sum(self.server.ask()["counters"]["refused"].values())

    def assertUndisturbed(self):
        self.assertPing(self.client_ns, "10.86.0.1")
        self.assertEqual(self.server.session("alice")["session"], self.session)

    def check_raw(self, label, data, shut=False, within=10):
        """Bytes instead of TLS: closed, one log line, counted."""
        mark, before = self.server.mark(), self.refused()
        started = time.monotonic()
        with self.client_ns.connect("192.0.2.1", 4433) as s:
            s.settimeout(within)
            port = s.getsockname()[1]
            s.sendall(data)
            if shut:
                s.shutdown(socket.SHUT_WR)
            try:
                while s.recv(4096):
                    pass
            except ConnectionResetError:
                pass
            except socket.timeout:
                self.fail(f"{label}: the connection is still open after {within} s")
        self.server.wait_log(rf"refused 192\.0\.2\.2:{port}: ", since=mark)
        self.server.wait_status(lambda s: sum(s["counters"]["refused"].values()) == before + 1, what="counted once")
        self.assertUndisturbed()
        return time.monotonic() - started

    def test_garbage(self):
        for label, data in {
            "zeros": b"\0" * 4096,
            "ones": b"\xff" * 4096,
            "text": b"hello, is anybody there?\r\n" * 100,
            "HTTP": b"GET / HTTP/1.1\r\nHost: 192.0.2.1\r\n\r\n",
            "SSH": b"SSH-2.0-OpenSSH_9.2\r\n",
            "openvpn": b"\0\x0e\x38" + b"\x11" * 13,
            "SSLv2": b"\x80\x2e\x01\0\x02\0\x15\0\0\0\x10" + b"\x07" * 36,
            "huge record": b"\x16\x03\x01\xff\xff" + b"\x01" * 0x10000,
            "alert": b"\x15\x03\x01\x00\x02\x02\x28",
            "empty hello": b"\x16\x03\x01\x00\x04\x01\0\0\0",
        }.items():
            with self.subTest(label):
                self.check_raw(label, data)

    def test_hang_up_at_once(self):
        self.check_raw("nothing", b"", shut=True)

    def client_hello(self):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context(self.mallory).wrap_bio(incoming, outgoing)
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            pass
        return outgoing.read()

    def test_stalls(self):
        """Nothing, half a hello, a hello and then nothing: all end at the deadline and not much later."""
        hello = self.client_hello()
        for label, data in {"nothing": b"", "half": hello[:len(hello) // 2], "whole": hello}.items():
            with self.subTest(label):
                took = self.check_raw(label, data, within=DEADLINE + 5)
                self.assertGreater(took, DEADLINE / 2)

    def test_hello_in_drips(self):
        """A byte now and then does not move the deadline."""
        hello = self.client_hello()
        started = time.monotonic()
        with self.client_ns.connect("192.0.2.1", 4433) as s:
            s.settimeout(0.1)
            for i in range(len(hello)):
                try:
                    s.send(hello[i:i + 1])
                    if not s.recv(4096):
                        break
                except socket.timeout:
                    pass
                except ConnectionError:
                    break
                self.assertLess(time.monotonic() - started, DEADLINE + 5)
        self.assertUndisturbed()

    def test_no_hello_after_tls(self):
        with self.peer() as p:
            p.connect()
            started = time.monotonic()
            closed = p.wait_closed()
            self.assertLess(time.monotonic() - started, DEADLINE + 5)
            self.assertIn(closed.code, (None, "timeout"))
        self.assertUndisturbed()

    def test_wrong_tls(self):
        for label, tls in {"no ALPN": {"alpn": ()}, "other ALPN": {"alpn": ("h2", "http/1.1")}}.items():
            with self.subTest(label):
                mark, before = self.server.mark(), self.refused()
                with self.assertRaises(Closed), self.peer(**tls) as p:
                    p.connect()
                    p.hello()
                self.server.wait_log(r"refused 192\.0\.2\.2:\d+: ", since=mark)
                self.assertEqual(self.refused(), before + 1)
                self.assertUndisturbed()

    def test_tls12(self):
        ctx = context(self.mallory)
        ctx.maximum_version = ssl.TLSVersion.TLSv1_2
        before = self.refused()
        with self.client_ns.connect("192.0.2.1", 4433) as s, self.assertRaises((ssl.SSLError, ConnectionError)):
            ctx.wrap_socket(s)
        self.server.wait_status(lambda s: sum(s["counters"]["refused"].values()) == before + 1, what="counted")
        self.assertUndisturbed()

    def check_session(self, label, act, state):
        """act(peer) breaks the protocol in this state: BYE protocol, a log line that names who, nobody else hurt."""
        mark = self.server.mark()
        counter = ("ended" if state == "open" else "refused", "protocol")
        before = self.server.counter(*counter)
        with self.peer() as p:
            p.connect()
            if state != "greeting":
                p.hello()
            if state == "open":
                p.ready()
                self.server.wait_session("mallory")
            act(p)
            closed = p.wait_closed()
        self.assertEqual(closed.code, "protocol", label)
        line = {"open": r"mallory \(192\.0\.2\.2:\d+\): gone: protocol: ."}
        self.assertEqual(self.server.counter(*counter), before + 1)
        self.server.wait_log(line.get(state, r"refused 192\.0\.2\.2:\d+: protocol: .*mallory"), since=mark)
        self.server.wait_gone("mallory")
        self.assertUndisturbed()

    def test_frames(self):
        ping = packets.echo("10.86.0.9", "10.86.0.1")
        cases = {
            "type 0": lambda p: p.send_frame(0, b"x" * 20),
            "type 4": lambda p: p.send_frame(4, b"x" * 20),
            "type 255": lambda p: p.send_frame(255, b""),
            "packet too long": lambda p: p.send_raw(struct.pack("!I", PACKET << 24 | 65576)),
            "packet too short": lambda p: p.send_frame(PACKET, b"E" * 19),
            "empty packet": lambda p: p.send_frame(PACKET, b""),
            "super-packet too long": lambda p: p.send_raw(struct.pack("!I", SUPER << 24 | 65580)),
            "super-packet too short": lambda p: p.send_frame(SUPER, b"\0" * 23),
            "control too long": lambda p: p.send_raw(struct.pack("!I", CTRL << 24 | 65537)),
            "longest of all": lambda p: p.send_raw(struct.pack("!I", CTRL << 24 | 0xffffff) + b"x" * 100000),
            "control too short": lambda p: p.send_frame(CTRL, b"{"),
            "after a good frame": lambda p: p.send_raw(frame(PACKET, ping) + b"\x09\0\0\x01x"),
        }
        for label, act in cases.items():
            with self.subTest(label):
                self.check_session(label, act, "open")

    def test_packet_too_early(self):
        ping = packets.echo("10.86.0.9", "10.86.0.1")
        for state in ("greeting", "welcomed"):
            with self.subTest(state):
                self.check_session(state, lambda p: p.send_packet(ping), state)
                self.check_session(state, lambda p: p.send_super(0, 0, ping), state)

    def test_messages_in_the_wrong_state(self):
        hello = {"version": 1, "software": "x", "features": []}
        cases = [
            ("READY first", "greeting", lambda p: p.send_ctrl("READY")),
            ("PING first", "greeting", lambda p: p.send_ctrl("PING", id=1)),
            ("WELCOME from a client", "greeting", lambda p: p.send_ctrl("WELCOME", **hello)),
            ("HELLO twice", "welcomed", lambda p: p.send_ctrl("HELLO", **hello)),
            ("HELLO when open", "open", lambda p: p.send_ctrl("HELLO", **hello)),
            ("READY twice", "open", lambda p: p.send_ctrl("READY")),
        ]
        for label, state, act in cases:
            with self.subTest(label):
                self.check_session(label, act, state)

    def test_json(self):
        def padded(size):
            return b'{"type":"PING","id":1,"x":"' + b"a" * (size - 29) + b'"}'

        bad = {
            "not JSON": "{]",
            "half": '{"type":"PING"',
            "an array": '["PING"]',
            "a number": "17",
            "two values": '{"type":"PING","id":1}{}',
            "no type": '{"id":1}',
            "type is a number": '{"type":1}',
            "unknown type": '{"type":"DANCE"}',
            "duplicate key": '{"type":"PING","id":1,"id":2}',
            "duplicate inside": '{"type":"PING","id":1,"x":{"a":1,"a":2}}',
            "too deep": '{"type":"PING","id":1,"x":' + "[" * 8 + "]" * 8 + "}",
            "far too deep": "[" * 30000 + "]" * 30000,
            "not UTF-8": b'{"type":"PING","id":1,"x":"\xff"}',
            "id is a text": '{"type":"PING","id":"1"}',
            "id below range": '{"type":"PING","id":-1}',
            "id above range": '{"type":"PING","id":9007199254740993}',
            "id is a fraction": '{"type":"PING","id":1.5}',
            "no id": '{"type":"PING"}',
            "NUL": b'{"type":"PING","id":1}\0',
        }
        self.assertEqual(len(padded(65536)), 65536)
        for label, text in bad.items():
            with self.subTest(label):
                self.check_session(label, lambda p: p.send_json(text), "open")
        with self.subTest("the largest and deepest that is allowed"), self.peer() as p:
            p.open()
            p.send_json(padded(65536))
            self.assertEqual(p.expect("PONG")["id"], 1)
            p.send_json('{"type":"PING","id":2,"x":' + "[" * 7 + "]" * 7 + "}")
            self.assertEqual(p.expect("PONG")["id"], 2)
            p.send_json('{"type":"PING","id":9007199254740991,"unknown":null}')
            self.assertEqual(p.expect("PONG")["id"], 9007199254740991)
        self.server.wait_gone("mallory")

    def test_hello(self):
        good = {"type": "HELLO", "version": 1, "software": "x", "features": []}
        for label, changes in {
            "version 0": {"version": 0}, "version 2": {"version": 2}, "version a text": {"version": "1"},
            "software too long": {"software": "x" * 65}, "features no array": {"features": {}},
            "too many features": {"features": ["x"] * 33}, "a number among features": {"features": [1]},
        }.items():
            with self.subTest(label):
                self.check_session(label, lambda p: p.send_json(json.dumps({**good, **changes})), "greeting")
        with self.subTest("unknown features are ignored"), self.peer() as p:
            p.connect()
            p.hello(features=["super-duper"] * 32, more={"a": 1})

    def test_flood(self):
        """64 control messages a second in bursts of 128, no more."""
        ping = frame(CTRL, b'{"type":"PING","id":7}')
        self.check_session("flood", lambda p: p.send_raw(ping * 1000), "open")

    def test_bye(self):
        mark = self.server.mark()
        with self.peer() as p:
            p.open()
            p.send_ctrl("BYE", code="shutdown", text="good\x1b[31m night\n2025 forged")
            self.assertIsNone(p.wait_closed().bye)
        line = self.server.wait_log(r"mallory \(.*\): gone: shutdown.*", since=mark)[0]
        self.assertNotIn("\x1b", line)
        self.assertIn("forged", line)

    def test_cut_in_the_middle_of_a_frame(self):
        mark = self.server.mark()
        with self.peer() as p:
            p.open()
            p.send_raw(struct.pack("!I", PACKET << 24 | 1000) + b"E" * 500)
        self.server.wait_log(r"mallory \(.*\): gone: ", since=mark)
        self.assertUndisturbed()


class Crowd(NetCase):
    """More connections than max_handshakes that never finish, and a flood of refusals."""

    @classmethod
    def build(cls):
        cls.server_ns, cls.client_ns = cls.lab.pair()
        cls.server = cls.lab.server(cls.server_ns, handshake_timeout=DEADLINE, max_handshakes=64)
        cls.alice = cls.lab.client(cls.client_ns)

    def test_stalled(self):
        """The established go on, and after the deadline there is room again."""
        stalled = [self.client_ns.connect("192.0.2.1", 4433) for _ in range(100)]
        try:
            self.server.wait_counter("refused", "handshakes", above=30)
            self.assertPing(self.client_ns, "10.86.0.1")
        finally:
            for s in stalled:
                s.close()
        with Peer(self.client_ns, self.lab.pki.client("bob")) as p:
            p.open()
            self.server.wait_session("bob")

    def test_log_is_limited(self):
        """Three hundred refusals are all counted; the log has the first and says how many it has left out."""
        before = sum(self.server.ask()["counters"]["refused"].values())
        mark = self.server.mark()
        for _ in range(300):
            with self.client_ns.connect("192.0.2.1", 4433) as s:
                s.sendall(b"GET / HTTP/1.1\r\n\r\n")
                s.settimeout(10)
                try:
                    while s.recv(4096):
                        pass
                except ConnectionResetError:
                    pass
        self.server.wait_status(lambda s: sum(s["counters"]["refused"].values()) == before + 300, what="300 counted")
        lines = self.server.find_log("refused 192", since=mark)
        self.assertTrue(0 < len(lines) < 150, len(lines))

        def next_line():
            with self.client_ns.connect("192.0.2.1", 4433) as s:
                s.sendall(b"nonsense\r\n")
            return self.server.find_log(r"\d+ refusals were not logged", since=mark)

        wait.until(next_line, 10, "the number of lines left out", pause=0.2)
        self.assertPing(self.client_ns, "10.86.0.1")

    def test_one_address_too_often(self):
        """An address that comes too often is turned away at the door, and another one is not."""
        self.server_ns.add_address("wan", "198.51.100.1/24")
        self.client_ns.add_address("wan", "198.51.100.2/24")
        strict = self.lab.server(self.server_ns, label="strict", listen=["[::]:4434"], device="sally1", address_rate=2,
                                 pool4="10.87.0.0/24", pool6="fd87::/64")
        for _ in range(40):
            with self.client_ns.connect("192.0.2.1", 4434) as s:
                s.sendall(b"nonsense\r\n")
        strict.wait_counter("refused", "address-rate", above=10)
        strict.wait_log(r"refused 192\.0\.2\.2:\d+: address-rate: ")
        with Peer(self.client_ns, self.lab.pki.client("carol"), host="198.51.100.1", port=4434) as p:
            p.open()
            strict.wait_session("carol")


if __name__ == "__main__":
    main()
