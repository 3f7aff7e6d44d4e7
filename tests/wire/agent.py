#!/usr/bin/env python3
"""`ringhold agent` and the servers it registers at, which other people wrote. Runs like wire.py."""

import contextlib
import json
import re
import socket
import struct
import subprocess
import sys
import tempfile
import time

import wire
from agent_program import Agent, server
from kamailio import registrar
from peers import Resolver
from registrars import Registrar, in_order, is_removal
from ringhold import DOMAIN, PATIENCE, expect, free_port, wait_until
from transports import secure_box


# --- --once

def once(box, transport, port, accounts=None, more=""):
    """An agent that is not started."""
    return Agent(wire.BINARY, box.folder, accounts or {"alice": "secret"}, [server(port, transport)], more)


def registers_and_leaves(box, transport, port, more=""):
    """--once in both its forms."""
    agent = once(box, transport, port, {"alice": "secret", "bob": "hidden"}, more)
    code, words, errors = agent.once("--json")
    expect(code == 0, f"{transport}: {code} {words} {errors}")
    report = json.loads(words)
    expect(report["registered"] and report["resolved"], f"{report}")
    expect([one["aor"] for one in report["accounts"]] == [f"sip:{user}@{DOMAIN}" for user in ("alice", "bob")], f"{report}")
    for one in report["accounts"]:
        expect(list(one) == ["aor", "registered", "server", "why", "status", "register_us", "expires_in", "servers"], f"{one}")
        expect((one["registered"], one["server"], one["status"]) == (True, server(port, transport), 200), f"{one}")
        expect(one["register_us"] > 0 and 0 < one["expires_in"] <= 300, f"{one}")
    there = report["servers"][0]
    expect((there["server"], there["accounts"]) == (server(port, transport), 2) and there["options_us"] > 0, f"{there}")
    expect((there["connect_us"] is not None) == (transport != "udp"), f"only a connection takes time: {there}")
    expect(box.api("registrations") == [], "nothing stays")
    code, words, errors = agent.once()
    expect(code == 0 and "REGISTER   sip:alice@" in words and "OPTIONS " in words, f"{transport}: {code} {words} {errors}")
    expect(box.api("registrations") == [], "nothing stays")


def test_agent_once_registers_and_leaves():
    """C4: over UDP and TCP, with the passwords"""
    with wire.asking_for_passwords() as box:
        wire.add_user(box, "bob", "hidden")
        box.start()
        for transport in ("udp", "tcp"):
            registers_and_leaves(box, transport, box.ports["sip"])
        expect('ringhold_digest_total{result="failed"} 0' in box.get("/metrics")[1], "every password was right")


def test_agent_once_registers_over_tls():
    """T3, RFC 5922: the certificate is for the domain, by an authority that is known; by another it is not taken"""
    with secure_box() as (box, authority):
        box.start()
        registers_and_leaves(box, "tls", box.ports["tls"], f'tls_ca = "{authority.file}"')
        code, words, _ = once(box, "tls", box.ports["tls"]).once("--json", "--patience", "5s")
        expect(code == 1 and not json.loads(words)["accounts"][0]["registered"], f"{code} {words}")


def test_agent_once_says_why_not():
    """C4: exit code 1 with the reason, 3 with the line of the file"""
    with wire.asking_for_passwords() as box:
        box.start()
        for transport in ("udp", "tcp"):
            port = free_port()
            code, words, errors = once(box, transport, port).once("--json")
            report = json.loads(words)
            one = report["accounts"][0]
            expect(code == 1 and not report["registered"] and not one["registered"], f"{code} {words} {errors}")
            expect((one["server"], one["why"], one["status"]) == (server(port, transport), "unsendable", 0), f"nobody is there: {one}")
        code, words, _ = once(box, "udp", box.ports["sip"], {"alice": "guess"}).once("--json")
        one = json.loads(words)["accounts"][0]
        expect(code == 1 and (one["why"], one["status"]) == ("credentials", 401), f"the password is wrong: {words}")
        code, words, _ = once(box, "udp", port).once()
        expect(code == 1 and "FAILED: unsendable" in words, f"{code} {words}")
        wrong = once(box, "udp", port, more='expires = "never"')
        code, words, errors = wrong.once("--json")
        expect(code == 3 and errors.startswith(f"{wrong.config}:") and not words, f"{code} {words} {errors}")
        expect(box.api("registrations") == [], "nothing stays")


