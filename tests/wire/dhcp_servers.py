"""DHCP servers that are not ours, each on the branch's side of a wire whose other end is a client's namespace."""

import os
import re
import shutil
import socket
import subprocess
import sys

from ringhold import PATIENCE, Failed, expect, wait_until

SERVER, CLIENT, NETWORK, DNS = "10.77.0.1", "10.77.0.31", "10.77.0.0/24", "10.77.0.2"
HARDWARE = "02:00:00:77:00:31"
PLACE, MARK, SKIPPED = "client", "RINGHOLD_WIRE_INSIDE", 77
# Where the servers' AppArmor profiles let them read and write; in the sandbox these folders are empty and nobody else's.
FOLDERS = "/etc/dhcp", "/var/lib/dhcp", "/etc/kea", "/var/lib/kea"
os.environ["PATH"] += ":/usr/local/sbin:/usr/sbin:/sbin"


def command(*words):
    done = subprocess.run(words, capture_output=True, text=True, timeout=20)
    expect(done.returncode == 0, f"{' '.join(words)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def enter():
    """Returns inside of a sandbox with the wire; outside it runs the same command line again there."""
    if os.environ.get(MARK):
        return lay_wire()
    flags = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if not allowed(flags):
        flags = ["--user", "--map-root-user", *flags]
        if not allowed(flags):
            print("skipped: network namespaces are allowed neither to this user nor in a user namespace", flush=True)
            sys.exit(SKIPPED)
    os.environ[MARK] = "1"
    return os.execvp("unshare", ["unshare", *flags, sys.executable, *sys.argv])


def allowed(flags):
    return subprocess.run(["unshare", *flags, "sh", "-c", "mount -t tmpfs none /run"], capture_output=True).returncode == 0


def lay_wire():
    for folder in ("/run", *FOLDERS):
        if os.path.isdir(folder):
            command("mount", "-t", "tmpfs", "none", folder)
    os.makedirs("/run/netns")
    command("ip", "netns", "add", PLACE)
    command("ip", "link", "add", "name", "branch", "type", "veth", "peer", "name", "eth0", "netns", PLACE)
    for place, name, address in ((), "branch", SERVER), (("-n", PLACE), "eth0", CLIENT):
        command("ip", *place, "addr", "add", f"{address}/24", "dev", name)
        command("ip", *place, "link", "set", name, "up")
        command("ip", *place, "link", "set", "lo", "up")
    command("ip", "-n", PLACE, "link", "set", "eth0", "address", HARDWARE)
    command("ip", "-n", PLACE, "route", "add", "default", "via", SERVER)


class Server:
    """A context. `lines` go into its configuration as they are, where an administrator would paste them."""

    def __init__(self, lines):
        self.log = f"/run/{self.name}.log"
        self.write("\n".join(lines))
        self.process = None

    def __enter__(self):
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(self.words, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                                            env={**os.environ, **self.environment})
        wait_until(lambda: self.process.poll() is not None or self.started in self.text(), f"{self.name} has started")
        expect(self.process.poll() is None, f"{self.name} took its configuration:\n{self.text()}")
        return self

    def __exit__(self, kind, *_):
        self.process.kill()
        self.process.wait()
        if kind:
            print(self.text())

    def text(self):
        with open(self.log, errors="replace") as log:
            return log.read()


class Dnsmasq(Server):
    name, program, environment, started = "dnsmasq", "dnsmasq", {}, "DHCP, IP range"
    words = ["dnsmasq", "--no-daemon", "--conf-file=/run/dnsmasq.conf"]

    def write(self, lines):
        with open("/run/dnsmasq.conf", "w") as file:
            file.write(f"port=0\ninterface=branch\nbind-interfaces\nlog-dhcp\nlog-facility=-\ndhcp-authoritative\n"
                       f"dhcp-leasefile=/run/dnsmasq.leases\ndhcp-range=10.77.0.100,10.77.0.200,1h\n{lines}\n")

    @staticmethod
    def option_120(data):
        return [f"dhcp-option=120,{colons(data)}"]


class Kea(Server):
    name, program, started = "kea", "kea-dhcp4", "DHCP4_STARTED"
    environment = {"KEA_LOCKFILE_DIR": "none", "KEA_PIDFILE_DIR": "/run"}
    words = ["kea-dhcp4", "-c", "/etc/kea/kea-dhcp4.conf"]

    def write(self, lines):
        with open("/etc/kea/kea-dhcp4.conf", "w") as file:
            file.write(f"""{{ "Dhcp4": {{
"interfaces-config": {{ "interfaces": [ "branch" ] }},
"lease-database": {{ "type": "memfile", "persist": false }},
"loggers": [ {{ "name": "kea-dhcp4", "output_options": [ {{ "output": "stdout" }} ], "severity": "INFO" }} ],
"option-data": [
{lines}
],
"subnet4": [ {{ "subnet": "{NETWORK}", "pools": [ {{ "pool": "10.77.0.100-10.77.0.200" }} ] }} ]
}} }}
""")

    @staticmethod
    def option_120(data):
        return [f'{{ "code": 120, "space": "dhcp4", "csv-format": false, "data": "{data.hex()}" }}']


class Isc(Server):
    name, program, environment, started = "isc", "dhcpd", {}, "Server starting service"
    words = ["dhcpd", "-4", "-f", "-d", "-cf", "/etc/dhcp/dhcpd.conf", "-lf", "/var/lib/dhcp/dhcpd.leases", "--no-pid", "branch"]

    def write(self, lines):
        with open("/var/lib/dhcp/dhcpd.leases", "w"):
            pass
        with open("/etc/dhcp/dhcpd.conf", "w") as file:
            file.write(f"authoritative;\n{lines}\nsubnet 10.77.0.0 netmask 255.255.255.0 {{ range 10.77.0.100 10.77.0.200; }}\n")

    @staticmethod
    def option_120(data):
        return ["option sip-servers code 120 = string;", f"option sip-servers {colons(data)};"]


SERVERS = {one.name: one for one in (Dnsmasq, Kea, Isc)}


def server(name):
    """The class of a server that is installed; nothing else."""
    return SERVERS[name] if shutil.which(SERVERS[name].program) else None


def colons(data):
    return data.hex(":")


def labels(name):
    """A name as RFC 1035 §3.1 writes it."""
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


CONFIG = """\
[branch]
domain = "{domain}"
[sip]
listen = ["udp:10.77.0.2:5060"]
[dns]
listen = ["10.77.0.2:53"]
upstream = ["10.78.0.1:53"]
"""


def snippet(binary, name, domain):
    """What `ringhold dhcp-snippet` prints for that server."""
    with open("/run/ringhold.toml", "w") as file:
        file.write(CONFIG.format(domain=domain))
    return command(binary, "dhcp-snippet", "--for", name, "-c", "/run/ringhold.toml").splitlines()


AGENT = """\
[agent]
domain = "dhcp"
nameserver = "dhcp"
store = "memory:"
accounts = [{ aor = "sip:alice@example.test" }]
"""
FIELD = re.compile(r'(\w+)=("[^"]*"|\S*)')


class Agent:
    """A context: `ringhold agent` in the client's namespace."""

    def __init__(self, binary):
        with open("/run/agent.toml", "w") as file:
            file.write(AGENT)
        with open("/run/agent.log", "wb") as log:
            self.process = subprocess.Popen(["ip", "netns", "exec", PLACE, binary, "agent", "-c", "/run/agent.toml"],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.process.terminate()
        self.process.wait(PATIENCE)
        if kind:
            print(self.log())

    @staticmethod
    def log():
        with open("/run/agent.log", errors="replace") as log:
            return log.read()


class Asked:
    """What the agent says of the first answer that it gets: the events of its log, and what they hold."""

    def __init__(self, binary):
        with Agent(binary) as agent:
            wait_until(lambda: agent.process.poll() is not None or "event=dhcp_answered" in agent.log(), "a server answers")
        self.log = agent.log()
        lines = ({key: value.strip('"') for key, value in FIELD.findall(line)} for line in self.log.splitlines())
        self.events = {line["event"]: line for line in lines if "event" in line}
        expect("dhcp_answered" in self.events, f"a server answers:\n{self.log}")
        self.server = self.events["dhcp_answered"]["server"]
        self.nameservers = self.listed("dhcp_answered", "nameservers")
        self.sip_domains = self.listed("dhcp_answered", "sip_domains")
        self.sip_addresses = self.listed("dhcp_sip_addresses", "addresses")

    def listed(self, event, key):
        return [one for one in self.events.get(event, {}).get(key, "").split(",") if one]


class Listener:
    """A context: a UDP socket on the server's side of the wire, at an address of the branch that it brings along."""

    def __init__(self, address, port):
        command("ip", "addr", "replace", f"{address}/24", "dev", "branch")
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(PATIENCE)
        self.socket.bind((address, port))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def wait_for(self, part, answer):
        """The first datagram that holds `part`; all get their `answer`."""
        while True:
            try:
                data, sender = self.socket.recvfrom(65535)
            except TimeoutError:
                raise Failed(f"not within {PATIENCE} s: {part!r} at {self.socket.getsockname()}") from None
            self.socket.sendto(answer(data), sender)
            if part in data:
                return data
