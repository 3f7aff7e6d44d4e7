"""The programs and sockets that stand for phones, clients and resolvers."""

import os
import socket
import struct
import subprocess
import threading

from ringhold import PATIENCE, Failed, expect, free_port

SCENARIOS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "scenarios")


class Sipp:
    """One SIPp with one of our scenarios: `user` is who registers or is called."""

    def __init__(self, ringhold, scenario, user="bob", port=None, transport="u1", contact_port=None, keys=None, calls=1, seconds=PATIENCE):
        self.port = port or free_port()
        self.scenario = scenario
        self._errors = os.path.join(ringhold.folder, f"{scenario}-{self.port}.err")
        self._messages = os.path.join(ringhold.folder, f"{scenario}-{self.port}.messages")
        self.process = subprocess.Popen(
            ["sipp", "-sf", os.path.join(SCENARIOS, scenario + ".xml"), f"127.0.0.1:{ringhold.ports['sip']}", "-i", "127.0.0.1",
             "-p", str(self.port), "-key", "user", user, "-key", "contact_port", str(contact_port or self.port), "-t", transport,
             "-m", str(calls), "-l", str(calls), "-timeout", str(seconds), "-timeout_error", "-nostdin",
             "-trace_err", "-error_file", self._errors, "-trace_msg", "-message_file", self._messages, "-default_behaviors", "all,-bye",
             *(word for key, value in (keys or {}).items() for word in ("-key", key, value))],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=ringhold.folder, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def finish(self):
        """Waits for the end of the scenario; fails with SIPp's words if a message was not as expected."""
        try:
            output, _ = self.process.communicate(timeout=PATIENCE * 2)
        except subprocess.TimeoutExpired as late:
            raise Failed(f"SIPp {self.scenario} does not end") from late
        if self.process.returncode != 0:
            errors = open(self._errors, errors="replace").read() if os.path.exists(self._errors) else ""
            raise Failed(f"SIPp {self.scenario} ended with {self.process.returncode}: {errors or output[-1500:]}")


def sipp(ringhold, scenario, **options):
    with Sipp(ringhold, scenario, **options) as program:
        program.finish()


def kdig(ringhold, *words):
    """kdig's answer: (status, lines of the answer section)."""
    done = subprocess.run(["kdig", "-p", str(ringhold.ports["dns"]), "@127.0.0.1", "+timeout=5", "+retry=0", *words],
                          capture_output=True, text=True, timeout=PATIENCE)
    status = done.stdout.split("status: ")[1].split(";")[0] if "status: " in done.stdout else f"none ({done.stdout} {done.stderr})"
    section = done.stdout.split(";; ANSWER SECTION:\n")
    return status, section[1].split("\n\n")[0].strip().split("\n") if len(section) > 1 else []


def query(name, kind, identity=0x1234, flags=0x0100, questions=1):
    """A DNS query as bytes."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"
    return struct.pack("!6H", identity, flags, questions, 0, 0, 0) + labels + struct.pack("!2H", kind, 1)


def rcode(answer):
    return answer[3] & 0x0F


class Raw:
    """A UDP socket to one address."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.connect(address)
        self.socket.settimeout(PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def exchange(self, message):
        self.socket.send(message)
        return self.socket.recv(65535)

    def exchange_dns(self, message):
        """The answer that carries the query's identity; others are passed over."""
        self.socket.send(message)
        while True:
            answer = self.socket.recv(65535)
            if answer[:2] == message[:2]:
                return answer


class Stream:
    """A TCP connection to one address."""

    def __init__(self, address):
        self.socket = socket.create_connection(address, timeout=PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def receive(self, count):
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            expect(more, f"the connection was closed after {len(data)} of {count} bytes")
            data += more
        return data

    def ended(self):
        """True when the other side closed it, by FIN or RST."""
        try:
            while self.socket.recv(65536):
                pass
            return True
        except ConnectionResetError:
            return True


class Resolver:
    """An upstream resolver that gives one SRV record of the central site to every question."""

    def __init__(self, port):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", port))
        self.sources = set()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def _serve(self):
        try:
            while True:
                self._answer(*self.socket.recvfrom(4096))
        except OSError:
            return  # closed

    def _answer(self, message, source):
        self.sources.add(source)
        end = message.index(b"\0", 12) + 5
        question = message[12:end]
        kind = struct.unpack("!H", question[-4:-2])[0]
        data = struct.pack("!3H", 10, 5, 5060) + b"\3sip\7example\4test\0"
        record = b"\xc0\x0c" + struct.pack("!2HIH", 33, 1, 3600, len(data)) + data if kind == 33 else b""
        self.socket.sendto(message[:2] + struct.pack("!5H", 0x8180, 1, 1 if record else 0, 0, 0) + question + record, source)
