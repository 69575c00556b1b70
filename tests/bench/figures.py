"""The rows of the benchmark: what is measured of a tunnel that is up, in which order, and how it is shown."""
import dataclasses
from collections.abc import Callable

import measure


@dataclasses.dataclass(frozen=True)
class Plan:
    """How long each measurement takes, in seconds (iperf3 takes whole ones only)."""
    rounds: int
    tcp: int
    udp: int
    udp_steps: int
    ping: float

    @classmethod
    def full(cls):
        return cls(rounds=3, tcp=4, udp=2, udp_steps=5, ping=4)

    @classmethod
    def quick(cls):
        return cls(rounds=1, tcp=2, udp=1, udp_steps=3, ping=2)

    def with_rounds(self, rounds):
        return dataclasses.replace(self, rounds=rounds)


@dataclasses.dataclass(frozen=True)
class Figure:
    key: str
    title: str
    unit: str
    form: Callable             # A value as text.
    table: str = "throughput"  # Or "latency"; "once": of few peers; None: not of a peer.


def fixed(digits):
    return lambda v: f"{v:.{digits}f}"


def significant(v):
    """Three digits that count."""
    return f"{v:.0f}" if v >= 100 else f"{v:.3g}"


FIGURES = (
    Figure("tcp_up", "1 TCP a->b", "Gbit/s", fixed(2)),
    Figure("tcp_down", "1 TCP b->a", "Gbit/s", fixed(2)),
    Figure("tcp4_up", "4 TCP a->b", "Gbit/s", fixed(2)),
    Figure("udp_peak", "64-byte UDP, peak", "1000/s", fixed(0)),
    Figure("udp_clean", "64-byte UDP, loss <= 1 %", "1000/s", fixed(0)),
    Figure("cpu_daemons", "CPU, daemons", "s/GB", fixed(2)),
    Figure("cpu_machine", "CPU, machine", "s/GB", fixed(2)),
    Figure("ping_p50", "ping idle, median", "us", significant, "latency"),
    Figure("ping_p99", "ping idle, p99", "us", significant, "latency"),
    Figure("load_p50", "ping under load, median", "us", significant, "latency"),
    Figure("load_p99", "ping under load, p99", "us", significant, "latency"),
    Figure("load_lost", "pings lost under load", "%", fixed(1), "latency"),
    Figure("rss", "server RSS after load", "MiB", fixed(1), "latency"),
    Figure("pss", "server PSS after load", "MiB", fixed(1), "latency"),
    Figure("connect", "client start to first ping", "ms", significant, "latency"),
    Figure("others_busy", "use of the machine by others before a turn", "%", fixed(0), None),
    Figure("idle_growth", "server RSS for one more idle client", "KiB", fixed(1), "once"),
)


class Turn:
    """One turn of one peer; figures holds what has been measured, failures what could not be and why."""

    def __init__(self, peer, plan):
        self.peer, self.plan = peer, plan
        self.figures, self.failures = {}, []

    def run(self):
        for part in (self._tcp_up, self._tcp_down, self._tcp4_up, self._ping, self._ping_under_load, self._udp,
                     self._memory):
            try:
                part()
            except (measure.Failed, OSError, AssertionError) as e:
                self.failures.append(f"{part.__name__.strip('_')}: {e}")

    def _ends(self):
        return self.peer.client, self.peer.server, self.peer.server_address

    def _stream(self, **options):
        got = measure.tcp(*self._ends(), self.plan.tcp, **options)
        if got.congestion != "cubic":
            raise measure.Failed(f"iperf3 used {got.congestion}")
        return got

    def _tcp_up(self):
        daemons, machine = measure.cpu_of(self.peer.processes), measure.cpu_of_machine()
        got = self._stream()
        machine = measure.cpu_of_machine() - machine
        daemons = measure.cpu_of(self.peer.processes) - daemons
        self.figures.update(tcp_up=got.gbits, cpu_daemons=daemons / got.gbytes, cpu_machine=machine / got.gbytes)

    def _tcp_down(self):
        self.figures["tcp_down"] = self._stream(reverse=True).gbits

    def _tcp4_up(self):
        self.figures["tcp4_up"] = self._stream(streams=4).gbits

    def _ping(self):
        got = measure.pings(self.peer.client, self.peer.server_address, self.plan.ping)
        self.figures.update(ping_p50=got.median, ping_p99=got.p99)

    def _ping_under_load(self):
        got = measure.pings_under_load(*self._ends(), self.plan.ping)
        self.figures.update(load_p50=got.median, load_p99=got.p99, load_lost=100 * got.lost)

    def _udp(self):
        peak, clean = measure.udp_limits(*self._ends(), self.plan.udp, self.plan.udp_steps)
        self.figures.update(udp_peak=peak, udp_clean=clean)

    def _memory(self):
        if self.peer.processes:
            got = measure.memory_of(self.peer.processes[0])
            self.figures.update(rss=got["Rss"] / 1024, pss=got["Pss"] / 1024)
