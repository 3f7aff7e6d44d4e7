#!/usr/bin/env python3
"""RFC 3261 §10.3, §16 and their neighbours, one scenario per rule (rules/*.txt), played by SIPp. Runs like wire.py;
with RULE=NAME in the environment only those whose name has it, with all messages that SIPp saw if it fails."""

import concurrent.futures
import glob
import itertools
import os
import random
import re
import select
import socket
import ssl
import subprocess
import sys
import threading

import wire
from peers import Raw
from ringhold import DOMAIN, PATIENCE, Failed, expect, wait_until
from rule_scenario import Names, bind_request, document, documents, read
from transports import secure_box

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "rules")
FIRST_PORT = 20000  # of the players, below those that the system gives away
AT_ONCE = 6
ONLY = os.environ.get("RULE", "")


def scenarios():
    """All of them, with a number that is theirs."""
    found = []
    for path in sorted(glob.glob(os.path.join(HERE, "*.txt"))):
        with open(path) as file:
            found += read(file.read(), os.path.basename(path))
    names = [one.name for one in found]
    expect(len(set(names)) == len(names), f"each name once: {sorted(name for name in names if names.count(name) > 1)}")
    return list(enumerate(found))


class Tunnel:
    """Lets SIPp, which may be built without TLS, speak it: a connection to `port` goes on to the box over TLS."""

    def __init__(self, box, authority, host):
        self._host = host
        self._to = ("127.0.0.1", box.ports["tls"])
        self._context = ssl.create_default_context(cafile=authority.file)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self):
        try:
            while True:
                near = self._listener.accept()[0]
                threading.Thread(target=self._pass, args=(near,), daemon=True).start()
        except OSError:
            return  # closed

    def _pass(self, near):
        plain = socket.create_connection(self._to, source_address=(self._host, 0))
        with near, self._context.wrap_socket(plain, server_hostname=DOMAIN) as far:
            # One thread, because a TLS socket is not for two.
            far.setblocking(False)
            near.setblocking(False)
            try:
                while True:
                    if not self._move(near, far) | self._move(far, near):
                        self._wait(near, far)
            except (OSError, EOFError):
                return

    @staticmethod
    def _move(source, sink):
        try:
            data = source.recv(65536)
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        if not data:
            raise EOFError
        sink.setblocking(True)
        sink.sendall(data)
        sink.setblocking(False)
        return True

    @staticmethod
    def _wait(*sockets):
        select.select(sockets, [], [], PATIENCE)


class Player:
    """One SIPp with a document."""

    def __init__(self, folder, name, xml, remote, local, transport):
        self.name = name
        self.log = os.path.join(folder, name)
        with open(self.log + ".xml", "w") as file:
            file.write(xml)
        words = ["sipp", "-sf", self.log + ".xml", f"127.0.0.1:{remote}", "-i", local[0], "-bind_local", "-p", str(local[1]),
                 "-t", "u1" if transport == "udp" else "t1", "-m", "1", "-l", "1", "-r", "100", "-timeout", str(PATIENCE), "-timeout_error",
                 "-nostdin", "-trace_err", "-error_file", self.log + ".err", "-trace_msg", "-message_file", self.log + ".msg",
                 "-default_behaviors", "all,-bye", "-cid_str", f"%u-%p-{name}@%s"]
        self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=folder,
                                        text=True, errors="replace")

    def finish(self):
        try:
            output = self.process.communicate(timeout=PATIENCE * 2)[0]
        except subprocess.TimeoutExpired as late:
            raise Failed(f"{self.name} does not end") from late
        if self.process.returncode != 0:
            raise Failed(f"{self.name} ended with {self.process.returncode}: {self.words('.err') or output[-800:]}")

    def words(self, ending):
        path = self.log + ending
        return open(path, errors="replace").read() if os.path.exists(path) else ""

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


def is_open(host, port, transport):
    """Whether somebody listens there: read from the kernel, because ss is slow."""
    wanted = "%s:%04X" % (socket.inet_aton(host)[::-1].hex().upper(), port)
    with open("/proc/net/" + ("udp" if transport == "udp" else "tcp")) as table:
        return any(line.split()[1] == wanted and line.split()[3] in ("07", "0A") for line in table)


