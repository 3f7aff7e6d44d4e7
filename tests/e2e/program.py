"""One program running in one namespace, with its log file."""

import os
import signal
import subprocess
import time


class Program:
    """Starts at construction; `stop` ends it politely, `kill` does not."""

    def __init__(self, name, place, words, folder, environment=None):
        self.name = name
        self.place = place
        self.log = os.path.join(folder, f"{name}.log")
        self._output = open(self.log, "ab")
        self._process = subprocess.Popen(
            ["ip", "netns", "exec", place, *words], stdin=subprocess.DEVNULL, stdout=self._output,
            stderr=subprocess.STDOUT, env={**os.environ, **(environment or {})}, start_new_session=True)

    @property
    def running(self):
        return self._process.poll() is None

    @property
    def pid(self):
        return self._process.pid

    def must_run(self):
        """Raises with the end of the log when the program has ended by itself."""
        if not self.running:
            raise RuntimeError(f"{self.name} ended with status {self._process.returncode}; "
                               f"its last words: {self.last_words()}")

    def text(self):
        with open(self.log, errors="replace") as log:
            return log.read()

    def last_words(self, lines=5):
        return " | ".join(line.strip() for line in self.text().splitlines()[-lines:])

    def stop(self, patience=5.0):
        """SIGTERM, then SIGKILL after `patience` seconds. Returns the exit status."""
        if self.running:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(patience)
            except subprocess.TimeoutExpired:
                self._kill_all()
        status = self._process.wait()
        self._output.close()
        return status

    def _kill_all(self):
        """With its children, which would keep its sockets open."""
        os.killpg(self._process.pid, signal.SIGKILL)

    def kill(self):
        """SIGKILL: as a power cut would."""
        self._kill_all()
        status = self._process.wait()
        self._output.close()
        return status


def wait_until(condition, seconds, what, interval=0.1):
    """Returns the first true value of `condition()`; after `seconds` raises `TimeoutError` naming `what`."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise TimeoutError(f"not within {seconds:g} s: {what}")
        time.sleep(interval)
