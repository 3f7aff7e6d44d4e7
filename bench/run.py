#!/usr/bin/env python3
"""bench/run.py [sip|dns|all]: CPU per transaction of Ringhold, of its peer and of the bare kernel, in one run, in turn.

The server is pinned to core 0, the generator to core 1. Medians of three rounds. Everything is bounded and ends by itself.
The CPU time is what the scheduler counted for all threads of the server (/proc/PID/task/TID/schedstat, nanoseconds).
How it divides into user and system is sampled by the kernel at its ticks, and rough."""
import getpass
import os
import pathlib
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = ROOT / "build/release"
SECONDS = "3"
ROUNDS = 3
PORT, OTHER_PORT, UPSTREAM_PORT, HTTP_PORT = 5999, 5998, 5997, 5995
UNDER_WAY = 64
USERS = {"options": 1, "register": 10_000, "bind": 100_000, "message": 10_000, "call": 10_000, "fork": 10_000, "dns": 1}
NO_FLOOR = ("message", "call", "fork")  # the floor relays nothing
# Two workers, memory only, no log, nothing the task does not need; its memory is taken and locked before the first request.
KAMAILIO = """
debug=-1
log_stderror=no
fork=yes
children=2
tcp_children=1
disable_tcp=yes
auto_aliases=no
dns=no
rev_dns=no
shm_force_alloc=yes
mlock_pages=yes
listen=udp:127.0.0.1:{port}
alias="example.test"
mpath="{modules}"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "pv.so"
loadmodule "textops.so"
modparam("usrloc", "db_mode", 0)
modparam("usrloc", "hash_size", 17)
modparam("registrar", "max_contacts", 10)
request_route {{
  if (is_method("OPTIONS")) {{ sl_send_reply("200", "OK"); exit; }}
  if (is_method("REGISTER")) {{ save("location"); exit; }}
  if (is_method("CANCEL")) {{ t_relay(); exit; }}
  if (loose_route()) {{ t_relay(); exit; }}
  if (is_method("INVITE")) record_route();
  if (!lookup("location")) {{ sl_send_reply("480", "Temporarily Unavailable"); exit; }}
  t_relay();
}}
"""
RINGHOLD = """
[branch]
domain = "example.test"
networks = ["127.0.0.0/8"]
[sip]
listen = ["udp:127.0.0.1:{sip_port}"]
max_rate = 0
max_rate_per_source = 0
[dns]
listen = ["127.0.0.1:{dns_port}"]
upstream = ["127.0.0.1:{upstream}"]
[central]
servers = ["udp:127.0.0.1:5996"]
[registrar]
normal_expires = "10m"
survivable_expires = "10m"
[store]
url = "memory:"
[http]
listen = "127.0.0.1:{http}"
"""


def family(pid):
    """A process and all its descendants."""
    found = [pid]
    for parent in found:
        children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(parent)], capture_output=True, text=True).stdout.split()
        found += [int(child) for child in children]
    return found


def cpu_time(pids):
    """(seconds of all threads, ticks in user mode, ticks in the kernel) since the start of these processes."""
    nanoseconds = user = system = 0
    for pid in pids:
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            nanoseconds += int((task / "schedstat").read_text().split()[0])
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        user += int(fields[11])
        system += int(fields[12])
    return nanoseconds / 1e9, user, system


