"""One `ringhold agent` on loopback; its folder is that of the servers beside it."""

import glob
import os
import re
import signal
import subprocess

from ringhold import DOMAIN, PATIENCE, expect, free_port, wait_until

CONFIG = """\
[agent]
accounts = [{accounts}]
domain = "{domain}"
servers = {servers}
uplink = ["udp:127.0.0.1:{uplink}", "tcp:127.0.0.1:{uplink}"]
listen = ["udp:127.0.0.1:{port}", "tcp:127.0.0.1:{port}"]
networks = ["127.0.0.0/8"]
store = "sqlite:agent-{port}.db"
{more}

[agent.switch]
heartbeat = "1s"
retry_all = "2s"
retry_single = "2s"
return_after = "2s"
{tables}
"""

REGISTERED = re.compile(r"event=agent_registered aor=sip:(\S+)@\S+ server=(\S+)")


class Agent:
    """A context; `accounts` is {user: password}, `servers` such as ["udp:127.0.0.1:5060"]. Phones find it at `port`, servers at `uplink`."""

    def __init__(self, binary, folder, accounts, servers, more="", tables=""):
        self.port, self.uplink = free_port(), free_port()
        self._binary, self._folder = binary, folder
        self.config = os.path.join(folder, f"agent-{self.port}.toml")
        self._log = os.path.join(folder, f"agent-{self.port}.log")
        self.process = None
        rows = []
        for user, password in accounts.items():
            with open(os.path.join(folder, f"{user}.{self.port}.password"), "w") as file:
                file.write(password + "\n")
            rows.append(f'{{ aor = "sip:{user}@{DOMAIN}", password_file = "{user}.{self.port}.password" }}')
        with open(self.config, "w") as file:
            file.write(CONFIG.format(accounts=", ".join(rows), domain=DOMAIN, servers=str(servers).replace("'", '"'), uplink=self.uplink,
                                     port=self.port, more=more, tables=tables))

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if kind:
            print(self.text())

    def start(self):
        before = self.text().count("event=agent_started")
        with open(self._log, "ab") as log:
            self.process = subprocess.Popen([self._binary, "agent", "-c", self.config], stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=subprocess.STDOUT)
        wait_until(lambda: self._runs() and self.text().count("event=agent_started") > before, "the agent has started")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(PATIENCE)

    def _runs(self):
        expect(self.process.poll() is None, f"the agent ended: {self.text()}")
        return True

    def text(self):
        if not os.path.exists(self._log):
            return ""
        with open(self._log, errors="replace") as log:
            return log.read()

    def registrations(self):
        """[(user, server)], as the log tells them."""
        return REGISTERED.findall(self.text())

    def keeps(self, words):
        """Whether its database has this: what came within the last 200 ms may be lost by a kill."""
        files = glob.glob(os.path.join(self._folder, f"agent-{self.port}.db*"))
        return any(words.encode() in open(file, "rb").read() for file in files)

    def once(self, *words):
        """`--once`: exit code, output, errors."""
        done = subprocess.run([self._binary, "agent", "--once", *words, "-c", self.config], capture_output=True, text=True, timeout=PATIENCE * 3)
        return done.returncode, done.stdout, done.stderr


def server(port, transport="udp"):
    return f"{transport}:127.0.0.1:{port}"
