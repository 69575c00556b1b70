"""Figures of several rounds: medians and ranges."""
import dataclasses
import math
import statistics


def percentile(values, p):
    """The smallest value that at least p percent do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(p / 100 * len(ordered)) - 1)]


@dataclasses.dataclass(frozen=True)
class Spread:
    """What several rounds have given for one figure."""
    values: tuple

    @classmethod
    def of(cls, values):
        """None when no round has a value."""
        known = tuple(v for v in values if v is not None)
        return cls(known) if known else None

    @property
    def median(self):
        return statistics.median(self.values)

    @property
    def low(self):
        return min(self.values)

    @property
    def high(self):
        return max(self.values)

    def text(self, form):
        """median (min-max), or the one value."""
        if len(self.values) == 1:
            return form(self.median)
        return f"{form(self.median)} ({form(self.low)}-{form(self.high)})"

    def as_json(self):
        return {"median": self.median, "min": self.low, "max": self.high, "values": list(self.values)}
