"""The branch and the central site as network namespaces, the wires between them, and their faults.

    p1 p2 p3 p4 box                     cdns c1 c2
      \\  |  |  |  /                       \\  |  /
     branch 10.77.0.0/24 == wan ======= central 10.78.0.0/24
                         10.77.0.1     10.78.0.254

`wan` is the branch's router with its switch; its link `uplink` to the central site is what the faults cut.
Who needs more phones gets p5, p6 and so on.
"""

import contextlib
import ctypes
import json
import os
import subprocess

MOST_PHONES = 40
BRANCH = {"box": "10.77.0.2", **{f"p{number}": f"10.77.0.{10 + number}" for number in range(1, MOST_PHONES + 1)}}
CENTRAL = {"cdns": "10.78.0.1", "c1": "10.78.0.11", "c2": "10.78.0.12"}
ADDRESS = {**BRANCH, **CENTRAL}
BRANCH_GATEWAY = "10.77.0.1"
CENTRAL_GATEWAY = "10.78.0.254"
CLONE_NEWNET = 0x40000000

_libc = ctypes.CDLL(None, use_errno=True)


def command(*words, where=None, check=True):
    """Runs one short command, in a namespace if `where` names one, and returns what it printed."""
    prefix = ["ip", "netns", "exec", where] if where else []
    done = subprocess.run([*prefix, *words], capture_output=True, text=True, timeout=20)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def _enter(path):
    with open(path, "rb") as handle:
        if _libc.setns(handle.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"cannot enter {path}")


@contextlib.contextmanager
def inside(place):
    """For this thread only: sockets created in the body belong to the namespace `place`."""
    home = f"/proc/self/task/{ctypes.CDLL(None).gettid()}/ns/net"
    with open(home, "rb") as back:
        _enter(f"/run/netns/{place}")
        try:
            yield
        finally:
            if _libc.setns(back.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "cannot leave the namespace")


class Bench:
    """All namespaces and links of one run, with so many places for phones."""

    def __init__(self, phones=4):
        branch = ("box", *(f"p{number}" for number in range(1, phones + 1)))
        os.makedirs("/run/netns", exist_ok=True)
        for place in (*branch, *CENTRAL, "wan", "central"):
            command("ip", "netns", "add", place)
            # An IPv6 address that becomes valid a second later is a change of network, and a browser gives up its loads on one.
            command("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0", where=place)
            command("ip", "link", "set", "lo", "up", where=place)
        self._switch("wan", "branch", f"{BRANCH_GATEWAY}/24")
        self._switch("central", "switch", None)
        command("sysctl", "-qw", "net.ipv4.ip_forward=1", where="wan")
        self._wire("wan", "uplink", "central", "towan")
        command("ip", "link", "set", "towan", "master", "switch", where="central")
        self._raise_uplink()
        for place in branch:
            self._plug(place, BRANCH[place], "wan", "branch", BRANCH_GATEWAY)
        for place, address in CENTRAL.items():
            self._plug(place, address, "central", "switch", CENTRAL_GATEWAY)

    def _switch(self, place, name, address):
        command("ip", "link", "add", name, "type", "bridge", "forward_delay", "0", where=place)
        if address:
            command("ip", "addr", "add", address, "dev", name, where=place)
        command("ip", "link", "set", name, "up", where=place)

    def _wire(self, left, left_name, right, right_name):
        command("ip", "link", "add", left_name, "netns", left, "type", "veth",
                "peer", "name", right_name, "netns", right)
        command("ip", "link", "set", left_name, "up", where=left)
        command("ip", "link", "set", right_name, "up", where=right)

    def _plug(self, place, address, switch_place, switch, gateway):
        self._wire(place, "eth0", switch_place, f"to-{place}")
        command("ip", "link", "set", f"to-{place}", "master", switch, where=switch_place)
        command("ip", "addr", "add", f"{address}/24", "dev", "eth0", where=place)
        command("ip", "route", "add", "default", "via", gateway, where=place)

    def _raise_uplink(self):
        command("ip", "link", "set", "uplink", "up", where="wan")
        command("ip", "addr", "replace", f"{CENTRAL_GATEWAY}/24", "dev", "uplink", where="wan")

    def link_down(self):
        """LINK: the router's WAN port is down; the router answers ICMP unreachable."""
        command("ip", "link", "set", "uplink", "down", where="wan")

    def _filter(self, *verdicts):
        # What the switch of the branch passes on may come by here too (br_netfilter); faults are the WAN's alone.
        spared = 'iifname != "uplink" oifname != "uplink" accept'
        lines = "".join(f"{verdict};\n" for verdict in (spared, *verdicts))
        rules = f"table ip fault {{\nchain cut {{\ntype filter hook forward priority 0;\n{lines}}}\n}}\n"
        command("nft", rules, where="wan")

    def _drop(self, *matches):
        self._filter(*(f"{match} drop" for match in matches))

    def drop_all(self):
        """DROP: the WAN swallows everything silently."""
        self._drop("ip daddr 10.78.0.0/24", "ip saddr 10.78.0.0/24")

    def sip_dead(self):
        """SIPDEAD: only the SIP ports are dropped; DNS lives."""
        self._drop("udp dport 5060", "udp sport 5060", "tcp dport 5060", "tcp sport 5060")

    def dns_dead(self):
        """DNSDEAD: only DNS is dropped; SIP lives."""
        self._drop("udp dport 53", "udp sport 53", "tcp dport 53", "tcp sport 53")

    def server_dead(self, place):
        """One central machine is silent; the others live."""
        self._drop(f"ip daddr {ADDRESS[place]}", f"ip saddr {ADDRESS[place]}")

    def reject_from(self, place):
        """REJECT for one machine of the branch: its TCP connections to the central site are reset."""
        self._filter(f"ip saddr {ADDRESS[place]} tcp dport 5060 reject with tcp reset", f"ip saddr {ADDRESS[place]} drop")

    def repair(self):
        """Takes back whatever fault is in force."""
        command("nft", "delete", "table", "ip", "fault", where="wan", check=False)
        self._raise_uplink()

    def up(self):
        links = json.loads(command("ip", "-j", "link", "show", "uplink", where="wan"))
        return "UP" in links[0]["flags"]
