#!/usr/bin/env python3
"""SIP over TLS, WebSocket and IPv6, what keeps connections alive, and routes through Kamailio. Runs like wire.py."""

import contextlib
import os
import shutil
import signal
import socket
import ssl
import struct
import sys
import time

import wire
from baresip import Baresip
from certificates import Authority
from kamailio import Kamailio
from peers import Raw, Resolver, Sipp, Stream, kdig, sipp
from ringhold import DOMAIN, PATIENCE, expect, free_port, wait_until
from websocket import BINARY, CLOSE, PING, PONG, TEXT, WebSocket

LISTEN = 'listen = ["udp:127.0.0.1:{sip}", "tcp:127.0.0.1:{sip}"'


@contextlib.contextmanager
def secure_box(**options):
    """A box with a tls: and a wss: listener, and the authority that signed its certificate for the domain."""
    with wire.ringhold() as box:
        authority = Authority(box.folder)
        authority.sign(**options)
        box.ports.update(tls=free_port(), ws=free_port(), wss=free_port())
        more = ', "tls:127.0.0.1:{tls}", "ws:127.0.0.1:{ws}", "wss:127.0.0.1:{wss}"'
        text = open(box.config).read()
        box.write_config(text.replace(LISTEN.format(**box.ports), (LISTEN + more).format(**box.ports))
                         .replace("[dns]", 'tls_certificate = "tls.pem"\ntls_key = "tls.key"\ntls_ca = "authority.pem"\n\n[dns]'))
        yield box, authority


class TlsStream(Stream):
    """A client that looks at the certificate as RFC 5922 wants: for the SIP domain."""

    def __init__(self, box, authority, port="tls", version=None):
        super().__init__(("127.0.0.1", box.ports[port]))
        context = ssl.create_default_context(cafile=authority.file)
        if version:
            context.maximum_version = version
        self.socket = context.wrap_socket(self.socket, server_hostname=DOMAIN)


def message(method, transport, user="alice", contact=None, cseq=1, more=""):
    to = f"sip:{user}@{DOMAIN}"
    line = f"Contact: <{contact}>\r\n" if contact else ""
    return (f"{method} sip:{DOMAIN} SIP/2.0\r\nVia: SIP/2.0/{transport} client.invalid;rport;branch=z9hG4bK{user}{cseq}{os.urandom(3).hex()}\r\n"
            f"Max-Forwards: 70\r\nFrom: <{to}>;tag=f{user}\r\nTo: <{to}>\r\nCall-ID: {user}-{transport}\r\nCSeq: {cseq} {method}\r\n"
            f"{line}{more}Content-Length: 0\r\n\r\n").encode()


def answer_on(stream):
    """One response with Content-Length 0."""
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        data += stream.receive(1)
    return data.decode()


def ask(stream, method, transport, **options):
    stream.send(message(method, transport, **options))
    return answer_on(stream)


# --- TLS

def test_a_phone_registers_over_tls():
    """DIS-24, RFC 3261 26, RFC 5922"""
    with secure_box() as (box, authority):
        box.start()
        expect(box.ask("check")[1].count("tls_certificate") == 0, "nothing to remark on")
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with TlsStream(box, authority, version=version) as phone:
                expect(ask(phone, "OPTIONS", "TLS").startswith("SIP/2.0 200 "), "OPTIONS")
                contact = f"sip:alice@127.0.0.1:{phone.socket.getsockname()[1]};transport=tls"
                said = ask(phone, "REGISTER", "TLS", contact=contact, cseq=2)
                expect(said.startswith("SIP/2.0 200 ") and contact in said, said)
                expect(any(row["source"].startswith("tls:127.0.0.1:") for row in box.registered("alice")), "over TLS")
                phone.send(b"\r\n\r\n")
                expect(phone.receive(2) == b"\r\n", "RFC 5626 4.4.1")
                # A request to the binding goes down the connection that it registered with (RFC 5923, RFC 5626).
                box.ask("mode", "survivable")
                with Raw(box.sip()) as other:
                    other.socket.send(message("MESSAGE", "UDP", user="bob").replace(b"MESSAGE sip:", b"MESSAGE sip:alice@", 1))
                    came = answer_on(phone)
                    expect(came.startswith(f"MESSAGE {contact} SIP/2.0") and "Via: SIP/2.0/TLS 127.0.0.1:" in came, came)


