"""OpenVPN as the distribution has it: a server for many clients, AES-256-GCM, everything else at its default."""
import shutil

from lib.netns import run
from lib.pki import OpensslCa

from .base import OUTER_SERVER, Peer


class OpenVpn(Peer):
    port = 1194
    server_address = "10.88.0.1"

    @classmethod
    def missing(cls):
        return None if shutil.which("openvpn") else "openvpn is not installed"

    def about(self):
        version = run("openvpn", "--version", check=False).stdout.split()[1]
        return f"OpenVPN {version} as installed, {self.outer}, AES-256-GCM"

    def certificates(self):
        """Of the server and the client; made once for all OpenVPN peers."""
        folder = self.lab.dir / "openvpn"
        if not folder.exists():
            ca = OpensslCa(folder, "bench.example")
            ca.server("gateway")
            ca.issue("client")
        return folder

    def common(self, name):
        folder = self.certificates()
        return ["--dev", "tun0", "--data-ciphers", "AES-256-GCM", "--keepalive", 10, 60, "--ca", folder / "ca.crt",
                "--cert", folder / f"{name}.crt", "--key", folder / f"{name}.key"]

    def start_server(self):
        server = self.spawn("server", self.server, "openvpn", *self.common("gateway"), "--proto", self.protos[0],
                            "--port", self.port, "--server", "10.88.0.0", "255.255.255.0", "--topology", "subnet",
                            "--dh", "none")
        server.wait_log("Initialization Sequence Completed", 10)

    def start_client(self):
        self.spawn("client", self.client, "openvpn", "--client", *self.common("client"), "--proto", self.protos[1],
                   "--remote", OUTER_SERVER, self.port, "--nobind")


class OpenVpnTcp(OpenVpn):
    name = "openvpn-tcp"
    outer = "TCP"
    protos = ("tcp-server", "tcp-client")


class OpenVpnUdp(OpenVpn):
    name = "openvpn-udp"
    outer = "UDP"
    protos = ("udp", "udp")
