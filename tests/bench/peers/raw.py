"""No tunnel: what the namespaces and iperf3 can do."""
from .base import OUTER_SERVER, Peer


class Raw(Peer):
    name = "raw"
    server_address = OUTER_SERVER

    def about(self):
        return "no tunnel; veth, MTU 1500, the kernel's default offloads"

    def start_server(self):
        pass

    def start_client(self):
        pass
