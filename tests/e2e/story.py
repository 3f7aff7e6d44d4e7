"""What every story needs: chapters of planned steps, and the observations that the steps rest on."""

from call import make_call
from central_site import DOMAIN
from dns_query import OURS, ask_address, ask_srv
from program import wait_until

# Seconds. A phone refreshes every 54 s and gives a dead UDP target up after 32 s; what takes longer is a failure.
ALL_MOVE = 120
# Three probes of 5 s with 2 s of patience each, and a tenth (DIS-25).
LOSS_SEEN = 23
CENTRAL = tuple(f"sip{number}.{DOMAIN}." for number in (1, 2))


def must(condition, otherwise):
    if not condition:
        raise AssertionError(otherwise)


class Story:
    """A subclass lists its `chapters`: heading, titles of the steps, name of the method that runs them."""

    chapters = ()

    def __init__(self, scene):
        self.scene = scene
        self.line = scene.timeline
        self.device = scene.device
        self.central = scene.central
        self.phones = scene.phones

    def tell(self, last=None):
        """Runs the chapters, up to number `last` if given."""
        chapters = self.chapters[:last]
        self.line.plan([title for _, titles, _ in chapters for title in titles])
        for heading, _, method in chapters:
            self.line.chapter(heading)
            getattr(self, method)()

    # Waiting

    def wait_mode(self, mode, seconds=LOSS_SEEN):
        """Waits for the mode and returns the cause with the health of each central server."""
        wait_until(lambda: self.device.mode() == mode, seconds, f"mode {mode}")
        return self.evidence()

    def evidence(self):
        status = self.device.status()
        central = ", ".join(f"{server['target']} {server['health']}" for server in status["central"])
        self.line.event("evidence", f"cause {status['cause']}; {central or 'no central server known'}")
        return status

    def wait_at_central(self, users, seconds, server="c1"):
        wait_until(lambda: set(users) <= set(self.central.registrations(server)), seconds,
                   f"registered at {server}: {', '.join(users)}")
        return ", ".join(users)

    def wait_here(self, users, seconds=ALL_MOVE):
        wait_until(lambda: set(users) <= set(self.device.registrations()), seconds,
                   f"registered here: {', '.join(users)}")
        return ", ".join(users)

    # DNS

    def records(self, transport):
        """The SRV records the branch gets, which must be a legal record set."""
        records, seconds = ask_srv(transport)
        self.line.event("dns", f"_sip._{transport}: {' '.join(map(str, records)) or 'no record'}, "
                               f"TTL {min((r.ttl for r in records), default=0)}, {seconds * 1000:.0f} ms")
        must(len({r.ttl for r in records}) == 1, "no record, or TTLs that differ (RFC 2181 5.2)")
        must(records == sorted(records, key=lambda r: r.priority), "records are not in order of priority")
        must(sum(r.target == OURS for r in records) == 1, "our record is not there exactly once")
        return records, seconds

    def ours_last(self):
        """Normal order: the central servers as in their zone, then we (DIS-07, 08, 10)."""
        for transport in ("udp", "tcp"):
            records, _ = self.records(transport)
            must(tuple(r.target for r in records) == (*CENTRAL, OURS), f"wrong order for _sip._{transport}")
            must(records[-1].priority > records[-2].priority, "our priority number is not the greatest")
            must(records[0].ttl <= 60, "the TTL is above 60 s")
        must(ask_address(OURS) == [self.device.address()], f"{OURS} A is not our address")
        return "sip1, sip2, ringhold"

    def ours_first(self):
        """The loss is confirmed: we, then the central servers, at once from memory (D7, DIS-15, 16)."""
        for transport in ("udp", "tcp"):
            records, seconds = self.records(transport)
            must(tuple(r.target for r in records) == (OURS, *CENTRAL), f"wrong order for _sip._{transport}")
            must(records[0].priority < records[1].priority, "our priority number is not the least")
            must(records[0].ttl <= 30, "the TTL is above 30 s")
            must(seconds < 0.5, f"the answer took {seconds:.2f} s: it did not come from memory")
        must(ask_address(OURS) == [self.device.address()], f"{OURS} A is not our address")
        return "ringhold, sip1, sip2"

    # Calls

    def call(self, caller, callee):
        """One whole call; the text says who called whom."""
        text = make_call(self.phones[caller], self.phones[callee], self.scene.watches)
        self.line.event("call", text)
        return f"{caller}→{callee}"

    def calls(self, *pairs):
        return ", ".join(self.call(*pair) for pair in pairs)

    def calls_through_central(self, *pairs, server="c1"):
        """The same, and the central server must have seen each INVITE."""
        before = self.central.invites(server)
        text = self.calls(*pairs)
        seen = self.central.invites(server) - before
        must(seen >= len(pairs), f"{server} saw {seen} INVITEs for {len(pairs)} calls")
        return text

    # Content

    def reads(self, user, text):
        """What was pushed, on the phone's screen, once."""
        phone = self.phones[user]
        wait_until(lambda: text in phone.text(), 10, f"{user}'s phone shows {text!r}")
        must(phone.text().count(text) == 1, f"{user}'s phone shows it more than once")
        return f"{user}'s phone shows: {text}"

    # Beginning

    def a_normal_day(self, users):
        """Starts the branch device and the phones with everything alive."""
        self.scene.start_device()
        self.wait_mode("normal", 20)
        self.scene.boot(*users)
        self.wait_at_central(users, 30)
        wait_until(lambda: all(server["health"] == "up" for server in self.device.status()["central"]), 10, "each central server has answered")
        must(not self.device.registrations(), "a phone is registered here although the central site lives")
        return ", ".join(users)
