"""DNS questions to the branch device, asked with kdig from a phone's place."""

import dataclasses
import time

from bench import ADDRESS, command
from central_site import DOMAIN

OURS = f"ringhold.{DOMAIN}."


@dataclasses.dataclass(frozen=True)
class Srv:
    """One SRV record as it stood in the answer."""
    ttl: int
    priority: int
    weight: int
    port: int
    target: str

    def __str__(self):
        return f"{self.target.split('.')[0]}({self.priority})"


def _answer(name, kind, place, timeout):
    return command("kdig", f"@{ADDRESS['box']}", name, kind, "+noall", "+answer", f"+timeout={timeout}",
                   "+retry=0", where=place).splitlines()


def ask_srv(transport, place="p1", timeout=3):
    """The SRV records of the SIP domain in the order of the answer, and the seconds it took."""
    begin = time.monotonic()
    lines = _answer(f"_sip._{transport}.{DOMAIN}", "SRV", place, timeout)
    records = []
    for line in lines:
        fields = line.split()
        if len(fields) == 8 and fields[3] == "SRV":
            records.append(Srv(*(int(field) for field in (fields[1], *fields[4:7])), fields[7]))
    return records, time.monotonic() - begin


def ask_address(name, place="p1", timeout=3):
    """The IPv4 addresses of a name."""
    fields = (line.split() for line in _answer(name, "A", place, timeout))
    return [field[4] for field in fields if len(field) == 5 and field[3] == "A"]


def ask_unknown(label, place="p1"):
    """Asks a name nobody has asked before; the answer, or that there is none, does not matter."""
    command("kdig", f"@{ADDRESS['box']}", f"{label}.{DOMAIN}", "A", "+timeout=2", "+retry=0", where=place, check=False)
