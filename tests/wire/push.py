#!/usr/bin/env python3
"""Pushed content on the wire: where it goes, what terminals say to it, and what a kill -9 leaves of it. Runs like wire.py."""

import base64
import contextlib
import http.client
import itertools
import json
import os
import random
import re
import shutil
import signal
import sys
import threading
import time

import wire
from baresip import Baresip
from digest import hashed
from peers import Raw, Sipp, Stream, sipp
from ringhold import DOMAIN, PATIENCE, expect, free_port, wait_until
from terminal import SipMessage, Terminal, instance, tick

TEXT = "The door is open – bitte schließen: 请关门"
COUNT = itertools.count(1)
KEPT = "Content-Type", "From", "To", "Call-ID"  # after a redirect as before


class SippTerminal(Sipp):
    """SIPp as a terminal that answers every MESSAGE alike: "302", or with a header line "302 Contact: <…>", or None: not at all."""

    def __init__(self, box, user, answer="200", transport="udp", port=None):
        status, _, header = (answer or "").partition(" ")
        kind = "t1" if transport == "tcp" else "u1"
        super().__init__(box, "push_terminal" if answer else "push_silent_terminal", port=port, transport=kind, calls=1000, seconds=100,
                         keys={"answer": f"SIP/2.0 {status} As the test says", "header": header or "X-Test: 1"})
        self.box, self.user, self.transport = box, user, transport
        self.contact = contact_of(user, self.port, transport)
        wait_until(lambda: wire.listens(self.port, kind), f"SIPp listens for {self.contact}")

    def register(self):
        """The latest that registers is the first that is asked. Over TCP the connection does not stay, and the box makes one."""
        request = (f"REGISTER sip:{DOMAIN} SIP/2.0\r\nVia: SIP/2.0/{self.transport.upper()} 127.0.0.1:9;branch=z9hG4bK{os.urandom(6).hex()};rport\r\n"
                   f"Max-Forwards: 70\r\nFrom: <sip:{self.user}@{DOMAIN}>;tag=1\r\nTo: <sip:{self.user}@{DOMAIN}>\r\n"
                   f"Call-ID: registration-{self.port}\r\nCSeq: {next(COUNT)} REGISTER\r\n"
                   f"Contact: <{self.contact}>;expires=600{instance(self.port)}\r\nUser-Agent: SIPp\r\nContent-Length: 0\r\n\r\n").encode()
        if self.transport == "udp":
            with Raw(self.box.sip()) as raw:
                said = raw.exchange(request)
        else:
            with Stream(self.box.sip()) as stream:
                stream.send(request)
                said = stream.receive(12)
            wait_until(lambda: "\nringhold_connections 0\n" in self.box.get("/metrics")[1], "the connection is gone")
        expect(said.startswith(b"SIP/2.0 200"), f"registered: {said}")
        tick()

    @property
    def requests(self):
        """What it has received, retransmissions left out."""
        trace = open(self._messages, "rb").read() if os.path.exists(self._messages) else b""
        found = {}
        for size in re.finditer(rb" message received \[(\d+)\] bytes :\n\n", trace):
            message = SipMessage(trace[size.end():size.end() + int(size[1])])
            found.setdefault(message.branch, message)
        return list(found.values())


def contact_of(user, port, transport):
    return f"sip:{user}@127.0.0.1:{port};transport={transport}"


@contextlib.contextmanager
def sipp_terminals(box, user, *said, transport="udp", registered=None):
    """So many; {0}, {1}, … in what they say are their contacts. The first one is asked first, if not told otherwise."""
    ports = [free_port() for _ in said]
    contacts = [contact_of(user, port, transport) for port in ports]
    with contextlib.ExitStack() as stack:
        terminals = [stack.enter_context(SippTerminal(box, user, words and words.format(*contacts), transport, port))
                     for words, port in zip(said, ports)]
        for terminal in reversed(terminals[:registered]):
            terminal.register()
        yield terminals


def push(box, user, **order):
    """POST /api/v1/push; its HTTP status and the report."""
    if not {"body", "body_base64", "method"} & set(order):
        order["body"] = TEXT
    status, words, _ = box.request("POST", "/api/v1/push", json.dumps({"to": user, "wait": "12s", **order}), {"Content-Type": "application/json"})
    expect(status in (200, 202), f"{status}: {words}")
    return status, json.loads(words)


def steps(report, terminals):
    """[(which terminal, status)]"""
    contacts = [terminal.contact for terminal in terminals]
    return [(contacts.index(step["target"]), step["status"]) for step in report["steps"]]


def on_disk(box):
    wait_until(lambda: box.api("status")["store"]["waiting"] == 0, "all is on disk")


def kill(box):
    on_disk(box)
    box.stop(signal.SIGKILL)
    box.start()


def is_one_message(requests, terminals, body=TEXT.encode(), content_type="text/plain;charset=UTF-8"):
    """PSH-01, PSH-03, RFC 3261 8.1.3.4: these are one message, sent to one terminal after another, in this order."""
    for number, (request, terminal) in enumerate(zip(requests, terminals, strict=True), requests[0].cseq):
        expect(request.line == f"MESSAGE {terminal.contact} SIP/2.0", f"{request.line} at {terminal.contact}")
        expect(request.body == body, f"byte for byte: {request.body[:200]}")
        expect(request.value("CSeq") == f"{number} MESSAGE", f"{number}: {request.value('CSeq')}")
        expect(not request.all("Contact"), "RFC 3428 4: no Contact")
        expect(request.value("Content-Type") == content_type and request.value("Max-Forwards") == "70", f"{request.lines}")
        expect([request.all(name) for name in KEPT] == [requests[0].all(name) for name in KEPT], f"{request.lines}\n{requests[0].lines}")
    expect(len({request.branch for request in requests}) == len(requests), "each a transaction of its own")


