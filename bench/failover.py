#!/usr/bin/env python3
"""Seconds without service when servers die: `ringhold agent` beside baresip and Linphone, in one run (`./dev bench failover`).

docs/failover.md says what is measured and what came out. Exit status: 0 every scenario was measured, 1 one was not,
2 wrong usage, 77 not possible here (the reason is printed).
"""

import argparse
import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True  # the source tree stays as it was, also when root runs this
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(HERE, "..", "tests", "e2e"))

import sandbox
from agent import Agent
from bench import ADDRESS, Bench
from branch_device import BranchDevice
from capture import Capture
from central_site import CentralSite
from linphone import Linphone
from phone import EXPIRES, Phone
from program import wait_until
from service import ServiceWatch, first_at, holes
from timeline import Timeline

BINARY = os.path.join(HERE, "..", "build", "release", "ringhold")
FOLDER = "/run/ringhold-failover"
LINKS = (("box", "eth0"), ("wan", "branch"))
PACKAGES = ("kamailio", "nsd", "baresip-core", "linphone-cli")
# Seconds. Of each client one begins so much before the fault, another so much later; in the next round both somewhat earlier,
# so that the fault falls into other parts of their rhythm.
SETTLED, STAGGER, SHIFT = 65, 25, 11
RETURN = 180


@dataclasses.dataclass(frozen=True)
class Scenario:
    title: str
    seconds: int
    begin: object
    reachable: frozenset  # servers to which the branch has a way during the fault
    end: object = lambda world: world.bench.repair()


def overload(world, on):
    for name in ("c1", "c2"):
        world.central.overload(name, on)


SCENARIOS = {
    1: Scenario("sip1 silent", 240, lambda world: world.bench.server_dead("c1"), frozenset({"c2", "box"})),
    2: Scenario("sip1 refuses", 240, lambda world: world.central.stop_server("c1"), frozenset({"c2", "box"}),
                lambda world: world.central.start_server("c1")),
    3: Scenario("WAN silent", 240, lambda world: world.bench.drop_all(), frozenset({"box"})),
    4: Scenario("WAN link down", 240, lambda world: world.bench.link_down(), frozenset({"box"})),
    5: Scenario("SIP dropped", 240, lambda world: world.bench.sip_dead(), frozenset({"box"})),
    6: Scenario("503 to REGISTER", 120, lambda world: overload(world, True), frozenset({"c1", "c2", "box"}),
                lambda world: overload(world, False)),
}
EVERYWHERE = frozenset({"c1", "c2", "box"})


class OurAgent(Agent):
    """With the timers that it is shipped with."""

    def __init__(self, binary, user, place, transport, folder):
        super().__init__(binary, folder, user, place, f'uplink = ["{transport}:{ADDRESS[place]}:5060"]', f"{EXPIRES}s", "")

    def boot(self):
        self.start()

    def power_off(self):
        if self._program:
            self.kill()


KINDS = {
    f"{name}, {transport.upper()}": (short + transport, transport, make)
    for name, short, make in (
        ("`ringhold agent`", "agent", OurAgent),
        ("baresip", "baresip", lambda binary, user, place, transport, folder: Phone(user, place, transport, folder)),
        ("Linphone", "linphone", lambda binary, user, place, transport, folder: Linphone(user, place, transport, folder, EXPIRES)))
    for transport in ("udp", "tcp")
}


@dataclasses.dataclass
class Outcome:
    """Of one client in one scenario, in seconds; None: never."""
    until_service: float | None
    without: float
    until_home: float | None
    without_on_return: float

    def __str__(self):
        words = {key: "never" if value is None else f"{value:.2f}" for key, value in dataclasses.asdict(self).items()}
        return ", ".join(f"{key} {value}" for key, value in words.items())


class World:
    """Central site, branch device and clients, all new, for one scenario."""

    def __init__(self, bench, binary, folder, each, line):
        os.makedirs(folder)
        self.bench = bench
        self.line = line
        self.clients = {}  # by the client's kind
        place = iter(range(1, each * len(KINDS) + 1))
        for kind, (user, transport, make) in KINDS.items():
            self.clients[kind] = [make(binary, f"{user}{number}", f"p{next(place)}", transport, folder) for number in range(1, each + 1)]
        self.capture = Capture(folder, LINKS)
        # Each central server knows only who registered there.
        self.central = CentralSite(folder, replicates=False)
        self.device = BranchDevice(binary, folder, dwell="30s")
        self.device.start()
        wait_until(lambda: self.device.mode() == "normal", 30, "mode normal")
        self.all = [client for some in self.clients.values() for client in some]
        self.watch = ServiceWatch(self.all, self.central, self.device, line.event)

    def settle(self, seconds):
        """Returns when the first of each kind has run for so long, the second for STAGGER less, and so on."""
        begin = time.monotonic()
        for turn in range(max(map(len, self.clients.values()))):
            time.sleep(max(0.0, begin + turn * STAGGER - time.monotonic()))
            for some in self.clients.values():
                some[turn].boot()
        wait_until(lambda: all(self.watch.now().get(client.user) == {"c1"} for client in self.all), 40, "all clients at c1 alone")
        time.sleep(max(0.0, begin + seconds - time.monotonic()))

    def home(self):
        return all(self.watch.now()[client.user] == {"c1"} for client in self.all)

    def close(self):
        self.watch.stop()
        for client in self.all:
            client.power_off()
        self.device.stop()
        self.central.stop()
        self.capture.stop()


