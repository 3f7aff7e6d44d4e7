#!/usr/bin/env python3
"""The real binary on loopback. `wire.py NAME --binary PATH` runs one test, without NAME all; exit 0 passed, 1 failed, 77 skipped."""

import argparse
import itertools
import json
import os
import re
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
import traceback

from digest import DigestPhone, hashed
from peers import Raw, Resolver, Sipp, Stream, kdig, query, rcode, sipp
from ringhold import DOMAIN, PATIENCE, Failed, Ringhold, expect, free_port, wait_until

BINARY = ""


class Skipped(Exception):
    """With the reason."""


def ringhold(**options):
    return Ringhold(BINARY, **options)


def sanitized():
    return b"__asan_init" in open(BINARY, "rb").read() or b"__tsan_init" in open(BINARY, "rb").read()


# --- SIP, by SIPp

def test_a_phone_registers_refreshes_and_leaves():
    """R1, R2"""
    with ringhold() as box:
        box.start()
        sipp(box, "register_refresh_remove", user="alice")
        expect(box.registered("alice") == [], "alice is gone")
        sipp(box, "register", user="bob", transport="t1")
        rows = box.registered("bob")
        expect(len(rows) == 1 and rows[0]["user_agent"] == "SIPp", f"bob is bound once: {rows}")
        expect(0 < rows[0]["expires_in"] <= 3600, "for the granted time")
        expect(rows[0]["source"].startswith("tcp:127.0.0.1:"), "over TCP")


def test_options_are_answered():
    with ringhold() as box:
        box.start()
        sipp(box, "options")
        sipp(box, "options", transport="t1")


def call(caller, callee, transport):
    with ringhold() as box:
        box.start()
        port = free_port()
        sipp(box, "register", user="bob", port=port, transport=transport)
        with Sipp(box, callee, user="bob", port=port, transport=transport) as phone:
            wait_until(lambda: listens(port, transport), "bob's phone listens")
            with Sipp(box, caller, user="bob", transport=transport) as other:
                other.finish()
            phone.finish()
        wait_until(lambda: box.api("calls") == [], "no call is left")


def listens(port, transport):
    kind = "-ltn" if transport.startswith("t") else "-lun"
    return f":{port} " in subprocess.run(["ss", kind], capture_output=True, text=True, check=True).stdout


def test_two_phones_call_each_other_over_udp():
    """C1"""
    call("caller", "callee", "u1")


def test_two_phones_call_each_other_over_tcp():
    """C1"""
    call("caller", "callee", "t1")


def test_a_caller_gives_up():
    """C1, RFC 3261 9"""
    call("caller_gives_up", "callee_is_cancelled", "u1")


def test_a_message_arrives():
    """C7"""
    call("message", "message_receiver", "u1")


def test_an_unknown_user_is_refused_with_480():
    """C2: phones try again after a 480"""
    with ringhold() as box:
        box.start()
        wait_until(lambda: box.ask("mode", "survivable")[0] == 0, "the mode is pinned")
        sipp(box, "message_nobody", user="nobody")


# --- SIP, digest

def asking_for_passwords(more="", **options):
    """A branch device with one user: alice, whose password is "secret"."""
    box = ringhold(more='[registrar]\nauth = "digest"\n' + more, **options)
    add_user(box, "alice", "secret")
    return box


def add_user(box, user, password):
    path = os.path.join(box.folder, "password")
    with open(path, "w") as file:
        file.write(password + "\n")
    code, out, words = box.ask("user", "add", user, "--password-file", path)
    expect(code == 0 and user in out, f"{code} {out} {words}")


def test_digest_takes_two_round_trips_with_each_algorithm():
    """R3, RFC 7616, RFC 8760"""
    with asking_for_passwords() as box:
        box.start()
        for algorithm in ("SHA-512-256", "SHA-256", "MD5"):
            with DigestPhone(box, "alice") as alice:
                first = alice.register()
                expect(first.status == 401 and list(first.nonces) == ["SHA-512-256", "SHA-256", "MD5"], first.text)
                second = alice.register(alice.credentials(first.nonces[algorithm], algorithm))
                expect(second.status == 200, second.text)
                expect(alice.register(alice.credentials(first.nonces[algorithm], algorithm, count=2)).status == 200, "the nonce serves on")
        rows = box.registered("alice")
        expect(len(rows) == 1 and rows[0]["trust"] == "digest", f"{rows}")
        expect('ringhold_digest_total{result="passed"} 6' in box.get("/metrics")[1], "counted")


