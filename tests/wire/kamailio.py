"""A Kamailio on loopback that records its route, over UDP and TCP, and follows the Routes of others."""

import os
import pathlib
import shutil
import socket
import subprocess

from ringhold import DOMAIN, expect, free_port, wait_until

CONFIG = """\
#!KAMAILIO
debug=2
log_stderror=yes
children=1
tcp_children=1
auto_aliases=no
listen=udp:127.0.0.1:{port}
listen=tcp:127.0.0.1:{port}
tcp_accept_no_cl=yes
mpath="{modules}"

loadmodule "kex.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "siputils.so"
loadmodule "textops.so"

modparam("rr", "enable_double_rr", 1)
{modules_more}

request_route {{
    if (!mf_process_maxfwd_header("10")) {{
        sl_send_reply("483", "Too Many Hops");
        exit;
    }}
    if (is_method("CANCEL")) {{
        if (t_check_trans()) t_relay();
        exit;
    }}
    if (is_method("OPTIONS") && $rU == $null) {{
        sl_send_reply("200", "OK");
        exit;
    }}
    $var(routed) = loose_route();
    if (has_totag()) {{
        if (!$var(routed) && !is_method("ACK")) sl_send_reply("404", "Not here");
        else t_relay();
        exit;
    }}
{script}
    record_route();
    t_relay();
}}
"""


# Everybody's password is "secret".
REGISTRAR_MODULES = """\
loadmodule "xlog.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
modparam("usrloc", "db_mode", 0)
modparam("auth", "algorithm", "{algorithm}")
"""
TLS_LISTENER = """\
enable_tls=yes
listen=tls:127.0.0.1:{port}
loadmodule "tls.so"
modparam("tls", "tls_method", "TLSv1.2+")
modparam("tls", "certificate", "{certificate}")
modparam("tls", "private_key", "{key}")
"""
REGISTRAR_SCRIPT = """\
    if (is_method("REGISTER")) {{
        xlog("L_NOTICE", "asked by $fU: $hdr(CSeq) $hdr(Call-ID) expires $hdr(Expires) credentials $adu $ct\\n");
        if (!pv_www_authenticate("{domain}", "secret", "0")) {{
            www_challenge("{domain}", "1");
            exit;
        }}
        save("location");
        exit;
    }}
    if (!pv_proxy_authenticate("{domain}", "secret", "0")) {{
        proxy_challenge("{domain}", "1");
        exit;
    }}
    xlog("L_NOTICE", "proved $rm by $au to $rU\\n");
    consume_credentials();
    if (!lookup("location")) {{
        sl_send_reply("480", "Not registered");
        exit;
    }}
"""


class Kamailio:
    """A context; `port` over UDP and TCP. `script` is what it does with requests outside of dialogs before it relays them."""

    def __init__(self, folder, name="kamailio", script="", modules_more=""):
        self.port = free_port()
        self._folder = os.path.join(folder, name)
        self._log = os.path.join(self._folder, "log")
        os.makedirs(self._folder)
        modules = next(pathlib.Path("/usr/lib").glob("*/kamailio/modules"))
        with open(os.path.join(self._folder, "kamailio.cfg"), "w") as file:
            file.write(CONFIG.format(port=self.port, modules=modules, script=script, modules_more=modules_more))
        self.process = None

    def __enter__(self):
        program = shutil.which("kamailio") or "/usr/sbin/kamailio"
        with open(self._log, "wb") as log:
            self.process = subprocess.Popen([program, "-DD", "-E", "-f", os.path.join(self._folder, "kamailio.cfg"), "-Y", self._folder,
                                             "-m", "32", "-M", "4"], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        wait_until(self._answers, "Kamailio answers OPTIONS")
        return self

    def __exit__(self, kind, *_):
        self.process.terminate()
        self.process.wait()
        if kind:
            print(self.text()[-6000:])

    def text(self):
        with open(self._log, errors="replace") as log:
            return log.read()

    def _answers(self):
        expect(self.process.poll() is None, f"Kamailio ended: {self.text()[-6000:]}")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            probe.settimeout(0.3)
            here = f"127.0.0.1:{probe.getsockname()[1]}"
            probe.sendto((f"OPTIONS sip:127.0.0.1:{self.port} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bKprobe{os.urandom(4).hex()}\r\n"
                          f"From: <sip:probe@{here}>;tag=1\r\nTo: <sip:127.0.0.1:{self.port}>\r\nCall-ID: probe@{here}\r\n"
                          "CSeq: 1 OPTIONS\r\nMax-Forwards: 5\r\nContent-Length: 0\r\n\r\n").encode(), ("127.0.0.1", self.port))
            try:
                return probe.recv(2000).startswith(b"SIP/2.0 200")
            except OSError:
                return False


def registrar(folder, algorithm="MD5", more=""):
    """A Kamailio that asks for passwords, and says in its log of whom."""
    return Kamailio(folder, "registrar", REGISTRAR_SCRIPT.format(domain=DOMAIN), REGISTRAR_MODULES.format(algorithm=algorithm) + more)


def tls_listener(port, certificate, key):
    """Lines for `registrar`: it takes connections over TLS as well, asks for no certificate, and can open none to who has none."""
    return TLS_LISTENER.format(port=port, certificate=certificate, key=key)
