"""A lab: namespaces, certificates and daemons of one test file, and their end."""
import json
import os
import pathlib
import shutil
import socket
import tempfile

from . import netns, wait
from .pki import Pki
from .proc import Process

ROOT = pathlib.Path(__file__).resolve().parents[3]
BIN = pathlib.Path(os.environ.get("SALLYPORT_BIN", ROOT / "build" / "bin"))
NETWORK = "test.example"
PORT = 4433


def setting(value):
    """A value in libconfig's syntax."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return "[ " + ", ".join(setting(v) for v in value) + " ]"
    if isinstance(value, int):
        return str(value)
    return json.dumps(str(value))


class Daemon(Process):
    """A sallyport daemon in a namespace."""

    def __init__(self, lab, ns, program, label, settings):
        self.ns = ns
        self.control = lab.dir / f"{label}.sock"
        self.config = lab.write_config(label, {"control": self.control, **settings})
        super().__init__(label, ns.argv(BIN / program, "--config", self.config))

    def ask(self, command="status", timeout=5):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(timeout)
            s.connect(str(self.control))
            s.sendall(json.dumps({"command": command}).encode() + b"\n")
            parts = []
            while part := s.recv(1 << 16):
                parts.append(part)
        return json.loads(b"".join(parts))

    def status(self):
        """The answer to "status", or None while nobody answers."""
        try:
            return self.ask()
        except (OSError, ValueError):
            return None

    def wait_status(self, condition, timeout=10, what="a state"):
        """The first status for which condition(status) holds."""
        last = None

        def check():
            nonlocal last
            if not self.running():
                raise wait.Timeout(f"{self.label} has ended while waiting for {what}")
            last = self.status()
            return last if last is not None and condition(last) else None

        return wait.until(check, timeout, lambda: f"{self.label}: {what}; last status: {json.dumps(last)}")

    def counter(self, *path):
        """One of status' counters, 0 when it is not there (yet)."""
        value = self.ask()["counters"]
        for name in path:
            value = value.get(name, {}) if isinstance(value, dict) else {}
        return value or 0

    def wait_counter(self, *path, above, timeout=10):
        wait.until(lambda: self.counter(*path) > above, timeout,
                   lambda: f"{self.label}: counter {'.'.join(path)} above {above}; counters: "
                   f"{json.dumps(self.ask()['counters'])}")


class Server(Daemon):
    def wait_ready(self, timeout=15):
        self.wait_log(r"ready: listening on", timeout)
        return self

    def session(self, name):
        for s in self.ask()["sessions"]:
            if s["name"] == name:
                return s
        return None

    def wait_session(self, name, timeout=10, condition=lambda s: True):
        def check(status):
            return [s for s in status["sessions"]
                    if s["name"] == name and s["state"] == "open" and condition(s)]

        return check(self.wait_status(check, timeout, f"an open session of {name}"))[0]

    def wait_gone(self, name, timeout=10):
        self.wait_status(lambda st: name not in [s["name"] for s in st["sessions"]], timeout,
                         f"no session of {name}")


class Client(Daemon):
    def wait_open(self, timeout=15):
        return self.wait_status(lambda s: s["state"] == "open", timeout, "an open tunnel")

    def addresses(self):
        """Inside addresses without their length."""
        return [a.split("/")[0] for a in self.ask()["addresses"]]


class Lab:
    """Everything made here is gone after close()."""

    def __init__(self):
        if os.geteuid() != 0:
            raise AssertionError("network tests need root")
        netns.sweep()
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="sallyport-net-"))
        self.namespaces = []
        self.processes = []
        self._pki = None

    def close(self):
        for p in reversed(self.processes):
            p.kill()
        for ns in self.namespaces:
            ns.delete()
        shutil.rmtree(self.dir)

    @property
    def pki(self):
        """The lab's CA, made with sallyport-pki when first needed."""
        if self._pki is None:
            self._pki = Pki(BIN / "sallyport-pki", self.dir / "ca", NETWORK)
        return self._pki

    def namespace(self, label):
        ns = netns.Namespace(label)
        self.namespaces.append(ns)
        return ns

    def pair(self, mtu=1500):
        """Two namespaces with a veth between them: 192.0.2.1 and 2001:db8::1 is the server's."""
        server, client = self.namespace("server"), self.namespace("client")
        netns.veth(server, "wan", client, "wan", mtu)
        server.add_address("wan", "192.0.2.1/24", "2001:db8::1/64")
        client.add_address("wan", "192.0.2.2/24", "2001:db8::2/64")
        return server, client

    def write(self, name, text, mode=0o600):
        path = self.dir / name
        path.write_text(text)
        path.chmod(mode)
        return path

    def write_config(self, label, settings):
        lines = [f"{k} = {setting(v)};" for k, v in settings.items() if v is not None]
        return self.write(f"{label}.conf", "\n".join(lines) + "\n")

    def start(self, label, argv):
        p = Process(label, argv)
        self.processes.append(p)
        return p

    def server_settings(self, **settings):
        """Settings of a server with the lab's certificates; settings given as None are left out."""
        if "certificate" not in settings:
            cert = self.pki.server("gateway", dns=["gateway.test"], ip=["192.0.2.1", "2001:db8::1"])
            settings = {**cert.settings(), **settings}
        return {"listen": [f"[::]:{PORT}"], "network": NETWORK, "pool4": "10.86.0.0/24", "pool6": "fd86::/64",
                "device": "sally0", **settings}

    def client_settings(self, name, **settings):
        if "certificate" not in settings:
            settings = {**self.pki.client(name).settings(), **settings}
        return {"remote": [f"192.0.2.1:{PORT}"], "network": NETWORK, "device": "sally0",
                "retry_min": 1, "retry_max": 2, **settings}

    def server(self, ns, label="server", wait_ready=True, **settings):
        server = Server(self, ns, "sallyport-server", label, self.server_settings(**settings))
        self.processes.append(server)
        return server.wait_ready() if wait_ready else server

    def client(self, ns, name="alice", label=None, wait_open=True, **settings):
        client = Client(self, ns, "sallyport-client", label or name, self.client_settings(name, **settings))
        self.processes.append(client)
        if wait_open:
            client.wait_open()
        return client

    def logs(self):
        parts = []
        for p in self.processes:
            state = "running" if p.running() else f"exit {p.popen.returncode}"
            parts.append(f"----- {p.label} ({state})\n" + "\n".join(p.output().splitlines()[-60:]))
        return "\n".join(parts)