class Silence:
    """A terminal that nothing may reach."""

    def __init__(self, host, port, transport):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((host, port))
        if transport != "udp":
            self.socket.listen()
        self.socket.setblocking(False)

    def is_broken(self):
        try:
            self.socket.recv(1) if self.socket.type == socket.SOCK_DGRAM else self.socket.accept()
            return True
        except BlockingIOError:
            return False


def lonely_host():
    """A loopback address on which nobody else has ports."""
    return "127." + ".".join(str(random.randint(1, 254)) for _ in range(3))


class Group:
    """One box with all scenarios of one transport."""

    def __init__(self, box, transport, host, entry=None):
        self.box = box
        self.transport = transport
        self.host = host
        self.entry = entry  # the port that the callers go to, if it is not the box's
        self.next_port = itertools.count(FIRST_PORT)
        self.known = [(index, one) for index, one in scenarios() if not one.only or transport in one.only]
        if ONLY:
            self.known = [(index, one) for index, one in self.known if ONLY in one.name]
        self.names = {one.name: Names(index, self.ports(one)) for index, one in self.known}

    def ports(self, scenario):
        actors = dict.fromkeys([*scenario.actors(), *scenario.silent])
        for _, contacts, _ in scenario.binds:
            actors.update(dict.fromkeys(contact.partition(";")[0] for contact in contacts))
        known = {actor: f"{self.host}:{next(self.next_port)}" for actor in actors}
        terminals = self.terminals(scenario)
        return {**known, "domain": DOMAIN, "box": f"127.0.0.1:{self.box.ports['sip']}", "host": self.host, "long": "0123456789" * 140,
                "t": self.transport, "T": self.transport.upper(), "tt": terminals, "TT": terminals.upper()}

    def player(self, name, xml, host, port, transport, entry=None):
        return Player(self.box.folder, name, xml, entry or self.box.ports["sip"], (host, port), transport)

    def terminals(self, scenario):
        return scenario.terminals or ("tcp" if self.transport == "tls" else self.transport)

    def bind(self):
        """All phones register, and hang up the connection that they did it by, so that they are connected to."""
        for transport in ("udp", "tcp"):
            xml = ""
            number = 0
            for _, one in self.known:
                if self.terminals(one) != transport:
                    continue
                for number, bind in enumerate(one.binds, number + 1):
                    xml += bind_request(self.names[one.name], bind, transport, number)
            if not xml:
                continue
            player = self.player(f"bind-{transport}", document("bind", xml, []), self.host, next(self.next_port), transport)
            try:
                player.finish()
            finally:
                player.end()
        wait_until(lambda: connections(self.box) == 0, "they are gone")

    def play(self, scenario):
        names = self.names[scenario.name]
        terminals = self.terminals(scenario)
        players = []
        silent = {actor: Silence(self.host, port_of(names, actor), terminals) for actor in scenario.silent}
        try:
            written = documents(scenario, names, self.transport)
            for actor in scenario.actors():
                port = port_of(names, actor)
                phone = self.player(f"{scenario.name}-{actor}", written[actor], self.host, port, terminals)
                players.append(phone)
                wait_until(lambda: is_open(self.host, port, terminals) or phone.process.poll() is not None, f"{actor} listens")
            name = f"{scenario.name}-caller"
            players.append(self.player(name, written["caller"], self.host, next(self.next_port), self.transport, self.entry))
            for player in reversed(players):
                player.finish()
            for actor, socket_ in silent.items():
                expect(not socket_.is_broken(), f"{actor} was reached")
        except Failed as failure:
            trace = "\n".join(f"--- {player.name}\n{player.words('.msg')}" for player in players)
            return f"{failure}\n{trace if ONLY else ''}"
        finally:
            for player in players:
                player.end()
            for socket_ in silent.values():
                socket_.socket.close()
        return ""

    def play_all(self):
        self.bind()
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            results = list(pool.map(lambda pair: self.play(pair[1]), self.known))
        failed = []
        for (_, one), words in zip(self.known, results):
            if words:
                print(f"  FAILED   {one.name} ({one.file})\n{words}")
                failed.append(one.name)
        print(f"  {len(results)} rules over {self.transport}, {len(failed)} failed")
        expect(not failed, ", ".join(failed))
        expect(self.box.healthy(), "and it serves on")


