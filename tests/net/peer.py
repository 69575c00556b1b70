"""A sallyport client made by hand on Python's ssl: says what it is told to, right or wrong.

    with Peer(ns, cert) as p:
        p.open()                       # TLS, HELLO, WELCOME, READY
        p.send_packet(packets.echo(p.address(4), "10.86.0.1"))
        kind, body = p.recv_frame()
"""
import json
import socket
import ssl
import struct
import time

PACKET, SUPER, CTRL = 1, 2, 3
KIND_CSUM, KIND_TCP, KIND_UDP = 0, 1, 2
ALPN = "sallyport/1"


class Closed(Exception):
    """The other side has closed the connection; bye is the BYE that came before, or None; alert is the TLS alert."""

    def __init__(self, bye=None, alert=None):
        super().__init__(f"bye={bye} alert={alert}")
        self.bye, self.alert = bye, alert

    @property
    def code(self):
        return self.bye["code"] if self.bye else None


def frame(kind, body):
    return struct.pack("!I", kind << 24 | len(body)) + body


def context(cert=None, alpn=(ALPN,), server=False):
    """A TLS context that presents cert and, as a client, believes any server (it is the server that is tested)."""
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    if not server:
        ctx.check_hostname = False
        ctx.verify_mode = ssl.CERT_NONE
    ctx.set_ciphers("DEFAULT:@SECLEVEL=0")  # What is too weak is for the other side to say.
    if cert is not None:
        ctx.load_cert_chain(cert.certificate, cert.key)
    if alpn:
        ctx.set_alpn_protocols(list(alpn))
    return ctx


class Stream:
    """Frames over a connected TLS socket."""

    def __init__(self, tls=None):
        self.tls = tls
        self._got = b""
        self._bye = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.tls is not None:
            self.tls.close()

    def _recv_some(self):
        try:
            part = self.tls.recv(1 << 16)
        except ssl.SSLError as e:
            raise Closed(self._bye, e.reason or str(e)) from None
        except ConnectionError:
            raise Closed(self._bye) from None
        if not part:
            raise Closed(self._bye)
        self._got += part

    def recv_frame(self):
        """(type, body) of the next frame."""
        while len(self._got) < 4 or len(self._got) < 4 + (int.from_bytes(self._got[1:4], "big")):
            self._recv_some()
        kind, length = self._got[0], int.from_bytes(self._got[1:4], "big")
        body, self._got = self._got[4:4 + length], self._got[4 + length:]
        return kind, body

    def recv_packet(self):
        """The next packet; control messages in between are answered or kept."""
        while True:
            kind, body = self.recv_frame()
            if kind == CTRL:
                self._take_ctrl(json.loads(body))
            elif kind == PACKET:
                return body
            else:
                raise AssertionError(f"a frame of type {kind}, which was not asked for")

    def _take_ctrl(self, message):
        if message["type"] == "PING":
            self.send_ctrl("PONG", id=message["id"])
        elif message["type"] == "BYE":
            self._bye = message
        return message

    def recv_ctrl(self):
        while True:
            kind, body = self.recv_frame()
            if kind == CTRL:
                return self._take_ctrl(json.loads(body))

    def expect(self, wanted):
        """The next control message, which must be of this type; a BYE in its place raises Closed."""
        while True:
            message = self.recv_ctrl()
            if message["type"] == wanted:
                return message
            if message["type"] == "BYE":
                raise Closed(message)
            if message["type"] not in ("PING", "PONG"):
                raise AssertionError(f"{wanted} was expected: {message}")

    def wait_closed(self):
        """Read until the other side closes; returns how it did."""
        try:
            while True:
                kind, body = self.recv_frame()
                if kind == CTRL:
                    self._take_ctrl(json.loads(body))
        except Closed as closed:
            return closed

    def send_raw(self, data):
        try:
            self.tls.sendall(data)
        except (ConnectionError, ssl.SSLError):
            pass  # It has closed already: wait_closed() tells.

    def send_frame(self, kind, body):
        self.send_raw(frame(kind, body))

    def send_json(self, text):
        self.send_frame(CTRL, text if isinstance(text, bytes) else text.encode())

    def send_ctrl(self, kind, **members):
        self.send_json(json.dumps({"type": kind, **members}))

    def send_packet(self, packet):
        self.send_frame(PACKET, packet)

    def send_super(self, kind, segment, packet, zero=0):
        self.send_frame(SUPER, struct.pack("!BBH", kind, zero, segment) + packet)


class Peer(Stream):
    """A client; nothing is sent before connect()."""

    def __init__(self, ns, cert=None, host="192.0.2.1", port=4433, timeout=15, **tls):
        super().__init__()
        self.ns, self.host, self.port, self.timeout = ns, host, port, timeout
        self._tls_args = {"cert": cert, **tls}
        self.welcome = None

    def connect(self):
        """TCP and the client's half of TLS.  Whether the server likes the certificate shows later, in TLS 1.3."""
        raw = self.ns.connect(self.host, self.port, self.timeout)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self.tls = context(**self._tls_args).wrap_socket(raw)
        except (ssl.SSLError, ConnectionError) as e:
            raw.close()
            raise Closed(None, getattr(e, "reason", None) or str(e)) from None
        return self

    def hello(self, **members):
        self.send_ctrl("HELLO", **{"version": 1, "software": "peer.py", "features": [], **members})
        self.welcome = self.expect("WELCOME")
        return self.welcome

    def ready(self):
        self.send_ctrl("READY")
        return self

    def open(self, **members):
        self.connect()
        self.hello(**members)
        return self.ready()

    def address(self, family):
        """Its inside address of family 4 or 6."""
        for address in self.welcome["addresses"]:
            if (":" in address) == (family == 6):
                return address.split("/")[0]
        raise AssertionError(f"no IPv{family} address in {self.welcome}")

    def recv_until(self, wanted):
        """Packets up to and without the first that contains the bytes wanted."""
        before = []
        deadline = time.monotonic() + self.timeout
        while time.monotonic() < deadline:
            packet = self.recv_packet()
            if wanted in packet:
                return before
            before.append(packet)
        raise AssertionError("the packet that was waited for has not come")
