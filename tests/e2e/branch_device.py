"""The program under test, `ringhold serve`, in the namespace `box`, and what it says of itself."""

import http.client
import json
import os

from bench import ADDRESS, command, inside
from central_site import DOMAIN
from program import Program, wait_until

PLACE = "box"
HTTP_PORT = 8070

CONFIG = """\
[branch]
domain   = "example.test"
name     = "ringhold.example.test"
address  = ["10.77.0.2"]
networks = ["10.77.0.0/24"]

[sip]
listen = ["udp:10.77.0.2:5060", "tcp:10.77.0.2:5060"]

[dns]
listen   = ["10.77.0.2:53"]
upstream = ["10.78.0.1:53"]

[central]
return_dwell = "{dwell}"

[store]
url = "sqlite:{folder}/ringhold.db"

[http]
listen = "127.0.0.1:8070"
"""


class BranchDevice:
    """One configured branch device; may be started and ended many times over the same database."""

    def __init__(self, binary, folder, dwell="10s"):
        self._binary = binary
        self._folder = folder
        self._config = os.path.join(folder, "ringhold.toml")
        self._program = None
        with open(self._config, "w") as file:
            file.write(CONFIG.format(folder=folder, dwell=dwell))

    def listen_for_tls(self, certificate, key):
        """At port 5061."""
        with open(self._config) as file:
            text = file.read()
        text = text.replace('"tcp:10.77.0.2:5060"]', '"tcp:10.77.0.2:5060", "tls:10.77.0.2:5061"]')
        text = text.replace("[dns]", f'tls_certificate = "{certificate}"\ntls_key = "{key}"\n\n[dns]', 1)
        with open(self._config, "w") as file:
            file.write(text)

    def listen_for_browsers(self, origin, port):
        """A secure WebSocket for pages of `origin`, with a certificate made for it."""
        files = {"key": os.path.join(self._folder, "web.key"), "certificate": os.path.join(self._folder, "web.pem")}
        command("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                f"/CN={DOMAIN}", "-addext", f"subjectAltName=DNS:{DOMAIN}", "-keyout", files["key"], "-out", files["certificate"])
        with open(self._config) as file:
            text = file.read()
        more = f"""tls_certificate = "{files['certificate']}"
tls_key = "{files['key']}"
web_origins = ["{origin}"]

[dns]"""
        text = text.replace('"tcp:10.77.0.2:5060"]', f'"tcp:10.77.0.2:5060", "wss:10.77.0.2:{port}"]').replace("[dns]", more, 1)
        with open(self._config, "w") as file:
            file.write(text)

    def binary(self):
        return self._binary

    def config(self):
        """The path of its file."""
        return self._config

    def check(self):
        """`ringhold check` on our configuration file: raises with its words if it does not accept it."""
        command(self._binary, "check", "-c", self._config, where=PLACE)

    def start(self):
        """Returns when the program answers over HTTP."""
        self._program = Program("ringhold", PLACE, [self._binary, "serve", "-c", self._config], self._folder)
        wait_until(self._answers, 10, "ringhold answers /healthz", 0.01)

    def _answers(self):
        self._program.must_run()
        return self.alive()

    def alive(self):
        try:
            return self._get("/healthz")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def stop(self):
        """Ends it by SIGTERM and returns the exit status; None if it was not running."""
        if not self._program:
            return None
        status, self._program = self._program.stop(), None
        return status

    def kill(self):
        """Ends it by SIGKILL."""
        self._program.kill()
        self._program = None

    def must_run(self):
        if self._program:
            self._program.must_run()

    def _get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", HTTP_PORT, timeout=3)
        try:
            with inside(PLACE):
                connection.connect()
            connection.request("GET", path)
            reply = connection.getresponse()
            return reply.status, reply.read()
        finally:
            connection.close()

    def api(self, name):
        """The JSON that /api/v1/NAME returns."""
        status, body = self._get(f"/api/v1/{name}")
        if status != 200:
            raise RuntimeError(f"/api/v1/{name} answered {status}: {body[:200]!r}")
        return json.loads(body)

    def status(self):
        return self.api("status")

    def mode(self):
        return self.status()["mode"]

    def registrations(self):
        """User → list of contact URIs bound here."""
        found = {}
        for binding in self.api("registrations"):
            user = binding["aor"].removeprefix("sip:").removesuffix("@" + DOMAIN)
            found.setdefault(user, []).append(binding["contact"])
        return found

    def bindings(self):
        """What a restart must not lose of each binding."""
        return sorted((b["aor"], b["contact"], b["call_id"]) for b in self.api("registrations"))

    def calls(self):
        return self.api("calls")

    def say(self, *words):
        """Runs `ringhold WORDS` beside the running program and returns what it printed."""
        return command(self._binary, *words, "-c", self._config, where=PLACE)

    def push(self, user, text):
        """Sends text to a user, and returns the report of what became of it."""
        return json.loads(self.say("push", "--to", user, "--text", text, "--wait", "--json"))

    def address(self):
        return ADDRESS[PLACE]