def test_digest_by_sipp():
    """R3: another's program answers our challenge; it knows the first one only, and only MD5"""
    with asking_for_passwords('algorithms = ["MD5"]\n') as box:
        box.start()
        sipp(box, "register_digest", user="alice")
        expect(len(box.registered("alice")) == 1, "registered")


def test_digest_refuses_wrong_passwords_and_hides_unknown_users():
    """R3, X2"""
    with asking_for_passwords() as box:
        box.start()
        with DigestPhone(box, "alice", "wrong") as wrong, DigestPhone(box, "nobodys", "wrong") as unknown:
            first, other = wrong.register(), unknown.register()
            expect(first.shape(wrong) == other.shape(unknown), f"{first.text}\n{other.text}")
            first = wrong.register(wrong.credentials(first.nonces["MD5"]))
            other = unknown.register(unknown.credentials(other.nonces["MD5"]))
            expect(first.status == 401 and not first.stale and first.shape(wrong) == other.shape(unknown), f"{first.text}\n{other.text}")
            times = {wrong: [], unknown: []}
            answers = {wrong: first, unknown: other}
            for _ in range(7):
                for phone, spent in times.items():
                    credentials = phone.credentials(answers[phone].nonces["MD5"])
                    begin = time.monotonic()
                    answers[phone] = phone.register(credentials)
                    spent.append(time.monotonic() - begin)
            fast = [min(spent) for spent in times.values()]
            expect(abs(fast[0] - fast[1]) < 0.001, f"the same time: {fast}")
        expect(box.registered("alice") == [], "nobody is registered")
        wait_until(lambda: "event=auth_failed" in box.text(), "the log says it")


def test_digest_slows_down_guessers():
    """X2"""
    with asking_for_passwords() as box:
        box.start()
        with DigestPhone(box, "alice", "guess") as guesser:
            nonce = guesser.register().nonces["MD5"]
            statuses = [guesser.register(guesser.credentials(nonce)).status for _ in range(40)]
            expect(statuses.count(401) <= 12 and statuses[-1] == 503, f"{statuses}")
        limited = re.search(r'ringhold_digest_total\{result="limited"\} (\d+)', box.get("/metrics")[1])
        expect(limited and int(limited.group(1)) >= 28, "counted")
        expect(box.text().count("event=auth_failed") <= 12, "the log is not flooded")


def test_digest_refuses_replays_and_foreign_nonces():
    """R3, RFC 7616 3.3, 5.5"""
    with asking_for_passwords() as box:
        box.start()
        with DigestPhone(box, "alice") as alice:
            line = alice.credentials(alice.register().nonces["MD5"])
            expect(alice.register(line).status == 200, "once")
            again = alice.register(line)
            expect(again.status == 401 and again.stale, f"not twice: {again.text}")
            expect(alice.register(alice.credentials(again.nonces["MD5"])).status == 200, "a new one serves")
            foreign = alice.register(alice.credentials("of-the-central-site"))
            expect(foreign.status == 401 and foreign.stale, foreign.text)
            wait_until(lambda: box.api("status")["store"]["waiting"] == 0, "all is on disk")
            box.stop(signal.SIGKILL)
            box.start()
            expect(alice.register(alice.credentials(foreign.nonces["MD5"])).status == 200, "nonces outlive a restart")


def test_digest_asks_anew_when_a_nonce_is_old():
    """R3, RFC 7616 3.3: stale"""
    with asking_for_passwords('nonce_age = "1s"\n') as box:
        box.start()
        with DigestPhone(box, "alice") as alice:
            old = alice.register().nonces["MD5"]
            counts = itertools.count(1)
            late = wait_until(lambda: stale(alice.register(alice.credentials(old, count=next(counts)))), "it gets too old")
            expect(late.status == 401 and alice.register(alice.credentials(late.nonces["MD5"])).status == 200, late.text)


def stale(answer):
    return answer if answer.stale else None