# --- What terminals answer

# What t0, t1 and t2 answer; {0} to {2} are their contacts. What becomes of it, and who was asked.
CASES = {
    "200 ends it": (("200", "200", "200"), "delivered", "", [(0, 200)]),
    "and so does 202": (("202", "200", "200"), "delivered", "", [(0, 202)]),
    "404 is the next one's turn": (("404", "200", "200"), "delivered", "", [(0, 404), (1, 200)]),
    "and so is 415": (("415", "200", "200"), "delivered", "", [(0, 415), (1, 200)]),
    "480, and the third": (("480", "486", "200"), "delivered", "", [(0, 480), (1, 486), (2, 200)]),
    "503": (("503", "200", "200"), "delivered", "", [(0, 503), (1, 200)]),
    "500, and what is no redirection here": (("500", "305 Contact: <sip:proxy@127.0.0.1:9>", "200"), "delivered", "", [(0, 500), (1, 305), (2, 200)]),
    "603: nobody else is asked": (("603", "200", "200"), "failed", "declined", [(0, 603)]),
    "all refuse": (("415", "488", "405"), "failed", "refused", [(0, 415), (1, 488), (2, 405)]),
    "302 with Contact": (("302 Contact: <{2}>", "200", "200"), "delivered", "", [(0, 302), (2, 200)]),
    "301 with Contact": (("301 Contact: <{2}>", "200", "200"), "delivered", "", [(0, 301), (2, 200)]),
    "302 without": (("302", "200", "200"), "delivered", "", [(0, 302), (1, 200)]),
    "the second redirects as well": (("302 Contact: <{2}>", "200", "301"), "delivered", "", [(0, 302), (2, 301), (1, 200)]),
    "they redirect to each other": (("302 Contact: <{1}>", "302 Contact: <{0}>"), "failed", "loop", [(0, 302), (1, 302)]),
    "out of the branch": (("302 Contact: <sip:x@203.0.113.5>", "200", "200"), "delivered", "", [(0, 302), (1, 200)]),
    "silence": ((None, "200", "200"), "delivered", "", [(0, 0), (1, 200)]),
}


def answers(transport):
    with wire.ringhold(more='[push]\nattempt = "1s"\n') as box:
        box.start()
        for number, (case, (said, result, reason, asked)) in enumerate(CASES.items()):
            user = f"u{number}"
            with sipp_terminals(box, user, *said, transport=transport) as terminals:
                _, report = push(box, user)
                expect((report["result"], report["reason"]) == (result, reason), f"{case}: {report}")
                expect(steps(report, terminals) == asked, f"{case}: {report}")
                came = [terminal.requests for terminal in terminals]
                expect([len(one) for one in came] == [sum(index == one for one, _ in asked) for index in range(len(said))], f"{case}: {came}")
                is_one_message([came[index][0] for index, _ in asked], [terminals[index] for index, _ in asked])
                if not said[0]:
                    waited = report["steps"][1]["after_ms"]
                    expect(1000 <= waited < 1500 or wire.sanitized(), f"PSH-08: the next one after the attempt time: {waited} ms")


def test_what_terminals_answer_over_udp():
    """PSH-01 to PSH-05, PSH-08, PSH-09, PSH-11 to PSH-14, played by SIPp"""
    answers("udp")


def test_what_terminals_answer_over_tcp():
    """The same over TCP"""
    answers("tcp")


def test_what_waits_tells_who_could_not_take_it():
    """PSH-11, P7: stored, with the statuses of all"""
    with wire.ringhold() as box:
        box.start()
        with sipp_terminals(box, "bob", "486", "480", "503") as terminals:
            status, report = push(box, "bob")
            expect((status, report["result"], report["reason"]) == (202, "stored", "unreachable"), f"{report}")
            expect([len(terminal.requests) for terminal in terminals] == [1] * 3, "all were asked")
            expect(steps(report, terminals) == [(0, 486), (1, 480), (2, 503)], f"and it is told: {report}")


def test_a_terminal_that_is_gone_gives_way():
    """PSH-08, PSH-12: over TCP its connection is refused, over UDP nobody answers"""
    for transport in ("tcp", "udp"):
        with wire.ringhold(more='[push]\nattempt = "1s"\n') as box, Terminal(box) as other:
            box.start()
            other.register()
            with Terminal(box, transport=transport) as gone:
                gone.register()
            wait_until(lambda box=box: "\nringhold_connections 0\n" in box.get("/metrics")[1], "its connection is closed")
            _, report = push(box, "bob")
            expect(report["result"] == "delivered" and steps(report, [gone, other]) == [(0, 0), (1, 200)], f"{report}")
            after = report["steps"][1]["after_ms"]
            expect(after < (500 if transport == "tcp" else 1500) or wire.sanitized(), f"over {transport} after {after} ms")


