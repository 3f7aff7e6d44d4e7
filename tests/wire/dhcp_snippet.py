#!/usr/bin/env python3
"""What `ringhold dhcp-snippet` prints, pasted unchanged into DHCP servers of others, reaches a client of others (DIS-02, DIS-03)."""

import os
import shutil
import subprocess
import sys

import wire
from dhcp_servers import DNS, PLACE, enter, server, snippet
from ringhold import DOMAIN, expect

SCRIPT = """\
#!/bin/sh
[ "$1" = bound ] && env > /run/lease
exit 0
"""


def lease():
    """What udhcpc learns: its options as it names them."""
    with open("/run/script", "w") as file:
        file.write(SCRIPT)
    os.chmod("/run/script", 0o755)
    words = ["ip", "netns", "exec", PLACE, "busybox", "udhcpc", "-f", "-q", "-n", "-i", "eth0", "-s", "/run/script", "-O", "sipsrv"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=30, env={"PATH": os.environ["PATH"]})
    expect(done.returncode == 0, f"udhcpc got a lease:\n{done.stdout}{done.stderr}")
    with open("/run/lease") as file:
        return dict(line.rstrip("\n").split("=", 1) for line in file if "=" in line)


def reaches_client(name):
    for program in (server(name), shutil.which("busybox")):
        if program is None:
            raise wire.Skipped(f"{name} or busybox is not installed")
    with server(name)(snippet(wire.BINARY, name, DOMAIN)):
        learnt = lease()
    expect(learnt.get("dns") == DNS, f"its resolver is {DNS}: {learnt}")
    # busybox reads RFC 3361 by itself.
    expect(learnt.get("sipsrv", "").split() == [DOMAIN], f"option 120 decodes to {DOMAIN}: {learnt}")


def test_dhcp_snippet_for_dnsmasq():
    """DIS-02, DIS-03, D12"""
    reaches_client("dnsmasq")


def test_dhcp_snippet_for_kea():
    """DIS-02, DIS-03, D12"""
    reaches_client("kea")


def test_dhcp_snippet_for_isc():
    """DIS-02, DIS-03, D12"""
    reaches_client("isc")


if __name__ == "__main__":
    enter()
    sys.exit(wire.main(globals()))