def test_digest_lets_nobody_take_anothers_name():
    """R3, X4, C4"""
    with asking_for_passwords() as box:
        add_user(box, "bob", "hidden")
        box.start()
        wait_until(lambda: box.ask("mode", "survivable")[0] == 0, "the central site is not asked")
        with DigestPhone(box, "bob", "hidden") as bob, DigestPhone(box, "alice") as alice:
            nonce = bob.register().nonces["MD5"]
            expect(bob.register(alice.credentials(nonce)).status == 403, "bob's address is not alice's")
            uri = f"sip:112@{DOMAIN}"
            expect(bob.request("MESSAGE", uri, to="112").status != 407, "emergency numbers need no password")
            uri = f"sip:nobody@{DOMAIN}"
            first = bob.request("MESSAGE", uri, to="nobody")
            expect(first.status == 407, first.text)
            line = bob.credentials(first.nonces["SHA-256"], "SHA-256", method="MESSAGE", uri=uri, header="Proxy-Authorization")
            expect(bob.request("MESSAGE", uri, line, to="nobody").status == 480, "who proves himself hears that nobody is there")
            nonce = bob.register().nonces["MD5"]
            expect(bob.register(bob.credentials(nonce)).status == 200, "registered")
            expect(bob.request("MESSAGE", uri, to="nobody").status == 480, "and is not asked again")


def test_users_are_kept_by_command():
    """O1, R3, X5: with and without the running program; an import is whole or not at all"""
    with ringhold(more='[registrar]\nauth = "digest"\n') as box:
        code, _, words = box.ask("check")
        expect(code == 1 and "NOBODY IS ASKED" in words, f"{code} {words}")
        box.start()
        wait_until(lambda: "event=auth_no_users" in box.text(), "the log says it")
        with DigestPhone(box, "carol") as carol:
            expect(carol.register().status == 200, "nobody is asked while nobody could answer (X-31)")
        add_user(box, "alice", "secret")
        expect(box.ask("check")[0] == 0, "now somebody is there")
        with DigestPhone(box, "alice") as alice:
            expect(alice.register().status == 401, "and asked")
        path = os.path.join(box.folder, "users.csv")
        with open(path, "w") as file:
            file.write("user,password\nbob,x\nca:rol,y\n")
        code, _, words = box.ask("user", "import", path)
        expect(code == 1 and f"{path}:3: " in words, words)
        expect([row["user"] for row in json.loads(box.ask("user", "list", "--json")[1])] == ["alice"], "none of them")
        with open(path, "w") as file:
            file.write("username,domain,ha1\n" + "".join(f"u{n},{DOMAIN},{hashed('MD5', f'u{n}:{DOMAIN}:secret')}\n" for n in range(500)))
        code, out, words = box.ask("user", "import", path)
        expect(code == 0 and out.startswith("500 "), f"{code} {out} {words}")
        box.stop(signal.SIGKILL)
        expect(len(json.loads(box.ask("user", "list", "--json")[1])) == 501, "on disk, in parts of one")
        expect(box.ask("user", "remove", "u7")[0] == 0, "without the program")
        expect(box.ask("user", "remove", "u7")[0] == 1, "once")
        box.start()
        expect(box.api("status")["users"] == 500, "the program has read them")
        with DigestPhone(box, "u9") as phone:
            first = phone.register()
            expect(list(first.nonces) == ["MD5"], "what he can answer")
            expect(phone.register(phone.credentials(first.nonces["MD5"])).status == 200, "with the imported HA1")
        expect(box.ask("user", "remove", "u9")[0] == 0 and box.api("status")["users"] == 499, "while it runs")
        expect(box.request("GET", "/api/v1/users/u9")[0] == 404, "gone")
        expect(b"secret" not in open(os.path.join(box.folder, "ringhold.db"), "rb").read(), "no password is kept")


# --- SIP, malformed

def register(cseq="1 REGISTER", more="", user="eve"):
    return (f"REGISTER sip:{DOMAIN} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKraw{user};rport\r\nMax-Forwards: 70\r\n"
            f"From: <sip:{user}@{DOMAIN}>;tag=1\r\nTo: <sip:{user}@{DOMAIN}>\r\nCall-ID: raw{user}\r\nCSeq: {cseq}\r\n"
            f"Contact: <sip:{user}@127.0.0.1:9>\r\n{more}Content-Length: 0\r\n\r\n").encode()


def test_malformed_sip_gets_400_that_names_the_header():
    with ringhold() as box, Raw(box.sip()) as raw:
        box.start()
        answer = raw.exchange(register(cseq="4294967296999 REGISTER")).decode()
        first = answer.split("\r\n")[0]
        expect(first.startswith("SIP/2.0 400 ") and "CSeq" in first, first)
        for garbage in (b"", b"\0", b"\r\n\r\n", b"REGISTER", b"\xff" * 65000, b"SIP/2.0 200 OK\r\n\r\n", register()[:80]):
            raw.socket.send(garbage)
        expect(raw.exchange(register()).startswith(b"SIP/2.0 200 "), "and serves on")


