#!/usr/bin/env python3
"""Phones that restart in a call, on the wire. Runs like wire.py."""

import json
import shutil
import signal
import sys
import time

import wire
from baresip import Baresip
from peers import Raw
from ringhold import DOMAIN, expect, wait_until

BARESIP = "baresip v1.0.0 (x86_64/linux)"


def needs_baresip():
    if not shutil.which("baresip"):
        raise wire.Skipped("baresip is not installed")


def restarts(box):
    """By what came of them for their calls."""
    lines = (line for line in box.get("/metrics")[1].splitlines() if line.startswith("ringhold_restarts_detected_total{"))
    return {line.split('"')[1]: float(line.split()[-1]) for line in lines}


def established(caller, callee, number=1):
    for phone in (caller, callee):
        wait_until(lambda phone=phone: sum(event.get("type") == "CALL_ESTABLISHED" for event in phone.events) == number,
                   f"call {number}: {phone.events}")


def closed_within(phone, seconds, number=1):
    begin = time.monotonic()
    wait_until(lambda: sum(event.get("type") == "CALL_CLOSED" for event in phone.events) == number, f"CALL_CLOSED: {phone.events}")
    took = time.monotonic() - begin
    expect(took < seconds or wire.sanitized(), f"the other side heard of it after {took:.1f} s")


def phones(box, transport="udp"):
    return Baresip(box, "alice", transport, box.ports["sip"]), Baresip(box, "bob", transport, box.ports["sip"])


def both_registered(box):
    for user in ("alice", "bob"):
        wait_until(lambda user=user: box.registered(user), f"{user} is registered")


def test_a_killed_baresip_loses_its_calls():
    """RST-05, RST-08 to RST-10: as callee over UDP, as caller over TCP, and after a kill -9 of the branch device as well"""
    needs_baresip()
    for transport in ("udp", "tcp"):
        with wire.ringhold() as box:
            box.start()
            alice, bob = phones(box, transport)
            with alice, bob:
                both_registered(box)
                caller, callee = (alice, bob) if transport == "udp" else (bob, alice)
                callee_user = "bob" if transport == "udp" else "alice"
                caller.order("dial", f"sip:{callee_user}@{DOMAIN}")
                established(caller, callee)
                if transport == "udp":
                    wait_until(lambda: box.api("status")["store"]["waiting"] == 0, "the dialog is on disk")
                    box.stop(signal.SIGKILL)
                    box.start()
                    expect(len(box.api("calls")) == 1, "the call has outlived us")
                bob.crash()
                bob.boot()
                closed_within(alice, 10)
                wait_until(lambda: not box.api("calls"), "no call is left")
                record = box.api("calls/past")[0]
                expect((record["how"], record["ended_by"]) == ("terminal-restart", "callee" if transport == "udp" else "caller"), f"{record}")
                expect(box.api("restarts")[0]["calls"] == {"decided": True, "released": 1, "kept": 0}, "RST-13")
                expect(restarts(box) == {"yes": 1, "no": 0}, f"{restarts(box)}")
                for what, part in ((record["id"], "terminal was restarted"), ("bob", "call_id")):
                    status, words, _ = box.ask("explain", what)
                    expect(status == 0 and part in words and "seen to restart" in words, f"explain {what}: {words}")
                both_registered(box)
                alice.order("dial", f"sip:bob@{DOMAIN}")
                wait_until(lambda: len(box.api("calls")) == 1 and box.api("calls")[0]["state"] == "answered", "the next call is as ever")


def register_bob(box, contact, call_id):
    """As baresip would that has drawn a new Call-ID."""
    with Raw(box.sip()) as raw:
        return raw.exchange((f"REGISTER sip:{DOMAIN} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK{call_id};rport\r\n"
                             f"Max-Forwards: 70\r\nFrom: <sip:bob@{DOMAIN}>;tag=1\r\nTo: <sip:bob@{DOMAIN}>\r\nCall-ID: {call_id}\r\n"
                             f"CSeq: 1 REGISTER\r\nContact: <{contact}>;expires=60\r\nUser-Agent: {BARESIP}\r\n"
                             "Content-Length: 0\r\n\r\n").encode())


def test_a_baresip_that_lives_keeps_its_call():
    """RST-09, RST-10: another Call-ID, but the dialog answers the probe; and what comes after it is not refused"""
    needs_baresip()
    with wire.ringhold() as box:
        box.start()
        alice, bob = phones(box)
        with alice, bob:
            both_registered(box)
            alice.order("dial", f"sip:bob@{DOMAIN}")
            established(alice, bob)
            for user in ("bob", "alice"):
                row = box.registered(user)[0]
                expect(row["user_agent"] == BARESIP, f"this test knows another baresip: {row}")
            register_bob(box, box.registered("bob")[0]["contact"], "another")
            wait_until(lambda: box.api("restarts") and box.api("restarts")[0]["calls"]["decided"], "the probe is answered")
            expect(box.api("restarts")[0]["calls"] == {"decided": True, "released": 0, "kept": 1}, "it lives")
            alice.order("hold")
            wait_until(lambda: "a=sendonly" in bob.text() or "a=inactive" in bob.text(), "a re-INVITE after the probe passes")
            expect(len(box.api("calls")) == 1, "the call is up")
            alice.order("hangup")
            wait_until(lambda: not box.api("calls"), "and so does a BYE")
            expect(box.api("calls/past")[0]["how"] == "bye", "an ordinary end")
            expect(restarts(box) == {"yes": 0, "no": 1}, f"{restarts(box)}")


