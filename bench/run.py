#!/usr/bin/env python3
"""bench/run.py [sip [TASK...]|dns|workers|persistence|contacts|push|accounts|failover [OPTION...]|all]: CPU per transaction of Ringhold, of its peer and of the bare kernel, in one run,
in turn; or of Ringhold with two workers beside one, or with its database beside none.

The server is pinned to core 0, the generator to core 1. Medians of three rounds. Everything is bounded and ends by itself.
The CPU time is what the scheduler counted for all threads of the server (/proc/PID/task/TID/schedstat, nanoseconds).
How it divides into user and system is sampled by the kernel at its ticks, and rough."""
import getpass
import hashlib
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
BATCH_CLASS = ("chrt", "--batch", "0")
KAMAILIO_TCP_CHILDREN = 1
USERS = {"options": 1, "register": 10_000, "bind": 100_000, "message": 10_000, "call": 10_000, "fork": 10_000, "digest": 10_000,
         "tcp-register": 10_000, "tcp-call": 10_000, "tls-register": 10_000, "dns": 1, "store": 10_000}
SIP_TASKS = tuple(task for task in USERS if task not in ("dns", "store"))
NO_FLOOR = ("message", "call", "fork", "digest", "tcp-call", "tls-register")  # the floor relays nothing, and knows no TLS
# Both have a key of the same kind, made for the run.
CERTIFICATE = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
               "-subj", "/CN=example.test", "-addext", "subjectAltName=DNS:example.test"]
# Two workers, memory only, no log, nothing the task does not need; its memory is taken and locked before the first request.
KAMAILIO = """
debug=-1
log_stderror=no
fork=yes
children=2
{transport}
auto_aliases=no
dns=no
rev_dns=no
shm_force_alloc=yes
mlock_pages=yes
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
{modules_of_task}
request_route {{
  if (is_method("OPTIONS")) {{ sl_send_reply("200", "OK"); exit; }}
  if (is_method("REGISTER")) {{ {before_save} save("location"); exit; }}
  if (is_method("CANCEL")) {{ t_relay(); exit; }}
  if (loose_route()) {{ t_relay(); exit; }}
  if (is_method("INVITE")) record_route();
  if (!lookup("location")) {{ sl_send_reply("480", "Temporarily Unavailable"); exit; }}
  t_relay();
}}
"""
# By transport. Over streams one process serves all connections: with two, what is for a connection of the other's goes by a third.
KAMAILIO_TRANSPORT = {
    "udp": "disable_tcp=yes\nlisten=udp:127.0.0.1:{port}",
    "tcp": "tcp_children={tcp_children}\ntcp_connection_lifetime=3605\nlisten=tcp:127.0.0.1:{port}",
    "tls": "tcp_children={tcp_children}\ntcp_connection_lifetime=3605\nenable_tls=yes\nlisten=tls:127.0.0.1:{port}"}
KAMAILIO_TLS = """
loadmodule "tls.so"
modparam("tls", "tls_method", "TLSv1.2+")
modparam("tls", "certificate", "{folder}/tls.pem")
modparam("tls", "private_key", "{folder}/tls.key")
"""
# Its cheapest way: one password for all in the configuration, no look-up.
KAMAILIO_DIGEST = {"modules_of_task": 'loadmodule "auth.so"',
                   "before_save": 'if (!pv_www_authenticate("example.test", "secret", "0")) { www_challenge("example.test", "1"); exit; }'}
RINGHOLD = """
[branch]
domain = "example.test"
networks = ["127.0.0.0/8"]
[sip]
workers = {workers}
listen = [{sip_listen}]
{certificate}
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
{auth}
[store]
url = "{store}"
[http]
listen = "127.0.0.1:{http}"
{more}
"""
# Whatever comes is delivered as pushed content; and there is room for all that nobody takes.
PUSHING = """
[push]
senders = ["127.0.0.1"]
store_messages = 100000
store_size = 1024
"""


def family(pid):
    """A process and all its descendants."""
    found = [pid]
    for parent in found:
        children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(parent)], capture_output=True, text=True).stdout.split()
        found += [int(child) for child in children]
    return found


def cpu_time(pids, thread=None):
    """(seconds of all threads, or of those with that name, ticks in user mode, ticks in the kernel) since the start of these processes."""
    nanoseconds = user = system = 0
    for pid in pids:
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            if thread and (task / "comm").read_text().strip() != thread:
                continue
            nanoseconds += int((task / "schedstat").read_text().split()[0])
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        user += int(fields[11])
        system += int(fields[12])
    return nanoseconds / 1e9, user, system