def test_streams_that_never_make_sense_are_closed():
    with ringhold() as box:
        box.start()
        for bytes_ in (b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"A: " + b"x" * 200_000, b"X: y\r\n" * 40_000,
                       b"MESSAGE sip:a SIP/2.0\r\nContent-Length: 99999999\r\n\r\n"):
            with Stream(box.sip()) as stream:
                try:
                    stream.send(bytes_)
                except (BrokenPipeError, ConnectionResetError):
                    pass
                expect(stream.ended(), f"closed after {bytes_[:30]!r}")
        metrics = box.get("/metrics")[1]
        broken = re.search(r'ringhold_connections_closed_total\{reason="broken"\} (\d+)', metrics)
        expect(broken and int(broken.group(1)) >= 3, "counted")
        with Stream(box.sip()) as stream:
            stream.send(b"\r\n\r\n")
            expect(stream.receive(2) == b"\r\n", "a ping is answered with a pong")


# --- SIP, too much of it, and from elsewhere

def test_a_storm_past_the_rate_gets_503_with_different_times():
    """R7"""
    with ringhold(sip_more="max_rate = 20") as box, Raw(box.sip()) as raw:
        box.start()
        answers = []
        for burst in range(10):
            for one in range(20):
                raw.socket.send(register(user=f"u{burst}x{one}"))
            answers += [raw.socket.recv(65535).decode() for _ in range(20)]
        served = [answer for answer in answers if answer.startswith("SIP/2.0 200 ")]
        shed = [answer for answer in answers if answer.startswith("SIP/2.0 503 ")]
        expect(len(served) >= 20 and len(served) + len(shed) == 200, f"{len(served)} served, {len(shed)} shed")
        times = {int(re.search(r"Retry-After: (\d+)", answer).group(1)) for answer in shed}
        expect(len(shed) >= 50 and len(times) > 10 and min(times) >= 5 and max(times) <= 30, f"{len(shed)} shed, times {sorted(times)}")
        expect(f"ringhold_sip_shed_total {len(shed)}" in box.get("/metrics")[1], "counted")


def test_a_scanner_and_a_flood_get_nothing():
    """X2"""
    with ringhold(sip_more="max_rate_per_source = 5") as box, Raw(box.sip()) as raw:
        box.start()
        raw.socket.send(register(user="scan", more="User-Agent: friendly-scanner\r\n"))
        expect("rawalice" in raw.exchange(register(user="alice")).decode(), "the first answer is to the phone")
        for one in range(20):
            raw.socket.send(register(user=f"u{one}"))
        wait_until(lambda: re.search(r"ringhold_sip_dropped_total 1[0-9]\n", box.get("/metrics")[1]), "the flood is dropped and counted")
        expect(len(box.api("registrations")) < 10, "few of it were served")


def test_sip_from_elsewhere_gets_nothing_or_403():
    """X3"""
    with ringhold(networks='["10.99.0.0/24"]') as box, Raw(box.sip()) as raw:
        box.start()
        raw.socket.send(register())
        wait_until(lambda: "ringhold_sip_outsiders_total 1\n" in box.get("/metrics")[1], "it is counted")
        raw.socket.settimeout(0.2)
        try:
            raise Failed(f"an answer: {raw.socket.recv(65535)!r}")
        except TimeoutError:
            pass
    with ringhold(networks='["10.99.0.0/24"]', sip_more='outside = "refuse"') as box, Raw(box.sip()) as raw:
        box.start()
        expect(raw.exchange(register()).startswith(b"SIP/2.0 403 Not from this network"), "403")


# --- DNS

def test_dns_answers_are_built_while_the_upstream_is_dead():
    """D6, DIS-15"""
    with ringhold() as box:
        box.start()
        status, lines = kdig(box, f"_sip._udp.{DOMAIN}", "SRV")
        expect(status == "NOERROR" and len(lines) == 1, f"{status} {lines}")
        expect(lines[0].split()[3:] == ["SRV", "1", "0", str(box.ports["sip"]), f"ringhold.{DOMAIN}."], lines[0])
        status, lines = kdig(box, "+tcp", f"_sip._tcp.{DOMAIN}", "SRV")
        expect(status == "NOERROR" and len(lines) == 1, f"{status} {lines}")
        with Raw(box.dns()) as raw:
            asked = query("_SIP._udp.Example.TEST", 33)
            expect(asked[12:] in raw.exchange(asked), "the client's own spelling")
        expect(kdig(box, "www.example.org", "A")[0] == "SERVFAIL", "what nobody knows is SERVFAIL")


