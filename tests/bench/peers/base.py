"""What all tunnels have in common."""
import signal

import measure

from lib import wait

OUTER_SERVER = "192.0.2.1"


class Peer:
    """A tunnel from client (where tests start) to server.

    Between start_server() and close() its processes are in self.processes, the server's first, so that both can be
    measured, and ended in any state.
    """
    name = None
    port = None            # Where the server listens.
    outer = None           # "TCP", "UDP", or None: what carries the tunnel.
    server_address = None  # Inside; what tests connect to.
    idle_clients = 0       # How many idle_growth_kib() connects; 0: it is not measured for this peer.

    def __init__(self, lab, client, server):
        self.lab, self.client, self.server = lab, client, server
        self.processes = []

    @classmethod
    def missing(cls):
        """Why this peer cannot be measured here, or None."""
        return None

    def about(self):
        """Version and settings, in a line."""
        raise NotImplementedError

    def start_server(self):
        """Start the server, wait until it listens, and prepare what the client needs."""
        raise NotImplementedError

    def start_client(self):
        """Start the client; it need not be connected on return."""
        raise NotImplementedError

    def idle_growth_kib(self):
        """Between start_client() and close(): what the server's resident memory grows by for each further client that
        connects and does nothing, in KiB."""
        raise NotImplementedError

    def close(self):
        """End all processes, clients first."""
        ending = [p for p in reversed(self.processes) if p.running()]
        self.processes = []
        for p in ending:
            p.signal(signal.SIGTERM)
        for p in ending:
            try:
                p.wait_exit(5)
            except wait.Timeout:
                p.kill()

    def spawn(self, label, ns, *argv):
        p = self.lab.start(f"{self.name} {label}", ns.argv(*argv))
        self.processes.append(p)
        return p

    def congestion(self):
        """'TCP cubic': what carries the tunnel, and for TCP how, as the kernel says while it is up."""
        if self.outer != "TCP":
            return self.outer or "-"
        return f"TCP {measure.congestion_of(self.server, self.port) or '?'}"
