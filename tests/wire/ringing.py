#!/usr/bin/env python3
"""A user's terminals in his own order, on the wire. Runs like wire.py."""

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import sys
import time

import wire
from baresip import Baresip
from peers import Raw, Sipp
from ringhold import DOMAIN, expect, free_port, wait_until

USER = "8002"
PHONES = (("ip-phone", "Yealink SIP-T46U 108"), ("pc-client", "MicroSIP/3.21.3"), ("mobile-client", "LinphoneAndroid/5.2.1"))


def register(box, port, user_agent, expires=120):
    """Registers a contact on that port from a socket of its own; what was answered."""
    with Raw(box.sip()) as raw:
        return raw.exchange((f"REGISTER sip:{DOMAIN} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK{port};rport\r\n"
                             f"Max-Forwards: 70\r\nFrom: <sip:{USER}@{DOMAIN}>;tag=1\r\nTo: <sip:{USER}@{DOMAIN}>\r\n"
                             f"Call-ID: reg{port}\r\nCSeq: 1 REGISTER\r\nContact: <sip:{USER}@127.0.0.1:{port}>;expires={expires}\r\n"
                             f"User-Agent: {user_agent}\r\nContent-Length: 0\r\n\r\n").encode()).decode()


def register_all(box):
    """Three terminals of three types; their ports. RNG-01: each 200 lists all so far."""
    ports = []
    for kind, user_agent in PHONES:
        ports.append(free_port())
        answer = register(box, ports[-1], user_agent)
        expect(answer.count("Contact: <sip:") == len(ports), f"all contacts so far: {answer}")
        row = next(row for row in box.registered(USER) if row["contact"].endswith(f":{ports[-1]}"))
        expect((row["type"], row["type_source"]) == (kind, "user-agent"), f"{user_agent}: {row}")
    return ports


def put_ring(box, body):
    return box.request("PUT", f"/api/v1/users/{USER}/ring", json.dumps(body), {"Content-Type": "application/json"})


def test_three_types_ring_one_after_another():
    """RNG-03, RNG-08, RNG-10, RNG-13, RNG-15, played by SIPp"""
    with wire.ringhold() as box:
        box.start()
        ports = register_all(box)
        status, words, _ = box.ask("ring", "set", USER, "ip-phone:1", "pc-client:1", "mobile-client:5")
        expect(status == 0, words)
        with Sipp(box, "callee_is_cancelled", user=USER, port=ports[0]) as first, \
             Sipp(box, "callee_is_cancelled", user=USER, port=ports[1]) as second, \
             Sipp(box, "callee", user=USER, port=ports[2]) as third:
            begin = time.monotonic()
            with Sipp(box, "patient_caller", user=USER) as caller:
                for one in (first, second, caller, third):
                    one.finish()
            took = time.monotonic() - begin
        expect(took > 2, f"two steps of a second each came before: {took:.2f} s")
        wait_until(lambda: not box.api("calls"), "no call is left")
        record = box.api("calls/past")[0]
        expect([leg["why"] for leg in record["legs"]] == ["unanswered", "unanswered", "answered"], f"C6: {record}")
        expect([leg["uri"].rsplit(":", 1)[1] for leg in record["legs"]] == [str(port) for port in ports], f"in this order: {record}")
        expect(record["ended_by"] == "caller" and record["how"] == "bye" and record["answered"], f"C6: {record}")
        wait_until(lambda: box.api("status")["store"]["waiting"] == 0, "all is on disk")
        box.stop()
        box.start()
        expect(box.api("calls/past")[0] == record, "and after a restart")
        words = box.ask("calls", "--past")[1]
        expect(words.count("unanswered") == 2 and " answered " in words, words)


def test_three_baresips_ring_one_after_another():
    """RNG-08, RNG-09, RNG-10: unmodified phones in order, each for its time; types by the administrator's word, as all three say the same"""
    if not shutil.which("baresip"):
        raise wire.Skipped("baresip is not installed")
    with wire.ringhold() as box:
        box.start()
        with Baresip(box, "alice", "udp", box.ports["sip"]) as alice, contextlib.ExitStack() as stack:
            phones = []
            for kind, _ in PHONES:
                known = {row["device"] for row in box.registered(USER)}
                phones.append(stack.enter_context(Baresip(box, USER, "udp", box.ports["sip"], answers=False)))
                wait_until(lambda known=known: len(box.registered(USER)) > len(known), f"the {kind} is registered")
                device = next(row["device"] for row in box.registered(USER) if row["device"] not in known)
                expect(box.ask("ring", "type", device, kind)[0] == 0, f"{device} is a {kind}")
            wait_until(lambda: box.registered("alice"), "alice is registered")
            expect(box.ask("ring", "set", USER, "ip-phone:2", "pc-client:2", "mobile-client:9")[0] == 0, "in this order")
            begin = time.monotonic()
            alice.order("dial", f"sip:{USER}@{DOMAIN}")
            rang = []
            for phone in phones:
                phone.wait_event("CALL_INCOMING")
                rang.append(time.monotonic() - begin)
            phones[2].order("accept")
            alice.wait_event("CALL_ESTABLISHED")
            phones[2].wait_event("CALL_ESTABLISHED")
            expect(2 <= rang[1] < 3.5 and 4 <= rang[2] < 6 or wire.sanitized(), f"each in its time: {rang}")
            for phone in phones[:2]:
                phone.wait_event("CALL_CLOSED")
                expect(not any(event.get("type") == "CALL_ESTABLISHED" for event in phone.events), "it was told to stop")
            alice.order("hangup")
            wait_until(lambda: not box.api("calls"), "no call is left")
            expect([leg["why"] for leg in box.api("calls/past")[0]["legs"]] == ["unanswered", "unanswered", "answered"], "C6")