def test_a_late_answer_counts():
    """PSH-16: two have it, both are told of, and no third one is asked"""
    seconds = 5 if wire.sanitized() else 2
    with wire.ringhold(more=f'[push]\nattempt = "{seconds}s"\n') as box, contextlib.ExitStack() as stack:
        box.start()
        third, second, first = phones = [stack.enter_context(Terminal(box)) for _ in range(3)]
        for phone in phones:
            phone.register()
        first.answer = second.answer = lambda request: None
        reports = []
        order = threading.Thread(target=lambda: reports.append(push(box, "bob")[1]))
        order.start()
        second.wait()
        first.say(200)
        pending = wait_until(lambda: any(step["status"] == 200 for step in box.api("pushes")[0]["steps"]) and box.api("pushes")[0], "it is heard")
        expect(pending["result"] == "pending", f"the second may have it, too: {pending}")
        second.say(200)
        order.join()
        expect(reports[0]["result"] == "delivered" and steps(reports[0], [first, second]) == [(0, 200), (1, 200)], f"{reports}")
        expect(not third.requests, "the third one was never asked")


def test_redirects_are_bounded():
    """PSH-13, P6: five, and no address twice"""
    with wire.ringhold() as box, contextlib.ExitStack() as stack:
        box.start()
        chain = [stack.enter_context(Terminal(box)) for _ in range(7)]
        for one, after in zip(chain, chain[1:]):
            one.answer = lambda request, after=after: (302, f"Contact: <{after.contact}>\r\n")
        chain[0].register()
        _, report = push(box, "bob")
        expect((report["result"], report["reason"]) == ("failed", "hops"), f"{report}")
        expect([step["hop"] for step in report["steps"]] == [0, 1, 2, 3, 4, 5], f"{report}")
        expect([len(one.requests) for one in chain] == [1] * 6 + [0], "the seventh is not asked")
        is_one_message([one.requests[0] for one in chain[:6]], chain[:6])


def test_a_challenge_is_answered():
    """PSH-08, RFC 3261 22: it is no failure"""
    with wire.ringhold(more='[push]\nusername = "push"\npassword_file = "push.password"\n') as box, Terminal(box) as phone:
        with open(os.path.join(box.folder, "push.password"), "w") as file:
            file.write("secret\n")
        box.start()
        phone.register()

        def answer(request):
            line = request.value("Authorization")
            if line is None:
                return 401, 'WWW-Authenticate: Digest realm="phone", nonce="abc", algorithm=SHA-256, qop="auth"\r\n'
            given = dict(re.findall(r'(\w+)="?([^",]*)', line))
            ha1, ha2 = hashed("SHA-256", "push:phone:secret"), hashed("SHA-256", f"MESSAGE:{request.uri}")
            right = hashed("SHA-256", f"{ha1}:abc:{given['nc']}:{given['cnonce']}:auth:{ha2}")
            return 200 if (given["username"], given["response"]) == ("push", right) else 403

        phone.answer = answer
        _, report = push(box, "bob")
        expect(report["result"] == "delivered" and steps(report, [phone]) == [(0, 200)], f"{report}")
        first, second = phone.requests
        expect(first.value("Call-ID") == second.value("Call-ID") and second.cseq > first.cseq and first.body == second.body, f"{second.lines}")


def test_several_addresses_are_served_in_q_order():
    """PSH-06, PSH-07: one by one, up to the first that takes it"""
    three = "300 Contact: <{1}>;q=0.3, <{2}>;q=0.9, <{3}>;q=0.5"
    with wire.ringhold() as box:
        box.start()
        for user, said, asked in (("u1", ("200", "480", "486"), [(0, 300), (2, 480), (3, 486), (1, 200)]), ("u2", ("200", "200", "200"), [(0, 300), (2, 200)])):
            with sipp_terminals(box, user, three, *said, registered=1) as terminals:
                _, report = push(box, user)
                expect(report["result"] == "delivered" and steps(report, terminals) == asked, f"{report}")
                expect([step["via"] for step in report["steps"]] == ["registered"] + ["redirect"] * (len(asked) - 1), f"{report}")
                is_one_message([terminals[index].requests[0] for index, _ in asked], [terminals[index] for index, _ in asked])
                expect(sum(len(terminal.requests) for terminal in terminals) == len(asked), "nobody else was asked")


def test_several_addresses_are_served_at_once():
    """PSH-06: each returns its own status, and one that is named twice is asked once"""
    with wire.ringhold() as box:
        box.start()
        with sipp_terminals(box, "bob", "300 Contact: <{1}>, <{2}>\r\nContact: <{3}>, <{1}>", "200", "486", "404", registered=1) as terminals:
            _, report = push(box, "bob", strategy="all-at-once")
            expect(report["result"] == "delivered" and steps(report, terminals) == [(0, 300), (1, 200), (2, 486), (3, 404)], f"{report}")
            is_one_message([terminal.requests[0] for terminal in terminals], terminals)
            expect([len(terminal.requests) for terminal in terminals] == [1] * 4, "each once")


def at_once(requests):
    apart = max(request.at for request in requests) - min(request.at for request in requests)
    expect(apart < (0.5 if wire.sanitized() else 0.05), f"by the kernel's clock {apart:.4f} s apart")


