"""`ringhold agent` in a place of the branch, and what its log says of where its account is registered."""

import os
import re

from program import Program

CONFIG = """\
[agent]
accounts = [{{ aor = "sip:{user}@example.test" }}]
domain = "example.test"
nameserver = "10.77.0.2"
expires = "{expires}"
listen = []
store = "sqlite:{user}.db"
{more}
"""

# So that nobody has to wait long.
QUICK = """\
[agent.switch]
heartbeat = "1s"
retry_all = "2s"
retry_single = "2s"
return_after = "2s"
"""

REGISTERED = re.compile(r"event=agent_registered aor=sip:\S+ server=(\S+)")
WAITS = re.compile(r"event=agent_waits ")


class Agent:
    """One account; may be started and ended many times over the same database."""

    def __init__(self, binary, folder, user, place, more="", expires="30s", switch=QUICK):
        self.user = user
        self._binary = binary
        self._folder = folder
        self.place = place
        self._config = os.path.join(folder, f"{user}.toml")
        self._program = None
        self._begins = 0
        with open(self._config, "w") as file:
            file.write(CONFIG.format(user=user, expires=expires, more=more) + switch)

    def start(self):
        # What an earlier run of it said does not count.
        log = os.path.join(self._folder, f"agent-{self.user}.log")
        self._begins = os.path.getsize(log) if os.path.exists(log) else 0
        self._program = Program(f"agent-{self.user}", self.place, [self._binary, "agent", "-c", self._config], self._folder)

    def stop(self):
        if self._program:
            self._program.stop()
        self._program = None

    def pid(self):
        return self._program.pid

    def kill(self):
        self._program.kill()
        self._program = None

    def server(self):
        """Where it registered last, such as "udp:10.78.0.11:5060"; None while it waits because nobody took it."""
        self._program.must_run()
        place = None
        for line in self._program.text()[self._begins:].splitlines():
            if found := REGISTERED.search(line):
                place = found[1]
            elif WAITS.search(line):
                place = None
        return place