def judge(samples, user, scenario, fault, repair, end):
    lacks = holes(samples, user, scenario.reachable, fault, repair)
    until_service = 0.0
    if lacks:
        until_service = None if lacks[0][1] >= repair else lacks[0][1] - lacks[0][0]
    home = first_at(samples, user, "c1", repair)
    on_return = holes(samples, user, EVERYWHERE, repair, end)
    return Outcome(until_service, sum(to - since for since, to in lacks), home and home - repair, sum(to - since for since, to in on_return))


def play(scenario, world, settled):
    """One scenario from its beginning to its end: outcomes by kind."""
    line = world.line
    world.settle(settled)
    fault = time.monotonic()
    scenario.begin(world)
    line.event("fault", scenario.title)
    time.sleep(max(0.0, fault + scenario.seconds - time.monotonic()))
    scenario.end(world)
    repair = time.monotonic()
    line.event("fault", "repaired")
    try:
        wait_until(world.home, RETURN, "all home", 0.5)
        time.sleep(5)
    except TimeoutError:
        pass
    end = time.monotonic()
    world.watch.stop()
    return {kind: [judge(world.watch.samples, client.user, scenario, fault, repair, end) for client in some]
            for kind, some in world.clients.items()}


def whole(seconds):
    return "<1" if 0 < seconds < 1 else str(round(seconds))


def spread(values, bound):
    """The least and the greatest, the mean in brackets, and how often never."""
    finite = sorted(value for value in values if value is not None)
    nevers = len(values) - len(finite)
    if not finite:
        return f"never in {bound}" if values else ""
    least, greatest = whole(finite[0]), whole(finite[-1])
    text = least if least == greatest else f"{least}–{greatest} ({round(sum(finite) / len(finite))})"
    return f"{text}, {nevers} of {len(values)} never" if nevers else text


def print_tables(results):
    """`results`: scenario → kind → outcomes."""
    for title, key, bound in (("From the fault until service", "until_service", lambda one: one.seconds),
                              ("Without service during the fault, in all", "without", lambda one: one.seconds),
                              ("From the repair until home at sip1", "until_home", lambda one: RETURN),
                              ("Without service after the repair", "without_on_return", lambda one: RETURN)):
        print(f"\n| {title} | {' | '.join(SCENARIOS[number].title for number in results)} |\n|---|{'---|' * len(results)}")
        for kind in KINDS:
            cells = [spread([getattr(outcome, key) for outcome in kinds.get(kind, ())], bound(SCENARIOS[number]))
                     for number, kinds in results.items()]
            print(f"| {kind} | {' | '.join(cells)} |", flush=True)


def print_versions(binary):
    print(subprocess.run([binary, "--version"], capture_output=True, text=True).stdout.strip())
    print(subprocess.run(["dpkg-query", "-W", *PACKAGES], capture_output=True, text=True).stdout, flush=True)


def measure_one(number, world, settled, kinds):
    """One scenario; `kinds` gets what came out. Returns whether it was measured."""
    try:
        for kind, outcomes in play(SCENARIOS[number], world, settled).items():
            kinds.setdefault(kind, []).extend(outcomes)
            for client, outcome in zip(world.clients[kind], outcomes):
                world.line.event(client.user, str(outcome))
        return True
    except (OSError, RuntimeError, TimeoutError) as error:
        world.line.event("stop", f"not measured: {error}")
        return False
    finally:
        world.bench.repair()
        world.close()


def measure(arguments, binary):
    """All rounds of all scenarios wanted, and the tables, also when it is interrupted. Returns whether each was measured."""
    os.makedirs(FOLDER)
    line = Timeline()
    bench = Bench(arguments.each * len(KINDS))
    results = {number: {} for number in arguments.scenario or SCENARIOS}
    measured = []
    try:
        for turn in range(arguments.rounds):
            for number, kinds in results.items():
                line.chapter(f"Round {turn + 1}, scenario {number}: {SCENARIOS[number].title}")
                world = World(bench, binary, os.path.join(FOLDER, f"round{turn + 1}-scenario{number}"), arguments.each, line)
                measured.append(measure_one(number, world, SETTLED + turn * SHIFT, kinds))
    finally:
        print_tables(results)
    return all(measured)


def interrupt(*_):
    raise KeyboardInterrupt


def read_arguments():
    reader = argparse.ArgumentParser(prog="./dev bench failover", description=__doc__.partition("\n")[0])
    reader.add_argument("--scenario", type=int, action="append", choices=SCENARIOS, help="only this one; may be repeated")
    reader.add_argument("--rounds", type=int, default=1)
    reader.add_argument("--each", type=int, default=2, choices=range(1, 7), help="so many clients of each kind (default 2)")
    reader.add_argument("--binary", default=BINARY, help="the ringhold to run (default: build/release/ringhold)")
    reader.add_argument("--keep", action="store_true", help="keep logs and captures even if everything was measured")
    return reader.parse_args()


def main():
    arguments = read_arguments()
    binary = os.path.abspath(arguments.binary)
    if not shutil.which("linphone-daemon"):
        print("skipped: not installed: linphone-daemon (Debian package: linphone-cli)", flush=True)
        return sandbox.SKIPPED
    sandbox.enter(binary)
    signal.signal(signal.SIGTERM, interrupt)
    print_versions(binary)
    all_measured = False
    try:
        all_measured = measure(arguments, binary)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    finally:
        if arguments.keep or not all_measured:
            shutil.copytree(FOLDER, sandbox.keep_folder(), ignore=shutil.ignore_patterns("*.sock"))
            print(f"\nLogs of all programs and packet captures: {sandbox.keep_folder()}", flush=True)
    return 0 if all_measured else 1


if __name__ == "__main__":
    sys.exit(main())