def test_a_profile_is_set_shown_and_kept():
    """RNG-03, G7, INT-08"""
    with wire.ringhold() as box:
        box.start()
        register(box, free_port(), PHONES[1][1])
        expect(box.ask("ring", "show", USER)[1].startswith(f"{USER} rings on all terminals at once."), "before")
        status, words, _ = box.ask("ring", "set", USER, "ip-phone", "pc-client,mobile-client:20")
        expect(status == 0 and "nobody is registered: skipped" in words and "0 s  pc-client, mobile-client" in words, words)
        for body, why in (({"mode": "sequential", "steps": [{"types": ["fax"]}]}, "no type of terminal is called fax"),
                          ({"mode": "sequential"}, "send {"), ({"mode": "sometimes"}, "send {"), ([], "send {"),
                          ({"mode": "simultaneous", "colour": 1}, "unknown key"),
                          ({"mode": "sequential", "steps": [{"types": ["ip-phone"], "seconds": 0}]}, "seconds"),
                          ({"mode": "sequential", "steps": [{"types": [3]}]}, "a type is a name")):
            status, text, headers = put_ring(box, body)
            expect(status == 400 and why in json.loads(text)["detail"], f"{body}: {status} {text}")
            expect(headers["Content-Type"] == "application/problem+json", "RFC 9457")
        expect(box.ask("ring", "set", USER, "fax:15")[0] == 1, "and by the command")
        expect(box.ask("ring", "set", USER, ":15")[0] == 1, "no type at all")
        device = box.registered(USER)[0]["device"]
        expect(box.ask("ring", "type", device, "mobile-client")[0] == 0, "RNG-09: the administrator knows better")
        expect(box.ask("ring", "type", device, "fax")[0] == 1, "but not everything")
        wait_until(lambda: box.api("status")["store"]["waiting"] == 0, "all is on disk")
        box.stop()
        box.start()
        ring = box.api(f"users/{USER}/ring")
        expect([step["types"] for step in ring["steps"]] == [["ip-phone"], ["pc-client", "mobile-client"]], f"the old one stayed: {ring}")
        expect([step["seconds"] for step in ring["steps"]] == [15, 20], f"with the default of ringing.step: {ring}")
        row = box.registered(USER)[0]
        expect((row["type"], row["type_source"]) == ("mobile-client", "administrator"), f"kept, too: {row}")
        status, words, _ = box.ask("ring", "set", USER, "simultaneous", "--then", "voicemail")
        expect(status == 0 and "then  voicemail" in words, f"G6: {words}")
        expect(box.api(f"users/{USER}/ring")["fallback"] == "voicemail", "G6")
        for words in (("set", USER, "--when", "", "ip-phone"), ("remove", USER, "--when", "")):
            expect(box.ask("ring", *words)[0] == 2, f"an empty time is a mistake: {words}")
        expect(box.api(f"users/{USER}/ring")["fallback"] == "voicemail", "and changes nothing")
        expect(put_ring(box, {"mode": "simultaneous"})[0] == 200, "and back")
        expect(box.api(f"users/{USER}/ring")["mode"] == "simultaneous", "at once")


