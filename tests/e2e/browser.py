"""A browser phone: SIP.js in headless Chromium, in a namespace of its own, over a secure WebSocket (RFC 7118)."""

import contextlib
import http.server
import json
import os
import queue
import shutil
import threading

from bench import ADDRESS, inside
from central_site import DOMAIN
from program import Program, wait_until

HERE = os.path.dirname(os.path.abspath(__file__))
# Where scripts/browser.sh puts the page's library.
LIBRARY = os.path.join(HERE, "..", "..", "build", "browser", "node_modules")
PORT = 8080
WSS_PORT = 7443
TYPES = {".js": "text/javascript", ".html": "text/html"}


def missing():
    """Why there can be no browser phone here; empty when there can."""
    if not shutil.which("chromium"):
        return "chromium is not installed"
    if not os.path.isdir(os.path.join(LIBRARY, "sip.js")):
        return "SIP.js is not there: scripts/browser.sh brings it"
    return ""


class Browser:
    """One user's browser phone. What it reports is found by `wait_report`."""

    def __init__(self, user, place, folder):
        self.user = user
        self.address = ADDRESS[place]
        self._place = place
        self._folder = folder
        self._orders = queue.Queue()
        self.reports = []
        self._program = None
        self._server = None

    def boot(self):
        browser = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                browser._get(self)

            def do_POST(self):
                browser.reports.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                browser._answer(self, b"{}", "application/json")

            def log_message(self, *_):
                pass

        with inside(self._place):
            self._server = http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        home = os.path.join(self._folder, f"browser-{self.user}")
        self._program = Program(f"browser-{self.user}", self._place, [
            "chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-dev-shm-usage", "--disable-background-networking", "--disable-sync", "--disable-component-update",
            "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", "--autoplay-policy=no-user-gesture-required",
            "--ignore-certificate-errors", "--disable-features=WebRtcHideLocalIpsWithMdns", "--enable-logging=stderr",
            f"--user-data-dir={home}", f"http://localhost:{PORT}/"], self._folder, {"HOME": home})

    def _get(self, request):
        path = request.path.split("?")[0]
        if path == "/settings":
            settings = {"user": self.user, "domain": DOMAIN, "server": f"wss://{ADDRESS['box']}:{WSS_PORT}"}
            return self._answer(request, json.dumps(settings).encode(), "application/json")
        if path == "/order":
            try:
                order, argument = self._orders.get(timeout=5)
            except queue.Empty:
                order, argument = None, None
            return self._answer(request, json.dumps({"order": order, "argument": argument}).encode(), "application/json")
        root = os.path.dirname(LIBRARY) if path.startswith("/node_modules/") else os.path.join(HERE, "browser")
        file = os.path.normpath(os.path.join(root, path.lstrip("/") or "index.html"))
        if not file.startswith(os.path.normpath(root)) or not os.path.isfile(file):
            return request.send_error(404)
        with open(file, "rb") as content:
            self._answer(request, content.read(), TYPES.get(os.path.splitext(file)[1], "application/octet-stream"))

    @staticmethod
    def _answer(request, body, kind):
        request.send_response(200)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        with contextlib.suppress(BrokenPipeError):  # the browser was switched off
            request.wfile.write(body)

    def order(self, name, argument=None):
        self._orders.put((name, argument))

    def mark(self):
        return len(self.reports)

    def find_report(self, what, since=0):
        self._program.must_run()
        for one in self.reports[since:]:
            if one["what"] in ("failed", "rejected"):
                raise RuntimeError(f"the browser phone: {one['what']}: {one['detail']}")
        return next((one for one in self.reports[since:] if one["what"] == what), None)

    def wait_report(self, what, seconds, since=0):
        words = f"{what} at the browser phone; so far: {[one['what'] for one in self.reports[since:]]}"
        return wait_until(lambda: self.find_report(what, since), seconds, words, 0.05)

    def power_off(self):
        if self._program:
            self._program.kill()
            self._program = None
        if self._server:
            self._server.shutdown()
            self._server = None
