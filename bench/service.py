"""Who has service: looks at the registrars' own tables four times a second, and counts the seconds in which nobody could be reached.

A user has service by a server that holds a live binding of his which leads to his client: the address is the client's, and
the port is one at which it listens or, over TCP, from which its connection to that server comes."""

import http.client
import re
import threading
import time

from bench import ADDRESS

INTERVAL = 0.25
CENTRAL = ("c1", "c2")
BOX = "box"
LISTENS, CONNECTED, DATAGRAMS = "0A", "01", "07"
CONTACT = re.compile(r"<?sips?:(?:[^@>]*@)?([\d.]+)(?::(\d+))?")


def hexadecimal(address):
    """An IPv4 address as /proc/net writes it, on a little-endian machine; the end of the IPv6 form is the same."""
    return "".join(f"{int(byte):02X}" for byte in reversed(address.split(".")))


def open_ports(pid, transport):
    """(port, None) of every socket that anybody may reach in the process's namespace, (port, peer) of every TCP connection."""
    found = set()
    for table in (transport, f"{transport}6"):
        with open(f"/proc/{pid}/net/{table}") as file:
            for line in file.readlines()[1:]:
                _, local, remote, state, *_ = line.split()
                port = int(local.rsplit(":", 1)[1], 16)
                if state == (LISTENS if transport == "tcp" else DATAGRAMS):
                    found.add((port, None))
                elif transport == "tcp" and state == CONNECTED:
                    found.add((port, remote.rsplit(":", 1)[0][-8:]))
    return found


def leads_to(contact, client, server):
    found = CONTACT.match(contact)
    if not found or found[1] != ADDRESS[client.place]:
        return False
    port = int(found[2] or 5060)
    ports = open_ports(client.pid(), "tcp" if "transport=tcp" in contact.lower() else "udp")
    return (port, None) in ports or (port, hexadecimal(ADDRESS[server])) in ports


class ServiceWatch:
    """Looks from construction until `stop`. `samples` keeps (time, user → servers by which he has service)."""

    def __init__(self, clients, central, device, tell):
        self._clients = clients
        self._central = central
        self._device = device
        self._tell = tell
        self._quiet = threading.Event()
        self.samples = []
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self):
        while not self._quiet.wait(INTERVAL):
            now = time.monotonic()
            tables = {name: self._central.registrations(name) for name in CENTRAL}
            try:
                tables[BOX] = self._device.registrations()
            except (OSError, http.client.HTTPException, RuntimeError, ValueError, KeyError):
                continue
            held = {client.user: self._servers_of(client, tables) for client in self._clients}
            before = self.samples[-1][1] if self.samples else {}
            self.samples.append((now, held))
            for user, servers in held.items():
                if servers != before.get(user, frozenset()):
                    self._tell(user, f"at {' and '.join(sorted(servers)) or 'nowhere'}")

    def _servers_of(self, client, tables):
        try:
            return frozenset(server for server, table in tables.items()
                             if any(leads_to(contact, client, server) for contact in table.get(client.user, ())))
        except (OSError, AttributeError):  # it is off
            return frozenset()

    def now(self):
        return self.samples[-1][1] if self.samples else {}

    def stop(self):
        self._quiet.set()
        self._thread.join(5)


def holes(samples, user, reachable, begin, end):
    """(from, to) of each time between `begin` and `end` in which none of the `reachable` servers leads to the user."""
    found = []
    after = [at for at, _ in samples[1:]] + [end]
    for (at, held), until in zip(samples, after):
        at, until = max(at, begin), min(until, end)
        if at >= until or held[user] & reachable:
            continue
        if found and found[-1][1] == at:
            found[-1] = (found[-1][0], until)
        else:
            found.append((at, until))
    return found


def first_at(samples, user, server, begin):
    """When the user was first at this server after `begin`; None: never."""
    return next((at for at, held in samples if at >= begin and server in held[user]), None)