def test_at_once_means_within_50_ms():
    """PSH-06, PSH-10"""
    with wire.ringhold(more='[push]\nstrategy = "all-at-once"\n') as box, contextlib.ExitStack() as stack:
        box.start()
        terminals = [stack.enter_context(Terminal(box)) for _ in range(4)]
        terminals[3].register()
        names = ", ".join(f"<{terminal.contact}>" for terminal in terminals[:3])
        terminals[3].answer = lambda request: (300, f"Contact: {names}\r\n")
        for terminal, status in zip(terminals, (200, 486, 200)):
            terminal.answer = lambda request, status=status: status
        _, report = push(box, "bob")
        expect(steps(report, terminals) == [(3, 300), (0, 200), (1, 486), (2, 200)], f"{report}")
        at_once([terminal.wait()[0] for terminal in terminals[:3]])
        for terminal in reversed(terminals):
            terminal.register("carol")
            terminal.answer = lambda request: 200
        terminals[0].answer = lambda request: 486
        _, report = push(box, "carol")
        expect([step["status"] for step in report["steps"]] == [486, 200, 200, 200], f"the first alone, then all others: {report}")
        at_once([terminal.wait(2)[1] for terminal in terminals[1:]])
        expect(terminals[0].requests[1].at < terminals[1].requests[1].at, "the first before")


# --- What is remembered

def test_a_permanent_redirect_outlives_a_kill():
    """PSH-04, PSH-17, P5"""
    with wire.ringhold() as box:
        box.start()
        with sipp_terminals(box, "bob", "301 Contact: <{1}>", "200") as terminals:
            expect(steps(push(box, "bob")[1], terminals) == [(0, 301), (1, 200)], "asked, and sent there")
            for what in ("the second goes straight there", "and after a restart", "and after another"):
                _, report = push(box, "bob")
                expect(steps(report, terminals) == [(1, 200)] and report["steps"][0]["via"] == "remembered", f"{what}: {report}")
                kill(box)
                expect(len(terminals[0].requests) == 1, what)
            status, words, _ = box.ask("redirect", "list", "bob")
            expect(status == 0 and terminals[1].contact in words and " 301 " in words, words)
            row = json.loads(box.ask("redirect", "list", "--json")[1])[0]
            expect(row["contacts"] == [{"uri": terminals[1].contact, "q": 1.0, "until": None}], f"{row}")
            terminals[0].register()
            expect(steps(push(box, "bob")[1], terminals) == [(1, 200)], "a refresh clears nothing")
            expect(box.ask("redirect", "remove", "bob")[0] == 0 and box.ask("redirect", "remove", "bob")[0] == 1, "removed, once")
            expect("no terminal of bob" in box.ask("redirect", "list", "bob")[1], "none is shown")
            kill(box)
            expect(steps(push(box, "bob")[1], terminals) == [(0, 301), (1, 200)], "it is asked again, after a kill as well")


def test_a_permanent_redirect_is_asked_for_anew():
    """X-16: after a restart of the terminal. PSH-17: when the target is gone"""
    with wire.ringhold() as box, Terminal(box, "bob") as desk, Terminal(box, "bob") as other:
        box.start()
        other.register()
        desk.answer = lambda request: (301, f"Contact: <{other.contact}>\r\n")
        desk.register(call_id="boot-1")
        both = [desk, other]
        expect(steps(push(box, "bob")[1], both) == [(0, 301), (1, 200)], "asked")
        expect(steps(push(box, "bob")[1], both) == [(1, 200)], "remembered")
        desk.register(call_id="boot-2")
        expect(box.api("redirects")[0]["asks_again"], f"{box.api('redirects')}")
        expect(steps(push(box, "bob")[1], both) == [(0, 301), (1, 200)], "asked again after its restart")
        expect(steps(push(box, "bob")[1], both) == [(1, 200)], "301 renews")
        other.answer = lambda request: 404
        desk.answer = lambda request: 200
        expect(steps(push(box, "bob")[1], both) == [(1, 404), (0, 200)], "the target is gone: asked in the same delivery")
        expect(box.api("redirects") == [], "and forgotten")


def test_a_temporary_redirect_has_its_time():
    """PSH-04"""
    seconds = 5 if wire.sanitized() else 2
    with wire.ringhold() as box:
        box.start()
        for user, line in (("u1", "Contact: <{1}>;expires=%d" % seconds), ("u2", "Contact: <{1}>\r\nExpires: %d" % seconds)):
            with sipp_terminals(box, user, "302 " + line, "200") as terminals:
                begin = time.monotonic()
                expect(steps(push(box, user)[1], terminals) == [(0, 302), (1, 200)], "asked")
                asked = time.monotonic()
                _, report = push(box, user)
                expect(steps(report, terminals) == [(1, 200)] or time.monotonic() - begin > seconds, f"within its time straight there: {report}")
                rows = wait_until(lambda user=user: not box.api(f"redirects/{user}") and [time.monotonic()], "it is over")
                expect(rows[0] - begin > seconds - 0.1, f"not earlier: {rows[0] - begin:.2f} s")
                expect(rows[0] - asked < seconds + 1 or wire.sanitized(), f"nor later: {rows[0] - asked:.2f} s")
                expect(steps(push(box, user)[1], terminals) == [(0, 302), (1, 200)], "after it the terminal is asked")


# --- What is sent

BINARY = bytes(range(256)) + b"\r\n\r\nSIP/2.0 200 OK\r\n\r\n\0"