class Server:
    """One server on core 0, or on both with two workers, from construction to the end of the `with`."""

    def __init__(self, name, task, folder, workers=1, store="memory:", prefix=(), more=""):
        self.cores = "0" if workers == 1 else "0,1"
        self.prefix = prefix
        self.log = open(pathlib.Path(folder) / "server.log", "w")
        if transport_of(task) == "tls":
            make_certificate(folder)
        command = server_command(name, task, folder, workers, store, more)
        self.process = subprocess.Popen([*prefix, "taskset", "-c", self.cores, *command], stdout=self.log, stderr=self.log, start_new_session=True)
        deadline = time.monotonic() + 20
        while not bound(PORT, transport_of(task)):
            if self.process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"{name} did not start: {pathlib.Path(self.log.name).read_text()[-800:]}")
            time.sleep(0.05)
        if name == "ringhold":
            pin_mode()
            if task == "digest":
                import_users(command, folder)
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
            self.process.wait(60)  # new bindings by the hundred thousand are written first
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()

    def leave_the_core_to(self, thread):
        """The other threads go to the generator's core."""
        for task in pathlib.Path(f"/proc/{self.process.pid}/task").iterdir():
            if (task / "comm").read_text().strip() != thread:
                subprocess.run(["taskset", "-pc", "1", task.name], stdout=subprocess.DEVNULL, check=True)

    def measure(self, task, thread=None, generators=1, rate=0, under_way=UNDER_WAY, users=None):
        """`thread`: only of the threads with that name. With several generators each has users of its own."""
        users = (users or USERS[task]) // generators
        loads = [Generator(task, users, number * users, under_way // generators, rate,
                           [*self.prefix, "taskset", "-c", "1" if self.cores == "0" else self.cores])
                 for number in range(generators)]
        for load in loads:
            load.wait_ready(self.log.name)
        pids = family(self.process.pid)
        before = cpu_time(pids, thread)
        for load in loads:
            load.go()
        lines = [load.result() for load in loads]
        after = cpu_time(pids, thread)
        done = sum(line[0] for line in lines)
        total = (after[0] - before[0]) / done * 1e6
        ticks = max(1, after[1] - before[1] + after[2] - before[2])
        return {"total": total, "user": total * (after[1] - before[1]) / ticks, "rate": sum(line[0] / line[2] for line in lines),
                "lost": sum(line[1] for line in lines), "p50": max(line[3] for line in lines), "p99": max(line[4] for line in lines)}