class Server:
    """One server on core 0, from construction to the end of the `with`."""

    def __init__(self, name, dns, folder):
        self.log = open(pathlib.Path(folder) / "server.log", "w")
        self.process = subprocess.Popen(["taskset", "-c", "0", *server_command(name, dns, folder)], stdout=self.log, stderr=self.log,
                                        start_new_session=True)
        deadline = time.monotonic() + 20
        while not bound(PORT):
            if self.process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"{name} did not start: {pathlib.Path(self.log.name).read_text()[-800:]}")
            time.sleep(0.05)
        if name == "ringhold":
            pin_mode()
        time.sleep(0.5)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        for pid in reversed(family(self.process.pid)):
            try:
                os.kill(pid, 15)
            except ProcessLookupError:
                pass
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()

    def measure(self, task):
        load = subprocess.Popen(["taskset", "-c", "1", str(BUILD / "bench/bench_load"), task, str(PORT), str(USERS[task]), str(UNDER_WAY),
                                 SECONDS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if load.stdout.readline().strip() != "ready":
            sys.exit(f"{task}: the generator gave up; the server said {pathlib.Path(self.log.name).read_text()[-400:]!r}")
        pids = family(self.process.pid)
        before = cpu_time(pids)
        load.stdin.write("\n")
        load.stdin.flush()
        line = load.stdout.readline().split()
        after = cpu_time(pids)
        load.wait(5)
        if len(line) != 3:
            sys.exit(f"{task}: a request was refused, so there is no figure")
        done, lost, seconds = int(line[0]), int(line[1]), float(line[2])
        total = (after[0] - before[0]) / done * 1e6
        ticks = max(1, after[1] - before[1] + after[2] - before[2])
        return {"total": total, "user": total * (after[1] - before[1]) / ticks, "rate": done / seconds, "lost": lost}


def bound(port):
    """Whether somebody listens on this UDP port of loopback."""
    return any(line.split()[1].endswith(f":{port:04X}") for line in pathlib.Path("/proc/net/udp").read_text().splitlines()[1:])


def pin_mode():
    """No probe, no change of mode: every round does the same work."""
    request = urllib.request.Request(f"http://127.0.0.1:{HTTP_PORT}/api/v1/mode", data=b'{"mode":"survivable"}', method="PUT",
                                     headers={"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=5).close()


class Upstream(threading.Thread):
    """A name server that knows one SRV record under each name, for an hour; a cache asks it once."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", UPSTREAM_PORT))
        self.start()

    def run(self):
        target = b"\x04sip1\x07example\x04test\x00"
        record = b"\xc0\x0c\x00\x21\x00\x01" + struct.pack("!IHHHH", 3600, 6 + len(target), 10, 0, 5060) + target
        while True:
            query, peer = self.socket.recvfrom(4096)
            end = query.index(b"\x00", 12) + 5
            answer = record if query[end - 4:end - 2] == b"\x00\x21" else b""
            header = query[:2] + b"\x85\x80" + struct.pack("!HHHH", 1, 1 if answer else 0, 0, 0)
            self.socket.sendto(header + query[12:end] + answer, peer)


def server_command(name, dns, folder):
    if name == "floor":
        return [str(BUILD / "bench/bench_floor"), str(PORT)]
    if name == "dnsmasq":
        return [shutil.which("dnsmasq") or "/usr/sbin/dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-hosts",
                "--no-resolv", f"--server=127.0.0.1#{UPSTREAM_PORT}", f"--port={PORT}", "--listen-address=127.0.0.1",
                "--bind-interfaces", "--cache-size=1000", f"--user={getpass.getuser()}", "--pid-file=", "--log-facility=-"]
    if name == "kamailio":
        modules = next(pathlib.Path("/usr/lib").glob("*/kamailio/modules"))
        file = pathlib.Path(folder) / "kamailio.cfg"
        file.write_text(KAMAILIO.format(port=PORT, modules=modules))
        return [shutil.which("kamailio") or "/usr/sbin/kamailio", "-DD", "-E", "-f", str(file), "-m", "4096", "-M", "64",
                "-x", "tlsf", "-Y", folder]
    file = pathlib.Path(folder) / "ringhold.toml"
    sip_port, dns_port = (OTHER_PORT, PORT) if dns else (PORT, OTHER_PORT)
    file.write_text(RINGHOLD.format(sip_port=sip_port, dns_port=dns_port, upstream=UPSTREAM_PORT, http=HTTP_PORT))
    return [str(BUILD / "ringhold"), "serve", "-c", str(file), "--log-level", "error"]


def compare(tasks, peer):
    """Prints a table for docs/performance.md."""
    print("| task | server | CPU µs | of it user, about | per second | lost | of the floor | of the peer |")
    print("|---|---|---|---|---|---|---|---|")
    for task in tasks:
        results = {}
        for _ in range(ROUNDS):
            for name in ("floor", peer, "ringhold"):
                if name == "floor" and task in NO_FLOOR:
                    continue
                with tempfile.TemporaryDirectory() as folder, Server(name, task == "dns", folder) as server:
                    results.setdefault(name, []).append(server.measure(task))
        middle = {name: {key: statistics.median(one[key] for one in rounds) for key in rounds[0]} for name, rounds in results.items()}
        for name, mid in middle.items():
            ratios = [f"{mid['total'] / middle[other]['total']:.2f}" if other in middle and other != name else "" for other in ("floor", peer)]
            print(f"| {task} | {name} | {mid['total']:.2f} | {mid['user']:.2f} | {mid['rate']:.0f} | {mid['lost']:.0f} | "
                  f"{' | '.join(ratios)} |", flush=True)


def main(wanted):
    if wanted not in ("sip", "dns", "all"):
        sys.exit("bench/run.py takes sip, dns or all")
    if wanted != "dns":
        compare(("options", "register", "bind", "message", "call", "fork"), "kamailio")
    if wanted != "sip":
        Upstream()
        compare(("dns",), "dnsmasq")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "all")
