#!/usr/bin/env python3
"""Content that is pushed to `ringhold agent` as to a terminal (T15, PSH-02). Runs like wire.py."""

import contextlib
import json
import os
import re
import socket
import sys
import threading

import wire
from agent_program import Agent, server
from push import SippTerminal, push
from ringhold import DOMAIN, PATIENCE, expect, wait_until
from terminal import Terminal

PNG = bytes(range(256)) * 2
TEXT = "Tür auf\n"
NAMES = "SIP_METHOD", "SIP_ACCOUNT", "SIP_FROM", "SIP_TO", "SIP_CALL_ID", "SIP_CONTENT_TYPE", "SIP_SUBJECT", "SIP_EVENT"
# Keeps what it gets, each file whole at once.
KEEPS = """\
cat > got.body.part
env > got.env.part
mv got.body.part got.body
mv got.env.part got.env
"""


def handler(box, lines):
    """An executable script; its path."""
    path = os.path.join(box.folder, "handler")
    with open(path, "w") as file:
        file.write(f"#!/bin/sh\ncd '{box.folder}'\n{lines}")
    os.chmod(path, 0o755)
    return path


@contextlib.contextmanager
def alice_behind(box, table, transport="udp"):
    """The agent as alice's terminal; the latest that registers is the first that is asked."""
    with Agent(wire.BINARY, box.folder, {"alice": ""}, [server(box.ports["sip"], transport)], tables="[agent.push]\n" + table) as agent:
        wait_until(lambda: box.registered("alice") and agent.registrations(), "the agent is registered")
        yield agent


def read(box, name):
    with open(os.path.join(box.folder, name), "rb") as file:
        return file.read()


def by_command(box, *words):
    """`ringhold push --wait`; the report, as `push show` tells it."""
    code, out, errors = box.ask("push", "--to", "alice", *words, "--wait", "--json")
    expect(out, errors)
    report = json.loads(out)
    expect(code == (0 if report["result"] != "failed" else 1), f"{code} {out} {errors}")
    code, shown, errors = box.ask("push", "show", report["id"], "--json")
    expect(code == 0, errors)
    return json.loads(shown)


def statuses(report):
    return [step["status"] for step in report["steps"]]


def test_agent_hands_content_to_a_command():
    """PSH-02, PSH-11: body byte for byte, the names in the environment, 200 for exit code 0; MESSAGE and NOTIFY"""
    with wire.ringhold(more='[push]\nunsolicited = ["Ringhold agent*"]\n') as box:
        box.start()
        with alice_behind(box, f'handler = "{handler(box, KEEPS)}"\n'):
            report = by_command(box, "--text", TEXT, "--from", f"sip:bob@{DOMAIN}")
            expect((report["result"], statuses(report)) == ("delivered", [200]), f"{report}")
            expect(read(box, "got.body") == TEXT.encode(), "byte for byte")
            values = dict(line.split("=", 1) for line in read(box, "got.env").decode().splitlines() if line.startswith("SIP_"))
            expect(sorted(values) == sorted(NAMES), f"{values}")
            expect((values["SIP_METHOD"], values["SIP_ACCOUNT"]) == ("MESSAGE", f"sip:alice@{DOMAIN}"), f"{values}")
            expect(values["SIP_FROM"] == f"sip:bob@{DOMAIN}" and values["SIP_CONTENT_TYPE"].startswith("text/plain"), f"{values}")
            _, report = push(box, "alice", body_base64="AP8=", content_type="application/octet-stream")
            expect(report["result"] == "delivered" and read(box, "got.body") == b"\0\xff", "any bytes")
            report = by_command(box, "--method", "NOTIFY", "--event", "check-sync")
            expect(report["result"] == "delivered" and b"SIP_EVENT=check-sync\n" in read(box, "got.env"), f"{report}")