def test_a_certificate_is_renewed_under_a_connection():
    with secure_box() as (box, authority):
        box.start()
        with TlsStream(box, authority) as phone:
            before = phone.socket.getpeercert()["serialNumber"]
            authority.sign()
            box.process.send_signal(signal.SIGHUP)
            wait_until(lambda: "event=tls_certificate_read" in box.text(), "the new certificate is read")
            with TlsStream(box, authority) as other:
                expect(other.socket.getpeercert()["serialNumber"] != before, "and shown")
                expect(ask(other, "OPTIONS", "TLS").startswith("SIP/2.0 200 "), "and works")
                with open(os.path.join(box.folder, "tls.key"), "w") as key:
                    key.write("not a key\n")
                box.process.send_signal(signal.SIGHUP)
                wait_until(lambda: "event=tls_certificate_refused" in box.text(), "a bad file is refused")
                shown = other.socket.getpeercert()["serialNumber"]
            with TlsStream(box, authority) as third:
                expect(third.socket.getpeercert()["serialNumber"] == shown, "and changes nothing")
            expect(ask(phone, "OPTIONS", "TLS").startswith("SIP/2.0 200 "), "the first connection stands all the time")


def test_an_expired_or_foreign_certificate_starts_with_a_warning():
    """1-m, X-30"""
    for options, words in (({"days": -1}, "EXPIRED"), ({"speaks_for": "DNS:other.example"}, "does not fit the domain")):
        with secure_box(**options) as (box, _), Resolver(box.ports["upstream"]):
            code, out, _ = box.ask("check")
            expect(code == 0 and words in out, f"check says it: {out}")
            box.start()
            wait_until(lambda: words in box.text(), "the log says it")
            status, lines = kdig(box, f"_sips._tcp.{DOMAIN}", "SRV")
            expect(status == "NOERROR" and not any("ringhold." in line for line in lines), f"no _sips: {lines}")
            status, lines = kdig(box, f"_sip._tcp.{DOMAIN}", "SRV")
            expect(any(f"ringhold.{DOMAIN}." in line for line in lines), f"but _sip: {lines}")
            with Stream(("127.0.0.1", box.ports["tls"])) as phone:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
                phone.socket = context.wrap_socket(phone.socket)
                expect(ask(phone, "OPTIONS", "TLS").startswith("SIP/2.0 200 "), "it serves whoever accepts it")


def test_a_missing_certificate_stops_nothing_else():
    with secure_box() as (box, authority):
        os.remove(os.path.join(box.folder, "tls.pem"))
        box.start()
        wait_until(lambda: "sip.tls_certificate" in box.text(), "the log says it")
        with Stream(("127.0.0.1", box.ports["tls"])) as phone:
            expect(phone.ended(), "TLS is closed")
        with Stream(box.sip()) as phone:
            expect(ask(phone, "OPTIONS", "TCP").startswith("SIP/2.0 200 "), "TCP is not")
        authority.sign()
        box.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "event=tls_certificate_read" in box.text(), "a good one is read")
        with TlsStream(box, authority) as phone:
            expect(ask(phone, "OPTIONS", "TLS").startswith("SIP/2.0 200 "), "and TLS is open")


def test_sips_is_injected_with_a_fitting_certificate():
    """DIS-06, DIS-24, 1-m"""
    with secure_box(speaks_for=f"URI:sip:{DOMAIN}") as (box, _), Resolver(box.ports["upstream"]):
        box.start()
        status, lines = kdig(box, f"_sips._tcp.{DOMAIN}", "SRV")
        expect(any(f" {box.ports['tls']} ringhold.{DOMAIN}." in line for line in lines), f"{status} {lines}")


