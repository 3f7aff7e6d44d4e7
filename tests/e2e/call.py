"""A call between two phones: set up, answered, heard in both directions, ended by BYE."""

from program import wait_until
from rtp_watch import both_hear

# What baresip reports when the other side's BYE arrived (ECONNRESET).
BYE_RECEIVED = "Connection reset by peer"


class Call:
    """An established call. `watches` maps a user to the RTP watch at his phone."""

    def __init__(self, caller, callee, watches, patience=10):
        self._ends = (caller, callee)
        self._marks = (caller.mark(), callee.mark())
        self._watches = [watches[end.user] for end in self._ends]
        caller.dial(callee.user)
        wait_until(self._established, patience, f"{self}: answered", 0.02)

    def __str__(self):
        return f"{self._ends[0].user}→{self._ends[1].user}"

    def _seen(self, kind):
        return [end.find_event(kind, mark) for end, mark in zip(self._ends, self._marks)]

    def _established(self):
        for end, event in zip(self._ends, self._seen("CALL_CLOSED")):
            if event:
                raise RuntimeError(f"{self}: ended too early at {end.user}: {event.get('param')}")
        return all(self._seen("CALL_ESTABLISHED"))

    def heard(self):
        """Packets per second in the weaker direction; raises when a direction is silent or the call is gone."""
        rate = both_hear(self._watches)
        self._established()
        return rate

    def end(self, by=0, patience=10):
        """End number `by` hangs up; the other one must hear the BYE."""
        self._ends[by].hang_up()
        wait_until(lambda: all(self._seen("CALL_CLOSED")), patience, f"{self}: ended by BYE at both ends", 0.02)
        told = self._seen("CALL_CLOSED")[1 - by].get("param")
        if told != BYE_RECEIVED:
            raise RuntimeError(f"{self}: {self._ends[1 - by].user} was not told by BYE but: {told}")


def make_call(caller, callee, watches):
    """A whole short call; returns a text for the timeline."""
    call = Call(caller, callee, watches)
    rate = call.heard()
    call.end()
    return f"{call} ({rate} RTP packets/s each way)"