def test_dns_knows_its_own_name():
    """D4"""
    with ringhold() as box:
        box.start()
        for words in ((), ("+tcp",)):
            status, lines = kdig(box, *words, f"ringhold.{DOMAIN}", "A")
            expect(status == "NOERROR" and lines[0].split()[-1] == "127.0.0.1", f"{status} {lines}")
        expect(kdig(box, f"ringhold.{DOMAIN}", "AAAA") == ("NOERROR", []), "NODATA for other types")


def test_dns_adds_our_record_to_the_answer_of_the_upstream():
    """D1, D2"""
    port = free_port()
    with Resolver(port) as resolver, ringhold(ports={"upstream": port}) as box:
        box.start()
        status, lines = kdig(box, f"_sip._udp.{DOMAIN}", "SRV")
        expect(status == "NOERROR" and len(lines) == 2, f"{status} {lines}")
        theirs, ours = (line.split() for line in lines)
        expect(theirs[-1] == f"sip.{DOMAIN}." and ours[-1] == f"ringhold.{DOMAIN}.", "ours is last")
        expect(int(ours[4]) > int(theirs[4]), "and has the lowest priority")
        wait_until(lambda: kdig(box, "www.example.org", "A")[0] == "NOERROR", "other names pass")
        expect(len(resolver.sources) >= 2, "each query from a port of its own")
        wait_until(lambda: box.api("status")["store"]["waiting"] == 0, "it is on disk")
        resolver.close()
        box.stop(signal.SIGKILL)
        box.start()
        status, lines = kdig(box, f"_sip._udp.{DOMAIN}", "SRV")
        expect(status == "NOERROR" and any(f"sip.{DOMAIN}." == line.split()[-1] for line in lines), f"learnt, and kept: {lines}")


def test_dns_refuses_outsiders():
    """D11, X3"""
    with ringhold(networks='["10.99.0.0/24"]') as box:
        box.start()
        expect(kdig(box, f"_sip._udp.{DOMAIN}", "SRV")[0] == "REFUSED", "REFUSED")


def test_dns_survives_malformed_queries():
    """D11"""
    with ringhold() as box, Raw(box.dns()) as raw:
        box.start()
        name = f"_sip._udp.{DOMAIN}"
        expect(rcode(raw.exchange(query(name, 33, questions=2))) == 1, "QDCOUNT 2 is FORMERR")
        expect(rcode(raw.exchange(query(name, 33, flags=0x2100))) == 4, "another opcode is NOTIMP")
        loop = struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + b"\xc0\x0c" + struct.pack("!2H", 1, 1)
        for garbage in (b"", b"\0" * 11, query(name, 33, flags=0x8100), b"\7\7" + os.urandom(4000)):
            raw.socket.send(garbage)
        # What looks like a query among the garbage may have got an answer of its own.
        expect(rcode(raw.exchange_dns(loop)) == 1, "a name that points at itself is FORMERR")
        raw.exchange_dns(query(name, 33, identity=0x7777))  # and serves on


def test_dns_takes_pipelined_queries_over_tcp():
    """D10"""
    with ringhold() as box:
        box.start()
        with Stream(box.dns()) as stream:
            both = [query(f"ringhold.{DOMAIN}", 1, identity=number) for number in (1, 2, 3)]
            stream.send(b"".join(struct.pack("!H", len(one)) + one for one in both))
            seen = set()
            for _ in both:
                (length,) = struct.unpack("!H", stream.receive(2))
                seen.add(struct.unpack("!H", stream.receive(length)[:2])[0])
            expect(seen == {1, 2, 3}, f"{seen}")
        with Stream(box.dns()) as stream:
            stream.send(b"\0\3abc")
            expect(stream.ended(), "a length that no message has: closed")


# --- HTTP and commands

