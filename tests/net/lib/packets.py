"""IP packets by hand, right ones and wrong ones."""
import ipaddress
import struct

ICMP, TCP, UDP, ICMPV6 = 1, 6, 17, 58


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def packed(address):
    return ipaddress.ip_address(address).packed


def pseudo(src, dst, proto, length):
    """The pseudo-header that TCP, UDP and ICMPv6 checksums cover."""
    if len(packed(src)) == 4:
        return packed(src) + packed(dst) + struct.pack("!BBH", 0, proto, length)
    return packed(src) + packed(dst) + struct.pack("!II", length, proto)


def ipv4(src, dst, proto, payload, **wrong):
    """A packet; wrong may hold total_length, ihl, checksum, fragment, version, ttl."""
    ihl = wrong.get("ihl", 5)
    first = wrong.get("version", 4) << 4 | ihl
    length = wrong.get("total_length", 20 + len(payload))
    head = struct.pack("!BBHHHBBH4s4s", first, 0, length, 1, wrong.get("fragment", 0), wrong.get("ttl", 64), proto, 0,
                       packed(src), packed(dst))
    value = wrong.get("checksum", checksum(head))
    return head[:10] + struct.pack("!H", value) + head[12:] + payload


def ipv6(src, dst, proto, payload, **wrong):
    """A packet; wrong may hold payload_length, version."""
    length = wrong.get("payload_length", len(payload))
    return struct.pack("!IHBB16s16s", wrong.get("version", 6) << 28, length, proto, 64, packed(src), packed(dst)) + payload


def ip(src, dst, proto, payload, **wrong):
    return (ipv4 if len(packed(src)) == 4 else ipv6)(src, dst, proto, payload, **wrong)


def echo(src, dst, ident=1, seq=1, data=b"sallyport", reply=False):
    """An ICMP echo request (or reply) of src's family."""
    if len(packed(src)) == 4:
        body = struct.pack("!BBHHH", 0 if reply else 8, 0, 0, ident, seq) + data
        body = body[:2] + struct.pack("!H", checksum(body)) + body[4:]
        return ipv4(src, dst, ICMP, body)
    body = struct.pack("!BBHHH", 129 if reply else 128, 0, 0, ident, seq) + data
    value = checksum(pseudo(src, dst, ICMPV6, len(body)) + body)
    return ipv6(src, dst, ICMPV6, body[:2] + struct.pack("!H", value) + body[4:])


def udp(src, dst, sport, dport, data, partial=False, **wrong):
    """partial: the checksum is left to the receiver.  wrong may hold length, checksum and what ip() takes."""
    length = 8 + len(data)
    head = struct.pack("!HHHH", sport, dport, wrong.pop("length", length) & 0xffff, 0)
    value = 0 if partial else checksum(pseudo(src, dst, UDP, length) + head + data) or 0xffff
    value = wrong.pop("checksum", value)
    return ip(src, dst, UDP, head[:6] + struct.pack("!H", value) + data, **wrong)


def tcp(src, dst, sport, dport, data=b"", flags=0x10, partial=False, **wrong):
    """wrong may hold offset (the header's length in words) and what ip() takes."""
    head = struct.pack("!HHIIBBHHH", sport, dport, 1, 1, wrong.pop("offset", 5) << 4, flags, 0xffff, 0, 0)
    value = 0 if partial else checksum(pseudo(src, dst, TCP, len(head) + len(data)) + head + data)
    return ip(src, dst, TCP, head[:16] + struct.pack("!H", value) + head[18:] + data, **wrong)