def test_agent_names_the_port_that_is_taken():
    """O1: the setting to look at is the agent's own"""
    with tempfile.TemporaryDirectory(prefix="ringhold-wire-") as folder:
        for key in ("listen", "uplink"):
            agent = Agent(wire.BINARY, folder, {"alice": "secret"}, [server(free_port())])
            port = agent.port if key == "listen" else agent.uplink
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
                other.bind(("127.0.0.1", port))
                done = subprocess.run([wire.BINARY, "agent", "-c", agent.config], capture_output=True, text=True, timeout=PATIENCE)
            words = done.stdout + done.stderr
            expect(done.returncode != 0 and f"127.0.0.1:{port} (agent.{key})" in words and "sip.listen" not in words, f"{done.returncode} {words}")


def test_agent_once_disturbs_nobody():
    """C4, decision 0017: beside an agent that runs with the same file it is another device, and takes its own registration away only"""
    with wire.asking_for_passwords() as box:
        box.start()
        with Agent(wire.BINARY, box.folder, {"alice": "secret"}, [server(box.ports["sip"])]) as agent:
            before = wait_until(lambda: box.registered("alice"), "the agent is registered")
            for _ in range(2):
                code, words, errors = agent.once("--json")
                expect(code == 0 and json.loads(words)["registered"], f"{code} {words} {errors}")
            after = box.registered("alice")
            expect([row["contact"] for row in after] == [row["contact"] for row in before], f"{after}")
            expect(box.api("restarts") == [], "no restart is seen")
            wait_until(lambda: len(agent.registrations()) == 1, "the agent has noticed nothing")


# --- What registrars say

CHALLENGE = f'WWW-Authenticate: Digest realm="{DOMAIN}", nonce="1", algorithm=MD5'
# What c1 answers to every REGISTER, with which header, what to a removal, and what goes where, then with which CSeq. c2 takes everything.
CASES = {
    "403": ("403", "", "200", "c1 -c1 c1 c2", [1, 2, 3, 4]),
    "403, to the removal as well": ("403", "", "403", "c1 -c1 c2", [1, 2, 3]),
    "404": ("404", "", "200", "c1 -c1 c1 c2", [1, 2, 3, 4]),
    "480": ("480", "", "500", "c1 -c1 c2", [1, 2, 3]),
    "400: new numbers": ("400", "", "200", "c1 -c1 c1 c2", [1, 1, 2, 3]),
    "408 is no answer": ("408", "", None, "c1 c2", [1, 1]),
    "423": ("423", "Min-Expires: 600", None, "c1 c1 c2", [1, 2, 3]),
    "423 without a time": ("423", "", None, "c1 c2", [1, 2]),
    "500": ("500", "", None, "c1 c2", [1, 2]),
    "503: the same request": ("503", "Retry-After: 120", None, "c1 c2", [1, 1]),
    "600": ("600", "", None, "c1 c2", [1, 2]),
    "302": ("302", "Contact: <sip:127.0.0.1:{c2}>", None, "c1 c2", [1, 2]),
    "302 without a place": ("302", "", None, "c1 c2", [1, 2]),
    "401 again": ("401", CHALLENGE, "403", "c1 c1 -c1 c2", [1, 2, 3, 4]),
    "401 without a challenge": ("401", "", "200", "c1 -c1 c1 c2", [1, 2, 3, 4]),
}


@contextlib.contextmanager
def between(answer, header="", farewell=None, at_c2="200"):
    """An agent before two registrars: {name: registrar}, agent."""
    with tempfile.TemporaryDirectory(prefix="ringhold-wire-") as folder, Registrar(folder, at_c2, farewell="200") as c2, \
            Registrar(folder, answer, header.format(c2=c2.port), farewell) as c1, \
            Agent(wire.BINARY, folder, {"alice": "secret"}, [server(one.port) for one in (c1, c2)]) as agent:
        yield {"c1": c1, "c2": c2}, agent


def path(rows):
    return " ".join(("-" if is_removal(message) else "") + name for name, message in rows)


def goes(case, servers, way, cseqs):
    """The REGISTERs so far; what may hold of all is checked."""
    rows = wait_until(lambda: (found := in_order(servers)) if len(in_order(servers)) >= len(cseqs) else None, f"{case}: {way}")
    began = rows[:len(cseqs)]
    expect(path(began) == way, f"{case}: {path(rows)}, not {way}")
    expect([message.cseq for _, message in began] == cseqs, f"{case}: {[message.value('CSeq') for _, message in began]}")
    expect(all(message.value("Contact") != "*" for _, message in rows), f"{case}: others' registrations are not ours to remove")
    expect(len({message.branch for _, message in rows}) == len(rows), f"{case}: each a transaction of its own")
    ids = [message.value("Call-ID") for _, message in began]
    expect(len(set(ids)) == 1 or (case.startswith("400") and len(set(ids[1:])) == 1), f"{case}: decision 0016: {ids}")
    return began


