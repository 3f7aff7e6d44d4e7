"""A phone of ours for tests that need more than SIPp has: any bytes, the kernel's time of arrival, thousands of requests."""

import contextlib
import os
import re
import selectors
import socket
import struct
import threading
import time

from ringhold import DOMAIN, PATIENCE, Failed, expect, free_port, wait_until

TIMESTAMPNS = 35  # SO_TIMESTAMPNS, which Python's socket module does not name
IN_RESPONSES = {"via", "from", "to", "call-id", "cseq", "record-route"}


def instance(port):
    """All phones on loopback have one address; without this they are one phone that restarts all the time."""
    return f';+sip.instance="<urn:uuid:00000000-0000-4000-8000-{port:012}>"'


def tick():
    """The order of registrations is known to the millisecond after a restart, and two workers read their clocks once for a batch."""
    later = time.monotonic() + 0.005
    wait_until(lambda: time.monotonic() > later, "the clock goes on")


class SipMessage:
    """One request or response, its body as bytes."""

    def __init__(self, data, at=0.0, transport="udp"):
        head, _, self.body = data.partition(b"\r\n\r\n")
        self.line, *lines = head.decode().split("\r\n")
        self.lines = [(name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        self.at, self.transport = at, transport

    def all(self, name):
        return [value for other, value in self.lines if other.lower() == name.lower()]

    def value(self, name):
        values = self.all(name)
        return values[0] if values else None

    @property
    def method(self):
        return self.line.split()[0]

    @property
    def uri(self):
        return self.line.split()[1]

    @property
    def status(self):
        return int(self.line.split()[1]) if self.line.startswith("SIP/2.0 ") else None

    @property
    def cseq(self):
        return int(self.value("CSeq").split()[0])

    @property
    def branch(self):
        return re.search(r"branch=([^;,\s]+)", self.value("Via"))[1]

    def response(self, status, more=""):
        lines = [f"{name}: {value}" for name, value in self.lines if name.lower() in IN_RESPONSES]
        lines = [line + ";tag=terminal" if line.startswith("To: ") and ";tag=" not in line else line for line in lines]
        return ("\r\n".join([f"SIP/2.0 {status} As the test says", *lines]) + f"\r\n{more}Content-Length: 0\r\n\r\n").encode()


def split_stream(data):
    """The first whole message of a stream and what follows; None while it is not whole."""
    data = data.lstrip(b"\r\n")
    head, end, rest = data.partition(b"\r\n\r\n")
    if not end:
        return None, data
    size = int(re.search(rb"(?im)^Content-Length:\s*(\d+)", head)[1])
    if len(rest) < size:
        return None, data
    return data[:len(head) + 4 + size], rest[size:]


class Terminal:
    """Listens on one port over UDP, or also over TCP. `answer(request)` says what it answers: a status, or (status, header lines), or
    None for silence. Each request is in `requests` once: a retransmission is known by its branch and gets the same answer again (RFC
    3261 17.2.2)."""

    def __init__(self, box, user="bob", transport="udp", answer=lambda request: 200, user_agent="Terminal", name_transport=True):
        self.box, self.user, self.answer, self.user_agent = box, user, answer, user_agent
        self.transport, self.port = transport, free_port()
        self.contact = f"sip:{user}@127.0.0.1:{self.port}" + (f";transport={transport}" if name_transport else "")
        self.requests, self.repeated = [], 0
        self._answers, self._responses, self._pending = {}, {}, {}
        self._cseq = 0
        self._selector = selectors.DefaultSelector()
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.setsockopt(socket.SOL_SOCKET, TIMESTAMPNS, 1)
        self._udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._udp.bind(("127.0.0.1", self.port))
        self._selector.register(self._udp, selectors.EVENT_READ, self._datagram)
        self._sockets = [self._udp]
        if transport == "tcp" or not name_transport:
            listener = socket.create_server(("127.0.0.1", self.port))
            self._selector.register(listener, selectors.EVENT_READ, self._accept)
            self._sockets.append(listener)
        self._stream = None
        self._end, self._other_end = socket.socketpair()
        self._selector.register(self._other_end, selectors.EVENT_READ, None)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._end.send(b"x")
        self._thread.join(PATIENCE)
        for one in (*self._sockets, self._end, self._other_end):
            one.close()

    def bodies(self):
        return [request.body for request in self.requests]

    def wait(self, count=1, seconds=PATIENCE):
        """The first so many requests."""
        wait_until(lambda: len(self.requests) >= count, f"{count} requests at {self.contact}: {self.bodies()}", seconds)
        return self.requests[:count]

    def say(self, status, more=""):
        """To the last request, at last."""
        self._udp.sendto(self.requests[-1].response(status, more), self.box.sip())

    def register(self, user=None, call_id=None):
        """Says what was answered. Over TCP its connection stays, and is the way back."""
        user = user or self.user
        contact = self.contact.replace(f"sip:{self.user}@", f"sip:{user}@")
        response = self.request("REGISTER", f"sip:{DOMAIN}", user, user, call_id or f"registration-{user}-{self.port}",
                                f"Contact: <{contact}>;expires=600{instance(self.port)}\r\nUser-Agent: {self.user_agent}\r\n")
        expect(response.status == 200, f"{user} is registered: {response.line}")
        tick()
        return response

    def request(self, method, uri, sender, to, call_id=None, more="", body=b""):
        """Sends it, over UDP again and again, until the final response comes (RFC 3261 17.1.2), and gives that."""
        self._cseq += 1
        branch = "z9hG4bK" + os.urandom(6).hex()
        head = (f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/{self.transport.upper()} 127.0.0.1:{self.port};branch={branch};rport\r\nMax-Forwards: 70\r\n"
                f"From: <sip:{sender}@{DOMAIN}>;tag={branch[-6:]}\r\nTo: <sip:{to}@{DOMAIN}>\r\nCall-ID: {call_id or branch[7:]}\r\n"
                f"CSeq: {self._cseq} {method}\r\n{more}Content-Length: {len(body)}\r\n\r\n")
        arrived = self._responses[branch] = threading.Event()
        wait, deadline = (0.5 if self.transport == "udp" else PATIENCE), time.monotonic() + 2 * PATIENCE
        while time.monotonic() < deadline:
            self._send(head.encode() + body)
            if arrived.wait(wait):
                return self._responses.pop(branch)
            wait = min(2 * wait, 4)
        raise Failed(f"no answer to {head}")

    def _send(self, data):
        if self.transport == "udp":
            self._udp.sendto(data, self.box.sip())
            return
        if self._stream is None or self._stream not in self._pending:
            self._stream = socket.create_connection(self.box.sip(), timeout=PATIENCE)
            self._take(self._stream)
        self._stream.sendall(data)

    def _serve(self):
        while True:
            for key, _ in self._selector.select():
                if key.data is None:
                    return
                key.data(key.fileobj)

    def _datagram(self, udp):
        try:
            data, extra, _, source = udp.recvmsg(65535, 128)
        except ConnectionRefusedError:
            return  # the box is down: an ICMP error of what was sent before
        at = next((sum(part * unit for part, unit in zip(struct.unpack("ll", value[:16]), (1, 1e-9)))
                   for _, kind, value in extra if kind == TIMESTAMPNS), time.time())
        self._receive(data, at, "udp", lambda answer: udp.sendto(answer, source))

    def _accept(self, listener):
        self._take(listener.accept()[0])

    def _take(self, stream):
        self._pending[stream] = b""
        self._sockets.append(stream)
        self._selector.register(stream, selectors.EVENT_READ, self._readable)

    def _readable(self, stream):
        try:
            data = stream.recv(1 << 18)
        except ConnectionResetError:
            data = b""
        if not data:
            self._selector.unregister(stream)
            del self._pending[stream]
            stream.close()
            return
        self._pending[stream] += data
        while True:
            whole, self._pending[stream] = split_stream(self._pending[stream])
            if whole is None:
                return
            self._receive(whole, time.time(), "tcp", stream.sendall)

    def _receive(self, data, at, transport, send):
        if not data.strip(b"\r\n\0"):
            return  # keeps a connection alive
        message = SipMessage(data, at, transport)
        if message.status:
            arrived = self._responses.get(message.branch)
            if message.status >= 200 and isinstance(arrived, threading.Event):
                self._responses[message.branch] = message
                arrived.set()
            return
        if message.branch in self._answers:
            self.repeated += 1
            answer = self._answers[message.branch]
        else:
            said = self.answer(message)
            status, more = said if isinstance(said, tuple) else (said, "")
            answer = message.response(status, more) if status else None
            self._answers[message.branch] = answer
            self.requests.append(message)
        if answer:
            with contextlib.suppress(OSError):  # who asked may be killed by now
                send(answer)
