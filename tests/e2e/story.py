"""The story: normal, WAN cut, a late phone, two restarts in the dark, and the way home."""

import time

from call import Call, make_call
from central_site import DOMAIN
from dns_query import OURS, ask_address, ask_srv
from program import wait_until

EARLY = ("alice", "bob", "carol")
# Seconds. A phone refreshes every 54 s and gives a dead UDP target up after 32 s; twice that is a failure.
ALL_MOVE = 120
LOSS_SEEN = 25
TITLES = (
    "1 DNS answer: our record last",
    "1 phones register at the central site",
    "1 calls through the central site",
    "2 WAN cut: mode survivable",
    "2 DNS answer: our record first",
    "2 phones register here",
    "2 calls through the branch device",
    "3 a phone that boots in the dark",
    "4 restart by SIGTERM",
    "4 restart by kill -9",
    "5 WAN back: recovering",
    "5 the call that was up stays up",
    "5 every phone at the central site",
    "5 mode normal, no binding here",
    "5 calls through the central site again",
)


def must(condition, otherwise):
    if not condition:
        raise AssertionError(otherwise)


class Story:
    """Each method named after a chapter runs it; `tell` runs all."""

    def __init__(self, scene):
        self._scene = scene
        self._line = scene.timeline
        self._device = scene.device
        self._central = scene.central
        self._phones = scene.phones

    def tell(self):
        self._line.plan(TITLES)
        self._line.chapter("Chapter 1: a normal day")
        self._normal()
        self._line.chapter("Chapter 2: the WAN link goes down")
        self._cut()
        self._line.chapter("Chapter 3: a phone boots in the dark")
        self._late_phone()
        self._line.chapter("Chapter 4: the branch device restarts in the dark")
        self._restarts()
        self._line.chapter("Chapter 5: the WAN comes back")
        self._return()

    # What is observed

    def _records(self, transport):
        records, seconds = ask_srv(transport)
        self._line.event("dns", f"_sip._{transport}: {' '.join(map(str, records)) or 'no record'}, "
                                f"TTL {min((r.ttl for r in records), default=0)}, {seconds * 1000:.0f} ms")
        must({r.target for r in records} == {OURS, f"sip1.{DOMAIN}.", f"sip2.{DOMAIN}."},
             f"the answer for _sip._{transport} has not the two central records and ours")
        must(len({r.ttl for r in records}) == 1, "the TTLs of the record set differ (RFC 2181 5.2)")
        must(records == sorted(records, key=lambda r: r.priority), "records are not in order of priority")
        return records, seconds

    def _at_central(self, users):
        found = self._central.registrations()
        return all(user in found for user in users)

    def _here(self, users):
        found = self._device.registrations()
        return all(user in found for user in users)

    def _call(self, caller, callee):
        text = make_call(self._phones[caller], self._phones[callee], self._scene.watches)
        self._line.event("call", text)
        return text

    def _calls_through_central(self, *pairs):
        before = self._central.received()["core:rcv_requests_invite"]
        texts = [self._call(*pair) for pair in pairs]
        seen = self._central.received()["core:rcv_requests_invite"] - before
        must(seen >= len(pairs), f"the central site saw {seen} INVITEs for {len(pairs)} calls")
        return ", ".join(texts)

    # The chapters

    def _normal(self):
        self._scene.start_device()
        wait_until(lambda: self._device.mode() == "normal", 20, "mode normal after the start")
        self._line.run(TITLES[0], self._our_record_last)

        def register():
            self._scene.boot(*EARLY)
            wait_until(lambda: self._at_central(EARLY), 30, "all phones registered at the central site")
            must(not self._device.registrations(), "a phone is registered here although the central site lives")
            return "alice, bob, carol"

        self._line.run(TITLES[1], register)
        self._line.run(TITLES[2], lambda: self._calls_through_central(("alice", "bob"), ("carol", "alice")))

    def _our_record_last(self):
        for transport in ("udp", "tcp"):
            records, _ = self._records(transport)
            must(records[-1].target == OURS, f"our record is not the last of _sip._{transport}")
            must(records[-1].priority > records[-2].priority, "our priority number is not the greatest")
            must(records[0].ttl <= 60, "the TTL is above 60 s")
        must(ask_address(OURS) == [self._device.address()], f"{OURS} A is not our address")
        return "sip1, sip2, ringhold"

    def _cut(self):
        cut = time.monotonic()
        self._scene.bench.link_down()
        self._line.event("wan", "link down")

        def survivable():
            wait_until(lambda: self._device.mode() == "survivable", LOSS_SEEN, "mode survivable")
            status = self._device.status()
            must(status["cause"] != "none", "survivable without a cause")
            evidence = ", ".join(f"{c['target']} {c['health']}" for c in status["central"])
            self._line.event("evidence", f"cause {status['cause']}; {evidence}")
            must(all(c["health"] != "up" for c in status["central"]), f"a dead central server is called up: {evidence}")
            return f"cause {status['cause']}"

        self._line.run(TITLES[3], survivable, cut)
        self._line.run(TITLES[4], self._our_record_first)

        def register():
            wait_until(lambda: self._here(EARLY), ALL_MOVE, "all phones registered here")
            return "alice, bob, carol; seconds since the cut"

        self._line.run(TITLES[5], register, cut)
        self._line.run(TITLES[6], lambda: ", ".join([self._call("alice", "bob"), self._call("carol", "alice")]))
        for line in self._device.say("registrations").splitlines():
            self._line.event("cli", line)

    def _our_record_first(self):
        for transport in ("udp", "tcp"):
            records, seconds = self._records(transport)
            must(records[0].target == OURS, f"our record is not the first of _sip._{transport}")
            must(records[0].priority < records[1].priority, "our priority number is not the least")
            must(records[0].ttl <= 30, "the TTL is above 30 s")
            must(seconds < 0.5, "the answer did not come from memory")
        return "ringhold, sip1, sip2"

    def _late_phone(self):
        def boot():
            self._scene.boot("dave")
            wait_until(lambda: self._here(["dave"]), 60, "dave's phone registered here")
            return self._call("dave", "carol")

        self._line.run(TITLES[7], boot)

    def _restarts(self):
        self._line.run(TITLES[8], lambda: self._restart(self._end_politely))
        self._line.run(TITLES[9], lambda: self._restart(self._device.kill))

    def _end_politely(self):
        status = self._device.stop()
        must(status == 0, f"SIGTERM ended it with status {status}")

    def _restart(self, end):
        before = self._device.bindings()
        end()
        gone = time.monotonic()
        self._device.start()
        back = time.monotonic() - gone
        after = self._device.bindings()
        lost = [binding for binding in before if binding not in after]
        must(not lost, f"bindings lost: {lost}")
        records, _ = self._records("udp")
        must(records[0].target == OURS, "our record is not the first after the restart")
        wait_until(lambda: self._device.mode() == "survivable", LOSS_SEEN, "mode survivable after the restart")
        self._call("bob", "dave")
        return f"back in {back * 1000:.0f} ms with {len(after)} bindings and the learnt records"

    def _return(self):
        call = Call(self._phones["alice"], self._phones["bob"], self._scene.watches)
        self._line.event("call", f"{call} is up ({call.heard()} RTP packets/s each way)")
        back = time.monotonic()
        self._scene.bench.repair()
        self._line.event("wan", "link up")

        def recovering():
            wait_until(lambda: "recovering" in self._scene.watcher.modes_since(back), 90, "mode recovering")
            return ""

        def stays_up():
            wait_until(lambda: self._at_central(["carol", "dave"]), ALL_MOVE,
                       "the idle phones registered at the central site")
            rate = call.heard()
            call.end(by=1)
            return f"{call}: {rate} RTP packets/s each way, BYE after the idle phones had gone home"

        def all_home():
            wait_until(lambda: self._at_central(self._phones), ALL_MOVE, "all phones registered at the central site")
            return "alice, bob, carol, dave; seconds since the return"

        def normal():
            wait_until(lambda: self._device.mode() == "normal" and not self._device.registrations(), ALL_MOVE,
                       "mode normal and no binding left here")
            modes = self._scene.watcher.modes_since(back)
            must("normal" in modes and "recovering" in modes[:modes.index("normal")],
                 f"modes were {modes}, not recovering before normal")
            must(self._at_central(self._phones), "a phone left the central site again")
            return " → ".join(modes)

        self._line.run(TITLES[10], recovering, back)
        self._line.run(TITLES[11], stays_up, back)
        self._line.run(TITLES[12], all_home, back)
        self._line.run(TITLES[13], normal, back)
        self._line.run(TITLES[14], lambda: (self._our_record_last(), self._calls_through_central(
            ("carol", "bob"), ("dave", "alice")))[1])
