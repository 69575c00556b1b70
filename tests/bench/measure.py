"""Measuring: what a tunnel that is up carries, how long it takes and what it costs.  Knows nothing of the peers."""
import dataclasses
import json
import os
import re
import select
import socket
import struct
import subprocess
import time

from lib import wait
from lib.proc import Process

from stats import percentile

TICKS = os.sysconf("SC_CLK_TCK")
PING_INTERVAL_S = 0.002
UDP_PAYLOAD = 64
LOSS_ALLOWED = 0.01


class Failed(Exception):
    """A figure could not be measured; says why."""


# --- iperf3 -----------------------------------------------------------------

def _iperf_server(ns):
    server = Process("iperf3 -s", ns.argv("iperf3", "-s", "-1", "--forceflush"))
    server.wait_log("Server listening", 5)
    return server


def iperf_argv(host, seconds, *options):
    return ["iperf3", "-J", "-c", host, "-t", seconds, "--connect-timeout", 3000, *options]


def _iperf_end(text):
    """The 'end' of iperf3's JSON."""
    try:
        answer = json.loads(text)
    except ValueError:
        raise Failed(f"iperf3 said: {text[-200:]}") from None
    if answer.get("error"):
        raise Failed(f"iperf3: {answer['error']}")
    return answer["end"]


def iperf(client, server, host, seconds, *options):
    """One test from client to host, which is in server; the 'end' of its JSON."""
    listener = _iperf_server(server)
    try:
        done = client.run(*iperf_argv(host, seconds, *options), check=False, timeout=seconds + 20)
        return _iperf_end(done.stdout)
    except subprocess.TimeoutExpired:
        raise Failed(f"iperf3 has not ended {seconds + 20} s after its start") from None
    finally:
        listener.kill()


@dataclasses.dataclass(frozen=True)
class Stream:
    """What a TCP test has carried, and what it cost."""
    gbits: float
    gbytes: float
    congestion: str


def tcp(client, server, host, seconds, streams=1, reverse=False):
    end = iperf(client, server, host, seconds, "-P", streams, *(["-R"] if reverse else []))
    got = end["sum_received"]
    return Stream(got["bits_per_second"] / 1e9, got["bytes"] / 1e9, end.get("sender_tcp_congestion", "?"))


@dataclasses.dataclass(frozen=True)
class Datagrams:
    sent_kpps: float
    got_kpps: float

    @property
    def loss(self):
        return 1 - self.got_kpps / self.sent_kpps if self.sent_kpps else 1.0


def udp(client, server, host, seconds, kpps=None):
    """UDP datagrams of UDP_PAYLOAD bytes at a rate, or (None) as fast as they go."""
    rate = round(kpps * 1000 * UDP_PAYLOAD * 8) if kpps else 0
    end = iperf(client, server, host, seconds, "-u", "-l", UDP_PAYLOAD, "-b", rate)
    total = end["sum"]
    if not total["packets"]:
        raise Failed("iperf3 has counted no datagram")
    sent = end["sum_sent"]["packets"] / end["sum_sent"]["seconds"] / 1000
    return Datagrams(sent, sent * (1 - total["lost_packets"] / total["packets"]))


def udp_limits(client, server, host, seconds, steps):
    """(the most datagrams a second that arrive, in thousands; the most that arrive with <= 1 % loss).

    A flood first; then rates between half and one and a half of what came of it, halving where the loss begins.
    """
    flood = udp(client, server, host, seconds)
    runs = [flood]
    low, high = 0.5 * flood.got_kpps, min(1.5 * flood.got_kpps, flood.sent_kpps)
    rate = flood.got_kpps
    for _ in range(steps):
        runs.append(udp(client, server, host, seconds, rate))
        if runs[-1].loss <= LOSS_ALLOWED:
            low = max(low, rate)
        else:
            high = min(high, rate)
        rate = (low + high) / 2
    clean = [r.got_kpps for r in runs if r.loss <= LOSS_ALLOWED]
    return max(r.got_kpps for r in runs), max(clean, default=None)


# --- ping -------------------------------------------------------------------