def test_any_bytes_arrive_as_they_are():
    """PSH-01, PSH-19"""
    with wire.ringhold() as box:
        box.start()
        for transport in ("udp", "tcp"):
            with Terminal(box, transport, transport) as phone:
                phone.register()
                sent = []
                for body in (BINARY, b"", b"\0", TEXT.encode(), b"Content-Length: 7\r\n\r\n"):
                    _, report = push(box, transport, body_base64=base64.b64encode(body).decode(), content_type="application/x-thing;v=1")
                    expect(report["result"] == "delivered" and report["size"] == len(body), f"{report}")
                    sent.append(body)
                    expect(phone.bodies() == sent and phone.requests[-1].transport == transport, f"{phone.bodies()}")
                    is_one_message(phone.requests[-1:], [phone], body, "application/x-thing;v=1")
                calls = {request.value("Call-ID") for request in phone.requests}
                expect(len(calls) == len(sent), "PSH-01: each push has a Call-ID of its own")


def test_what_is_large_goes_over_tcp_or_not_at_all():
    """PSH-19, RFC 3428 8"""
    with wire.ringhold() as box:
        box.start()
        large = "ä" * 650 + "x"
        with Terminal(box, "u1") as phone:
            phone.register()
            status, report = push(box, "u1", body=large)
            step = report["steps"][0]
            expect((status, report["result"], report["reason"]) == (200, "failed", "too-large"), f"{report}")
            expect((step["status"], step["why"]) == (413, "too-large"), f"{report}")
            expect(push(box, "u1")[1]["result"] == "delivered" and phone.bodies() == [TEXT.encode()], "no part of it came")
        with sipp_terminals(box, "u2", "200", transport="tcp") as terminals:
            expect(push(box, "u2", body=large)[1]["result"] == "delivered", "over TCP")
            is_one_message(terminals[0].requests, terminals, large.encode())
        with Terminal(box, "u3", name_transport=False) as phone:
            phone.register()
            for body, transport in ((large, "tcp"), ("short", "udp")):
                _, report = push(box, "u3", body=body)
                expect(report["result"] == "delivered" and phone.requests[-1].transport == transport, f"RFC 3261 18.1.1: {transport} {report}")
                expect(phone.requests[-1].body == body.encode(), transport)


def test_64_kilobytes_arrive():
    """PSH-19, and by command"""
    with wire.ringhold() as box, Terminal(box, transport="tcp") as phone:
        box.start()
        phone.register()
        body = random.Random(64).randbytes(65536)
        _, report = push(box, "bob", body_base64=base64.b64encode(body).decode())
        expect(report["result"] == "delivered" and report["size"] == 65536 and phone.bodies() == [body], f"{report}")
        path = os.path.join(box.folder, "picture.png")
        with open(path, "wb") as file:
            file.write(body[::-1])
        status, words, errors = box.ask("push", "--to", "bob", "--file", path, "--wait")
        expect(status == 0 and "delivered" in words, words + errors)
        expect(phone.requests[1].body == body[::-1] and phone.requests[1].value("Content-Type") == "image/png", "by command as well")
        order = json.dumps({"to": "bob", "body_base64": base64.b64encode(body + b"x").decode()})
        expect(box.request("POST", "/api/v1/push", order)[0] == 413, "one more is refused")
        with open(path, "ab") as file:
            file.write(b"x")
        expect(box.ask("push", "--to", "bob", "--file", path)[0] == 1 and len(phone.requests) == 2, "here, too")


def test_check_sync_goes_to_who_takes_it():
    """PSH-01, PSH-15, RFC 6665"""
    with wire.ringhold(more='[push]\nunsolicited = ["snom*"]\n') as box, contextlib.ExitStack() as stack:
        box.start()
        old, new, other = (stack.enter_context(Terminal(box, user_agent=name)) for name in ("snom370/8", "SNOM D785", "baresip"))
        order = {"method": "NOTIFY", "event": "check-sync"}
        other.register()
        _, report = push(box, "bob", **order)
        expect((report["result"], report["reason"]) == ("failed", "unsolicited") and not other.requests, f"{report}")
        old.register()
        new.register()
        other.register()
        new.answer = lambda request: (302, f"Contact: <{old.contact}>\r\n")
        status, words, _ = box.ask("push", "--to", "bob", "--method", "NOTIFY", "--event", "check-sync", "--wait")
        expect(status == 0 and "delivered" in words, words)
        expect(not other.requests, "it has not asked for it")
        first, second = new.requests[0], old.requests[0]
        for request, phone in ((first, new), (second, old)):
            expect(request.line == f"NOTIFY {phone.contact} SIP/2.0" and request.value("Event") == "check-sync", f"{request.lines}")
            expect(request.value("Subscription-State").startswith("terminated"), f"{request.lines}")
            expect(request.all("Contact") == [f"<sip:127.0.0.1:{box.ports['sip']}>"], f"{request.lines}")
            expect(";tag=" not in request.value("To") and request.body == b"", "out of any dialog")
        expect((first.value("Call-ID"), first.cseq, second.cseq) == (second.value("Call-ID"), 1, 2), "PSH-15: moved as it is")


