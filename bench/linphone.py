"""Linphone without a screen: one linphone-daemon in a place of the branch, which registers by itself and stays registered."""

import os

from central_site import DOMAIN
from program import Program

RESOLVER = "nameserver 10.77.0.2\n"

# What a user enters: address, server, transport, expiry. All else as it comes.
CONFIG = """\
[sip]
default_proxy=0

[proxy_0]
reg_proxy=<sip:{domain};transport={transport}>
reg_identity=sip:{user}@{domain}
reg_expires={expires}
reg_sendregister=1
"""

# It has no setting for the name server, and makes its socket for commands in /tmp: both are its own here, as is its home.
START = 'mount --bind "$1" /etc/resolv.conf && mount -t tmpfs none /tmp && exec linphone-daemon --pipe "$2" --config "$3" --log "$4"'


class Linphone:
    """One user's Linphone. `transport` is "udp" or "tcp"."""

    def __init__(self, user, place, transport, folder, expires):
        self.user = user
        self.place = place
        self._folder = folder
        self._home = os.path.join(folder, f"linphone-{user}")
        self._text = CONFIG.format(domain=DOMAIN, user=user, transport=transport, expires=expires)
        self._program = None

    def _write(self, name, text):
        path = os.path.join(self._home, name)
        with open(path, "w") as file:
            file.write(text)
        return path

    def boot(self):
        # Its database is there, or it dies at once.
        os.makedirs(os.path.join(self._home, ".local/share/linphone"), exist_ok=True)
        files = [self._write("resolv.conf", RESOLVER), self.user, self._write("linphonerc", self._text),
                 os.path.join(self._folder, f"linphone-{self.user}.trace")]
        self._program = Program(f"linphone-{self.user}", self.place, ["sh", "-c", START, "sh", *files], self._folder,
                                {"HOME": self._home})

    def pid(self):
        return self._program.pid

    def power_off(self):
        """Ends it at once; nothing is unregistered."""
        if self._program:
            self._program.kill()
        self._program = None
