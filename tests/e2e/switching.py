"""The terminal side: three agents through servers that die and come back in every order (SWI-05, SWI-17, DIS-19, DIS-21)."""

import itertools
import os
import sys
import time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "wire"))

from agent import Agent
from bench import ADDRESS
from certificates import Authority
from program import wait_until
from story import Story

# In the order in which the zone, and the branch device behind it, name them.
SERVERS = ("c1", "c2", "box")
ORDERS = tuple(itertools.permutations(SERVERS))
# Seconds. A dead server refuses; the heartbeat is one second and half a second's patience, a wait 2 s and doubling.
MOVE = 12
TITLES = tuple(f"{number} {', '.join(order)} die, and come back" for number, order in enumerate(ORDERS, 1))
RESTART = "7 an agent is killed: the registrar sees no other device"

CONFIGURED = """servers = ["tls:10.78.0.11:5061", "tls:10.78.0.12:5061", "tls:10.77.0.2:5061"]
tls_ca = "{authority}"
"""


class Switching(Story):
    """About forty seconds."""

    chapters = (("Chapter 1: every order, over UDP, TCP and TLS", (*TITLES, RESTART), "every_order"),)

    def every_order(self):
        folder = os.path.dirname(self.device.config())
        authority = Authority(folder)
        certificate, key = authority.sign()
        self.central.speak_tls(certificate, key)
        self.device.listen_for_tls(certificate, key)
        self.scene.start_device()
        self.agents = {
            "udp": self._agent("erin", 'uplink = ["udp:10.77.0.13:5066"]'),
            "tcp": self._agent("frank", 'uplink = ["tcp:10.77.0.13:5068"]'),
            "tls": self._agent("grace", CONFIGURED.format(authority=authority.file)),
        }
        self.alive = set(SERVERS)
        for agent in self.agents.values():
            agent.start()
        try:
            self._settle("the agents begin")
            for title, order in zip(TITLES, ORDERS):
                self.line.run(title, lambda order=order: self._through(order))
            self.line.run(RESTART, self._killed)
        finally:
            for agent in self.agents.values():
                agent.stop()

    def _agent(self, user, more):
        return Agent(self.device.binary(), os.path.dirname(self.device.config()), user, "p3", more)

    def _through(self, order):
        gaps = []
        for server in order:
            self._stop(server)
            if self.alive:
                gaps.append(self._settle(f"{server} is gone"))
        for server in order:
            self._start(server)
            self._settle(f"{server} is back")
        return "moved within " + ", ".join(f"{gap:.1f}" for gap in gaps) + " s"

    def _stop(self, server):
        self.alive.remove(server)
        if server == "box":
            self.device.stop()
        else:
            self.central.stop_server(server)

    def _start(self, server):
        self.alive.add(server)
        if server == "box":
            self.device.start()
        else:
            self.central.start_server(server)

    def _settle(self, why):
        """All three at the best server that lives; how long that took."""
        best = next(server for server in SERVERS if server in self.alive)
        begin = time.monotonic()
        for transport, agent in self.agents.items():
            place = f"{transport}:{ADDRESS[best]}:{5061 if transport == 'tls' else 5060}"
            try:
                wait_until(lambda agent=agent, place=place: agent.server() == place, MOVE, f"{why}: {agent.user} at {place}")
            except TimeoutError as error:
                raise TimeoutError(f"{error}, but at {agent.server()}") from None
        gap = time.monotonic() - begin
        self.line.event("agents", f"{why}: at {best} after {gap:.1f} s")
        return gap

    def _killed(self):
        """SWI-20, X-03: with its Call-ID and a greater CSeq it is no restarted terminal."""
        for server in ("c1", "c2"):
            self._stop(server)
        self._settle("the central servers are gone")
        before = self.device.bindings()
        agent = self.agents["udp"]
        agent.kill()
        agent.start()
        self._settle("killed and started")
        after = self.device.bindings()
        if before != after:
            raise AssertionError(f"other bindings than before: {before}, {after}")
        if self.device.api("restarts"):
            raise AssertionError("the branch device believes that a terminal was restarted")
        return "same Call-ID, same contact, no restart seen"
