"""The central site: Kamailio as registrar and proxy on two servers, nsd as its DNS server."""

import json
import os
import socket

from bench import ADDRESS
from program import Program, wait_until

DOMAIN = "example.test"

ZONE = """\
$ORIGIN example.test.
$TTL 300
@          IN SOA   cdns hostmaster 1 3600 600 86400 60
@          IN NS    cdns
cdns       IN A     10.78.0.1
@          IN NAPTR 10 10 "s" "SIP+D2U" "" _sip._udp
@          IN NAPTR 20 10 "s" "SIP+D2T" "" _sip._tcp
_sip._udp  IN SRV   10 60 5060 sip1
_sip._udp  IN SRV   20 40 5060 sip2
_sip._tcp  IN SRV   10 60 5060 sip1
_sip._tcp  IN SRV   20 40 5060 sip2
sip1       IN A     10.78.0.11
sip2       IN A     10.78.0.12
"""

NSD = """\
server:
    ip-address: {address}
    server-count: 1
    username: ""
    zonesdir: "{folder}"
    database: ""
    pidfile: "{folder}/nsd.pid"
    xfrdfile: "{folder}/nsd.xfrd"
    zonelistfile: "{folder}/nsd.list"
remote-control:
    control-enable: no
zone:
    name: "example.test"
    zonefile: "example.test.zone"
"""

KAMAILIO = """\
#!KAMAILIO
debug=2
log_stderror=yes
children=2
tcp_children=2
auto_aliases=no
alias="example.test"
alias="sip1.example.test"
alias="sip2.example.test"
listen=udp:{address}:5060
listen=tcp:{address}:5060
tcp_accept_no_cl=yes
tcp_connect_timeout=3

loadmodule "jsonrpcs.so"
loadmodule "kex.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "siputils.so"
loadmodule "textops.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "dmq.so"
loadmodule "dmq_usrloc.so"

modparam("jsonrpcs", "transport", 4)
modparam("jsonrpcs", "dgram_socket", "{folder}/{name}.sock")
modparam("usrloc", "db_mode", 0)
modparam("usrloc", "timer_interval", 1)
modparam("registrar", "min_expires", 30)
modparam("registrar", "max_expires", 60)
modparam("dmq", "server_address", "sip:{address}:5062")
modparam("dmq", "notification_address", "sip:{other}:5062")
modparam("dmq_usrloc", "enable", {replicates:d})
modparam("pv", "shvset", "overloaded=i:0")
listen=udp:{address}:5062

request_route {{
    if (is_method("KDMQ") && $Rp == 5062) {{
        dmq_handle_message();
        exit;
    }}
    if (!mf_process_maxfwd_header("10")) {{
        sl_send_reply("483", "Too Many Hops");
        exit;
    }}
    if (is_method("CANCEL")) {{
        if (t_check_trans()) t_relay();
        exit;
    }}
    if (has_totag()) {{
        if (!loose_route() && !is_method("ACK")) {{
            sl_send_reply("404", "Not here");
            exit;
        }}
        t_relay();
        exit;
    }}
    t_check_trans();
    if (!is_myself("$rd")) {{
        sl_send_reply("403", "Not a relay");
        exit;
    }}
    if (is_method("OPTIONS") && $rU == $null) {{
        sl_send_reply("200", "OK");
        exit;
    }}
    if (is_method("REGISTER")) {{
        if ($shv(overloaded) == 1) {{
            sl_send_reply("503", "Service Unavailable");
            exit;
        }}
        if (!save("location")) sl_reply_error();
        exit;
    }}
    if (is_method("PUBLISH|SUBSCRIBE")) {{
        sl_send_reply("489", "Bad Event");
        exit;
    }}
    record_route();
    if (!lookup("location")) {{
        sl_send_reply("480", "Temporarily Unavailable");
        exit;
    }}
    if (!t_relay()) sl_reply_error();
}}
"""


TLS = """
enable_tls=yes
listen=tls:{address}:5061
loadmodule "tls.so"
modparam("tls", "tls_method", "TLSv1.2+")
modparam("tls", "certificate", "{certificate}")
modparam("tls", "private_key", "{key}")

loadmodule "jsonrpcs.so"
"""

