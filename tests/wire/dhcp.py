#!/usr/bin/env python3
"""The agent asks DHCP servers of others (DIS-02, DIS-03). Runs like wire.py, in namespaces of its own."""

import socket
import subprocess
import sys

import wire
from dhcp_servers import CLIENT, DNS, PLACE, SERVER, Agent, Asked, Listener, colons, enter, labels, server, snippet
from ringhold import DOMAIN, expect


def installed(name):
    kind = server(name)
    if kind is None:
        raise wire.Skipped(f"{name} is not installed")
    return kind


def ask(name, lines):
    """The server with these lines, asked once."""
    with installed(name)(lines):
        asked = Asked(wire.BINARY)
    expect(asked.server == SERVER, f"the server is {SERVER}:\n{asked.log}")
    return asked


def takes_snippet(name):
    """Returns what the server logged."""
    with installed(name)(snippet(wire.BINARY, name, DOMAIN)) as one:
        asked = Asked(wire.BINARY)
        text = one.text()
    expect(asked.sip_domains == [DOMAIN], f"option 120 is {DOMAIN}:\n{asked.log}")
    expect(asked.nameservers == [DNS], f"option 6 is {DNS}:\n{asked.log}")
    expect("dhcp_answered" in asked.events, f"the log tells of it:\n{asked.log}")
    return text


def warns_of_addresses(name):
    asked = ask(name, installed(name).option_120(b"\x01" + socket.inet_aton("10.77.0.2") + socket.inet_aton("10.78.0.11")))
    expect(asked.sip_addresses == ["10.77.0.2", "10.78.0.11"], f"addresses in order:\n{asked.log}")
    expect("dhcp_sip_addresses" in asked.events, f"and a warning:\n{asked.log}")


def list_of(count):
    """So many names, and option 120 with them."""
    names = [f"registrar-{number}.branch.{DOMAIN}" for number in range(count)]
    return names, b"\0" + b"".join(labels(one) for one in names)


def joins_pieces(name):
    names, data = list_of(12)
    expect(len(data) > 255, "the option must be split")
    asked = ask(name, installed(name).option_120(data))
    expect(asked.sip_domains == names, f"all names in order:\n{asked.log}")


def refuses_text(name):
    """A name as text instead of labels: what administrators write most often."""
    kind = installed(name)
    pasted = [line for line in snippet(wire.BINARY, name, DOMAIN) if "120" not in line and "sip-servers" not in line]
    asked = ask(name, pasted + kind.option_120(DOMAIN.encode()))
    expect(asked.sip_domains == [] and asked.nameservers == [DNS], f"only option 6 counts:\n{asked.log}")
    expect(asked.events.get("dhcp_refused", {}).get("where") == "option 120", f"the log names the option:\n{asked.log}")


def test_dhcp_dnsmasq_takes_snippet():
    """DIS-02, DIS-03, D12"""
    log = takes_snippet("dnsmasq")
    for words in ("DHCPINFORM(branch) 10.77.0.31", "requested options: 6:dns-server", "120:sip-server"):
        expect(words in log, f"dnsmasq saw {words}:\n{log}")


def test_dhcp_kea_takes_snippet():
    """DIS-02, DIS-03, D12"""
    takes_snippet("kea")


def test_dhcp_isc_takes_snippet():
    """DIS-02, DIS-03, D12"""
    takes_snippet("isc")


def test_dhcp_dnsmasq_addresses():
    """DIS-02, ambiguity 1-k"""
    warns_of_addresses("dnsmasq")


def test_dhcp_kea_addresses():
    """DIS-02, ambiguity 1-k"""
    warns_of_addresses("kea")


def test_dhcp_isc_addresses():
    """DIS-02, ambiguity 1-k"""
    warns_of_addresses("isc")


def test_dhcp_kea_splits_names():
    """RFC 3396"""
    joins_pieces("kea")


def test_dhcp_isc_splits_names():
    """RFC 3396"""
    joins_pieces("isc")


def test_dhcp_dnsmasq_overloads_fields():
    """RFC 2131 §4.1: so many options that some stand in the fields of file and server name"""
    forced = [f"dhcp-option-force={code},{colons(bytes(225))}" for code in range(224, 229)]
    names, data = list_of(3)
    servers = [f"10.77.0.{number}" for number in range(1, 11)]
    asked = ask("dnsmasq", [f"dhcp-option=option:dns-server,{','.join(servers)}", *installed("dnsmasq").option_120(data), *forced])
    expect(asked.sip_domains == names and asked.nameservers == servers, f"all of it:\n{asked.log}")


def test_dhcp_dnsmasq_malformed():
    refuses_text("dnsmasq")


def test_dhcp_kea_malformed():
    refuses_text("kea")


def test_dhcp_isc_malformed():
    refuses_text("isc")


def no_records(query):
    """The answer to a DNS query: there are none of that type."""
    end = query.index(b"\0", 12) + 5
    return query[:2] + b"\x81\x80\0\1\0\0\0\0\0\0" + query[12:end]


def unavailable(request):
    kept = [line for line in request.decode().split("\r\n") if line.split(":")[0] in ("Via", "From", "To", "Call-ID", "CSeq")]
    lines = ["SIP/2.0 503 Service Unavailable", *(line + ";tag=1" if line.startswith("To:") else line for line in kept)]
    return "\r\n".join([*lines, "Content-Length: 0", "", ""]).encode()


def test_dhcp_names_lead_to_srv_queries():
    """DIS-02, DIS-03: at the DNS server that came with the name"""
    with installed("dnsmasq")(snippet(wire.BINARY, "dnsmasq", DOMAIN)), Listener(DNS, 53) as resolver, Agent(wire.BINARY):
        resolver.wait_for(labels(f"_sip._udp.{DOMAIN}") + b"\0\x21", no_records)


def test_dhcp_addresses_lead_to_register():
    """DIS-02: at these addresses, in order"""
    kind = installed("dnsmasq")
    with kind(kind.option_120(b"\x01" + socket.inet_aton("10.77.0.7") + socket.inet_aton("10.77.0.6"))), \
            Listener("10.77.0.7", 5060) as first, Listener("10.77.0.6", 5060) as second, Agent(wire.BINARY):
        first.wait_for(b"REGISTER sip:", unavailable)
        second.wait_for(b"REGISTER sip:", unavailable)


# A client that has bound the port to the address it got, as systemd-networkd and dhcpcd do.
OTHER_CLIENT = f"""\
import socket
one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
one.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
one.bind(("{CLIENT}", 68))
print("bound", flush=True)
print(len(one.recv(2000)) > 240, flush=True)
"""


def test_dhcp_beside_another_client():
    """DIS-02: on a machine whose own address came by DHCP"""
    words = ["ip", "netns", "exec", PLACE, sys.executable, "-c", OTHER_CLIENT]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as other:
        try:
            expect(other.stdout.readline() == "bound\n", "the other client is there")
            takes_snippet("dnsmasq")
            expect(other.stdout.readline() == "True\n", "and loses nothing")
        finally:
            other.kill()


if __name__ == "__main__":
    enter()
    sys.exit(wire.main(globals()))