def test_agent_sends_pictures_elsewhere():
    """PSH-02, PSH-03: 302 to another user's terminal; what is text stays"""
    with wire.ringhold() as box, SippTerminal(box, "desk") as desk:
        box.start()
        desk.register()
        table = f'handler = "{handler(box, KEEPS)}"\nredirect = [{{ content_type = "image/*", status = 302, contacts = ["{desk.contact}"] }}]\n'
        with alice_behind(box, table):
            path = os.path.join(box.folder, "door.png")
            with open(path, "wb") as file:
                file.write(PNG)
            report = by_command(box, "--file", path)
            expect((report["result"], statuses(report)) == ("delivered", [302, 200]), f"{report}")
            expect(report["steps"][1]["target"] == desk.contact, f"{report}")
            shown = box.ask("push", "show", report["id"])[1]
            expect(re.search(r"\b302\b.*\b200\b", shown, flags=re.S), f"for people, too: {shown}")
            wait_until(lambda: desk.requests, "SIPp has written it down")
            expect(desk.requests[0].value("Content-Type") == "image/png", f"{desk.requests[0].lines}")
            expect(not os.path.exists(os.path.join(box.folder, "got.body")), "the handler is not asked")
            report = by_command(box, "--text", TEXT)
            expect((statuses(report), read(box, "got.body")) == ([200], TEXT.encode()), f"text is taken: {report}")


def test_agent_redirects_to_a_user():
    """PSH-02, PSH-05: the Contact may be an address-of-record; without one it is another terminal of the user's"""
    for contacts, other in ((f', contacts = ["sip:bob@{DOMAIN}"]', "bob"), ("", "alice")):
        with wire.ringhold() as box, Terminal(box, other) as phone:
            box.start()
            phone.register()
            with alice_behind(box, f'redirect = [{{ content_type = "image/*", status = 302{contacts} }}]\n'):
                _, report = push(box, "alice", body_base64="AP8=", content_type="image/png")
                expect((report["result"], statuses(report)) == ("delivered", [302, 200]), f"{other}: {report}")
                expect(phone.bodies() == [b"\0\xff"], "byte for byte")


def test_agent_answers_as_its_command_ends():
    """PSH-08: 65 is 415, and the user's next terminal gets it; a command that is too slow is ended with its children"""
    with wire.ringhold() as box, Terminal(box, "alice") as phone:
        box.start()
        phone.register()
        script = handler(box, 'echo $$ >> began\nread -r code < "$0.code"\n[ "$code" = slow ] && { sleep 60; echo >> survived; }\nexit "$code"\n')
        with alice_behind(box, f'handler = "{script}"\ntime_limit = "1s"\n') as agent:
            for count, (code, status) in enumerate((("65", 415), ("77", 403), ("75", 480), ("1", 480), ("slow", 480)), 1):
                with open(script + ".code", "w") as file:
                    file.write(code + "\n")
                _, report = push(box, "alice")
                expect((report["result"], statuses(report)) == ("delivered", [status, 200]), f"{code}: {report}")
                wait_until(lambda count=count: len(phone.requests) == count, "the next terminal has it")
            expect(950 <= report["steps"][1]["after_ms"] < 5000, f"after its time: {report}")
            wait_until(lambda: agent.text().count("event=content_not_taken") == 5, "the log tells of it")
            for why in ("exit code 65", "exit code 77", "exit code 75", "exit code 1", "time limit"):
                expect(f'why="{why}"' in agent.text(), f"and why: {agent.text()}")
            expect(len(read(box, "began").split()) == 5, "once each, though the last was sent again meanwhile")
            group = int(read(box, "began").split()[-1])
            wait_until(lambda: not alive(group), "the command and its children are gone")
        expect(not os.path.exists(os.path.join(box.folder, "survived")), "it did not go on")