def test_http_tells_the_status():
    """O3"""
    with ringhold() as box:
        box.start()
        status = box.api("status")
        expect(status["mode"] in ("normal", "suspect", "survivable", "recovering"), status["mode"])
        for key in ("since", "pinned", "cause", "central", "dns", "registrations", "calls", "version", "store"):
            expect(key in status, f"{key} is there")
        expect(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", status["since"]), status["since"])
        expect(status["store"]["state"] == "ok", f"{status['store']}")
        expect(box.get("/readyz")[0] == 200 and "<html" in box.get("/")[1], "ready, with a page")
        for method, path, body, code in (("GET", "/nothing", None, 404), ("POST", "/api/v1/status", "", 405),
                                         ("PUT", "/api/v1/mode", '{"mode": "party"}', 400), ("PUT", "/api/v1/mode", "x" * 300_000, 413),
                                         ("DELETE", "/api/v1/registrations/sip:nobody@example.test", None, 404)):
            got, text, headers = box.request(method, path, body)
            expect(got == code, f"{method} {path}: {got} {text}")
            expect(headers["Content-Type"] == "application/problem+json" and json.loads(text)["status"] == code, text)
        expect(box.request("GET", "/api/v1/status", headers={"Host": "evil.example"})[0] == 421, "no other host's name")


def test_metrics_are_readable_by_prometheus():
    """O3"""
    with ringhold() as box:
        box.start()
        sipp(box, "register", user="bob")
        status, text, headers = box.request("GET", "/metrics")
        expect(status == 200 and headers["Content-Type"].startswith("text/plain; version=0.0.4"), headers["Content-Type"])
        typed, sampled = set(), set()
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                expect(line.split()[2] not in typed, f"typed once: {line}")
                typed.add(line.split()[2])
            elif not line.startswith("#"):
                found = re.fullmatch(r"([a-z_]+)(\{[a-z_]+=\"[^\"]*\"(,[a-z_]+=\"[^\"]*\")*\})? ([-+0-9.e]+|NaN)", line)
                expect(found, f"a sample: {line}")
                sampled.add(found.group(1))
        for name in ("ringhold_mode", "ringhold_registrations", "ringhold_sip_requests_total", "ringhold_packets_total", "ringhold_store_ok"):
            expect(name in typed and name in sampled, f"{name} is there")
        expect("\nringhold_registrations 1\n" in text, "bob counts")


def test_commands_ask_the_running_program():
    """O1, S6"""
    with ringhold() as box:
        box.start()
        sipp(box, "register", user="bob")
        code, out, _ = box.ask("status")
        expect(code == 0 and out.startswith("mode "), out)
        code, out, _ = box.ask("registrations", "--json")
        expect(code == 0 and json.loads(out)[0]["aor"] == f"sip:bob@{DOMAIN}", out)
        expect(box.ask("registrations", f"sip:alice@{DOMAIN}", "--json")[1].strip() == "[]", "only alice's")
        expect(box.ask("calls", "--json")[1].strip() == "[]", "no call")
        expect(box.ask("mode", "survivable")[0] == 0, "pinned")
        status = box.api("status")
        expect(status["pinned"] and status["mode"] == "survivable", f"{status}")
        box.stop(signal.SIGKILL)
        box.start()
        expect(box.api("status")["pinned"], "across a kill")
        expect(box.ask("mode", "auto")[0] == 0 and not box.api("status")["pinned"], "freed")
        expect(box.request("DELETE", f"/api/v1/registrations/sip:bob@{DOMAIN}")[0] == 200 and box.registered("bob") == [], "removed")
        expect(box.ask("mode", "party")[0] == 2 and box.run("dance")[0] == 2 and box.run()[0] == 2, "wrong usage is 2")
        expect(box.run("--version")[1].startswith("ringhold ") and "Examples:" in box.run("--help")[1], "says who it is")
        box.stop()
        code, _, words = box.ask("status")
        expect(code == 1 and "serve" in words, words)


def test_a_token_is_needed_beyond_loopback():
    """X3"""
    with ringhold() as box:
        text = open(box.config).read()
        box.write_config(text.replace('listen = "127.0.0.1:' + str(box.ports["http"]), 'listen = "0.0.0.0:' + str(box.ports["http"])))
        code, _, words = box.ask("check")
        expect(code == 3 and "http.token_file" in words, words)
        with open(os.path.join(box.folder, "token"), "w") as token:
            token.write("0123456789abcdef\n")
        box.write_config(open(box.config).read() + 'token_file = "token"\n')
        box.start()
        expect(box.get("/api/v1/status")[0] == 401, "not without it")
        expect(box.request("GET", "/api/v1/status", headers={"Authorization": "Bearer 0123456789abcdef"})[0] == 200, "with it")
        expect(box.ask("status")[0] == 0, "the command takes it from the file")


# --- configuration, start and end

def test_a_wrong_configuration_exits_with_3():
    with ringhold() as box:
        right = open(box.config).read()
        cases = (('domain   = "example.test"', 'domain   = 5', ":2: branch.domain: "), ("[dns]", "[dsn]", "dsn: unknown table"),
                 ("[http]", "[http]\ncolour = 1", "http.colour: unknown key"), ('"udp:127', '"sctp:127', "sip.listen: "),
                 ("[branch]", "[branch", ":1: not TOML"))
        for old, new, words in cases:
            box.write_config(right.replace(old, new))
            for command in ("serve", "check", "status"):
                code, _, said = box.ask(command)
                expect(code == 3 and said.startswith(box.config) and words in said, f"{command} with {new}: {code} {said}")
        code, out, _ = box.ask("check", "--json")
        expect(code == 3 and json.loads(out)["errors"][0]["line"] == 1, out)
        code, _, said = box.run("check", "-c", "/nowhere/ringhold.toml")
        expect(code == 3 and "No such file" in said, said)
        box.write_config(right)
        expect(box.ask("check")[0] == 0, "and the right one is right")


def test_a_taken_port_is_said_in_one_line():
    for name, kind in (("sip", socket.SOCK_DGRAM), ("sip", socket.SOCK_STREAM), ("dns", socket.SOCK_DGRAM), ("http", socket.SOCK_STREAM)):
        with ringhold() as box, socket.socket(socket.AF_INET, kind) as other:
            other.bind(("127.0.0.1", box.ports[name]))
            if kind == socket.SOCK_STREAM:
                other.listen()
            code, _, words = box.ask("serve")
            expect(code == 1 and f"{name}.listen" in words and str(box.ports[name]) in words, f"{code} {words}")
            expect(words.count("\n") == 1 and "choose another port" in words, words)


def test_no_permission_is_said_in_one_line():
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        raise Skipped("needs root and setpriv to give root's rights away")
    if int(open("/proc/sys/net/ipv4/ip_unprivileged_port_start").read()) <= 53:
        raise Skipped("this machine lets everybody have low ports")
    with ringhold(ports={"dns": 53}) as box:
        os.chmod(box.folder, 0o755)
        done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", BINARY, "serve", "-c", box.config],
                              capture_output=True, text=True, timeout=PATIENCE)
        if "Permission denied" in done.stderr and "cannot listen" not in done.stderr:
            raise Skipped("the binary is in a folder that others may not enter")
        expect(done.returncode == 1 and "CAP_NET_BIND_SERVICE" in done.stderr, f"{done.returncode} {done.stderr}")


