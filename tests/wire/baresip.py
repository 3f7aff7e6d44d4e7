"""A baresip without sound card on loopback, driven over its TCP control interface."""

import json
import os
import socket
import subprocess
import threading

from ringhold import DOMAIN, expect, free_port, wait_until

CONFIG = """\
module_path /usr/lib/baresip/modules
sip_listen 127.0.0.1:{sip}
{authority}
net_interface 127.0.0.1
call_local_timeout 60
rtp_ports {rtp}-{rtp_last}
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


class Baresip:
    """One user's phone, registering by `transport` through the box at `port`; it answers calls by itself, or not at all."""

    def __init__(self, box, user, transport, port, authority=None, answers=True, password="unused"):
        self._home = os.path.join(box.folder, f"baresip-{user}-{free_port()}")
        os.makedirs(self._home)
        self._control_port = free_port()
        rtp = free_port()
        trust = f"sip_cafile {authority.file}" if authority else ""
        self._write("config", CONFIG.format(sip=free_port(), user=user, rtp=rtp, rtp_last=rtp + 8, authority=trust,
                                            control=self._control_port))
        self._write("accounts", f"<sip:{user}@{DOMAIN};transport={transport}>;regint=60;auth_pass={password};"
                                f"answermode={'auto' if answers else 'manual'};"
                                f"outbound=\"sip:127.0.0.1:{port};transport={transport}\";audio_codecs=PCMU\n")
        self._write("contacts", "")
        self._log = os.path.join(self._home, "log")
        self.events = []
        self.process = None
        self._control = None

    def _write(self, name, text):
        with open(os.path.join(self._home, name), "w") as file:
            file.write(text)

    def __enter__(self):
        self.boot()
        return self

    def boot(self):
        """Power on; also after crash(), with the same settings."""
        with open(self._log, "wb") as log:
            self.process = subprocess.Popen(["baresip", "-4", "-s", "-f", self._home], stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=subprocess.STDOUT, env={**os.environ, "HOME": self._home})
        self._control = wait_until(self._connect, "baresip's control port")
        threading.Thread(target=self._listen, daemon=True).start()

    def crash(self):
        """The power is cut: kill -9."""
        self._control.close()
        self.process.kill()
        self.process.wait()

    def __exit__(self, kind, *_):
        self.crash()
        if kind:
            print(self.text())

    def text(self):
        with open(self._log, errors="replace") as log:
            return log.read()[-6000:]

    def _connect(self):
        expect(self.process.poll() is None, f"baresip ended: {self.text()}")
        try:
            return socket.create_connection(("127.0.0.1", self._control_port), 1)
        except OSError:
            return None

    def _listen(self):
        """Netstrings, `LENGTH:JSON,`."""
        self._control.settimeout(None)
        pending = b""
        try:
            while more := self._control.recv(65536):
                pending += more
                while b":" in pending:
                    size, rest = pending.split(b":", 1)
                    if len(rest) < int(size) + 1:
                        break
                    self.events.append(json.loads(rest[:int(size)]))
                    pending = rest[int(size) + 1:]
        except OSError:
            return  # closed

    def order(self, name, parameter=""):
        text = json.dumps({"command": name, "params": parameter, "token": name}).encode()
        self._control.sendall(b"%d:%s," % (len(text), text))

    def wait_event(self, kind):
        wait_until(lambda: any(event.get("type") == kind for event in self.events), f"{kind} from baresip: {self.events}")
