"""A real phone: one baresip process without sound card, driven over its TCP control interface.

It knows its user's address in the SIP domain and the branch's DNS server; nothing else.
"""

import json
import os
import socket
import threading
import time

from bench import ADDRESS, inside
from central_site import DOMAIN
from program import Program, wait_until

CONTROL_PORT = 4444
RTP_FIRST, RTP_LAST = 10000, 10100
EXPIRES = 60

CONFIG = """\
module_path /usr/lib/baresip/modules
sip_listen {address}:5060
dns_server 10.77.0.2:53
net_interface eth0
call_local_timeout 60
call_max_calls 4
rtp_ports {first}-{last}
audio_source aubridge,{user}
audio_player aubridge,{user}
audio_alert aubridge,{user}-bell
ringback_disabled yes
statmode_default off
ctrl_tcp_listen 127.0.0.1:{control}
module g711.so
module aubridge.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
"""


class Phone:
    """One user's phone. `transport` is "udp" or "tcp". Incoming calls are answered by themselves."""

    def __init__(self, user, place, transport, folder):
        self.user = user
        self.place = place
        self.transport = transport
        self.address = ADDRESS[place]
        self.events = []
        self._arrival = threading.Condition()
        self._home = os.path.join(folder, f"phone-{user}")
        os.makedirs(self._home, exist_ok=True)
        self._write("config", CONFIG.format(user=user, address=self.address, control=CONTROL_PORT,
                                            first=RTP_FIRST, last=RTP_LAST))
        self._write("accounts", f"<sip:{user}@{DOMAIN};transport={transport}>;regint={EXPIRES};"
                                "auth_pass=unused;answermode=auto;audio_codecs=PCMU,PCMA\n")
        self._write("contacts", "")
        self._folder = folder
        self._program = None
        self._control = None

    def _write(self, name, text):
        with open(os.path.join(self._home, name), "w") as file:
            file.write(text)

    def use_web_media(self):
        """Before boot(): media as browsers want it (ICE, DTLS-SRTP, RTP and RTCP on one port)."""
        with open(os.path.join(self._home, "config"), "a") as file:
            file.write("module srtp.so\nmodule dtls_srtp.so\nmodule ice.so\nrtcp_mux yes\n")
        self._write("accounts", f"<sip:{self.user}@{DOMAIN};transport={self.transport}>;regint={EXPIRES};auth_pass=unused;"
                                "answermode=auto;audio_codecs=PCMU,PCMA;mediaenc=dtls_srtp;medianat=ice\n")

    def boot(self):
        """Power on. The phone asks the DNS and registers by itself."""
        words = ["baresip", "-4", "-s", "-f", self._home]
        self._program = Program(f"phone-{self.user}", self.place, words, self._folder, {"HOME": self._home})
        self._control = wait_until(self._connect, 10, f"{self.user}'s phone answers its control port")
        threading.Thread(target=self._listen, args=(self._control,), daemon=True).start()

    def pid(self):
        return self._program.pid

    def _connect(self):
        self._program.must_run()
        with inside(self.place):
            try:
                return socket.create_connection(("127.0.0.1", CONTROL_PORT), 1)
            except OSError:
                return None

    def _listen(self, control):
        """Reads netstrings, `LENGTH:JSON,`, until the phone goes away."""
        control.settimeout(None)
        pending = b""
        while True:
            try:
                more = control.recv(65536)
            except OSError:
                return
            if not more:
                return
            pending += more
            while b":" in pending:
                size, rest = pending.split(b":", 1)
                if len(rest) < int(size) + 1:
                    break
                self._note(json.loads(rest[:int(size)]))
                pending = rest[int(size) + 1:]

    def _note(self, message):
        message["at"] = time.monotonic()
        with self._arrival:
            self.events.append(message)
            self._arrival.notify_all()

    def mark(self):
        """A place in the phone's history: what comes later is found by `wait_event(..., since=mark)`."""
        return len(self.events)

    def text(self):
        """What the phone has printed so far."""
        return self._program.text()

    def order(self, name, parameter=""):
        """Gives one command, such as dial or hangup."""
        text = json.dumps({"command": name, "params": parameter, "token": name}).encode()
        self._control.sendall(b"%d:%s," % (len(text), text))

    def find_event(self, kind, since=0):
        with self._arrival:
            return next((event for event in self.events[since:] if event.get("type") == kind), None)

    def wait_event(self, kind, seconds, since=0):
        """The first event of this kind (REGISTER_OK, CALL_ESTABLISHED, CALL_CLOSED …) after `since`."""
        return wait_until(lambda: self.find_event(kind, since), seconds, f"{kind} at {self.user}'s phone", 0.02)

    def dial(self, callee):
        self.order("dial", f"sip:{callee}@{DOMAIN}")

    def hang_up(self):
        self.order("hangup")

    def power_off(self):
        """Ends the program at once; nothing is unregistered."""
        if self._program:
            self._program.kill()
            if self._control:
                self._control.close()
            self._program = self._control = None
