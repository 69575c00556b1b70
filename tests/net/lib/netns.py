"""Network namespaces, the links between them, and what runs in them."""
import contextlib
import ctypes
import itertools
import json
import os
import re
import socket
import subprocess

CLONE_NEWNET = 0x40000000
PREFIX = "spt"
_libc = ctypes.CDLL(None, use_errno=True)
_serial = itertools.count()


def _setns(fd):
    if _libc.setns(fd, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def run(*argv, check=True, timeout=60, **kwargs):
    """Run a command to its end; its output goes into the error when it fails."""
    done = subprocess.run([str(a) for a in argv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          stdin=subprocess.DEVNULL, timeout=timeout, **kwargs)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, argv))}: exit {done.returncode}\n{done.stdout}")
    return done


def sweep():
    """Delete what a killed test has left: namespaces carry the process id of their maker."""
    for line in run("ip", "netns", "list").stdout.splitlines():
        name = line.split()[0] if line.split() else ""
        made = re.fullmatch(PREFIX + r"(\d+)-.*", name)
        if made and not os.path.exists(f"/proc/{made[1]}"):
            run("ip", "netns", "del", name, check=False)


class Namespace:
    """One network namespace, with loopback up and no duplicate address detection."""

    def __init__(self, label):
        self.label = label
        self.name = f"{PREFIX}{os.getpid()}-{next(_serial)}-{label}"
        run("ip", "netns", "add", self.name)
        self.ip("link", "set", "lo", "up")
        self.sysctl("net.ipv6.conf.all.accept_dad", 0)
        self.sysctl("net.ipv6.conf.default.accept_dad", 0)
        self.sysctl("net.ipv4.ping_group_range", "0 2147483647")

    def delete(self):
        run("ip", "netns", "del", self.name, check=False)

    def argv(self, *argv):
        return ["ip", "netns", "exec", self.name, *map(str, argv)]

    def run(self, *argv, **kwargs):
        return run(*self.argv(*argv), **kwargs)

    def ip(self, *args, **kwargs):
        return run("ip", "-n", self.name, *args, **kwargs)

    def sysctl(self, name, value):
        self.run("sysctl", "-qw", f"{name}={value}")

    def add_address(self, device, *addresses):
        for address in addresses:
            self.ip("addr", "add", address, "dev", device, *(["nodad"] if ":" in address else []))

    @contextlib.contextmanager
    def entered(self):
        """This thread is in the namespace inside the with: sockets made there belong to it."""
        with open("/proc/thread-self/ns/net") as home, open(f"/run/netns/{self.name}") as there:
            _setns(there.fileno())
            try:
                yield
            finally:
                _setns(home.fileno())

    def socket(self, family=socket.AF_INET, kind=socket.SOCK_STREAM, proto=0):
        with self.entered():
            return socket.socket(family, kind, proto)

    def connect(self, host, port, timeout=10):
        with self.entered():
            return socket.create_connection((host, port), timeout=timeout)

    def listen(self, host, port=0):
        with self.entered():
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            return socket.create_server((host, port), family=family, backlog=64)

    def ping(self, host, count=1, size=None, fragment=True, timeout=5):
        """True when the first count pings were all answered.  (Where answers are slow, ping sends more than that.)"""
        options = ["-n", "-c", count, "-i", "0.02", "-w", timeout]
        options += ["-s", size] if size is not None else []
        options += [] if fragment else ["-M", "do"]
        done = self.run("ping", *options, host, check=False, timeout=timeout + 10)
        answered = set(map(int, re.findall(r"bytes from .* icmp_seq=(\d+)", done.stdout)))
        return done.returncode == 0 and answered.issuperset(range(1, count + 1))

    def devices(self):
        return {d["ifname"]: d for d in json.loads(self.ip("-j", "-s", "link").stdout or "[]")}

    def snapshot(self):
        """Addresses, routes and rules as they stand, to be compared later."""
        parts = [self.ip("-o", "addr").stdout]
        for family in ("-4", "-6"):
            parts.append(self.ip(family, "rule").stdout)
            parts.append(self.ip(family, "route", "show", "table", "all").stdout)
        # Lifetimes and link states that change by themselves are not state that a daemon leaves.
        return sorted(re.sub(r"expires \d+sec|\b(linkdown|dead)\b", "", line).strip()
                      for part in parts for line in part.splitlines())


def veth(a, a_dev, b, b_dev, mtu=1500):
    run("ip", "link", "add", "name", a_dev, "netns", a.name, "mtu", mtu, "type", "veth",
        "peer", "name", b_dev, "netns", b.name, "mtu", mtu)
    a.ip("link", "set", a_dev, "up")
    b.ip("link", "set", b_dev, "up")
