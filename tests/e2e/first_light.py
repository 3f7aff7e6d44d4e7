"""First light: normal, the WAN cut, a late phone, two restarts in the dark, and the way home (issue First light)."""

import time

from call import Call
from program import wait_until
from story import ALL_MOVE, LOSS_SEEN, Story, must

EARLY = ("alice", "bob", "carol")
EVERYBODY = (*EARLY, "dave")

REGISTER, LAST, CENTRAL_CALLS = (
    "1 phones register at the central site", "1 DNS answer: our record last", "1 calls through the central site")
LOSS, FIRST, ARRIVE, LOCAL_CALLS = (
    "2 WAN cut: mode survivable", "2 DNS answer: our record first", "2 phones register here",
    "2 calls through the branch device")
PUSHED = "2 pushed content: delivered, and kept for dave"
LATE, GOT = "3 a phone that boots in the dark", "3 it gets what was kept for it"
POLITE, KILLED = "4 restart by SIGTERM", "4 restart by kill -9"
BACK, STAYS, HOME, NORMAL, AGAIN, AT_HOME = (
    "5 WAN back: mode recovering", "5 the call that was up stays up", "5 every phone at the central site",
    "5 mode normal, no binding here", "5 calls through the central site again",
    "5 pushed content goes through the central site")


# What is pushed: baresip prints it.
NEWS, KEPT, HOME_NEWS = "The WAN is down", "Call the landlord", "All is well"


class FirstLight(Story):
    """About two and a half minutes."""

    chapters = (
        ("Chapter 1: a normal day", (REGISTER, LAST, CENTRAL_CALLS), "normal"),
        ("Chapter 2: the WAN link goes down", (LOSS, FIRST, ARRIVE, LOCAL_CALLS, PUSHED), "cut"),
        ("Chapter 3: a phone boots in the dark", (LATE, GOT), "late_phone"),
        ("Chapter 4: the branch device restarts in the dark", (POLITE, KILLED), "restarts"),
        ("Chapter 5: the WAN comes back", (BACK, STAYS, HOME, NORMAL, AGAIN, AT_HOME), "way_home"),
    )

    def normal(self):
        self.line.run(REGISTER, lambda: self.a_normal_day(EARLY))
        self.line.run(LAST, self.ours_last)
        self.line.run(CENTRAL_CALLS, lambda: self.calls_through_central(("alice", "bob"), ("carol", "alice")))

    def cut(self):
        cut = time.monotonic()
        self.scene.bench.link_down()
        self.line.event("wan", "link down")
        self.line.run(LOSS, self._survivable, cut)
        self.line.run(FIRST, self.ours_first)
        self.line.run(ARRIVE, lambda: self.wait_here(EARLY), cut)
        self.line.run(LOCAL_CALLS, lambda: self.calls(("alice", "bob"), ("carol", "alice")))
        self.line.run(PUSHED, self._push_in_the_dark)
        for words in (("status",), ("registrations",)):
            for line in self.device.say(*words).splitlines():
                self.line.event("cli", line)

    def _survivable(self):
        status = self.wait_mode("survivable")
        must(status["cause"] in ("link", "sip"), f"the cause is {status['cause']}, not the link")
        must(status["central"] and all(server["health"] != "up" for server in status["central"]),
             "a dead central server is called up, or none is known")
        return f"cause {status['cause']}"

    def late_phone(self):
        def boot():
            self.scene.boot("dave")
            self.wait_here(["dave"], 60)
            return self.call("dave", "carol")

        self.line.run(LATE, boot)
        self.line.run(GOT, lambda: self.reads("dave", KEPT))

    def _push_in_the_dark(self):
        """P1, P8: one is there, the other is not; and the program is killed before he comes."""
        must(self.device.push("alice", NEWS)["result"] == "delivered", "alice's phone is here")
        must(self.device.push("dave", KEPT)["result"] == "stored", "dave's phone is off")
        self.device.kill()
        self.device.start()
        return self.reads("alice", NEWS)

    def restarts(self):
        self.line.run(POLITE, lambda: self._restart(self._end_politely))
        self.line.run(KILLED, lambda: self._restart(self.device.kill))

    def _end_politely(self):
        status = self.device.stop()
        must(status == 0, f"SIGTERM ended it with status {status}")

    def _restart(self, end):
        before = self.device.bindings()
        end()
        gone = time.monotonic()
        self.device.start()
        back = time.monotonic() - gone
        after = self.device.bindings()
        lost = [binding for binding in before if binding not in after]
        must(not lost, f"bindings lost: {lost}")
        self.wait_mode("survivable", LOSS_SEEN)
        self.ours_first()
        self.calls(("bob", "dave"), ("alice", "carol"))
        return f"back in {back * 1000:.0f} ms with {len(after)} bindings and the learnt records"

    def way_home(self):
        call = Call(self.phones["alice"], self.phones["bob"], self.scene.watches)
        self.line.event("call", f"{call} is up ({call.heard()} RTP packets/s each way)")
        back = time.monotonic()
        self.scene.bench.repair()
        self.line.event("wan", "link up")

        def recovering():
            wait_until(lambda: "recovering" in self.scene.watcher.modes_since(back), 60, "mode recovering")
            return "seconds since the return"

        def stays_up():
            self.wait_at_central(("carol", "dave"), ALL_MOVE)
            rate = call.heard()
            call.end(by=1)
            return f"{call}: {rate} RTP packets/s each way, and BYE, after carol and dave had gone home"

        def normal():
            wait_until(lambda: "normal" in self.scene.watcher.modes_since(back)
                       and not self.device.registrations(), ALL_MOVE, "mode normal and no binding left here")
            modes = self.scene.watcher.modes_since(back)
            must("recovering" in modes[:modes.index("normal")], f"modes {modes}: not recovering before normal")
            self.wait_at_central(EVERYBODY, 1)
            return " → ".join(modes)

        self.line.run(BACK, recovering, back)
        self.line.run(STAYS, stays_up, back)
        self.line.run(HOME, lambda: self.wait_at_central(EVERYBODY, ALL_MOVE), back)
        self.line.run(NORMAL, normal, back)
        self.line.run(AGAIN, self._as_before)
        self.line.run(AT_HOME, self._push_home)

    def _push_home(self):
        """X-18: nobody is registered here."""
        report = self.device.push("bob", HOME_NEWS)
        must(report["result"] == "delivered" and report["steps"][-1]["via"] == "central", f"{report}")
        return self.reads("bob", HOME_NEWS)

    def _as_before(self):
        self.ours_last()
        return self.calls_through_central(("carol", "bob"), ("dave", "alice"))
