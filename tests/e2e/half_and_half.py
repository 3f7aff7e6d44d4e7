"""One phone here, the others at the central site, and the WAN alive (INT-04, C3, X-25)."""

import time

from phone import EXPIRES
from program import wait_until
from story import Story, must

ARRIVE, MODE, CALL, STAY = (
    "1 a phone whose own path is broken registers here", "1 mode normal all the same",
    "1 a call from here to a phone at the central site", "1 it is served, not sent away")


class HalfAndHalf(Story):
    """About one and a quarter minutes."""

    chapters = (("Chapter 1: carol's phone cannot reach the central site", (ARRIVE, MODE, CALL, STAY), "broken_path"),)

    def broken_path(self):
        self.a_normal_day(("alice", "bob"))
        self.scene.bench.reject_from("p3")
        self.line.event("wan", "carol's connections to the central site are reset")

        def arrive():
            self.scene.boot("carol")
            return self.wait_here(["carol"], 40)

        def mode():
            must(self.device.mode() == "normal", f"mode {self.device.mode()}")
            return "normal"

        self.line.run(ARRIVE, arrive)
        self.line.run(MODE, mode)
        self.line.run(CALL, lambda: self.calls_through_central(("carol", "alice")))
        self.line.run(STAY, self._refreshed)

    def _refreshed(self):
        """Over more than one lifetime carol is never without a binding."""
        end = time.monotonic() + EXPIRES + 5
        wait_until(lambda: self._bound() and time.monotonic() > end, EXPIRES + 10, "a refresh", 0.5)
        return f"bound for {EXPIRES + 5} s without a gap"

    def _bound(self):
        must("carol" in self.device.registrations(), "carol's binding went away")
        return True
