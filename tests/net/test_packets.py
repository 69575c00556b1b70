#!/usr/bin/env -S python3 -B
"""
Packets that an authenticated client may not send: dropped and counted, never written to the TUN device.

    server  192.0.2.1 ---- 192.0.2.2   alice:   a real client
    sally0 <- captured                 mallory: hand-made, with a good certificate

After each bad packet mallory sends a good ping; the capture on sally0 must show the ping and nothing before it.
"""
import itertools
import socket
import struct

from lib import packets, traffic
from lib.case import NetCase, main
from peer import KIND_CSUM, KIND_TCP, KIND_UDP, Peer

SYN, RST, URG = 0x12, 0x14, 0x30


class Packets(NetCase):
    @classmethod
    def build(cls):
        cls.server_ns, cls.client_ns = cls.lab.pair()
        cls.server = cls.lab.server(cls.server_ns)
        cls.alice = cls.lab.client(cls.client_ns)
        cls.mallory = cls.lab.pki.client("mallory")
        cls.serial = itertools.count()

    def setUp(self):
        self.peer = Peer(self.client_ns, self.mallory)
        self.peer.open()
        self.server.wait_session("mallory")
        self.me4, self.me6 = self.peer.address(4), self.peer.address(6)
        self.capture = traffic.Capture(self.server_ns, "sally0")

    def tearDown(self):
        self.capture.socket.close()
        self.peer.close()
        self.server.wait_gone("mallory")

    def sentinel(self):
        """Send a good ping; returns what was written to the TUN device before it."""
        token = f"sentinel-{next(self.serial)}-".encode()
        self.peer.send_packet(packets.echo(self.me4, "10.86.0.1", data=token))
        before = self.capture.until(token)
        self.peer.recv_until(token)  # And it is answered.
        return before

    def check_dropped(self, counter, cases, send, **special):
        """cases: label -> argument(s) of send; each is dropped and counted once as counter, or as special[label]."""
        self.sentinel()
        for label, what in cases.items():
            with self.subTest(label):
                drops = self.server.ask()["counters"]["drops"]
                send(*what if isinstance(what, tuple) else (what,))
                self.assertEqual(self.sentinel(), [])
                after = self.server.ask()["counters"]["drops"]
                changed = {k: v - drops.get(k, 0) for k, v in after.items() if v != drops.get(k, 0)}
                self.assertEqual(changed, {special.get(label, counter): 1})
        self.assertPing(self.client_ns, "10.86.0.1")

    def test_spoofed(self):
        alice4, alice6 = self.alice.addresses()
        cases = {}
        for src in (alice4, "10.86.0.1", "10.86.0.200", "192.0.2.2", "8.8.8.8", "127.0.0.1"):
            cases[src] = packets.echo(src, "10.86.0.1")
        for src in (alice6, "fd86::1", "fd86::dead", "2001:db8::2", "::1"):
            cases[src] = packets.echo(src, "fd86::1")
        self.check_dropped("spoofed", cases, self.peer.send_packet, **{"127.0.0.1": "not-carried", "::1": "not-carried"})

    def test_spoofed_super_packets(self):
        alice4, alice6 = self.alice.addresses()
        cases = {
            "TCP": (KIND_TCP, 100, packets.tcp(alice4, "10.86.0.1", 1, 2, b"x" * 300, partial=True)),
            "UDP over IPv6": (KIND_UDP, 100, packets.udp(alice6, "fd86::1", 1, 2, b"x" * 300, partial=True)),
            "checksum": (KIND_CSUM, 0, packets.udp(alice4, "10.86.0.1", 1, 2, b"x", partial=True)),
        }
        self.check_dropped("spoofed", cases, self.peer.send_super)

    def test_malformed(self):
        me4, me6, gw4, gw6 = self.me4, self.me6, "10.86.0.1", "fd86::1"
        body = b"x" * 40
        cases = {
            "zeros": b"\0" * 20,
            "version 5": packets.ipv4(me4, gw4, 17, body, version=5),
            "version 0": packets.ipv4(me4, gw4, 17, body, version=0),
            "short header": packets.ipv4(me4, gw4, 17, body, ihl=4),
            "header longer than the packet": packets.ipv4(me4, gw4, 17, b"", ihl=15),
            "longer than it is": packets.ipv4(me4, gw4, 17, body, total_length=61),
            "shorter than it is": packets.ipv4(me4, gw4, 17, body, total_length=59),
            "shorter than its header": packets.ipv4(me4, gw4, 17, body, total_length=19),
            "IPv6 longer than it is": packets.ipv6(me6, gw6, 17, body, payload_length=41),
            "IPv6 shorter than it is": packets.ipv6(me6, gw6, 17, body, payload_length=39),
            "half an IPv6 header": packets.ipv6(me6, gw6, 17, body)[:39],
            "IPv6 in IPv4 clothes": packets.ipv6(me6, gw6, 17, body, version=4),
        }
        self.check_dropped("malformed", cases, self.peer.send_packet)

    def test_lying_descriptors(self):
        me4, me6, gw4, gw6 = self.me4, self.me6, "10.86.0.1", "fd86::1"
        data = b"x" * 1000
        train = packets.tcp(me4, gw4, 7, 9, data, partial=True)
        train6 = packets.tcp(me6, gw6, 7, 9, data, partial=True)
        grams = packets.udp(me4, gw4, 7, 9, data, partial=True)
        cases = {
            "unknown kind": (3, 100, train),
            "kind 255": (255, 100, train),
            "second byte set": (KIND_TCP, 100, train, 1),
            "checksum with a segment size": (KIND_CSUM, 100, train),
            "segment size 0": (KIND_TCP, 0, train),
            "segment size 7": (KIND_TCP, 7, train),
            "UDP segment size 0": (KIND_UDP, 0, grams),
            "one segment": (KIND_TCP, 1000, train),
            "less than one segment": (KIND_TCP, 65535, train6),
            "UDP called TCP": (KIND_TCP, 100, grams),
            "TCP called UDP": (KIND_UDP, 100, train),
            "TCP called UDP, IPv6": (KIND_UDP, 100, train6),
            "SYN": (KIND_TCP, 100, packets.tcp(me4, gw4, 7, 9, data, flags=SYN, partial=True)),
            "RST": (KIND_TCP, 100, packets.tcp(me4, gw4, 7, 9, data, flags=RST, partial=True)),
            "URG": (KIND_TCP, 100, packets.tcp(me4, gw4, 7, 9, data, flags=URG, partial=True)),
            "first fragment": (KIND_TCP, 100, packets.tcp(me4, gw4, 7, 9, data, partial=True, fragment=0x2000)),
            "later fragment": (KIND_TCP, 100, packets.tcp(me4, gw4, 7, 9, data, partial=True, fragment=0x0010)),
            "TCP header past the end": (KIND_TCP, 100, packets.tcp(me4, gw4, 7, 9, b"x" * 30, offset=15, partial=True)),
            "TCP header too short": (KIND_TCP, 100, packets.tcp(me4, gw4, 7, 9, data, offset=4, partial=True)),
            "half a TCP header": (KIND_TCP, 100, packets.ipv4(me4, gw4, packets.TCP, b"\0" * 19)),
            "half a UDP header": (KIND_UDP, 100, packets.ipv4(me4, gw4, packets.UDP, b"\0" * 7)),
            "ICMP": (KIND_TCP, 100, packets.echo(me4, gw4, data=data)),
            "checksum of ICMP": (KIND_CSUM, 0, packets.echo(me4, gw4, data=data)),
            "checksum of a fragment": (KIND_CSUM, 0, packets.udp(me4, gw4, 7, 9, data, partial=True, fragment=0x2000)),
        }
        broken = ("TCP header past the end", "TCP header too short", "half a TCP header", "half a UDP header")
        self.check_dropped("descriptor", cases, self.peer.send_super, **dict.fromkeys(broken, "malformed"))

    def test_malformed_in_a_super_packet(self):
        me4, gw4 = self.me4, "10.86.0.1"
        cases = {
            "length": (KIND_TCP, 100, packets.tcp(me4, gw4, 7, 9, b"x" * 300, partial=True, total_length=200)),
            "version": (KIND_TCP, 100, packets.tcp(me4, gw4, 7, 9, b"x" * 300, partial=True, version=9)),
        }
        self.check_dropped("malformed", cases, self.peer.send_super)

    def test_not_carried(self):
        me4, me6 = self.me4, self.me6
        cases = {
            "multicast": packets.echo(me4, "224.0.0.1"),
            "broadcast": packets.echo(me4, "255.255.255.255"),
            "unspecified": packets.echo(me4, "0.0.0.0"),
            "link-local": packets.echo(me4, "169.254.1.1"),
            "IPv6 multicast": packets.echo(me6, "ff02::1"),
            "IPv6 link-local": packets.echo(me6, "fe80::1"),
        }
        self.check_dropped("not-carried", cases, self.peer.send_packet)

    def test_client_to_client_is_off(self):
        alice4, alice6 = self.alice.addresses()
        cases = {"IPv4": packets.echo(self.me4, alice4), "IPv6": packets.echo(self.me6, alice6)}
        self.check_dropped("client-to-client", cases, self.peer.send_packet)

    def test_good_super_packets(self):
        """The same shapes told honestly arrive, with right checksums and all their data."""
        with self.server_ns.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(10)
            s.bind(("10.86.0.1", 0))
            port = s.getsockname()[1]
            data = traffic.pattern(3500, 1)
            self.peer.send_super(KIND_CSUM, 0, packets.udp(self.me4, "10.86.0.1", 7, port, b"alone", partial=True))
            self.assertEqual(s.recv(65536), b"alone")
            if "udp" in self.server.session("mallory")["offload"] or self.server.ask()["offload"]["udp"]:
                self.peer.send_super(KIND_UDP, 1000, packets.udp(self.me4, "10.86.0.1", 7, port, data, partial=True))
                self.assertEqual([s.recv(65536) for _ in range(4)],
                                 [data[:1000], data[1000:2000], data[2000:3000], data[3000:]])
        # A TCP train without a connection is answered with RST: the kernel has taken it.
        self.peer.send_super(KIND_TCP, 1000, packets.tcp(self.me4, "10.86.0.1", 7, 9, data, partial=True))
        self.peer.recv_until(struct.pack("!HH", 9, 7))

    def test_peer_without_features_gets_plain_packets(self):
        """What the kernel gives in one piece is cut, and every checksum is complete."""
        UDP_SEGMENT = 103
        mtu = self.peer.welcome["mtu"]
        for family, host, me in ((socket.AF_INET, "10.86.0.1", self.me4), (socket.AF_INET6, "fd86::1", self.me6)):
            with self.subTest(host), self.server_ns.socket(family, socket.SOCK_DGRAM) as s:
                s.bind((host, 0))
                s.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 1000)
                s.sendto(traffic.pattern(9500, 2), (me, 4242))
                got = b""
                while len(got) < 9500:
                    packet = self.peer.recv_packet()
                    self.assertLessEqual(len(packet), mtu)
                    head = 20 if packet[0] >> 4 == 4 else 40
                    if packet[9 if head == 20 else 6] != packets.UDP:
                        continue
                    udp = packet[head:]
                    pseudo = packets.pseudo(host, me, packets.UDP, len(udp))
                    self.assertEqual(packets.checksum(pseudo + udp), 0)
                    if head == 20:
                        self.assertEqual(packets.checksum(packet[:20]), 0)
                    self.assertLessEqual(len(udp) - 8, 1000)
                    got += udp[8:]
                self.assertEqual(got, traffic.pattern(9500, 2))


if __name__ == "__main__":
    main()
