#!/usr/bin/env python3
"""Phones and a PBX behind `ringhold agent` (T14): they know its address, and no password. Runs like wire.py."""

import contextlib
import signal
import sys
import tempfile
import types

import wire
from agent_program import Agent, server
from baresip import Baresip
from certificates import Authority
from kamailio import Kamailio, registrar, tls_listener
from peers import Sipp, sipp
from restarts import needs_baresip
from ringhold import DOMAIN, expect, free_port, wait_until
from transports import secure_box

PASSWORDS = {"alice": "secret", "bob": "secret"}


def count(phone, kind):
    return sum(event.get("type") == kind for event in phone.events)


def are_registered(*phones):
    for phone in phones:
        wait_until(lambda phone=phone: "[1 binding]" in phone.text(), "the phone is registered")


def calls(caller, callee, user):
    """Dials, and both are in a call."""
    before = [count(phone, "CALL_ESTABLISHED") for phone in (caller, callee)]
    caller.order("dial", f"sip:{user}@{DOMAIN}")
    for phone, established in zip((caller, callee), before):
        wait_until(lambda phone=phone, established=established: count(phone, "CALL_ESTABLISHED") > established,
                   f"the call to {user} is established: {phone.events}")


def hangs_up(phone, other):
    before = count(other, "CALL_CLOSED")
    phone.order("hangup")
    wait_until(lambda: count(other, "CALL_CLOSED") > before, f"the other side hears of it: {other.events}")


def place(folder, port):
    """What stands for a branch device where a test's program only needs a folder and where to send."""
    return types.SimpleNamespace(folder=folder, ports={"sip": port}, sip=lambda: ("127.0.0.1", port))


@contextlib.contextmanager
def branch(transport="udp"):
    """A branch device as server, an agent for alice and bob before it, a phone of each, and carol's, which is at the server itself."""
    needs_baresip()
    with wire.asking_for_passwords('algorithms = ["MD5"]\n') as box, contextlib.ExitStack() as stack:
        wire.add_user(box, "bob", "secret")
        wire.add_user(box, "carol", "hers")
        box.start()
        wait_until(lambda: box.ask("mode", "survivable")[0] == 0, "the central site is not asked")
        agent = stack.enter_context(Agent(wire.BINARY, box.folder, PASSWORDS, [server(box.ports["sip"], transport)]))
        alice, bob = (stack.enter_context(Baresip(box, user, transport, agent.port)) for user in ("alice", "bob"))
        carol = stack.enter_context(Baresip(box, "carol", "udp", box.ports["sip"], password="hers"))
        for user in ("alice", "bob", "carol"):
            wait_until(lambda user=user: box.registered(user), f"{user} is registered")
        are_registered(alice, bob)
        yield box, agent, alice, bob, carol


def calls_pass(transport):
    with branch(transport) as (box, agent, alice, bob, carol):
        for user in ("alice", "bob"):
            rows = box.registered(user)
            expect(len(rows) == 1 and rows[0]["user_agent"] == "Ringhold agent" and rows[0]["trust"] == "digest", f"X-33: {rows}")
        expect(box.registered("alice")[0]["device"] != box.registered("bob")[0]["device"], "X-33: two devices")
        for caller, callee, user in ((alice, carol, "carol"), (carol, alice, "alice"), (alice, bob, "bob")):
            calls(caller, callee, user)
            expect(len(box.api("calls")) == 1, "through the server")
            hangs_up(callee if user == "alice" else caller, caller if user == "alice" else callee)
            wait_until(lambda: box.api("calls") == [], "no call is left")
        expect(box.api("restarts") == [], "nobody was restarted")
        box.process.kill()
        wait_until(lambda: agent.text().count("event=agent_waits") >= 2, "the agent has noticed that no server is left")
        for caller, callee, user in ((bob, alice, "alice"), (alice, bob, "bob")):
            calls(caller, callee, user)
            hangs_up(caller, callee)


def test_agent_lets_phones_call_over_udp():
    """T14, X-33: out, in, to each other through the server, and without any server"""
    calls_pass("udp")


def test_agent_lets_phones_call_over_tcp():
    """The same over TCP"""
    calls_pass("tcp")


