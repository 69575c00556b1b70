#!/usr/bin/env python3
"""The benchmark behind scripts/bench, which installs and builds what this needs.

    a: client  192.0.2.2 ---- veth, MTU 1500 ---- 192.0.2.1  b: server

Tests start in a.  Everything is gone at the end, also after Ctrl-C.
"""
import argparse
import contextlib
import json
import os
import pathlib
import platform
import signal
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "net")]

# The lines above must come first.
import measure                               # noqa: E402
from figures import Plan, Turn               # noqa: E402
from lib.lab import Lab                      # noqa: E402
from peers import PEERS                      # noqa: E402
from report import Result, as_json, markdown  # noqa: E402

BUSY_WARNING = 0.15
CONNECT_TIMEOUT_S = 20
ALLOWED = pathlib.Path("/proc/sys/net/ipv4/tcp_allowed_congestion_control")


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__.splitlines()[0])
    parser.add_argument("--peers", default=",".join(PEERS), help="whom to measure: %(default)s")
    parser.add_argument("--rounds", type=int, help="turns that each peer gets (default: 3, quick: 1)")
    parser.add_argument("--quick", action="store_true", help="shorter, and less to be relied on")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="every figure of every round as well")
    parser.add_argument("--list", action="store_true", help="the peers' names")
    args = parser.parse_args()
    args.peers = args.peers.split(",")
    unknown = [p for p in args.peers if p not in PEERS]
    if unknown:
        parser.error(f"unknown peer {unknown[0]}; there are: {', '.join(PEERS)}")
    if args.rounds is not None and args.rounds < 1:
        parser.error("--rounds: at least 1")
    return args


@contextlib.contextmanager
def allowed(congestion):
    """The kernel lets namespaces choose this congestion control: one setting of the whole machine, put back after."""
    before = ALLOWED.read_text()
    try:
        if congestion not in before.split():
            ALLOWED.write_text(f"{before.strip()} {congestion}")
        yield
    finally:
        ALLOWED.write_text(before)


def namespaces(lab):
    """(client, server), with cubic for all TCP in both."""
    server, client = lab.pair(mtu=1500)
    with allowed("cubic"):
        for ns in (server, client):
            ns.sysctl("net.ipv4.tcp_congestion_control", "cubic")
    return client, server


def connect(peer):
    """Start the server, then the client; the ms from the client's start to the first answer to a ping."""
    peer.start_server()
    first = measure.FirstPing(peer.client, peer.server_address)
    began = time.monotonic()
    peer.start_client()
    answered = first.wait(CONNECT_TIMEOUT_S)
    return 1000 * (answered - began) if peer.processes else None


@contextlib.contextmanager
def failures_noted(result):
    """What cannot be measured is reported, and the others go on."""
    try:
        yield
    except (measure.Failed, AssertionError, OSError) as e:
        result.failures.append(str(e))


def take_turn(peer, plan, result):
    busy = measure.others_busy()
    if busy > BUSY_WARNING:
        say(f"something else uses {busy:.0%} of this machine; figures will be low")
    figures = {"others_busy": 100 * busy}
    with failures_noted(result), contextlib.closing(peer):
        figures["connect"] = connect(peer)
        result.about, result.congestion = peer.about(), peer.congestion()
        turn = Turn(peer, plan)
        turn.run()
        figures.update(turn.figures)
        result.failures += turn.failures
    # On a server that has not been under load: what that leaves behind would hide the growth.
    if peer.idle_clients:
        with failures_noted(result), contextlib.closing(peer):
            connect(peer)
            figures["idle_growth"] = peer.idle_growth_kib()
    result.rounds.append(figures)


def run(lab, names, plan):
    """{name: Result}; the peers in turn, plan.rounds times."""
    client, server = namespaces(lab)
    results = {}
    for name in names:
        missing = PEERS[name].missing()
        results[name] = Result(name, missing or "", "-", [], [missing] if missing else [])
    here = [n for n in names if not results[n].failures]
    for number in range(plan.rounds):
        for name in here:
            say(f"round {number + 1} of {plan.rounds}: {name}")
            take_turn(PEERS[name](lab, client, server), plan, results[name])
    return results


def machine(plan, began):
    with open("/proc/cpuinfo") as f:
        cpu = next((line.split(":", 1)[1].strip() for line in f if line.startswith("model name")), platform.machine())
    text = (f"{os.cpu_count()} cores ({cpu}), Linux {platform.release()}; both ends, iperf3 and ping on them. "
            f"{time.strftime('%Y-%m-%d')}, {time.monotonic() - began:.0f} s.")
    return {"cores": os.cpu_count(), "cpu": cpu, "kernel": platform.release(), "rounds": plan.rounds, "text": text}


def main():
    args = arguments()
    if args.list:
        print("\n".join(PEERS))
        return 0
    plan = Plan.quick() if args.quick else Plan.full()
    if args.rounds:
        plan = plan.with_rounds(args.rounds)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda n, _: sys.exit(128 + n))
    began = time.monotonic()
    lab = Lab()
    try:
        results = run(lab, args.peers, plan)
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        lab.close()
    about = machine(plan, began)
    print(markdown(about, results), end="")
    if args.json:
        args.json.write_text(json.dumps(as_json(about, results), indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