class Silent(Raw):
    """A phone that answers nothing but one INVITE."""

    def __init__(self, box, user):
        super().__init__(box.sip())
        self.box, self.user = box, user
        self.contact = f"sip:{user}@127.0.0.1:{self.socket.getsockname()[1]}"

    def register(self, call_id):
        expect(b" 200 " in self.exchange((
            f"REGISTER sip:{DOMAIN} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK{call_id}{self.user};rport\r\nMax-Forwards: 70\r\n"
            f"From: <sip:{self.user}@{DOMAIN}>;tag=1\r\nTo: <sip:{self.user}@{DOMAIN}>\r\nCall-ID: {call_id}-{self.user}\r\n"
            f"CSeq: 1 REGISTER\r\nContact: <{self.contact}>;expires=60\r\nContent-Length: 0\r\n\r\n").encode()), "registered")

    def read(self, beginning, seconds):
        """The next message that begins so; whatever else comes is passed over."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                message = self.socket.recv(65535).decode()
            except TimeoutError:
                break
            if message.startswith(beginning):
                return message
        return None

    def answer(self):
        invite = self.read("INVITE ", 5)
        lines = [line for line in invite.split("\r\n") if line.split(":")[0] in ("Via", "From", "Call-ID", "CSeq", "Record-Route")]
        to = next(line for line in invite.split("\r\n") if line.startswith("To:"))
        self.socket.send("\r\n".join(["SIP/2.0 200 OK", *lines, to + ";tag=s", f"Contact: <{self.contact}>", "Content-Length: 0", "", ""]).encode())


def in_a_call(box):
    caller, callee = Silent(box, "carol"), Silent(box, "dave")
    caller.register("boot")
    callee.register("boot")
    caller.socket.send((f"INVITE sip:dave@{DOMAIN} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKi;rport\r\nMax-Forwards: 70\r\n"
                        f"From: <sip:carol@{DOMAIN}>;tag=c\r\nTo: <sip:dave@{DOMAIN}>\r\nCall-ID: talk\r\nCSeq: 5 INVITE\r\n"
                        f"Contact: <{caller.contact}>\r\nContent-Length: 0\r\n\r\n").encode())
    callee.answer()
    expect(caller.read("SIP/2.0 200", 5), "the call is up")
    return caller, callee


def test_a_silent_phone_is_asked_twice():
    """RST-09: and released after eight seconds"""
    with wire.ringhold() as box:
        box.start()
        caller, callee = in_a_call(box)
        callee.register("boot-2")
        begin = time.monotonic()
        probe = callee.read("INFO ", 2)
        expect(probe and "CSeq: 4 INFO\r\n" in probe and ";tag=s\r\n" in probe, f"RST-10: {probe}")
        bye = caller.read("BYE ", 15)
        took = time.monotonic() - begin
        expect(bye and "Reason: SIP;cause=480;text=\"Terminal restarted\"\r\n" in bye, f"RST-08: {bye}")
        expect(7.9 < took < 9 or wire.sanitized(), f"after {took:.1f} s")
        expect("CSeq: 1 BYE\r\n" in bye, "dave has sent nothing before")


def test_immediate_and_log():
    """B2"""
    with wire.ringhold(more='[restart]\nrelease = "immediate"\n') as box:
        box.start()
        caller, callee = in_a_call(box)
        callee.register("boot-2")
        expect(caller.read("BYE ", 2) and callee.read("BYE ", 2), "both ends, at once")
        wait_until(lambda: not box.api("calls"), "no call is left")
    with wire.ringhold(more='[restart]\nrelease = "log"\n') as box:
        box.start()
        caller, callee = in_a_call(box)
        callee.register("boot-2")
        expect(callee.read("INFO ", 1) is None and caller.read("BYE ", 1) is None, "not a packet")
        expect(len(box.api("calls")) == 1 and len(box.api("restarts")) == 1, "but it is known")


def test_wrong_settings_are_refused():
    with wire.ringhold(more='[restart]\nrelease = "sometimes"\ngrace = "1s"\naudit = "yes"\nprobe = 1\n') as box:
        status, _, words = box.ask("check")
        for part in ('restart.release: "sometimes": expected "confirm", "immediate" or "log"', "restart.grace: expected a duration",
                     "restart.audit: expected true or false", "restart.probe: unknown key"):
            expect(status == 3 and part in words, f"{part}: {words}")


def test_explain_says_when_it_knows_nothing():
    """O1"""
    with wire.ringhold() as box:
        box.start()
        status, _, words = box.ask("explain", "nobody")
        expect(status == 1 and "expected a Call-ID" in words, words)
        status, words, _ = box.ask("explain", "nobody", "--json")
        expect(status == 1 and json.loads(words) == {"registrations": [], "restarts": [], "redirects": [], "pushes": []}, words)


if __name__ == "__main__":
    sys.exit(wire.main(globals()))
