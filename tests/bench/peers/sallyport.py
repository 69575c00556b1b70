"""sallyport with its defaults, but cubic for its TCP like everybody here."""
import measure

from lib import wait

from .base import Peer

CONGESTION = "cubic"


class Sallyport(Peer):
    name = "sallyport"
    outer = "TCP"
    port = 4433
    server_address = "10.86.0.1"
    idle_clients = 50

    def about(self):
        status = self.daemon.ask()
        session = status["sessions"][0]
        kinds = ", ".join(session["offload"]) or f"none ({session['offload_reason']})"
        return (f"sallyport {status['version']}, {status['library']}, {session['version']}, {session['suite']}, "
                f"{session['group']}, MTU {status['mtu']}, offload: {kinds}")

    def start_server(self):
        self.lab.pki.client("alice")
        self.daemon = self.lab.server(self.server, congestion_control=CONGESTION, log_level="warn", wait_ready=False)
        self.processes.append(self.daemon)
        wait.until(lambda: self.daemon.status(), 10, "the server's status", pause=0.01)

    def start_client(self):
        self.processes.append(
            self.lab.client(self.client, "alice", congestion_control=CONGESTION, wait_open=False))

    def idle_growth_kib(self):
        # Each is a process of its own, in the client's namespace.
        before = measure.memory_of(self.daemon)["Rss"]
        for i in range(self.idle_clients):
            # Routes are not what is measured, and would need a table for each.
            self.processes.append(self.lab.client(
                self.client, f"idle{i}", wait_open=False, device=f"idle{i}", congestion_control=CONGESTION,
                accept_routes=False, table=9000 + i, rule_priority=9000 + i))
        self.daemon.wait_status(
            lambda s: sum(x["state"] == "open" for x in s["sessions"]) == 1 + self.idle_clients, 60, "all idle clients")
        return (measure.memory_of(self.daemon)["Rss"] - before) / self.idle_clients