def test_agent_ends_its_commands():
    """T15: SIGTERM ends what it has started, and leaves the registration"""
    with wire.ringhold() as box, Terminal(box, "alice") as phone:
        box.start()
        phone.register()
        script = handler(box, "echo $$ > began.part\nmv began.part began\nsleep 60\n")
        with alice_behind(box, f'handler = "{script}"\n') as agent:
            asks = threading.Thread(target=lambda: push(box, "alice"))
            asks.start()
            wait_until(lambda: os.path.exists(os.path.join(box.folder, "began")), "the command runs")
            agent.process.terminate()
            expect(agent.process.wait(PATIENCE) == 0, "an orderly end")
            wait_until(lambda: not alive(int(read(box, "began"))), "the command and its children are gone")
            phone.wait(seconds=2 * PATIENCE)
            asks.join()
            expect(len(box.registered("alice")) == 2, "decision 0017: stopping keeps bindings")


def test_agent_takes_much_over_tcp():
    """PSH-19, T15: 60 KB, and forty at once"""
    with wire.ringhold() as box:
        box.start()
        script = handler(box, 'cat > "body.$$.part"\nmv "body.$$.part" "body.$$"\n')
        with alice_behind(box, f'handler = "{script}"\n', "tcp"):
            _, report = push(box, "alice", body="x" * 60_000)
            expect(report["result"] == "delivered", f"{report}")
            results = []
            threads = [threading.Thread(target=lambda n=n: results.append(push(box, "alice", body=f"m{n}")[1]["result"])) for n in range(40)]
            for one in threads:
                one.start()
            for one in threads:
                one.join()
            expect(results == ["delivered"] * 40, f"{results}")
            bodies = sorted(read(box, name).decode() for name in os.listdir(box.folder) if name.startswith("body."))
            expect(bodies == sorted([*(f"m{n}" for n in range(40)), "x" * 60_000]), "each once, and whole")


def alive(group):
    try:
        os.killpg(group, 0)
        return True
    except ProcessLookupError:
        return False


def moves_on(report, status):
    """The agent said this at once, and the user's other terminal took it."""
    expect(statuses(report) == [status, 200] and report["steps"][1]["after_ms"] < 1000, f"{status}: {report}")


class Desk:
    """A program at a UNIX socket: what came, and its answer."""

    def __init__(self, path, answer):
        self.came = []
        self.answer = answer
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(path)
        self._socket.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(PATIENCE)
        self._socket.close()

    def _serve(self):
        while True:
            try:
                one, _ = self._socket.accept()
            except OSError:
                return  # closed
            with one, one.makefile("rb") as file:
                self.came.append(file.read())
                one.sendall(self.answer)


def test_agent_hands_content_to_a_socket():
    """PSH-02: the names as lines, the length, the body; the answer's status goes back; without a listener the next terminal gets it"""
    with wire.ringhold() as box, Terminal(box, "alice") as phone:
        box.start()
        phone.register()
        path = os.path.join(box.folder, "desk.sock")
        with alice_behind(box, f'socket = "{path}"\n'):
            with Desk(path, b"200 taken\n") as desk:
                _, report = push(box, "alice", body=TEXT)
                expect((report["result"], statuses(report)) == ("delivered", [200]), f"{report}")
                head, _, body = desk.came[0].partition(b"\n\n")
                lines = dict(line.split(": ", 1) for line in head.decode().splitlines())
                expect(sorted(lines) == sorted((*NAMES, "Content-Length")), f"{head}")
                expect(body == TEXT.encode() and lines["Content-Length"] == str(len(body)), f"{desk.came}")
                expect(lines["SIP_ACCOUNT"] == f"sip:alice@{DOMAIN}", f"{lines}")
                for answer, status in ((b"415 no such content\n", 415), (b"nonsense\n", 480), (b"", 480)):
                    desk.answer = answer
                    _, report = push(box, "alice")
                    moves_on(report, status)
            moves_on(push(box, "alice")[1], 480)
            wait_until(lambda: len(phone.requests) == 4, "the other terminal had them all")


if __name__ == "__main__":
    sys.exit(wire.main(globals()))
