"""wireguard-go: WireGuard in user space, with TUN offload, UDP_SEGMENT and a worker for each core."""
import os
import pathlib
import shutil
import subprocess

from lib import wait
from lib.netns import run

from .base import OUTER_SERVER, Peer

DEPS = pathlib.Path(__file__).resolve().parents[3] / "scripts" / "deps"
SOCKETS = pathlib.Path("/run/wireguard")


def program():
    """What scripts/deps has fetched, else the installed one."""
    found = subprocess.run([DEPS, "--tool", "wireguard-go"], stdout=subprocess.PIPE, text=True).stdout.strip()
    return found or shutil.which("wireguard-go")


class WireGuardGo(Peer):
    name = "wireguard-go"
    outer = "UDP"
    port = 51820
    server_address = "10.89.0.1"
    client_address = "10.89.0.2"

    @classmethod
    def missing(cls):
        if not program():
            return "wireguard-go cannot be had here"
        return None if shutil.which("wg") else "wireguard-tools is not installed"

    def about(self):
        version = run(program(), "--version", check=False).stdout.split()[1]
        return f"wireguard-go {version}, UDP, ChaCha20-Poly1305, MTU 1420"

    def _keys(self):
        private = run("wg", "genkey").stdout.strip()
        public = subprocess.run(["wg", "pubkey"], input=private, stdout=subprocess.PIPE, text=True, check=True).stdout
        return private, public.strip()

    def _config(self, label, private, public, *peer_lines):
        """public is the other's key."""
        text = "\n".join(["[Interface]", f"PrivateKey = {private}", f"ListenPort = {self.port}",
                          "[Peer]", f"PublicKey = {public}", *peer_lines, ""])
        return self.lab.write(f"wireguard-{label}.conf", text)

    def _start(self, label, ns, config, address):
        # Its control sockets are named after the devices alone, whatever the namespace.
        device = f"wg{label[0]}{os.getpid()}"
        daemon = self.spawn(label, ns, program(), "-f", device)
        socket = SOCKETS / f"{device}.sock"

        def listening():
            if not daemon.running():
                raise wait.Timeout(f"wireguard-go has ended: {daemon.output()}")
            return socket.exists()

        wait.until(listening, 10, "wireguard-go's control socket", pause=0.001)
        ns.run("wg", "setconf", device, config)
        ns.ip("addr", "add", f"{address}/24", "dev", device)
        ns.ip("link", "set", device, "up")

    def start_server(self):
        server, client = self._keys(), self._keys()
        config = self._config("server", server[0], client[1], f"AllowedIPs = {self.client_address}/32")
        self._client_config = self._config("client", client[0], server[1], f"Endpoint = {OUTER_SERVER}:{self.port}",
                                           f"AllowedIPs = {self.server_address}/32")
        self._start("server", self.server, config, self.server_address)

    def start_client(self):
        self._start("client", self.client, self._client_config, self.client_address)
