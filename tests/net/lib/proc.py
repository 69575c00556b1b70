"""Processes whose output is waited for line by line."""
import re
import signal
import subprocess
import threading
import time

from . import wait


class Process:
    """A running program; its output (both streams) is collected as lines."""

    def __init__(self, label, argv):
        self.label = label
        self.lines = []
        self._changed = threading.Condition()
        self._ended = False
        self.popen = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, text=True, errors="backslashreplace")
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.popen.stdout:
            with self._changed:
                self.lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    @property
    def pid(self):
        return self.popen.pid

    def mark(self):
        """A place in the log, to wait for what comes after it."""
        with self._changed:
            return len(self.lines)

    def find_log(self, pattern, since=0):
        with self._changed:
            return [line for line in self.lines[since:] if re.search(pattern, line)]

    def wait_log(self, pattern, timeout=10, since=0):
        """The first line at or after since that matches; fails early when the program ends without one."""
        deadline = time.monotonic() + timeout
        at = since
        with self._changed:
            while True:
                while at < len(self.lines):
                    match = re.search(pattern, self.lines[at])
                    if match:
                        return match
                    at += 1
                if self._ended:
                    raise wait.Timeout(f"{self.label} has ended without a line like /{pattern}/")
                left = deadline - time.monotonic()
                if left <= 0:
                    raise wait.Timeout(f"{self.label}: no line like /{pattern}/ within {timeout} s")
                self._changed.wait(left)

    def wait_exit(self, timeout=10):
        try:
            code = self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            raise wait.Timeout(f"{self.label} has not ended within {timeout} s") from None
        self._reader.join(5)
        return code

    def running(self):
        return self.popen.poll() is None

    def signal(self, number):
        self.popen.send_signal(number)

    def terminate(self, timeout=10):
        """End it politely; returns the exit code."""
        if self.running():
            self.signal(signal.SIGTERM)
        return self.wait_exit(timeout)

    def kill(self):
        if self.running():
            self.signal(signal.SIGKILL)
        return self.wait_exit(10)

    def output(self):
        with self._changed:
            return "\n".join(self.lines)
