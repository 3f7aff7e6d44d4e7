#!/usr/bin/env python3
"""bench/run.py [sip|all]: CPU per transaction of Ringhold, of its peer and of the bare kernel, in one run, in turn.
The server is pinned to core 0, the generator to core 1. Medians of three rounds. Everything is bounded and ends by itself."""
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = ROOT / "build/release"
SECONDS = "3"
ROUNDS = 3
PORT = 5999
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
modparam("usrloc", "hash_size", 16)
modparam("registrar", "max_contacts", 10)
request_route {{
  if (is_method("OPTIONS")) {{ sl_send_reply("200", "OK"); exit; }}
  if (is_method("REGISTER")) {{ save("location"); exit; }}
  if (!lookup("location")) {{ sl_send_reply("480", "Temporarily Unavailable"); exit; }}
  t_relay();
}}
"""
RINGHOLD = """
[branch]
domain = "example.test"
networks = ["127.0.0.0/8"]
[sip]
listen = ["udp:127.0.0.1:{port}"]
[dns]
listen = ["127.0.0.1:5998"]
upstream = ["127.0.0.1:5997"]
[central]
servers = ["udp:127.0.0.1:5996"]
[registrar]
normal_expires = "10m"
survivable_expires = "10m"
[store]
url = "memory:"
[http]
listen = "127.0.0.1:5995"
"""


def cpu_seconds(pids):
    """User and system seconds of these processes since their start."""
    user = system = 0
    for pid in pids:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        user += int(fields[11])
        system += int(fields[12])
    tick = os.sysconf("SC_CLK_TCK")
    return user / tick, system / tick


def family(pid):
    """A process and all its descendants."""
    found = [pid]
    for parent in found:
        children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(parent)], capture_output=True, text=True).stdout.split()
        found += [int(child) for child in children]
    return found


class Server:
    def __init__(self, command, folder):
        self.log = open(pathlib.Path(folder) / "server.log", "w")
        self.process = subprocess.Popen(["taskset", "-c", "0", *command], stdout=self.log, stderr=self.log, start_new_session=True)
        time.sleep(1.5)

    def __enter__(self):
        if self.process.poll() is not None:
            sys.exit(f"the server did not start: {pathlib.Path(self.log.name).read_text()[-800:]}")
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

    def measure(self, task, users, outstanding):
        load = subprocess.Popen(["taskset", "-c", "1", str(BUILD / "bench/bench_load"), task, str(PORT), str(users), str(outstanding), SECONDS],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert load.stdout.readline().strip() == "ready"
        pids = family(self.process.pid)
        before = cpu_seconds(pids)
        load.stdin.write("\n")
        load.stdin.flush()
        done, lost, seconds = load.stdout.readline().split()
        after = cpu_seconds(pids)
        load.wait(5)
        done = int(done)
        return {"user": (after[0] - before[0]) / done * 1e6, "system": (after[1] - before[1]) / done * 1e6, "rate": done / float(seconds), "lost": int(lost)}


def server_command(name, folder):
    if name == "floor":
        return [str(BUILD / "bench/bench_floor"), str(PORT)]
    if name == "kamailio":
        modules = next(pathlib.Path("/usr/lib").glob("*/kamailio/modules"))
        file = pathlib.Path(folder) / "kamailio.cfg"
        file.write_text(KAMAILIO.format(port=PORT, modules=modules))
        return [shutil.which("kamailio") or "/usr/sbin/kamailio", "-DD", "-E", "-f", str(file), "-m", "1024", "-M", "64", "-x", "tlsf", "-Y", folder]
    file = pathlib.Path(folder) / "ringhold.toml"
    file.write_text(RINGHOLD.format(port=PORT))
    return [str(BUILD / "ringhold"), "serve", "-c", str(file), "--log-level", "error"]


def sip():
    cases = [("options", 1, 64), ("register", 10_000, 64), ("message", 10_000, 64)]
    print(f"{'task':<10} {'server':<10} {'user µs':>8} {'system µs':>10} {'total µs':>9} {'rate/s':>9} {'lost':>6}")
    for task, users, outstanding in cases:
        results = {}
        for _ in range(ROUNDS):
            for name in ("floor", "kamailio", "ringhold"):
                if name == "floor" and task == "message":
                    continue
                with tempfile.TemporaryDirectory() as folder, Server(server_command(name, folder), folder) as server:
                    results.setdefault(name, []).append(server.measure(task, users, outstanding))
        for name, rounds in results.items():
            mid = {key: statistics.median(one[key] for one in rounds) for key in rounds[0]}
            print(f"{task:<10} {name:<10} {mid['user']:>8.2f} {mid['system']:>10.2f} {mid['user'] + mid['system']:>9.2f} {mid['rate']:>9.0f} {mid['lost']:>6.0f}",
                  flush=True)


if __name__ == "__main__":
    wanted = sys.argv[1:] or ["all"]
    if wanted[0] not in ("sip", "all"):
        sys.exit("bench/run.py takes sip")
    sip()