def is_killed_in_calls(transport):
    with branch(transport) as (box, agent, alice, _, carol):
        before = box.registered("alice")[0]["contact"]
        wait_until(lambda: all(agent.keeps(f"sip:{user}-0x") for user in PASSWORDS), "the phones are on disk")
        for caller, callee, user, ends in ((alice, carol, "carol", alice), (carol, alice, "alice", carol), (alice, carol, "carol", carol)):
            calls(caller, callee, user)
            registered = len(agent.registrations())
            agent.kill()
            agent.start()
            wait_until(lambda registered=registered: len(agent.registrations()) == registered + 2, "it is registered again")
            expect(len(box.api("calls")) == 1, "the call stays")
            hangs_up(ends, carol if ends is alice else alice)
            wait_until(lambda: box.api("calls") == [], "no call is left")
            expect(box.api("calls/past")[0]["how"] == "bye", "an ordinary end")
        expect(box.api("restarts") == [], "no restart is seen")
        rows = box.registered("alice")
        expect(len(rows) == 1 and rows[0]["contact"] == before, f"the same contact: {rows}")


def closed(phone):
    return count(phone, "CALL_CLOSED")


def test_agent_lets_phones_call_over_tls():
    """T3, T14: the server speaks TLS with the agent, over the agent's connection; the phones know nothing of it"""
    needs_baresip()
    with secure_box() as (box, authority):
        box.start()
        wait_until(lambda: box.ask("mode", "survivable")[0] == 0, "the central site is not asked")
        with Agent(wire.BINARY, box.folder, PASSWORDS, [server(box.ports["tls"], "tls")], f'tls_ca = "{authority.file}"') as agent, \
                Baresip(box, "alice", "udp", agent.port) as alice, Baresip(box, "bob", "tcp", agent.port) as bob, \
                Baresip(box, "carol", "udp", box.ports["sip"]) as carol:
            are_registered(alice, bob, carol)
            wait_until(lambda: len(agent.registrations()) == 2, "both accounts are registered")
            expect(box.registered("alice")[0]["source"].startswith("tls:"), "over TLS")
            for caller, callee, user, ends in ((alice, carol, "carol", carol), (carol, alice, "alice", alice), (alice, bob, "bob", bob),
                                               (alice, carol, "carol", alice), (carol, bob, "bob", carol), (bob, alice, "alice", bob)):
                calls(caller, callee, user)
                expect(len(box.api("calls")) == 1, "through the server")
                hangs_up(ends, callee if ends is caller else caller)
                wait_until(lambda: box.api("calls") == [], "no call is left")


def test_agent_is_found_by_a_server_that_looks_for_its_connection():
    """T3, T14: Kamailio knows no flows: it takes the connection that has the address and port of our Contact and Record-Route"""
    needs_baresip()
    with tempfile.TemporaryDirectory(prefix="ringhold-wire-") as folder:
        authority, port = Authority(folder), free_port()
        with registrar(folder, more=tls_listener(port, *authority.sign())) as central, \
                Agent(wire.BINARY, folder, PASSWORDS, [server(port, "tls")], f'tls_ca = "{authority.file}"') as agent, \
                Baresip(place(folder, agent.port), "alice", "udp", agent.port) as alice, \
                Baresip(place(folder, agent.port), "bob", "tcp", agent.port) as bob, \
                Baresip(place(folder, central.port), "carol", "udp", central.port, password="secret") as carol:
            wait_until(lambda: len(agent.registrations()) == 2, "both accounts are registered")
            are_registered(alice, bob, carol)
            for caller, callee, user in ((alice, carol, "carol"), (carol, alice, "alice"), (alice, bob, "bob"), (carol, bob, "bob")):
                calls(caller, callee, user)
                hangs_up(callee, caller)
                calls(caller, callee, user)
                hangs_up(caller, callee)