def test_it_ends_cleanly_and_reads_its_file_again():
    """O4"""
    with ringhold() as box:
        box.start()
        right = open(box.config).read()
        box.write_config(right + "\n[dns]\n")
        box.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "event=settings_refused" in box.text(), "an invalid file is refused")
        expect(box.healthy(), "and changes nothing")
        box.write_config(right + '\n[registrar]\nsurvivable_expires = "90s"\n')
        box.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "event=settings_read" in box.text(), "a valid one is taken")
        box.write_config(right.replace(f"udp:127.0.0.1:{box.ports['sip']}", f"udp:127.0.0.1:{free_port()}"))
        box.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "event=settings_need_restart" in box.text(), "listeners wait for a restart")
        sipp(box, "register", user="bob")
        expect(box.stop() == 0, "SIGTERM is a clean end")
        box.write_config(right)
        box.start()
        expect(len(box.registered("bob")) == 1, "with its state saved")


def test_the_service_manager_is_told():
    """O5"""
    with ringhold() as box:
        path = os.path.join(box.folder, "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(path)
            manager.settimeout(PATIENCE)
            box.begin(env={**os.environ, "NOTIFY_SOCKET": path, "WATCHDOG_USEC": "300000"})
            expect(manager.recv(4096) == b"READY=1", "READY")
            expect(box.healthy(), "and it is true")
            expect(manager.recv(4096) == b"WATCHDOG=1" and manager.recv(4096) == b"WATCHDOG=1", "WATCHDOG, again and again")
            box.process.send_signal(signal.SIGTERM)
            wait_until(lambda: manager.recv(4096) == b"STOPPING=1", "STOPPING")


def test_bindings_survive_a_kill():
    """R6, X5"""
    with ringhold() as box:
        box.start()
        sipp(box, "register", user="bob")
        before = box.registered("bob")
        wait_until(lambda: box.api("status")["store"]["waiting"] == 0, "it is on disk")
        box.stop(signal.SIGKILL)
        box.start()
        after = box.registered("bob")
        expect(len(after) == 1 and after[0]["contact"] == before[0]["contact"] and after[0]["call_id"] == before[0]["call_id"], f"{after}")
        expect(after[0]["expires_in"] <= before[0]["expires_in"], "not longer than was granted")


def test_an_unwritable_database_stops_nothing():
    """X5"""
    with ringhold(store="sqlite:blocked/ringhold.db") as box:
        blocker = os.path.join(box.folder, "blocked")
        open(blocker, "w").close()
        box.start()
        sipp(box, "register", user="bob")
        store = box.api("status")["store"]
        expect(store["state"] == "failing" and store["reason"], f"{store}")
        wait_until(lambda: "event=store_failing" in box.text(), "the log says it")
        expect(box.text().count("event=store_failing") == 1, "once")
        expect(len(box.registered("bob")) == 1, "and serves")
        os.remove(blocker)
        wait_until(lambda: box.api("status")["store"]["state"] == "ok", "it comes back by itself")
        box.stop(signal.SIGKILL)
        box.start()
        expect(len(box.registered("bob")) == 1, "with what had waited")


def limit_files():
    # As a full disk: what grows beyond gets EFBIG. The signal that comes with it is ignored.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, resource.RLIM_INFINITY))


def test_a_full_disk_stops_nothing():
    """X5"""
    with ringhold() as box:
        box.start(preexec_fn=limit_files, restore_signals=False)
        with Raw(box.sip()) as raw:
            for number in range(300):
                text = register().replace(b"eve@", b"eve%d@" % number).replace(b"Kraw", b"Kraw%d" % number)
                expect(raw.exchange(text).startswith(b"SIP/2.0 200 "), "registered all the same")
        wait_until(lambda: box.api("status")["store"]["state"] == "failing", "the disk is full, and status says so")
        wait_until(lambda: "event=store_failing" in box.text(), "the log too")
        expect(len(box.api("registrations")) == 300, "all are served")


def test_a_damaged_database_is_moved_aside():
    with ringhold() as box:
        with open(os.path.join(box.folder, "ringhold.db"), "wb") as file:
            file.write(os.urandom(8192))
        box.start()
        wait_until(lambda: "event=store_moved_aside" in box.text(), "said")
        expect(any(".damaged-" in name for name in os.listdir(box.folder)), "kept")
        expect(box.api("status")["store"]["state"] == "ok", "and a new one begun")


def test_it_starts_fast_and_stays_small():
    """Cold start under 300 ms, idle memory under 30 MB"""
    if sanitized():
        raise Skipped("a sanitizer's binary is neither")
    with ringhold() as box:
        best = 9.0
        for _ in range(5):
            begin = time.monotonic()
            box.start()
            best = min(best, time.monotonic() - begin)
            memory = int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{box.process.pid}/status").read()).group(1))
            box.stop()
        print(f"cold start {best * 1000:.0f} ms, {memory} KB resident")
        expect(best < 0.3 and memory < 30 * 1024, f"{best} s, {memory} KB")


def main(functions):
    """Runs the test functions among these, or the one that the command line names."""
    global BINARY
    parser = argparse.ArgumentParser()
    parser.add_argument("name", nargs="?")
    parser.add_argument("--binary", required=True)
    arguments = parser.parse_args()
    BINARY = os.path.abspath(arguments.binary)
    tests = {name.removeprefix("test_"): test for name, test in functions.items() if name.startswith("test_")}
    worst = 0
    for name in [arguments.name] if arguments.name else tests:
        begin = time.monotonic()
        try:
            tests[name]()
            verdict = "passed"
        except Skipped as reason:
            verdict = f"skipped: {reason}"
            worst = worst or 77
        except Exception as failure:
            if not isinstance(failure, Failed):
                traceback.print_exc()
            verdict = f"FAILED: {failure}"
            worst = 1
        print(f"{time.monotonic() - begin:6.2f} s  {name}  {verdict}", flush=True)
    return worst if arguments.name or worst == 1 else 0


if __name__ == "__main__":
    sys.exit(main(globals()))
