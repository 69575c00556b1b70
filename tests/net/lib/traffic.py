"""Traffic through a tunnel: checked bulk transfers, iperf3, captures of a device."""
import hashlib
import json
import socket
import threading

from . import wait
from .netns import run

CHUNK = 1 << 16


def pattern(size, seed):
    """Bytes that neither repeat nor compress, the same for the same seed."""
    out = bytearray()
    block = hashlib.sha512(str(seed).encode()).digest()
    while len(out) < size:
        block = hashlib.sha512(block).digest()
        out += block * (1 if size < 1 << 20 else 64)
    return bytes(out[:size])


def transfer(sender, receiver, host, size, writes=None, timeout=60):
    """
    Send size bytes by TCP from namespace sender to host, which is receiver's, and compare the SHA-256 of both ends.
    writes: sizes of the single writes, in turn (default: 1 MiB each).
    """
    data = pattern(size, f"{host}{size}")
    got = hashlib.sha256()
    failure = []
    server = receiver.listen(host)
    server.settimeout(timeout)

    def receive():
        try:
            conn, _ = server.accept()
            with conn:
                conn.settimeout(timeout)
                while part := conn.recv(CHUNK):
                    got.update(part)
                conn.sendall(b"done")
        except OSError as e:
            failure.append(e)

    thread = threading.Thread(target=receive, daemon=True)
    thread.start()
    try:
        with sender.connect(host, server.getsockname()[1], timeout) as s:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            at, turn = 0, 0
            while at < size:
                step = writes[turn % len(writes)] if writes else 1 << 20
                s.sendall(data[at:at + step])
                at, turn = at + step, turn + 1
            s.shutdown(socket.SHUT_WR)
            answer = s.recv(16)
    finally:
        thread.join(timeout)
        server.close()
    if failure or answer != b"done":
        raise AssertionError(f"transfer of {size} bytes to {host} failed: {failure or answer}")
    if got.digest() != hashlib.sha256(data).digest():
        raise AssertionError(f"transfer of {size} bytes to {host} arrived changed")


def datagrams(sender, receiver, host, sizes, timeout=5):
    """Send one UDP datagram of each size and expect each back unchanged."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    a, b = sender.socket(family, socket.SOCK_DGRAM), receiver.socket(family, socket.SOCK_DGRAM)
    with a, b:
        for s in (a, b):
            s.settimeout(timeout)
        b.bind((host, 0))
        a.connect((host, b.getsockname()[1]))
        for size in sizes:
            data = pattern(size, size)
            a.send(data)
            got, source = b.recvfrom(1 << 16)
            if got != data:
                raise AssertionError(f"a datagram of {size} bytes arrived changed ({len(got)} bytes)")
            b.sendto(got, source)
            if a.recv(1 << 16) != data:
                raise AssertionError(f"a datagram of {size} bytes came back changed")


class Iperf:
    """An iperf3 server; use as a context."""

    def __init__(self, lab, ns, host, port=5201):
        self.lab, self.ns, self.host, self.port = lab, ns, host, port

    def __enter__(self):
        self.process = self.lab.start(f"iperf3-{self.port}", self.ns.argv(
            "iperf3", "-s", "-B", self.host, "-p", self.port, "--forceflush"))
        self.process.wait_log("Server listening")
        return self

    def __exit__(self, *_):
        self.process.kill()

    def command(self, client, seconds, *options):
        return client.argv("iperf3", "-c", self.host, "-p", self.port, "-t", seconds, "-J", *options)

    def measure(self, client, *options, seconds=1):
        """Bits per second that arrived."""
        done = run(*self.command(client, seconds, *options), timeout=seconds + 30)
        return json.loads(done.stdout)["end"]["sum_received"]["bits_per_second"]


class Capture:
    """All packets that a daemon writes to a TUN device."""

    def __init__(self, ns, device):
        with ns.entered():
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0003))
            self.socket.bind((device, 0))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def until(self, wanted, timeout=10):
        """The packets written before the first that contains the bytes wanted."""
        before = []
        self.socket.settimeout(timeout)
        while True:
            try:
                packet, where = self.socket.recvfrom(1 << 17)
            except socket.timeout:
                raise wait.Timeout(f"no packet with {wanted!r}; seen: {before}") from None
            if where[2] == socket.PACKET_OUTGOING:
                continue  # What the kernel sends into the tunnel.
            if wanted in packet:
                return before
            before.append(packet)
