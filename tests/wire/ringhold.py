"""One `ringhold serve` on loopback, with ports and a folder of its own."""

import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

DOMAIN = "example.test"
WORKERS = int(os.environ.get("RINGHOLD_WORKERS", "1"))  # the same tests hold with several
PATIENCE = 15  # seconds; a sanitizer's binary on a busy machine is slow


class Failed(AssertionError):
    """A promise that did not hold."""


def expect(promise, words):
    if not promise:
        raise Failed(words)


def wait_until(condition, what, seconds=PATIENCE):
    """The first true value of `condition()`."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failed(f"not within {seconds} s: {what}")
        time.sleep(0.02)


RESERVED = []  # held until this process ends


def free_port():
    """The first of ten ports that are this process's own: free over UDP and TCP, and below those that the kernel hands out.

    Tests run side by side, and a port is used only some time after it was chosen. So each ten has a name in the abstract
    socket namespace: who holds it has the ports.
    """
    while True:
        first = random.randrange(10000, 32000, 10)
        name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            name.bind(f"\0ringhold-test-ports-{first}")
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                with socket.socket(socket.AF_INET, kind) as probe:
                    probe.bind(("127.0.0.1", first))
        except OSError:
            name.close()
            continue
        RESERVED.append(name)
        return first


CONFIG = """\
[branch]
domain   = "{domain}"
networks = {networks}

[sip]
workers = {workers}
listen = ["udp:127.0.0.1:{sip}", "tcp:127.0.0.1:{sip}"]
{sip_more}

[dns]
listen   = ["127.0.0.1:{dns}"]
upstream = ["127.0.0.1:{upstream}"]

[store]
url = "{store}"

[http]
listen = "127.0.0.1:{http}"
{more}
"""


class Ringhold:
    """A context: started by `start`, ended and cleared away at the end."""

    def __init__(self, binary, **options):
        self.binary = binary
        self.folder = tempfile.mkdtemp(prefix="ringhold-wire-")
        self.ports = {name: free_port() for name in ("sip", "dns", "http", "upstream")}
        self.ports.update(options.pop("ports", {}))
        self.config = os.path.join(self.folder, "ringhold.toml")
        self.log = os.path.join(self.folder, "log")
        self.process = None
        values = {"domain": DOMAIN, "networks": '["127.0.0.0/8"]', "store": "sqlite:ringhold.db", "sip_more": "", "more": "",
                  "workers": WORKERS, **options}
        self.write_config(CONFIG.format(**values, **self.ports))

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if kind:
            print(self.text())
        shutil.rmtree(self.folder, ignore_errors=True)

    def write_config(self, text):
        with open(self.config, "w") as file:
            file.write(text)

    def begin(self, **options):
        """Starts the program without waiting for anything."""
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([self.binary, "serve", "-c", self.config], stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=subprocess.STDOUT, **options)

    def start(self, **options):
        self.begin(**options)
        wait_until(self.healthy, "the program answers /healthz")
        return self

    def healthy(self):
        expect(self.process.poll() is None, f"the program ended with {self.process.returncode}: {self.text()}")
        try:
            return self.get("/healthz")[0] == 200
        except OSError:
            return False

    def text(self):
        with open(self.log, errors="replace") as log:
            return log.read()

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def run(self, *words):
        """Another command of the same binary; its exit status, what it printed, and its errors."""
        done = subprocess.run([self.binary, *words], capture_output=True, text=True, timeout=PATIENCE * 2)
        return done.returncode, done.stdout, done.stderr

    def ask(self, *words):
        return self.run(*words, "-c", self.config)

    def request(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.ports["http"], timeout=PATIENCE)
        try:
            connection.request(method, path, body, headers or {})
            reply = connection.getresponse()
            return reply.status, reply.read().decode(), reply.headers
        finally:
            connection.close()

    def get(self, path):
        return self.request("GET", path)[:2]

    def api(self, name):
        status, body = self.get("/api/v1/" + name)
        expect(status == 200, f"GET {name}: {status} {body}")
        return json.loads(body)

    def registered(self, user):
        return [row for row in self.api("registrations") if row["aor"] == f"sip:{user}@{DOMAIN}"]

    def sip(self):
        return ("127.0.0.1", self.ports["sip"])

    def dns(self):
        return ("127.0.0.1", self.ports["dns"])