class Generator:
    """One bench_load."""

    def __init__(self, task, users, first_user, under_way, rate, prefix):
        self.task = task
        self.process = subprocess.Popen([*prefix, str(BUILD / "bench/bench_load"), task, str(PORT), str(users), str(under_way),
                                         SECONDS, str(first_user), str(rate)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def wait_ready(self, log):
        if self.process.stdout.readline().strip() != "ready":
            sys.exit(f"{self.task}: the generator gave up; the server said {pathlib.Path(log).read_text()[-400:]!r}")

    def go(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def result(self):
        """[done, lost, seconds, p50, p99]"""
        line = self.process.stdout.readline().split()
        self.process.wait(5)
        if len(line) != 5:
            sys.exit(f"{self.task}: a request was refused, so there is no figure")
        return [float(one) for one in line]


def transport_of(task):
    return task.partition("-")[0] if task[:4] in ("tcp-", "tls-") else "udp"


def bound(port, transport):
    """Whether somebody listens on this port of loopback."""
    table = pathlib.Path("/proc/net/udp" if transport == "udp" else "/proc/net/tcp").read_text().splitlines()[1:]
    listening = "07" if transport == "udp" else "0A"
    return any(fields[1].endswith(f":{port:04X}") and fields[3] == listening for fields in map(str.split, table))


def pin_mode():
    """No probe, no change of mode: every round does the same work."""
    request = urllib.request.Request(f"http://127.0.0.1:{HTTP_PORT}/api/v1/mode", data=b'{"mode":"survivable"}', method="PUT",
                                     headers={"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=5).close()


def import_users(command, folder):
    """Each with the password "secret", given as MD5's HA1 as an administrator would bring it from elsewhere."""
    file = pathlib.Path(folder) / "users.csv"
    rows = ["user,ha1"]
    for number in range(USERS["digest"]):
        name = f"u{10_000_000 + number}"
        rows.append(f"{name}," + hashlib.md5(f"{name}:example.test:secret".encode()).hexdigest())
    file.write_text("\n".join(rows) + "\n")
    done = subprocess.run([command[0], "user", "import", str(file), *command[2:4]], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"users: {done.stderr}{done.stdout}")


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


def server_command(name, task, folder, workers, store, more=""):
    if name == "floor":
        return [str(BUILD / "bench/bench_floor"), str(PORT), *(["tcp"] if transport_of(task) == "tcp" else [])]
    if name == "dnsmasq":
        return [shutil.which("dnsmasq") or "/usr/sbin/dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-hosts",
                "--no-resolv", f"--server=127.0.0.1#{UPSTREAM_PORT}", f"--port={PORT}", "--listen-address=127.0.0.1",
                "--bind-interfaces", "--cache-size=1000", f"--user={getpass.getuser()}", "--pid-file=", "--log-facility=-"]
    if name == "kamailio":
        return kamailio_command(task, folder)
    file = pathlib.Path(folder) / "ringhold.toml"
    sip_port, dns_port = (OTHER_PORT, PORT) if task == "dns" else (PORT, OTHER_PORT)
    auth = 'auth = "digest"' if task == "digest" else ""
    transport = transport_of(task)
    listen = dict.fromkeys(["udp", transport])
    certificate = 'tls_certificate = "tls.pem"\ntls_key = "tls.key"' if transport == "tls" else ""
    file.write_text(RINGHOLD.format(sip_listen=", ".join(f'"{one}:127.0.0.1:{sip_port}"' for one in listen), dns_port=dns_port,
                                    upstream=UPSTREAM_PORT, http=HTTP_PORT, auth=auth, workers=workers, store=store,
                                    certificate=certificate, more=more))
    return [str(BUILD / "ringhold"), "serve", "-c", str(file), "--log-level", "error"]


def kamailio_command(task, folder):
    transport = transport_of(task)
    modules = next(pathlib.Path("/usr/lib").glob("*/kamailio/modules"))
    file = pathlib.Path(folder) / "kamailio.cfg"
    more = dict(KAMAILIO_DIGEST) if task == "digest" else {"modules_of_task": "", "before_save": ""}
    if transport == "tls":
        more["modules_of_task"] += KAMAILIO_TLS.format(folder=folder)
    ways = KAMAILIO_TRANSPORT[transport].format(port=PORT, tcp_children=KAMAILIO_TCP_CHILDREN)
    file.write_text(KAMAILIO.format(transport=ways, modules=modules, **more))
    return [shutil.which("kamailio") or "/usr/sbin/kamailio", "-DD", "-E", "-f", str(file), "-m", "4096", "-M", "64",
            "-x", "tlsf", "-Y", folder]


def make_certificate(folder):
    done = subprocess.run([*CERTIFICATE, "-keyout", f"{folder}/tls.key", "-out", f"{folder}/tls.pem"], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"no certificate: {done.stderr}")


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
                with tempfile.TemporaryDirectory() as folder, Server(name, task, folder) as server:
                    results.setdefault(name, []).append(server.measure(task))
        middle = {name: {key: statistics.median(one[key] for one in rounds) for key in rounds[0]} for name, rounds in results.items()}
        for name, mid in middle.items():
            ratios = [f"{mid['total'] / middle[other]['total']:.2f}" if other in middle and other != name else "" for other in ("floor", peer)]
            print(f"| {task} | {name} | {mid['total']:.2f} | {mid['user']:.2f} | {mid['rate']:.0f} | {mid['lost']:.0f} | "
                  f"{' | '.join(ratios)} |", flush=True)


def median(rounds):
    return {key: statistics.median(one[key] for one in rounds) for key in rounds[0]}


def compare_workers():
    """Two workers on both cores beside one on one core; the generators share the cores, so that CPU per transaction tells. All are of
    the scheduler's batch class: else a generator that wakes takes the core after each answer, and a worker never sees a batch."""
    print("| task | workers | CPU µs | per second | lost | capacity beside one worker |")
    print("|---|---|---|---|---|---|")
    for task in ("register", "message", "call"):
        results = {1: [], 2: []}
        for _ in range(ROUNDS):
            for workers, rounds in results.items():
                with tempfile.TemporaryDirectory() as folder, Server("ringhold", task, folder, workers, prefix=BATCH_CLASS) as server:
                    rounds.append(server.measure(task, generators=4, under_way=256))
        one, two = median(results[1]), median(results[2])
        for workers, mid in ((1, one), (2, two)):
            print(f"| {task} | {workers} | {mid['total']:.2f} | {mid['rate']:.0f} | {mid['lost']:.0f} | "
                  f"{'' if workers == 1 else format(2 * one['total'] / two['total'], '.2f')} |", flush=True)


def compare_stores():
    """The worker's own CPU, saturated, while the store's thread has the other core as on any box with two; and the answer times at a
    moderate rate, with both on one core; without and with the database."""
    print("| task | store | CPU µs of the worker | of without | all threads | p50 µs at 10 000/s | p99 | of without |")
    print("|---|---|---|---|---|---|---|---|")
    for task in ("register", "bind"):
        results = {"memory:": ([], [], []), "sqlite:ringhold.db": ([], [], [])}
        for _ in range(ROUNDS):
            for store, (own, every, slow) in results.items():
                with tempfile.TemporaryDirectory() as folder, Server("ringhold", task, folder, store=store) as server:
                    server.leave_the_core_to("worker")
                    own.append(server.measure(task, thread="worker"))
                with tempfile.TemporaryDirectory() as folder, Server("ringhold", task, folder, store=store) as server:
                    slow.append(server.measure(task, rate=10_000))
                    every.append(slow[-1])
        without = results["memory:"]
        for store, (own, every, slow) in results.items():
            cpu, p99 = median(own)["total"], median(slow)["p99"]
            print(f"| {task} | {store.partition(':')[0]} | {cpu:.2f} | {cpu / median(without[0])['total']:.2f} | {median(every)['total']:.2f} | "
                  f"{median(slow)['p50']:.0f} | {p99:.0f} | {p99 / median(without[2])['p99']:.2f} |", flush=True)


def compare_pushes():
    """A MESSAGE that is relayed, one that is delivered as pushed content, and, at 15 000/s, one that is on disk before its 202."""
    print("| task | store | CPU µs | of it user, about | of relayed | per second | lost | p99 µs |")
    print("|---|---|---|---|---|---|---|---|")
    cases = {"relayed": ("message", "memory:", ""), "pushed": ("message", "memory:", PUSHING), "kept": ("store", "sqlite:ringhold.db", PUSHING)}
    results = {}
    for _ in range(ROUNDS):
        for case, (task, store, more) in cases.items():
            with tempfile.TemporaryDirectory() as folder, Server("ringhold", task, folder, store=store, more=more) as server:
                results.setdefault(case, []).append(server.measure(task, rate=0 if store == "memory:" else 15_000))
    for case, rounds in results.items():
        mid = median(rounds)
        print(f"| {case} | {cases[case][1].partition(':')[0]} | {mid['total']:.2f} | {mid['user']:.2f} | {mid['total'] / median(results['relayed'])['total']:.2f} | "
              f"{mid['rate']:.0f} | {mid['lost']:.0f} | {mid['p99']:.0f} |", flush=True)


def compare_sizes():
    """A refresh among few contacts and among as many as fit, in an order that no cache foresees."""
    print("| contacts | CPU µs of a REGISTER refresh | of the first | lost | resident, bytes per contact |")
    print("|---|---|---|---|---|")
    results = {1_000: [], 100_000: [], 1_000_000: []}
    for _ in range(ROUNDS):
        for users, rounds in results.items():
            with tempfile.TemporaryDirectory() as folder, Server("ringhold", "register", folder) as server:
                empty = resident(server.process.pid)
                rounds.append(server.measure("register", users=users) | {"memory": 0})
                rounds[-1]["memory"] = (resident(server.process.pid) - empty) / users
    for users, rounds in results.items():
        mid = median(rounds)
        print(f"| {users} | {mid['total']:.2f} | {mid['total'] / median(results[1_000])['total']:.2f} | {mid['lost']:.0f} | {mid['memory']:.0f} |", flush=True)


def resident(pid):
    """Bytes of memory in use by all processes of a server."""
    pages = sum(int(pathlib.Path(f"/proc/{one}/statm").read_text().split()[1]) for one in family(pid))
    return pages * os.sysconf("SC_PAGE_SIZE")


def main(wanted, tasks):
    if wanted in ("failover", "accounts"):
        os.execv(sys.executable, [sys.executable, str(ROOT / f"bench/{wanted}.py"), *tasks])
    if wanted not in ("sip", "dns", "workers", "persistence", "contacts", "push", "all") or set(tasks) - set(SIP_TASKS) or (tasks and wanted != "sip"):
        sys.exit(f"bench/run.py takes sip, dns, workers, persistence, contacts, push, accounts, failover or all; after sip also tasks: {' '.join(SIP_TASKS)}")
    if wanted in ("sip", "all"):
        compare(tasks or SIP_TASKS, "kamailio")
    if wanted in ("dns", "all"):
        Upstream()
        compare(("dns",), "dnsmasq")
    if wanted in ("workers", "all"):
        compare_workers()
    if wanted in ("persistence", "all"):
        compare_stores()
    if wanted in ("push", "all"):
        compare_pushes()
    if wanted in ("contacts", "all"):
        compare_sizes()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "all", sys.argv[2:])