def test_who_rings_depends_on_the_hour():
    """G2, G7: days and hours by the branch's clock, kept on disk; a database from before has no table for them"""
    whole_week = "mon-sun,holiday"
    with wire.ringhold(more='[ringing]\ntime_zone = "Europe/Berlin"\nholidays = ["2026-12-25"]\n') as box:
        box.start()
        register_all(box)
        expect(box.ask("ring", "set", USER, "ip-phone:10")[0] == 0, "at other hours")
        box.stop()
        with contextlib.closing(sqlite3.connect(os.path.join(box.folder, "ringhold.db"))) as database:
            database.execute("DROP TABLE ring_schedule")
            database.commit()
        box.start()
        expect(box.api(f"users/{USER}/ring")["steps"][0]["types"] == ["ip-phone"], "what was there before")
        status, words, _ = box.ask("ring", "set", USER, "--when", whole_week, "pc-client:7", "--then", "voicemail")
        expect(status == 0 and "rings one type after another now, 20" in words and " in Europe/Berlin" in words, words)
        expect("\n 0 s  pc-client" in words and "\n* mon-sun,holiday 00:00-24:00" in words, words)
        expect("\n  otherwise" in words and "pc-client:7 --then voicemail" in words, words)
        box.stop(signal.SIGKILL)
        box.start()
        ring = box.api(f"users/{USER}/ring")
        expect(ring["schedules"][0]["days"] == ["mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday"], f"after kill -9: {ring}")
        expect(ring["schedules"][0]["holds"] and ring["schedules"][0]["fallback"] == "voicemail" and ring["time_zone"] == "Europe/Berlin",
               f"{ring}")
        expect(box.ask("ring", "set", USER, "--when", whole_week, "simultaneous")[0] == 0, "in its place")
        expect([one["mode"] for one in box.api(f"users/{USER}/ring")["schedules"]] == ["simultaneous"], "and no second one")
        expect(box.ask("ring", "set", USER, "mobile-client")[0] == 0, "the other hours")
        expect(len(box.api(f"users/{USER}/ring")["schedules"]) == 1, "leave it alone")
        expect(box.ask("ring", "set", USER, "--when", "monday", "simultaneous")[0] == 1, "no such day")
        expect(box.ask("ring", "remove", USER, "--when", "sat")[0] == 1, "nothing is set for it")
        status, words, _ = box.ask("ring", "remove", USER, "--when", whole_week)
        expect(status == 0 and words.startswith(f"{USER} rings one type after another.") and "mobile-client" in words, words)
        for body, why in (({"mode": "simultaneous", "schedules": {}}, '"schedules" is a list'),
                          ({"mode": "simultaneous", "schedules": [{"days": ["mon"]}]}, "schedule 1: a schedule is {"),
                          ({"mode": "simultaneous", "schedules": [{"days": ["mon"], "from": "08:00", "to": "17:00", "mode": "simultaneous",
                                                                   "colour": 1}]}, 'schedule 1: unknown key "colour"')):
            status, text, headers = put_ring(box, body)
            expect(status == 400 and why in json.loads(text)["detail"], f"{body}: {status} {text}")
            expect(headers["Content-Type"] == "application/problem+json", "RFC 9457")
        expect(box.ask("ring", "remove", USER)[1].startswith(f"{USER} rings on all terminals at once."), "as without a profile")


def test_only_a_trusted_server_names_types():
    """RNG-06, RNG-14: the same request with and without [ringing] trusted"""
    for more, wanted in (('[ringing]\ntrusted = ["127.0.0.1"]\n', 1), ("", 3)):
        with wire.ringhold(more=more) as box:
            box.start()
            phones = [Raw(box.sip()) for _ in PHONES]
            for phone, (_, user_agent) in zip(phones, PHONES):
                register(box, phone.socket.getsockname()[1], user_agent)
            with Raw(box.sip()) as server:
                server.socket.send((f"INVITE sip:{USER}@{DOMAIN} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKtt;rport\r\n"
                                    f"Max-Forwards: 70\r\nFrom: <sip:8001@{DOMAIN}>;tag=1\r\nTo: <sip:{USER}@{DOMAIN}>\r\nCall-ID: tt\r\n"
                                    "CSeq: 1 INVITE\r\nTt: 1\r\nContact: <sip:8001@127.0.0.1:9>\r\nContent-Length: 0\r\n\r\n").encode())
                came = []
                for phone, (kind, _) in zip(phones, PHONES):
                    phone.socket.settimeout(1)
                    try:
                        invite = phone.socket.recv(65535).decode()
                    except TimeoutError:
                        continue
                    expect(invite.startswith("INVITE ") and "\r\nTt" not in invite, f"no terminal sees it: {invite}")
                    came.append(kind)
            expect(len(came) == wanted and "pc-client" in came, f"trusted={bool(more)}: {came}")
            for phone in phones:
                phone.socket.close()


def test_wrong_types_in_the_file_are_refused():
    with wire.ringhold(more='[ringing]\nstep = "0s"\n[[ringing.type]]\ncode = 0\nname = "desk phone"\n[[ringing.type]]\ncode = 0\n'
                            'name = "pc"\nagent = ["x"]\n') as box:
        status, _, words = box.ask("check")
        for part in ("ringing.step: expected a duration", 'ringing.type.name: "desk phone": expected letters',
                     "ringing.type.code: 0: expected another code", "ringing.type.agent: unknown key"):
            expect(status == 3 and part in words, f"{part}: {words}")


if __name__ == "__main__":
    sys.exit(wire.main(globals()))
