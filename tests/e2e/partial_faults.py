"""Faults that are not the whole WAN: the mode and the cause must tell them apart (INT-05, INT-02)."""

import time

from bench import ADDRESS
from call import Call
from dns_query import ask_unknown
from program import wait_until
from story import ALL_MOVE, LOSS_SEEN, Story, must

PHONES = ("alice", "bob")
DNS_MODE, DNS_ANSWER, DNS_CALLS = (
    "1 DNS dead: named, not survivable", "1 DNS dead: answers from memory, our record last",
    "1 DNS dead: calls through the central site")
ONE_MODE, ONE_ANSWER = "2 one server dead: partial, not survivable", "2 one server dead: our record last"
SIP_MODE, SIP_ANSWER, SIP_BACK = (
    "3 SIP dead: survivable, cause sip", "3 SIP dead: our record first", "3 SIP back: normal again")
KILLED = "4 kill -9 on a normal day: the call stays"


class PartialFaults(Story):
    """About a minute and a half."""

    chapters = (
        ("Chapter 1: only the central DNS is dead", (DNS_MODE, DNS_ANSWER, DNS_CALLS), "dns_dead"),
        ("Chapter 2: only the first central server is dead", (ONE_MODE, ONE_ANSWER), "one_server_dead"),
        ("Chapter 3: only SIP is dead", (SIP_MODE, SIP_ANSWER, SIP_BACK), "sip_dead"),
        ("Chapter 4: the branch device dies on a normal day", (KILLED,), "killed"),
    )

    def _wait_cause(self, cause):
        wait_until(lambda: self.device.status()["cause"] == cause, LOSS_SEEN, f"cause {cause}")
        return self.evidence()

    def _heal(self):
        self.scene.bench.repair()
        self.line.event("wan", "repaired")
        # Three probes and the dwell time, and a refresh if a phone came here meanwhile.
        self.wait_mode("normal", ALL_MOVE)
        wait_until(lambda: self.device.status()["cause"] == "none", 30, "cause none after the repair")

    def dns_dead(self):
        self.a_normal_day(PHONES)
        self.ours_last()
        begin = time.monotonic()
        self.scene.bench.dns_dead()
        self.line.event("wan", "port 53 dropped")

        def named():
            wait_until(self._ask_and_see_dns_cause, 60, "cause dns", 0.5)
            must(self.evidence()["mode"] != "survivable", "survivable although the central servers live")
            return "cause dns"

        self.line.run(DNS_MODE, named, begin)
        self.line.run(DNS_ANSWER, self.ours_last)
        self.line.run(DNS_CALLS, lambda: self.calls_through_central(("alice", "bob")))
        self._heal()

    def _ask_and_see_dns_cause(self):
        """Only questions show it, and those of the SIP names are answered from memory: a new name is asked."""
        ask_unknown(f"printer{time.monotonic_ns()}")
        return self.device.status()["cause"] == "dns"

    def one_server_dead(self):
        begin = time.monotonic()
        self.scene.bench.server_dead("c1")
        self.line.event("wan", f"{ADDRESS['c1']} is silent")

        def partial():
            status = self._wait_cause("partial")
            must(status["mode"] != "survivable", "survivable although the standby lives")
            return "cause partial"

        self.line.run(ONE_MODE, partial, begin)
        self.line.run(ONE_ANSWER, self.ours_last)
        self._heal()

    def sip_dead(self):
        begin = time.monotonic()
        self.scene.bench.sip_dead()
        self.line.event("wan", "port 5060 dropped")

        def survivable():
            status = self.wait_mode("survivable")
            must(status["cause"] == "sip", f"the cause is {status['cause']}, not sip")
            return "cause sip"

        self.line.run(SIP_MODE, survivable, begin)
        self.line.run(SIP_ANSWER, self.ours_first)

        def back():
            self._heal()
            return " → ".join(self.scene.watcher.modes_since(begin))

        self.line.run(SIP_BACK, back)

    def killed(self):
        self.wait_at_central(PHONES, 120)

        def stays():
            call = Call(self.phones["alice"], self.phones["bob"], self.scene.watches)
            self.device.kill()
            self.line.event("ringhold", "killed")
            rate = call.heard()
            begin = time.monotonic()
            self.device.start()
            self.ours_last()
            back = time.monotonic() - begin
            must(back < 1, f"DNS was back only after {back:.1f} s")
            call.end()
            return f"{call}: {rate} RTP packets/s each way; DNS back in {back * 1000:.0f} ms; BYE"

        self.line.run(KILLED, stays)