def test_a_silent_tls_peer_blocks_nobody():
    """RFC 3261 18; a client that never begins its handshake, one that sends noise"""
    with secure_box() as (box, authority):
        box.start()
        with Stream(("127.0.0.1", box.ports["tls"])) as silent, Stream(("127.0.0.1", box.ports["tls"])) as noise:
            noise.send(b"OPTIONS sip:x SIP/2.0\r\n\r\n")
            expect(noise.ended(), "noise is closed at once")
            with TlsStream(box, authority) as phone:
                expect(ask(phone, "OPTIONS", "TLS").startswith("SIP/2.0 200 "), "others are served")
            begin = time.monotonic()
            expect(silent.ended() and time.monotonic() - begin < 14, "the silent one after ten seconds")
            silent.socket.close()


def test_baresip_calls_over_tls():
    """DIS-24: one phone by TLS, the other by UDP; the first one checks our certificate"""
    if not shutil.which("baresip"):
        raise wire.Skipped("baresip is not installed")
    with secure_box(speaks_for=f"DNS:{DOMAIN},IP:127.0.0.1") as (box, authority):
        box.start()
        wait_until(lambda: box.ask("mode", "survivable")[0] == 0, "the mode is pinned")
        with Baresip(box, "alice", "tls", box.ports["tls"], authority) as alice, \
             Baresip(box, "bob", "udp", box.ports["sip"], authority) as bob:
            for user in ("alice", "bob"):
                wait_until(lambda user=user: box.registered(user), f"{user} is registered")
            expect(box.registered("alice")[0]["source"].startswith("tls:"), "over TLS")
            alice.order("dial", f"sip:bob@{DOMAIN}")
            alice.wait_event("CALL_ESTABLISHED")
            bob.wait_event("CALL_ESTABLISHED")
            alice.order("hangup")
            bob.wait_event("CALL_CLOSED")
            bob.order("dial", f"sip:alice@{DOMAIN}")
            wait_until(lambda: sum(event.get("type") == "CALL_ESTABLISHED" for event in alice.events) == 2, "and the other way round")
            bob.order("hangup")
            wait_until(lambda: box.api("calls") == [], "no call is left")


# --- WebSocket

def web_phone(box, authority, transport, **headers):
    """A connected WebSocket client over ws: or wss:."""
    if transport == "wss":
        return WebSocket(TlsStream(box, authority, "wss").socket, f"127.0.0.1:{box.ports['wss']}", **headers)
    return WebSocket(socket.create_connection(("127.0.0.1", box.ports["ws"]), timeout=PATIENCE), f"127.0.0.1:{box.ports['ws']}", **headers)


def test_a_browser_registers_over_websocket():
    """RFC 7118"""
    with secure_box() as (box, authority):
        box.start()
        for transport, user in (("ws", "carol"), ("wss", "dave")):
            phone = web_phone(box, authority, transport).accepted()
            with phone.socket:
                contact = f"sip:{user}@x7s8df.invalid;transport=ws"
                register = message("REGISTER", transport.upper(), user=user, contact=contact)
                # In two frames: one message all the same.
                phone.send(register[:100], final=False)
                phone.send(register[100:], kind=0)
                kind, answer = phone.receive()
                expect(kind == TEXT and answer.startswith(b"SIP/2.0 200 ") and contact.encode() in answer, f"{answer}")
                expect(box.registered(user)[0]["source"].startswith(f"{transport}:127.0.0.1:"), "over WebSocket")
                phone.send(message("OPTIONS", transport.upper(), user=user).replace(b"Content-Length: 0\r\n", b""), kind=BINARY)
                kind, answer = phone.receive()
                expect(answer.startswith(b"SIP/2.0 200 "), "binary, and the length that of the frame")
                phone.send(b"are you there", kind=PING)
                expect(phone.receive() == (PONG, b"are you there"), "ping")
                phone.send(b"\r\n\r\n")
                expect(phone.receive() == (TEXT, b"\r\n"), "and as some pages ping")
                box.ask("mode", "survivable")
                with Raw(box.sip()) as other:
                    other.socket.send(message("MESSAGE", "UDP", user="bob").replace(b"MESSAGE sip:", f"MESSAGE sip:{user}@".encode(), 1))
                    came = phone.receive()[1]
                    expect(came.startswith(f"MESSAGE {contact} SIP/2.0".encode()) and f"SIP/2.0/{transport.upper()} ".encode() in came,
                           f"a name that nobody can look up is reached by its connection: {came}")
                phone.send(struct.pack("!H", 1000), kind=CLOSE)
                expect(phone.receive()[0] == CLOSE, "good-bye")