def test_a_subscriber_gets_it_in_his_dialog():
    """PSH-15, X-21, RFC 6665: a NOTIFY in a subscription cannot be moved, but its content can go on as MESSAGE"""
    with wire.ringhold(more='[push]\nevents = ["x-push"]\n') as box, contextlib.ExitStack() as stack:
        box.start()
        other, phone = (stack.enter_context(Terminal(box)) for _ in range(2))
        other.register()
        phone.register()
        lines = f"Contact: <{phone.contact}>\r\nEvent: x-push\r\nExpires: 600\r\n"
        response = phone.request("SUBSCRIBE", f"sip:bob@{DOMAIN}", "bob", "bob", more=lines)
        expect(response.status == 200 and response.value("Expires") == "600", f"{response.lines}")
        state = phone.wait(1)[0]
        expect(state.method == "NOTIFY" and state.value("Subscription-State").startswith("active") and state.body == b"", f"{state.lines}")
        order = {"method": "NOTIFY", "event": "x-push", "body": "news"}
        _, report = push(box, "bob", **order)
        content = phone.wait(2)[1]
        expect(report["result"] == "delivered" and content.body == b"news", f"{report}")
        for name in ("Call-ID", "From", "To"):
            expect(content.value(name) == state.value(name), f"{name} of the dialog: {content.lines}")
        expect(content.cseq == state.cseq + 1, f"{content.lines}")
        phone.answer = lambda request: (302, f"Contact: <{other.contact}>\r\n")
        _, report = push(box, "bob", **order)
        expect(report["result"] == "failed" and not other.requests, f"another terminal has no such dialog: {report}")
        _, report = push(box, "bob", **order | {"method": "NOTIFY,MESSAGE"})
        moved = other.wait(1)[0]
        expect(report["result"] == "delivered" and moved.method == "MESSAGE" and moved.body == b"news", f"{report}")
        expect(moved.value("Event") is None and moved.value("Call-ID") != state.value("Call-ID"), f"{moved.lines}")
        phone.answer = lambda request: 481
        _, report = push(box, "bob", **order)
        expect(report["result"] == "stored", f"until somebody subscribes again: {report}")


# --- What waits

def soon(phone, begin, count=1):
    """PSH-18: so many messages have come, the first within a second."""
    came = phone.wait(count)
    expect(came[0].at - begin < (10 if wire.sanitized() else 1), f"after {came[0].at - begin:.2f} s")
    return came


def nothing_more(box, phone, user):
    """What is sent after it comes next, and nothing waits."""
    known = len(phone.requests)
    wait_until(lambda: all(row["result"] == "delivered" for row in box.api("pushes")), f"all is delivered: {box.api('pushes')}")
    phone.register(user)
    expect(push(box, user, body="the last")[1]["result"] == "delivered" and phone.bodies()[known:] == [b"the last"], f"{phone.bodies()}")


def test_what_nobody_takes_waits_for_who_registers():
    """PSH-18, P8"""
    with wire.ringhold() as box:
        box.start()
        status, report = push(box, "bob")
        expect((status, report["result"], report["reason"]) == (202, "stored", "nobody") and report["expires"], f"{report}")
        with Terminal(box) as phone:
            begin = time.time()
            phone.register()
            is_one_message(soon(phone, begin), [phone])
            wait_until(lambda: box.api(f"pushes/{report['id']}")["result"] == "delivered", "and it is told")
            nothing_more(box, phone, "bob")


def test_what_waits_comes_in_order_after_a_kill():
    """PSH-18, X-19: who was told that it is stored has it on disk"""
    with wire.ringhold() as box, Terminal(box) as phone:
        box.start()
        texts = [f"number {number}" for number in range(8)]
        for text in texts:
            expect(push(box, "bob", body=text)[0] == 202, text)
        box.stop(signal.SIGKILL)
        box.start()
        begin = time.time()
        phone.register()
        expect([message.body.decode() for message in soon(phone, begin, 8)] == texts, f"in order: {phone.bodies()}")
        expect(len({message.value("Call-ID") for message in phone.requests}) == 8, "each its own")
        wait_until(lambda: all(row["result"] == "delivered" for row in box.api("pushes")), "all is delivered")
        kill(box)
        nothing_more(box, phone, "bob")
        expect(phone.repeated == 0, "none was sent again")


def test_a_kill_while_it_is_sent_repeats_the_same_request():
    """PSH-18: the terminal knows it by its branch"""
    with wire.ringhold() as box, Terminal(box, answer=lambda request: None) as phone:
        box.start()
        push(box, "bob")
        phone.register()
        phone.wait()
        on_disk(box)  # he is registered, too
        box.stop(signal.SIGKILL)
        before = phone.repeated
        box.start()
        wait_until(lambda: phone.repeated > before, "it is sent again")
        expect(len(phone.requests) == 1, f"the same transaction: {[request.lines for request in phone.requests]}")


def test_what_waits_can_be_seen_and_taken_back():
    """P7, P8, O1"""
    with wire.ringhold() as box, Terminal(box) as phone:
        box.start()
        status, words, _ = box.ask("push", "--to", "bob", "--text", "one", "--keep-for", "1h")
        expect(status == 0, words)
        wait_until(lambda: box.api("pushes")[0]["result"] == "stored", "it waits")
        status, report = push(box, "bob", keep_for="0s")
        expect((status, report["result"]) == (200, "failed"), f"not to be kept: {report}")
        id_ = box.api("pushes")[1]["id"]
        expect(id_ in box.ask("push", "list")[1] and "stored" in box.ask("push", "show", id_)[1] and "stored" in box.ask("explain", id_)[1], "shown")
        expect(box.ask("push", "cancel", id_)[0] == 0 and box.ask("push", "cancel", id_)[0] == 1, "taken back, once")
        kill(box)
        phone.register()
        expect(push(box, "bob")[1]["result"] == "delivered" and phone.bodies() == [TEXT.encode()], "it never comes")


