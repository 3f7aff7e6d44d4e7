"""A browser phone registers here over wss:, and calls and is called by an ordinary phone, while the WAN is dead."""

import browser
from program import wait_until
from scene import FOLDER
from story import Story

REGISTERED, CALLS, CALLED = "1 the browser registers by secure WebSocket", "1 browser→alice", "1 alice→browser"


class BrowserPhone(Story):
    """About half a minute."""

    chapters = (("Chapter 1: a web page is a phone", (REGISTERED, CALLS, CALLED), "page"),)

    def page(self):
        self.scene.bench.drop_all()
        self.line.event("wan", "everything dropped silently")
        self.device.listen_for_browsers(f"http://localhost:{browser.PORT}", browser.WSS_PORT)
        self.scene.start_device()
        self.scene.browser = page = browser.Browser("browser", "p4", FOLDER)
        self.phones["alice"].use_web_media()

        def register():
            self.scene.boot("alice")
            page.boot()
            page.wait_report("registered", 30)
            return self.wait_here(["alice", "browser"], 40)

        self.line.run(REGISTERED, register)
        self.line.run(CALLS, lambda: self._call(page, lambda: page.order("call", "alice")))
        self.line.run(CALLED, lambda: self._call(page, lambda: self.phones["alice"].dial("browser")))

    def _call(self, page, dial):
        """A whole call in which the browser hears; it hangs up, and alice hears the BYE."""
        alice = self.phones["alice"]
        here, there = page.mark(), alice.mark()
        dial()
        page.wait_report("established", 20, here)
        alice.wait_event("CALL_ESTABLISHED", 5, there)
        heard = page.wait_report("heard", 15, here)
        page.order("hang_up")
        page.wait_report("ended", 10, here)
        alice.wait_event("CALL_CLOSED", 10, there)
        wait_until(lambda: not self.device.calls(), 5, "no call is left")
        return f"{heard['detail']} RTP packets heard"