def test_a_websocket_that_is_not_for_sip_is_refused():
    """RFC 7118 4.1, RFC 6455 4.2, and pages of strangers"""
    with secure_box() as (box, authority):
        box.start()
        for headers, status in (({"Sec_WebSocket_Protocol": "chat"}, b"400"), ({"Sec_WebSocket_Protocol": ""}, b"400"),
                                ({"Upgrade": "h2c"}, b"426"), ({"Origin": "https://evil.example"}, b"403"),
                                ({"Origin": f"https://evil{DOMAIN}"}, b"403"), ({"X_Long": "x" * 9000}, b"431")):
            phone = web_phone(box, authority, "ws", **headers)
            expect(phone.answer.startswith(b"HTTP/1.1 " + status), f"{headers}: {phone.answer}")
            with contextlib.suppress(ConnectionResetError):
                expect(phone.socket.recv(10) == b"", "and closed")
            phone.socket.close()
        for origin in (f"https://{DOMAIN}", f"https://phone.{DOMAIN}:8443"):
            web_phone(box, authority, "wss", Origin=origin).accepted().socket.close()
        with Stream(("127.0.0.1", box.ports["ws"])) as noise:
            noise.send(message("OPTIONS", "TCP"))
            expect(noise.receive(12) == b"HTTP/1.1 400", "SIP without WebSocket")
        phone = web_phone(box, authority, "ws").accepted()
        with phone.socket:
            phone.send(b"x" * 70_000)
            expect(phone.receive()[0] == CLOSE, "no message is so long")


def header(text, name):
    """The values of a header's lines, in order."""
    return [line.split(":", 1)[1].strip() for line in text.split("\r\n") if line.lower().startswith(name.lower() + ":")]