@dataclasses.dataclass(frozen=True)
class Pings:
    """Round trips in microseconds."""
    median: float
    p99: float
    lost: float


def pings(ns, host, seconds):
    count = round(seconds / PING_INTERVAL_S)
    done = ns.run("ping", "-n", "-i", PING_INTERVAL_S, "-c", count, "-w", int(seconds * 2 + 3), host, check=False)
    times = [1000 * float(t) for t in re.findall(r"time=([0-9.]+) ms", done.stdout)]
    counts = re.search(r"(\d+) packets transmitted, (\d+) received", done.stdout)
    if not times or counts is None:
        raise Failed(f"no answer to ping from {host}")
    return Pings(percentile(times, 50), percentile(times, 99), 1 - int(counts[2]) / int(counts[1]))


def pings_under_load(client, server, host, seconds):
    """Pings while one TCP stream goes the same way."""
    listener = _iperf_server(server)
    load = Process("iperf3 -c", client.argv(*iperf_argv(host, 5 * seconds + 10)))
    try:
        listener.wait_log("connected to", 5)
        time.sleep(0.5)  # Until the stream is at its speed.
        result = pings(client, host, seconds)
        if not load.running():
            raise Failed(f"the stream had ended before the pings: {load.output()[-200:]}")
        return result
    finally:
        load.kill()
        listener.kill()


class FirstPing:
    """Sends an echo request each millisecond until one is answered.

    Made before the client starts; wait() then says when the answer came.  Until the tunnel is there, sending fails, and
    that is fine.
    """

    def __init__(self, ns, host):
        self.host = host
        self.id = os.getpid() & 0xFFFF
        self.socket = ns.socket(socket.AF_INET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.IPPROTO_ICMP)

    def _request(self, number):
        head = struct.pack("!BBHHH", 8, 0, 0, self.id, number & 0xFFFF)
        total = sum(struct.unpack("!4H", head))
        return head[:2] + struct.pack("!H", ~(total + (total >> 16)) & 0xFFFF) + head[4:]

    def _is_answer(self, packet):
        at = (packet[0] & 15) * 4
        return packet[at] == 0 and packet[at + 4:at + 6] == struct.pack("!H", self.id)

    def wait(self, timeout):
        """The monotonic time of the first answer."""
        deadline = time.monotonic() + timeout
        with self.socket:
            number = 0
            while time.monotonic() < deadline:
                try:
                    self.socket.sendto(self._request(number), (self.host, 0))
                except OSError:
                    pass
                number += 1
                while select.select([self.socket], [], [], 0.001)[0]:
                    try:
                        if self._is_answer(self.socket.recv(2048)):
                            return time.monotonic()
                    except OSError:
                        pass
        raise wait.Timeout(f"{self.host} has not answered within {timeout} s")


# --- what it costs ----------------------------------------------------------

def cpu_of(processes):
    """CPU seconds that these processes have used, all threads."""
    total = 0
    for p in processes:
        with open(f"/proc/{p.pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def cpu_of_machine():
    """CPU seconds that all cores have been busy."""
    with open("/proc/stat") as f:
        user, nice, system, _idle, _iowait, irq, softirq = map(int, f.readline().split()[1:8])
    return (user + nice + system + irq + softirq) / TICKS


def memory_of(process):
    """{'Rss': kB, 'Pss': kB, ...} of a process."""
    with open(f"/proc/{process.pid}/smaps_rollup") as f:
        return {m[1]: int(m[2]) for m in re.finditer(r"^(\w+): +(\d+) kB$", f.read(), re.M)}


def others_busy(seconds=0.5):
    """The share of the machine that is in use now, 0 to 1: asked before a measurement, that is by others."""
    before, began = cpu_of_machine(), time.monotonic()
    time.sleep(seconds)
    return (cpu_of_machine() - before) / (time.monotonic() - began) / os.cpu_count()


def congestion_of(ns, port):
    """The congestion control of the established TCP connections to a local port, as the kernel tells; None without one."""
    shown = ns.run("ss", "-tinHO", "state", "established", f"( sport = :{port} )").stdout
    return "+".join(sorted(set(re.findall(r"\b(cubic|bbr|reno)\b", shown)))) or None