def port_of(names, actor):
    return int(names.known[actor].rsplit(":", 1)[1])


def connections(box):
    return int(re.search(r"^ringhold_connections (\d+)$", box.get("/metrics")[1], flags=re.M)[1])


NO_LIMITS = "max_rate = 0\nmax_rate_per_source = 0"


def pinned(box):
    box.start()
    wait_until(lambda: box.ask("mode", "survivable")[0] == 0, "the central site is not asked")


def test_rules_over_udp():
    with wire.ringhold(sip_more=NO_LIMITS) as box:
        pinned(box)
        Group(box, "udp", lonely_host()).play_all()


def test_rules_over_tcp():
    with wire.ringhold(sip_more=NO_LIMITS) as box:
        pinned(box)
        Group(box, "tcp", lonely_host()).play_all()


def test_rules_over_tls():
    with secure_box() as (box, authority):
        box.write_config(open(box.config).read().replace("tls_certificate", NO_LIMITS + "\ntls_certificate", 1))
        pinned(box)
        host = lonely_host()
        with Tunnel(box, authority, host) as tunnel:
            Group(box, "tls", host, tunnel.port).play_all()


# --- No reflection: who forges a source address gains little

LARGEST_FACTOR = 4


def request(method, uri, *more):
    """As short as it may be."""
    return "\r\n".join([f"{method} {uri} SIP/2.0", "Via:SIP/2.0/UDP h;rport;branch=z9hG4bK" + os.urandom(4).hex(), "From:<sip:a@b>;tag=1",
                        "To:<sip:a@example.test>", "Call-ID:" + os.urandom(4).hex(), f"CSeq:1 {method}", *more, "", ""]).encode()


def answers(raw, message):
    """All that comes back up to the answer to a request that is sent behind it."""
    last = request("OPTIONS", f"sip:{DOMAIN}", "Subject:last")
    mark = re.search(rb"Call-ID:(\w+)", last)[1]
    raw.socket.send(message)
    raw.socket.send(last)
    came = []
    while True:
        answer = raw.socket.recv(65535)
        if mark in answer:
            return came
        came.append(answer)


def test_answers_to_strangers_are_not_much_larger_than_what_they_sent():
    """With passwords, so that everybody is a stranger."""
    with wire.asking_for_passwords() as box:
        pinned(box)
        strange = (request("OPTIONS", f"sip:{DOMAIN}"), request("REGISTER", f"sip:{DOMAIN}", "Contact:<sip:a@c>"),
                   request("REGISTER", f"sip:{DOMAIN}", "Require:gold"), request("INVITE", f"sip:nobody@{DOMAIN}"),
                   request("MESSAGE", f"sip:alice@{DOMAIN}"), request("SUBSCRIBE", f"sip:alice@{DOMAIN}", "Event:reg"),
                   request("CANCEL", f"sip:nobody@{DOMAIN}"), request("ACK", f"sip:nobody@{DOMAIN}"), request("FLY", "no:where"),
                   request("MESSAGE", "sip:"), request("MESSAGE", f"sip:a@{DOMAIN}", "Max-Forwards:x"))
        garbage = (b"OPTIONS sip:a SIP/2.0\r\nVia:SIP/2.0/UDP h\r\n\r\n", b"SIP/2.0 200 OK\r\n\r\n", b"x", b"\0" * 40, b"\r\n\r\n")
        for message in strange + garbage:
            with Raw(box.sip()) as raw:  # each from its own port: what comes back is the answer to this one
                came = answers(raw, message)
            size = sum(map(len, came))
            expect(size <= LARGEST_FACTOR * len(message), f"{len(message)} bytes gave {size}: {message!r} {came!r}")
            expect(not message.startswith(b"ACK ") or not came, "an ACK is never answered")


if __name__ == "__main__":
    sys.exit(wire.main(globals()))
