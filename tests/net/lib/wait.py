"""Waiting on events with a deadline, never for a fixed time."""
import time


class Timeout(AssertionError):
    """The event has not come."""


def until(condition, timeout, what, pause=0.02):
    """Poll condition() until it is true and return its value; what names the event in the error."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Timeout(f"not within {timeout} s: {what() if callable(what) else what}")
        time.sleep(pause)
