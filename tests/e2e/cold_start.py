"""Cold start in the dark: everything powers on with the WAN dead and an empty store (INT-03, D5)."""

from dns_query import OURS
from story import ALL_MOVE, Story, must

PHONES = ("alice", "bob", "carol", "dave")
ALONE, ARRIVE, CALLS = "1 DNS answer: our record alone", "1 phones register here", "1 calls in the dark"
HOME, AGAIN = "2 every phone at the central site", "2 calls through the central site"


class ColdStart(Story):
    """About one and a half minutes."""

    chapters = (
        ("Chapter 1: power on in the dark", (ALONE, ARRIVE, CALLS), "dark"),
        ("Chapter 2: the WAN appears", (HOME, AGAIN), "light"),
    )

    def dark(self):
        self.scene.bench.drop_all()
        self.line.event("wan", "everything dropped silently")
        self.scene.start_device()
        self.line.run(ALONE, self._alone)

        def arrive():
            self.scene.boot(*PHONES)
            return self.wait_here(PHONES, 60)

        self.line.run(ARRIVE, arrive)
        self.line.run(CALLS, lambda: self.calls(("alice", "bob"), ("carol", "alice"), ("dave", "carol")))

    def _alone(self):
        for transport in ("udp", "tcp"):
            records, seconds = self.records(transport)
            must([record.target for record in records] == [OURS], "there is more than our own record")
            must(records[0].ttl <= 30, "the TTL is above 30 s")
            must(seconds < 1.0, f"the first answer took {seconds:.2f} s (DIS-15: 800 ms)")
        return "ringhold"

    def light(self):
        self.scene.bench.repair()
        self.line.event("wan", "repaired")
        self.line.run(HOME, lambda: self.wait_at_central(PHONES, ALL_MOVE))
        self.line.run(AGAIN, lambda: self.calls_through_central(("alice", "bob"), ("carol", "dave")))
