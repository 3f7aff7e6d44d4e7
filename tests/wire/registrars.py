"""SIPp as registrars that say what a test wants, and what an agent sent to them."""

import os
import re
import types

import wire
from peers import Sipp
from ringhold import free_port, wait_until
from terminal import SipMessage

# Its head has the time of day, tab-separated seconds and the size.
RECEIVED = re.compile(rb"-{20,} (\d{4}-\d\d-\d\d\s[\d:.]+)[^\n]*\nUDP message received \[(\d+)\] bytes :\n\n")


def status_line(status):
    """"403", or words that are none of SIP's."""
    return f"SIP/2.0 {status} As the test says" if str(status).isdigit() else status


class Registrar(Sipp):
    """`answer` goes to every REGISTER, with this header line; `farewell` to those that take a registration away."""

    def __init__(self, folder, answer="200", header="", farewell=None, port=None):
        port = port or free_port()
        place = types.SimpleNamespace(folder=folder, ports={"sip": port})
        super().__init__(place, "registrar", port=port, calls=1000, seconds=100,
                         keys={"answer": status_line(answer), "header": header or "X-Test: 1", "farewell": status_line(farewell or answer)})
        wait_until(lambda: wire.listens(self.port, "u1"), "SIPp listens")

    def registers(self):
        """[(when, REGISTER)], retransmissions left out."""
        trace = open(self._messages, "rb").read() if os.path.exists(self._messages) else b""
        found = {}
        for head in RECEIVED.finditer(trace):
            data = trace[head.end():head.end() + int(head[2])]
            if data.startswith(b"REGISTER "):
                message = SipMessage(data)
                found.setdefault(message.branch, (seconds_of(head[1].decode()), message))
        return list(found.values())


def seconds_of(text):
    hours, minutes, seconds = text.split()[1].split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def is_removal(register):
    return ";expires=0" in register.value("Contact")


def in_order(servers):
    """All REGISTERs as [(name, message)], by time; `servers` is {name: Registrar}."""
    rows = [(when, name, message) for name, one in servers.items() for when, message in one.registers()]
    return [(name, message) for _, name, message in sorted(rows, key=lambda row: (row[0], row[2].cseq))]