SERVERS = ("c1", "c2")


class CentralSite:
    """Runs from construction until `stop`."""

    def __init__(self, folder, replicates=True):
        """`replicates`: each Kamailio knows the other's bindings."""
        self._folder = folder
        self._replicates = replicates
        self._secure = None
        self._programs = {}
        self._start_nsd()
        for name in SERVERS:
            self._start_kamailio(name)
        for name in SERVERS:
            self._wait_alive(name)

    def _wait_alive(self, name):
        wait_until(lambda: self._alive(name), 15, f"Kamailio at {name} answers")

    def speak_tls(self, certificate, key):
        """Both servers from now on, at port 5061."""
        self._secure = {"certificate": certificate, "key": key}
        for name in SERVERS:
            self.stop_server(name)
            self.start_server(name)

    def stop_server(self, name):
        """The machine stays: it refuses what comes."""
        self._programs.pop(name).stop()

    def start_server(self, name):
        self._start_kamailio(name)
        self._wait_alive(name)

    def _path(self, name):
        return os.path.join(self._folder, name)

    def _write(self, name, text):
        with open(self._path(name), "w") as file:
            file.write(text)
        return self._path(name)

    def _start_nsd(self):
        self._write("example.test.zone", ZONE)
        config = self._write("nsd.conf", NSD.format(address=ADDRESS["cdns"], folder=self._folder))
        self._programs["nsd"] = Program("nsd", "cdns", ["nsd", "-d", "-c", config], self._folder)

    def _start_kamailio(self, name):
        other = next(one for one in SERVERS if one != name)
        text = KAMAILIO.format(address=ADDRESS[name], other=ADDRESS[other], folder=self._folder, name=name,
                                replicates=self._replicates)
        if self._secure:
            text = text.replace('loadmodule "jsonrpcs.so"\n', TLS.format(address=ADDRESS[name], **self._secure), 1)
        config = self._write(f"{name}.cfg", text)
        words = ["kamailio", "-DD", "-E", "-f", config, "-m", "32", "-M", "4", "-w", self._folder,
                 "-Y", self._folder, "-P", self._path(f"{name}.pid")]
        self._programs[name] = Program(name, name, words, self._folder)

    def _alive(self, name):
        for program in self._programs.values():
            program.must_run()
        return os.path.exists(self._path(f"{name}.sock")) and self._ask(name, "core.version") is not None

    def _ask(self, name, method, *parameters):
        """One JSON-RPC question to a Kamailio over its UNIX socket; None when it does not answer."""
        question = {"jsonrpc": "2.0", "method": method, "params": list(parameters), "id": 1}
        mine = self._path(f"{name}.{os.getpid()}.{id(question)}")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as talk:
            talk.bind(mine)
            try:
                talk.settimeout(2)
                talk.sendto(json.dumps(question).encode(), self._path(f"{name}.sock"))
                return json.loads(talk.recv(65536)).get("result")
            except OSError:
                return None
            finally:
                os.unlink(mine)

    def registrations(self, name="c1"):
        """User → list of contact URIs that this Kamailio holds unexpired."""
        dump = self._ask(name, "ul.dump") or {}
        found = {}
        for domain in dump.get("Domains", []):
            for record in domain["Domain"].get("AoRs", []):
                info = record["Info"]
                contacts = [entry["Contact"] for entry in info["Contacts"]]
                live = [c["Address"] for c in contacts if c["Expires"] not in ("expired", "deleted")]
                if live:
                    found[info["AoR"].split("@")[0]] = live
        return found

    def overload(self, name, on):
        """From now on it answers 503 to REGISTER, or does not any more."""
        self._ask(name, "pv.shvSet", "overloaded", "int", int(on))

    def invites(self, name="c1"):
        """How many INVITEs this Kamailio has received."""
        lines = self._ask(name, "stats.get_statistics", "rcv_requests_invite") or []
        return sum(int(line.split("=")[1]) for line in lines)

    def stop(self):
        for program in reversed(self._programs.values()):
            program.stop()
