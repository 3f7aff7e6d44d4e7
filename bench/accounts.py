#!/usr/bin/env python3
"""bench/accounts.py: what `ringhold agent` costs: memory and CPU of 10 000 accounts over a whole refresh at 300 s of expiry, and the time
from a server's refusal to the REGISTER at the next one.

The agent has core 1, the server core 0. Bounded: 17 minutes. The CPU time is that of the scheduler (see run.py), over a window of
one refresh (three quarters of the expiry) that begins when all accounts have refreshed once."""
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import run

ACCOUNTS, EXPIRES = 10_000, 300
REFRESH = EXPIRES * 3 // 4
REFUSALS, PATIENCE = 20, 60
LEAST = """
[agent]
domain = "example.test"
accounts = [{accounts}]
servers = [{servers}]
uplink = ["udp:127.0.0.1:5993"]
expires = "{expires}s"
networks = ["127.0.0.0/8"]
store = "{store}"
{more}
"""


class Agent:
    """One agent on core 1, from construction to the end of the `with`."""

    def __init__(self, folder, users, ports, store="memory:", more=""):
        config = pathlib.Path(folder) / "agent.toml"
        config.write_text(LEAST.format(accounts=", ".join(f'{{ aor = "sip:{user}@example.test" }}' for user in users), expires=EXPIRES,
                                       servers=", ".join(f'"udp:127.0.0.1:{port}"' for port in ports), store=store, more=more))
        self.log = open(pathlib.Path(folder) / "agent.log", "w+")
        self.process = subprocess.Popen(["taskset", "-c", "1", str(run.BUILD / "ringhold"), "agent", "-c", str(config)], stdout=self.log,
                                        stderr=self.log, start_new_session=True)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()

    def wait_registered(self, accounts):
        deadline = time.monotonic() + PATIENCE * 3
        while self.text().count("event=agent_registered") < accounts:
            if self.process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"The agent did not register them all: {self.text()[-800:]}")
            time.sleep(1)

    def text(self):
        return pathlib.Path(self.log.name).read_text()

    def resident(self):
        """MB, now and at most."""
        status = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines())
        return [int(status[key].split()[0]) / 1024 for key in ("VmRSS", "VmHWM")]


def load(store):
    """CPU and memory of ACCOUNTS at one server."""
    with tempfile.TemporaryDirectory(prefix="ringhold-bench-") as folder, run.Server("ringhold", "register", folder), \
            Agent(folder, (f"u{number}" for number in range(ACCOUNTS)), (run.PORT,), store) as agent:
        agent.wait_registered(ACCOUNTS)
        time.sleep(REFRESH)
        before, began = run.cpu_time([agent.process.pid]), time.monotonic()
        time.sleep(REFRESH)
        after, seconds = run.cpu_time([agent.process.pid]), time.monotonic() - began
        now, most = agent.resident()
        share = (after[0] - before[0]) / seconds
        print(f"{ACCOUNTS} accounts, {EXPIRES} s, {store.split(':')[0]}: {share:.2%} of a core over {seconds:.0f} s "
              f"({share * REFRESH / ACCOUNTS * 1e6:.0f} us for a refresh and all else), {now:.0f} MB, at most {most:.0f} MB", flush=True)


def answer(request, status, reason):
    """The response to a REGISTER, made of its own lines."""
    own = ("via:", "from:", "call-id:", "cseq:", "contact:", "expires:")
    lines = [line for line in request.split("\r\n\r\n")[0].split("\r\n") if line.lower().startswith(own)]
    to = next(line for line in request.split("\r\n") if line.lower().startswith("to:"))
    return "\r\n".join([f"SIP/2.0 {status} {reason}", *lines, f"{to};tag=b", "Content-Length: 0", "", ""]).encode()


def decision():
    """A server that refuses and one that grants: microseconds from the first one's 503 to the REGISTER at the second."""
    first, second = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    for one in (first, second):
        one.bind(("127.0.0.1", 0))
        one.settimeout(PATIENCE)
    took = []
    for _ in range(REFUSALS):
        with tempfile.TemporaryDirectory(prefix="ringhold-bench-") as folder, \
                Agent(folder, ("alice",), [one.getsockname()[1] for one in (first, second)]):
            request, source = first.recvfrom(4096)
            time.sleep(0.2)  # until its start is over
            at = time.perf_counter_ns()
            first.sendto(answer(request.decode(), 503, "Service Unavailable"), source)
            request, source = second.recvfrom(4096)
            took.append((time.perf_counter_ns() - at) / 1000)
            second.sendto(answer(request.decode(), 200, "OK"), source)
            first.settimeout(0.2)
            try:
                while first.recvfrom(4096):
                    pass
            except TimeoutError:
                first.settimeout(PATIENCE)
    print(f"from a 503 to the REGISTER at the next server: median {statistics.median(took):.0f} us, at most {max(took):.0f} us, "
          f"of {len(took)}, with the way through the kernel and this program", flush=True)


if __name__ == "__main__":
    decision()
    for kind in ("memory:", "sqlite:agent.db"):
        load(kind)