def test_the_same_key_is_the_same_push():
    """P8: while it is sent, when it has ended, and after a kill"""
    with wire.ringhold() as box, Terminal(box) as phone:
        box.start()
        phone.register()
        first = push(box, "bob", key="order 66")[1]
        expect(first["result"] == "delivered", f"{first}")
        again = push(box, "bob", key="order 66", body="another")
        expect(again == (200, first), f"the same answer: {again}")
        status, words, _ = box.request("POST", "/api/v1/push", json.dumps({"to": "bob", "body": TEXT}), {"Idempotency-Key": '"order 66"'})
        expect(status == 200 and json.loads(words)["id"] == first["id"], f"the header says the same: {words}")
        kill(box)
        expect(push(box, "bob", key="order 66")[1]["id"] == first["id"], "and after a kill")
        expect(box.ask("push", "--to", "bob", "--text", TEXT, "--key", "order 66", "--wait")[1].startswith(first["id"]), "by command, too")
        expect(phone.bodies() == [TEXT.encode()], "one MESSAGE")
        expect(push(box, "bob", key="order 67")[1]["id"] != first["id"] and len(phone.requests) == 2, "another key is another push")
        ids = []
        waiting = [threading.Thread(target=lambda: ids.append(push(box, "bob", key="order 68")[1]["id"])) for _ in range(8)]
        for one in waiting:
            one.start()
        for one in waiting:
            one.join()
        expect(len(ids) == 8 and len(set(ids)) == 1 and len(phone.requests) == 3, f"eight at a time: {ids}")


# --- Who sends by MESSAGE

def test_a_sip_sender_hears_what_became_of_it():
    """P1, PSH-11, PSH-18"""
    with wire.ringhold(more='[push]\nsenders = ["alice"]\n') as box, Terminal(box, "alice") as alice, contextlib.ExitStack() as stack:
        box.start()
        desk, mobile = (stack.enter_context(Terminal(box)) for _ in range(2))
        mobile.register()
        desk.register()

        def send(more="", sender="alice", to="bob"):
            return alice.request("MESSAGE", f"sip:{to}@{DOMAIN}", sender, to, more=f"Content-Type: text/html\r\n{more}", body=BINARY).status

        expect(send() == 200 and len(desk.requests) == 1 and not mobile.requests, "delivered, to one")
        expect(desk.requests[0].body == BINARY and desk.requests[0].value("Content-Type") == "text/html", "as it is")
        expect(desk.requests[0].value("From").startswith(f"<sip:alice@{DOMAIN}>"), "by name")
        desk.answer = lambda request: 302
        mobile.answer = lambda request: 415
        expect(send() == 415 and len(desk.requests) == 2 and len(mobile.requests) == 1, "refused by all")
        desk.answer = lambda request: 603
        expect(send() == 603 and len(mobile.requests) == 1, "for all")
        expect(send(to="carol") == 202 and send("Expires: 0\r\n", to="carol") == 480, "it waits, if it may")
        desk.answer = mobile.answer = lambda request: 200
        expect(send(sender="dave") == 200, "who may not push is relayed")
        wait_until(lambda: len(mobile.requests) == 2 and len(desk.requests) == 4, "to all phones, as ever")
        box.stop(signal.SIGKILL)
        box.start()
        begin = time.time()
        desk.register("carol")
        wait_until(lambda: len(desk.requests) == 5, "what waited comes after a kill")
        expect(desk.requests[4].at - begin < (10 if wire.sanitized() else 1) and desk.requests[4].body == BINARY, f"{desk.requests[4].lines}")


def test_sipp_pushes_by_message():
    """P1: another's program sends, and hears 200"""
    with wire.ringhold(more='[push]\nsenders = ["alice"]\n') as box:
        box.start()
        with sipp_terminals(box, "bob", "415", "200") as terminals:
            sipp(box, "message", user="bob")
            sipp(box, "message", user="bob", transport="t1")
            expect([len(terminal.requests) for terminal in terminals] == [2, 2], "the first, then the second")
            expect([row["result"] for row in box.api("pushes")] == ["delivered"] * 2, "reported as pushes")


def test_baresip_reads_it():
    """P1: an unmodified phone"""
    if not shutil.which("baresip"):
        raise wire.Skipped("baresip is not installed")
    for transport in ("udp", "tcp"):
        with wire.ringhold() as box:
            box.start()
            with Baresip(box, "bob", transport, box.ports["sip"]) as bob:
                wait_until(lambda box=box: box.registered("bob"), "bob is registered")
                status, words, errors = box.ask("push", "--to", "bob", "--text", TEXT, "--wait")
                expect(status == 0 and "delivered" in words, words + errors)
                wait_until(lambda bob=bob: TEXT in bob.text(), f"baresip prints it: {bob.text()} {bob.events}")


# --- Kills