def test_agent_moves_with_its_phones():
    """SWI-13, SWI-19, T11: the first server is ended; a call that was made through it still ends, the next one goes through the second"""
    needs_baresip()
    with wire.ringhold() as first, wire.ringhold() as second:
        for box in (first, second):
            box.start()
            wait_until(lambda box=box: box.ask("mode", "survivable")[0] == 0, "the central site is not asked")
        with Agent(wire.BINARY, first.folder, PASSWORDS, [server(box.ports["sip"]) for box in (first, second)]) as agent, \
                Baresip(first, "alice", "udp", agent.port) as alice, Baresip(first, "bob", "udp", agent.port) as bob, \
                Baresip(second, "carol", "udp", second.ports["sip"]) as carol:
            are_registered(alice, bob, carol)
            wait_until(lambda: all(first.registered(user) for user in PASSWORDS), "at the first server")
            calls(alice, bob, "bob")
            first.stop(signal.SIGKILL)
            before = closed(bob)
            bob.order("dial", f"sip:carol@{DOMAIN}")
            wait_until(lambda: closed(bob) > before or count(bob, "CALL_ESTABLISHED") == 2, f"no call hangs: {bob.events}")
            wait_until(lambda: all(second.registered(user) for user in PASSWORDS), "at the second server")
            first.start()
            hangs_up(alice, bob)
            calls(carol, bob, "bob")
            hangs_up(carol, bob)
            calls(alice, carol, "carol")
            hangs_up(alice, carol)
            expect(second.api("restarts") == [], "nobody was restarted")


def test_agent_is_killed_in_a_call():
    """X-03, SWI-20: calls, phones and registrations outlive it, and no restart is seen"""
    is_killed_in_calls("udp")


def test_agent_is_killed_in_a_call_over_tcp():
    """The same over TCP, where its connections are gone as well"""
    is_killed_in_calls("tcp")


@contextlib.contextmanager
def before_kamailio(transport="udp"):
    """A folder, a Kamailio that asks for passwords, and the agent before it."""
    with tempfile.TemporaryDirectory(prefix="ringhold-wire-") as folder, registrar(folder) as central, \
            Agent(wire.BINARY, folder, PASSWORDS, [server(central.port, transport)]) as agent:
        wait_until(lambda: len(agent.registrations()) == 2, "both accounts are registered")
        yield folder, central, agent


def proves(central, times, words):
    wait_until(lambda: central.text().count(f"proved INVITE by {words}\n") == times, f"{times} times {words}")


def test_agent_proves_what_phones_send():
    """T14, RFC 3261 22.3: Kamailio asks for the password, the agent gives it, the phone never hears of it"""
    needs_baresip()
    with before_kamailio() as (folder, central, agent), Baresip(place(folder, agent.port), "alice", "udp", agent.port) as alice, \
            Baresip(place(folder, agent.port), "bob", "udp", agent.port) as bob, \
            Baresip(place(folder, central.port), "carol", "udp", central.port, password="secret") as carol:
        are_registered(alice, bob, carol)
        for caller, callee, user in ((alice, carol, "carol"), (carol, alice, "alice"), (alice, bob, "bob")):
            calls(caller, callee, user)
            hangs_up(callee, caller)
        proves(central, 1, "alice to carol")
        proves(central, 1, "alice to bob")


def test_agent_proves_what_a_pbx_sends():
    """T14: a Kamailio as PBX, whose outbound proxy is the agent; to a phone at the server and back"""
    with before_kamailio() as (folder, central, agent), Kamailio(folder, "pbx", f'    $du = "sip:127.0.0.1:{agent.port}";') as pbx:
        phone = free_port()
        sipp(place(folder, central.port), "register_digest", user="carol", port=phone)
        for number in (1, 2):
            with Sipp(place(folder, central.port), "callee", user="carol", port=phone) as callee:
                wait_until(lambda: wire.listens(phone, "u1"), "carol's phone listens")
                sipp(place(folder, pbx.port), "caller", user="carol")
                callee.finish()
            proves(central, number, "alice to carol")


def test_agent_proves_every_method():
    """T14, RFC 3261 9.1, 22.3: SIPp calls, gives up and sends a MESSAGE; it never sees a challenge, whatever it and the server speak"""
    for transport, by in (("udp", "t1"), ("tcp", "u1"), ("udp", "u1")):
        with before_kamailio(transport) as (folder, central, agent):
            phone = free_port()
            sipp(place(folder, central.port), "register_digest", user="carol", port=phone)
            for sends, takes in (("caller", "callee"), ("caller_gives_up", "callee_is_cancelled"), ("message", "message_receiver")):
                with Sipp(place(folder, central.port), takes, user="carol", port=phone) as callee:
                    wait_until(lambda phone=phone: wire.listens(phone, "u1"), "carol's phone listens")
                    sipp(place(folder, agent.port), sends, user="carol", transport=by)
                    callee.finish()
            proves(central, 2, "alice to carol")
            wait_until(lambda central=central: "proved MESSAGE by alice to carol" in central.text(), "MESSAGE, too")


if __name__ == "__main__":
    sys.exit(wire.main(globals()))