def test_agent_obeys_registrars():
    """SWI-04, SWI-07 to SWI-11, SWI-21, DIS-20: where each answer sends it, with which numbers"""
    for case, (answer, header, farewell, way, cseqs) in CASES.items():
        with between(answer, header, farewell) as (servers, agent):
            began = goes(case, servers, way, cseqs)
            wait_until(lambda agent=agent, servers=servers: agent.registrations() == [("alice", server(servers["c2"].port))], f"{case}: at c2")
            times = [message.value("Expires") for _, message in began if not is_removal(message)]
            expect(times == (["300", "600", "300"] if header.startswith("Min-Expires") else ["300"] * len(times)), f"{case}: {times}")
            if header == CHALLENGE:
                expect("Digest username=" in began[1][1].value("Authorization"), "answered once")
                expect("event=agent_credentials_refused" in agent.text(), "and the log says that it was refused")


@contextlib.contextmanager
def nobody():
    """A port that takes everything and says nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", free_port()))
        yield one.getsockname()[1]


def test_agent_is_patient():
    """SWI-01, SWI-03, SWI-07, SWI-09, SWI-18: silence is 32 s, what is no SIP is silence; Retry-After holds; no answer makes a hot loop"""
    begin = time.monotonic()
    with nobody() as silent, tempfile.TemporaryDirectory(prefix="ringhold-wire-") as folder, Registrar(folder) as last, \
            Agent(wire.BINARY, folder, {"alice": "secret"}, [server(silent), server(last.port)]) as waiting, \
            between("HTTP/1.1 200 OK") as (garbled, _), between("503", "Retry-After: 120") as (avoided, _), \
            between("500") as (broken, _), between("403", "", "200", "403") as (refusing, _):
        wait_until(lambda: len(broken["c1"].registers()) >= 4, "who answers OPTIONS is asked again, and again", 30)
        expect(len(avoided["c1"].registers()) == 1, "but not who said when")
        wait_until(lambda: waiting.registrations() == [("alice", server(last.port))], "after the silence at the next", 45)
        waited = time.monotonic() - begin
        expect(31.5 <= waited < 36 or wire.sanitized(), f"64 T1: {waited}")
        goes("garbled", garbled, "c1 c2", [1, 1])
        goes("refusing", refusing, "c1 -c1 c1 c2 -c2 c2", [1, 2, 3, 4, 5, 6])
        sent = {name: len(in_order(one)) for name, one in (("garbled", garbled), ("avoided", avoided), ("broken", broken), ("refusing", refusing))}
        expect(sent["garbled"] == 2 and sent["avoided"] == 2 and sent["broken"] <= waited / 2 + 2 and sent["refusing"] <= 30, f"{sent}")
        times = sorted(when for one in refusing.values() for when, _ in one.registers())
        expect(times[6] - times[5] >= 1.5, f"timer 1 between two rounds: {times}")


def test_agent_returns():
    """SWI-17, DIS-21: to a better server when it has answered for return_after; only then it is removed from the other"""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="ringhold-wire-") as folder, Registrar(folder) as c2, \
            Agent(wire.BINARY, folder, {"alice": "secret"}, [server(port), server(c2.port)]) as agent:
        wait_until(lambda: agent.registrations() == [("alice", server(c2.port))], "the first is not there")
        begin = time.monotonic()
        with Registrar(folder, port=port) as c1:
            wait_until(lambda: len(in_order({"c1": c1, "c2": c2})) >= 4, "it moves")
            rows = in_order({"c1": c1, "c2": c2})[:4]
            expect(time.monotonic() - begin >= 2, "not before it has answered for two seconds")
            # Servers that share their books have removed it from both.
            expect(path(rows) == "c2 c1 -c2 c1", f"{path(rows)}")
            expect([message.cseq for _, message in rows] == sorted({message.cseq for _, message in rows}), "numbers only grow")
            wait_until(lambda: agent.registrations()[1:] == [("alice", server(port))], "the log says so")


class Zone(Resolver):
    """Two central servers at these ports of this machine."""

    def __init__(self, port, servers):
        self._servers = servers
        super().__init__(port)

    def _answer(self, message, source):
        end = message.index(b"\0", 12) + 5
        kind = struct.unpack("!H", message[end - 4:end - 2])[0]
        name = message[12:end - 4]
        data = []
        if kind == 33 and name.lower().startswith(b"\4_sip\4_udp"):
            data = [struct.pack("!3H", rank, 0, port) + b"\4sip%d\7example\4test\0" % rank for rank, port in enumerate(self._servers, 1)]
        elif kind == 1 and name.lower().startswith(b"\4sip"):
            data = [socket.inet_aton("127.0.0.1")]
        records = b"".join(b"\xc0\x0c" + struct.pack("!2HIH", kind, 1, 3600, len(one)) + one for one in data)
        self.socket.sendto(message[:2] + struct.pack("!5H", 0x8180, 1, len(data), 0, 0) + message[12:end] + records, source)


def test_agent_asks_who_is_first_now():
    """D7, X-22: a server is silent, and the branch device puts itself first; nobody waits for the end of Timer F or of the TTL"""
    upstream = free_port()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as first, nobody() as second, wire.ringhold(ports={"upstream": upstream}) as box:
        first.bind(("127.0.0.1", free_port()))
        with Zone(upstream, [first.getsockname()[1], second]):
            box.start()
            more = f'nameserver = "127.0.0.1:{box.ports["dns"]}"'
            with Agent(wire.BINARY, box.folder, {"alice": "secret"}, [], more) as agent:
                first.settimeout(PATIENCE)
                begin = time.monotonic()
                while not first.recv(4096).startswith(b"REGISTER "):
                    expect(time.monotonic() < begin + PATIENCE, "it goes to the first server of the domain")
                begin = time.monotonic()
                expect(box.ask("mode", "survivable")[0] == 0, "the branch device takes over")
                wait_until(lambda: agent.registrations() == [("alice", server(box.ports["sip"]))], "it is at the branch device", 30)
                waited = time.monotonic() - begin
                expect(3.5 <= waited < 12 or wire.sanitized(), f"after four transmissions, not after 32 s: {waited}")
                expect("event=agent_server_overtaken" in agent.text() and "agent_registration_failed" not in agent.text(), agent.text())


# --- A registrar that asks for passwords

def asked(central):
    """What Kamailio said of each REGISTER: [(CSeq, Expires, whether it had credentials)]."""
    words = re.findall(r"asked by alice: (\d+) REGISTER \S+ expires (\d+) credentials (\S+)", central.text())
    return [(int(cseq), int(expires), uri != "<null>") for cseq, expires, uri in words]


def wait_asked(central, times):
    """Kamailio writes its log when it likes."""
    wait_until(lambda: len(asked(central)) >= times, f"Kamailio's log tells of {times} REGISTERs")


def test_agent_proves_itself_to_kamailio():
    """SWI-10, SWI-20: two REGISTERs with MD5 and SHA-256; after a kill -9 the same Call-ID with greater numbers"""
    for algorithm in ("MD5", "SHA-256"):
        with tempfile.TemporaryDirectory(prefix="ringhold-wire-") as folder, registrar(folder, algorithm) as central, \
                Agent(wire.BINARY, folder, {"alice": "secret"}, [server(central.port)]) as agent:
            wait_until(agent.registrations, f"{algorithm}: registered")
            wait_asked(central, 2)
            expect(asked(central) == [(1, 300, False), (2, 300, True)], f"{algorithm}: {asked(central)}")
            agent.kill()
            agent.start()
            wait_until(lambda agent=agent: len(agent.registrations()) == 2, "registered again")
            wait_asked(central, 4)
            again = asked(central)[2:]
            expect([one[1:] for one in again] == [(300, False), (300, True)] and again[0][0] > 2, f"{algorithm}: {again}")
            expect(len(set(re.findall(r"REGISTER (\S+) expires", central.text()))) == 1, "one Call-ID")


def test_agent_does_not_guess():
    """SWI-10: a wrong password is said twice, once for a REGISTER and once for the removal; then it is the next server's turn"""
    with tempfile.TemporaryDirectory(prefix="ringhold-wire-") as folder, registrar(folder) as central, Registrar(folder) as other, \
            Agent(wire.BINARY, folder, {"alice": "guess"}, [server(central.port), server(other.port)]) as agent:
        wait_until(agent.registrations, "the other server takes it")
        wait_asked(central, 4)
        began = asked(central)[:4]
        expect(began == [(1, 300, False), (2, 300, True), (3, 0, False), (4, 0, True)], f"{began}")
        expect(agent.registrations() == [("alice", server(other.port))], "at the other")
        expect("event=agent_credentials_refused" in agent.text(), "the log names it")


if __name__ == "__main__":
    sys.exit(wire.main(globals()))
