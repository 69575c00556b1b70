"""Results as Markdown and as JSON, and how they stand to the goals."""
import dataclasses

from figures import FIGURES
from stats import Spread


@dataclasses.dataclass
class Result:
    """What all rounds have given for one peer."""
    name: str
    about: str
    congestion: str            # Of the tunnel.
    rounds: list               # Of {key: value}.
    failures: list

    def spread(self, key):
        return Spread.of(r.get(key) for r in self.rounds)

    def as_json(self):
        spreads = {f.key: self.spread(f.key) for f in FIGURES}
        return {"about": self.about, "congestion": {"tunnel": self.congestion, "streams": "cubic"},
                "figures": {k: s.as_json() for k, s in spreads.items() if s}, "failures": self.failures}


@dataclasses.dataclass(frozen=True)
class Goal:
    text: str
    measured: str
    reached: object            # True, False, or None when it could not be judged.

    def verdict(self):
        return {True: "reached", False: "**missed**", None: "not measured"}[self.reached]


def _ratio(results, key, than):
    """sallyport's figure over another peer's, round by round: both were measured within a minute or so."""
    ours, theirs = results.get("sallyport"), results.get(than)
    if ours is None or theirs is None:
        return None
    return Spread.of(a[key] / b[key] for a, b in zip(ours.rounds, theirs.rounds) if a.get(key) and b.get(key))


def _at_least(text, spread, limit):
    if spread is None:
        return Goal(text, "-", None)
    return Goal(text, spread.text("{:.1f}".format), spread.median >= limit)


def _below(text, spread, limit, form):
    if spread is None:
        return Goal(text, "-", None)
    return Goal(text, spread.text(form), spread.median < limit)


def goals(results):
    ours = results.get("sallyport")
    own = ours.spread if ours else lambda key: None
    return [
        *(_at_least(f"one TCP stream {way}: at least {limit} times {than}", _ratio(results, key, than), limit)
          for than, limit in (("openvpn-tcp", 10), ("wireguard-go", 2))
          for key, way in (("tcp_up", "a->b"), ("tcp_down", "b->a"))),
        _below("ping under load, p99: below 10 ms", own("load_p99"), 10000, lambda v: f"{v / 1000:.2f} ms"),
        _below("resident memory for one more idle client: below 32 KiB", own("idle_growth"), 32, "{:.1f} KiB".format),
    ]


def _table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def _figures_table(results, table):
    columns = [f for f in FIGURES if f.table == table]

    def row(result):
        spreads = ((f, result.spread(f.key)) for f in columns)
        return [result.name, f"{result.congestion} / cubic", *(s.text(f.form) if s else "-" for f, s in spreads)]

    head = ["peer", "tunnel / streams", *(f"{f.title}, {f.unit}" for f in columns)]
    return _table(head, map(row, results.values()))


def _once(results):
    for r in results.values():
        for f in FIGURES:
            if f.table == "once" and r.spread(f.key):
                yield f"{r.name}: {f.title}: {r.spread(f.key).text(f.form)} {f.unit}."


def _heading(machine, results):
    busy = [v for r in results.values() for v in (r.spread("others_busy") or Spread(())).values]
    others = f" Something else used {min(busy):.0f} to {max(busy):.0f} % of it before the turns." if busy else ""
    return f"Rounds: {machine['rounds']}, the peers in turn; median (lowest-highest). {machine['text']}{others}"


def markdown(machine, results):
    """The whole report."""
    lines = [_heading(machine, results), ""]
    lines += _figures_table(results, "throughput") + [""] + _figures_table(results, "latency") + [""]
    lines += [f"- `{r.name}`: {r.about}" for r in results.values()]
    lines += [f"- {line}" for line in _once(results)] + [""]
    lines += _table(["goal", "measured", ""], [[g.text, g.measured, g.verdict()] for g in goals(results)])
    failures = [f"- `{r.name}`, {f}" for r in results.values() for f in r.failures]
    if failures:
        lines += ["", "Not measured:", *failures]
    return "\n".join(lines) + "\n"


def as_json(machine, results):
    return {"machine": machine, "units": {f.key: f.unit for f in FIGURES},
            "peers": {r.name: r.as_json() for r in results.values()},
            "goals": [{"goal": g.text, "measured": g.measured, "reached": g.reached} for g in goals(results)]}