def answered(request, status, contact):
    """The response of a phone that has one line for each header."""
    lines = [f"SIP/2.0 {status}"]
    lines += [f"{name}: {value}" for name in ("Via", "Record-Route", "From", "Call-ID", "CSeq") for value in header(request, name)]
    lines += [f"To: {header(request, 'To')[0]};tag=callee", f"Contact: <{contact}>", "Content-Length: 0"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def test_a_desk_phone_and_a_browser_call_each_other():
    """RFC 7118, RFC 5658: each side finds its own way back within the dialog"""
    with secure_box() as (box, authority):
        box.start()
        browser = web_phone(box, authority, "wss").accepted()
        contact = "sip:carol@x7s8df.invalid;transport=ws"
        with browser.socket, Raw(box.sip()) as desk:
            browser.send(message("REGISTER", "WSS", user="carol", contact=contact))
            expect(browser.receive()[1].startswith(b"SIP/2.0 200 "), "registered")
            box.ask("mode", "survivable")
            own = f"sip:bob@127.0.0.1:{desk.socket.getsockname()[1]}"
            invite = message("INVITE", "UDP", user="bob", contact=own).decode().replace("INVITE sip:", "INVITE sip:carol@", 1)
            desk.socket.send(invite.replace(f"To: <sip:bob@{DOMAIN}>", f"To: <sip:carol@{DOMAIN}>").encode())
            came = browser.receive()[1].decode()
            expect(came.startswith(f"INVITE {contact} SIP/2.0"), came)
            browser.send(answered(came, "200 OK", contact))
            answer = desk.socket.recv(65535).decode()
            while not answer.startswith("SIP/2.0 200 "):
                answer = desk.socket.recv(65535).decode()
            routes = [route for line in header(answer, "Record-Route") for route in line.split(",")]
            ack = (f"ACK {contact} SIP/2.0\r\nVia: SIP/2.0/UDP client.invalid;rport;branch=z9hG4bKack\r\nMax-Forwards: 70\r\n"
                   + "".join(f"Route: {route.strip()}\r\n" for route in reversed(routes))
                   + "".join(f"{name}: {header(answer, name)[0]}\r\n" for name in ("From", "To", "Call-ID"))
                   + "CSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n")
            desk.socket.send(ack.encode())
            came = browser.receive()[1].decode()
            expect(came.startswith(f"ACK {contact} SIP/2.0"), came)
            bye = (f"BYE {own} SIP/2.0\r\nVia: SIP/2.0/WSS x7s8df.invalid;branch=z9hG4bKbye\r\nMax-Forwards: 70\r\n"
                   + "".join(f"Route: {route.strip()}\r\n" for route in routes)
                   + f"From: {header(came, 'To')[0]}\r\nTo: {header(came, 'From')[0]}\r\nCall-ID: {header(came, 'Call-ID')[0]}\r\n"
                   + "CSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n")
            browser.send(bye.encode())
            came = desk.socket.recv(65535).decode()
            expect(came.startswith(f"BYE {own} SIP/2.0") and "Via: SIP/2.0/UDP " in came, came)
            desk.socket.send(answered(came, "200 OK", own))
            expect(browser.receive()[1].startswith(b"SIP/2.0 200 "), "hung up")
            wait_until(lambda: box.api("calls") == [], "no call is left")


# --- IPv6

def test_every_transport_speaks_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError as reason:
        raise wire.Skipped(f"no ::1 here: {reason}") from reason
    with secure_box(speaks_for=f"DNS:{DOMAIN},IP:::1") as (box, authority):
        text = open(box.config).read().replace('127.0.0.1:{sip}"'.format(**box.ports), '[::1]:{sip}"'.format(**box.ports))
        for name in ("tls", "ws", "wss"):
            text = text.replace(f"127.0.0.1:{box.ports[name]}", f"[::1]:{box.ports[name]}")
        box.write_config(text.replace('["127.0.0.0/8"]', '["127.0.0.0/8", "::1"]'))
        box.start()
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as phone:
            phone.settimeout(PATIENCE)
            phone.connect(("::1", box.ports["sip"]))
            port = phone.getsockname()[1]
            phone.send(message("REGISTER", "UDP", contact=f"sip:alice@[::1]:{port}"))
            answer = phone.recv(65535).decode()
            expect(answer.startswith("SIP/2.0 200 ") and f";rport={port};" in answer and ";received=::1\r\n" in answer, answer)
            phone.send(stun_request())
            expect(stun_address(phone.recv(1000)) == ("::1", port), "STUN")
        context = ssl.create_default_context(cafile=authority.file)
        for name, transport in (("sip", "TCP"), ("tls", "TLS"), ("ws", "WS"), ("wss", "WSS")):
            connection = socket.create_connection(("::1", box.ports[name]), timeout=PATIENCE)
            if name in ("tls", "wss"):
                connection = context.wrap_socket(connection, server_hostname=DOMAIN)
            with connection:
                if name in ("ws", "wss"):
                    web = WebSocket(connection, f"[::1]:{box.ports[name]}").accepted()
                    web.send(message("OPTIONS", transport))
                    answer = web.receive()[1]
                else:
                    connection.sendall(message("OPTIONS", transport))
                    answer = connection.recv(65536)
                expect(answer.startswith(b"SIP/2.0 200 "), f"{transport}: {answer}")


# --- keep-alives

COOKIE = 0x2112A442


def stun_request(kind=1, attributes=b""):
    return struct.pack("!HHI", kind, len(attributes), COOKIE) + b"transaction#" + attributes


def stun_address(answer):
    """XOR-MAPPED-ADDRESS of a binding success response (RFC 8489 14.2)."""
    kind, length, cookie = struct.unpack("!HHI", answer[:8])
    expect((kind, cookie, answer[8:20], length) == (0x0101, COOKIE, b"transaction#", len(answer) - 20), f"{answer}")
    attribute, size, family, port = struct.unpack("!HHxBH", answer[20:28])
    expect(attribute == 0x0020, f"{answer}")
    mask = answer[4:20]
    address = bytes(byte ^ mask[i] for i, byte in enumerate(answer[28:24 + size]))
    return socket.inet_ntop(socket.AF_INET if family == 1 else socket.AF_INET6, address), port ^ (COOKIE >> 16)


def test_stun_keeps_a_binding_alive():
    """RFC 5626 4.4.2, RFC 8489"""
    with wire.ringhold() as box:
        box.start()
        with Raw(box.sip()) as phone:
            expect(stun_address(phone.exchange(stun_request())) == phone.socket.getsockname(), "tells the source")
            unknown = phone.exchange(stun_request(attributes=struct.pack("!HHI", 0x0003, 4, 0)))
            expect(unknown[:2] == b"\x01\x11" and struct.pack("!HHH", 0x000A, 2, 3) in unknown, f"420 for CHANGE-REQUEST: {unknown}")
            for silent in (stun_request(kind=0x0011), stun_request()[:19], stun_request(attributes=b"abc"), b"\0" * 20, b"\0\0\0\0", b"\r\n\r\n"):
                phone.socket.send(silent)
            expect(stun_address(phone.exchange(stun_request(attributes=struct.pack("!HH4s", 0x8022, 4, b"baby")))) ==
                   phone.socket.getsockname(), "the rest is silence")


def main():
    return wire.main(globals())


# --- a proxy of somebody else on the other side

def call_through(box, target, routes, callee_options):
    """INVITE with these Routes, INFO in the dialog, BYE from the callee; the callee has seen four Record-Routes and three Vias."""
    keys = {"target": target, "first_route": f"<{routes[0]};lr>", "second_route": f"<{routes[1]};lr>"}
    with Sipp(box, "routed_callee", keys=keys, **callee_options) as callee:
        with Sipp(box, "routed_caller", keys=keys) as caller:
            caller.finish()
            callee.finish()


def test_a_call_goes_over_tcp_through_kamailio_behind_us_and_back():
    """RFC 3261 16.4, 16.6, 16.12: each proxy changes the transport, so each records its route twice"""
    with wire.ringhold() as box, Kamailio(box.folder) as kamailio:
        box.start()
        callee = free_port()
        call_through(box, f"sip:bob@127.0.0.1:{callee}", [f"sip:127.0.0.1:{box.ports['sip']}", f"sip:127.0.0.1:{kamailio.port};transport=tcp"],
                     {"port": callee})


def test_a_call_comes_over_tcp_from_kamailio_before_us_to_a_phone_here():
    """RFC 3261 16.4, 16.5, 16.12: the last Route is ours, and the user is registered here"""
    with wire.ringhold() as box, Kamailio(box.folder) as kamailio:
        box.start()
        phone = free_port()
        sipp(box, "register", contact_port=phone)
        call_through(box, f"sip:bob@{DOMAIN}", [f"sip:127.0.0.1:{kamailio.port}", f"sip:127.0.0.1:{box.ports['sip']};transport=tcp"],
                     {"port": phone})


if __name__ == "__main__":
    sys.exit(main())