class Load:
    """Posts numbered pushes, each until it is answered; then it stands in `accepted`, and must come. Each user has a connection of his
    own that is kept, so that his are accepted in order."""

    def __init__(self, box, total, users):
        self.box, self.total, self.users = box, total, users
        self.accepted, self.again, self.failed = set(), 0, None
        self.is_up = threading.Event()
        self.is_up.set()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, args=(user,), daemon=True) for user in range(users)]
        for thread in self._threads:
            thread.start()

    def finish(self, seconds):
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0, deadline - time.monotonic()))
        expect(not self.failed and len(self.accepted) == self.total, f"{len(self.accepted)} of {self.total} accepted; {self.failed}")

    def _run(self, user):
        connection = http.client.HTTPConnection("127.0.0.1", self.box.ports["http"], timeout=PATIENCE)
        for number in range(user, self.total, self.users):
            while not self.failed and not self._post(connection, number):
                connection.close()
                with self._lock:
                    self.again += 1
                self.is_up.wait(PATIENCE)
        connection.close()

    def _post(self, connection, number):
        order = json.dumps({"to": f"u{number % self.users}", "body": str(number), "wait": "0s"})
        try:
            connection.request("POST", "/api/v1/push", order, {"Content-Type": "application/json", "Idempotency-Key": f"key {number}"})
            reply = connection.getresponse()
            words = reply.read().decode()
        except (OSError, http.client.HTTPException):
            return False
        # "pending" is no promise yet.
        if reply.status in (200, 202) and json.loads(words)["result"] in ("accepted", "delivered", "stored"):
            with self._lock:
                self.accepted.add(number)
            return True
        if reply.status not in (202, 503):
            self.failed = f"{reply.status} {words}"
        return False


def kill_at_some_moment(box, load, chance, within=0.25):
    """Anywhere between two writes of the disk; when it was."""
    moment = time.monotonic() + chance.uniform(0, within)
    wait_until(lambda: time.monotonic() >= moment, "the moment comes")
    load.is_up.clear()
    killed = time.time()
    box.stop(signal.SIGKILL)
    box.start()
    load.is_up.set()
    return killed


def all_came_once(box, phone, load, kills):
    """Again comes at most whose 200 was lost by a kill; over UDP the terminal knows even these, by their branch."""
    total = load.total
    wait_until(lambda: len(set(phone.bodies())) >= total, "all come", 60)
    wait_until(lambda: all(row["result"] == "delivered" for row in box.api("pushes?limit=10000")), "and are told as delivered", 60)
    on_their_way = sum(any(killed - 0.5 < request.at < killed for killed in kills) for request in phone.requests)
    doubled = len(phone.requests) - total
    print(f"{total} delivered, {load.again} orders repeated; {on_their_way} on their way, or not on disk as delivered, when it was killed: "
          f"{phone.repeated} retransmitted, {doubled} doubled")
    expect({int(body) for body in phone.bodies()} == set(range(total)), "each with its number")
    expect(doubled <= (on_their_way if phone.transport == "tcp" else 0), "only those whose 200 was lost by a kill")


def kills(transport, total):
    users, chance = (8, random.Random(2009)) if wire.sanitized() else (40, random.Random(2012))
    with wire.ringhold() as box, Terminal(box, transport=transport) as phone:
        box.start()
        for number in range(users):
            phone.register(f"u{number}")
        on_disk(box)
        load = Load(box, total, users)
        moments = []
        for accepted in sorted(chance.sample(range(total // 20, total * 19 // 20), 5)):
            wait_until(lambda accepted=accepted: len(load.accepted) >= accepted or load.failed, f"{accepted} are accepted", 60)
            moments.append(kill_at_some_moment(box, load, chance))
        load.finish(60)
        all_came_once(box, phone, load, moments)


def test_nothing_is_lost_or_doubled_by_kills():
    """PSH-18, X-19: kill -9 at five moments of ten thousand deliveries"""
    kills("udp", 1_000 if wire.sanitized() else 10_000)


def test_nothing_is_lost_or_doubled_by_kills_over_tcp():
    """PSH-18: every kill takes the connections along"""
    kills("tcp", 500 if wire.sanitized() else 3_000)


def test_what_waits_outlives_kills_in_order():
    """PSH-18, X-19: kill -9 while it comes in, and while it goes out"""
    total, users = (600, 10) if wire.sanitized() else (6_000, 40)
    chance = random.Random(1991)
    with wire.ringhold() as box, Terminal(box) as phone:
        box.start()
        load = Load(box, total, users)
        for share in (0.2, 0.6):
            wait_until(lambda share=share: len(load.accepted) >= total * share or load.failed, "some are stored", 60)
            kill_at_some_moment(box, load, chance)
        load.finish(60)
        moments = []
        for first in (0, 1):
            for number in range(first, users, 2):
                phone.register(f"u{number}")
            moments.append(kill_at_some_moment(box, load, chance, within=0.05))
            print(f"{len(phone.requests)} had come when it was killed")
        for number in range(users):
            phone.register(f"u{number}")
        all_came_once(box, phone, load, moments)
        numbers = [int(body) for body in phone.bodies()]
        for user in range(users):
            expect([number for number in numbers if number % users == user] == list(range(user, total, users)),
                   f"u{user}'s come in order")


if __name__ == "__main__":
    sys.exit(wire.main(globals()))
