"""Packet captures of one run: at first what the branch device sees, and what passes the WAN."""

import os

from program import Program, wait_until

WANTED = "port 5060 or port 53 or icmp"
LINKS = (("box", "eth0"), ("central", "towan"))


class Capture:
    """Runs from construction until `stop`; writes PLACE.pcap for each place and link."""

    def __init__(self, folder, links=LINKS):
        self._programs = [self._start(place, link, folder) for place, link in links]

    @staticmethod
    def _start(place, link, folder):
        file = os.path.join(folder, f"{place}.pcap")
        words = ["tcpdump", "-Z", "root", "-U", "-n", "-s", "0", "-i", link, "-w", file, WANTED]
        program = Program(f"tcpdump-{place}", place, words, folder)
        wait_until(lambda: os.path.exists(file), 5, f"tcpdump at {place} has begun")
        return program

    def stop(self):
        for program in self._programs:
            program.stop()
