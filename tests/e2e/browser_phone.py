"""A browser phone registers here over wss:, and calls and is called by an ordinary phone, while the WAN is dead."""

import browser
from program import wait_until
from scene import FOLDER
from story import Story, must

# baresip tries each way of the media for a second and a half only, which a browser on a busy machine may miss: it is called again.
NO_PATH = "connectivity check failed"
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
        for last in (False, False, True):
            here, there, so_far = page.mark(), alice.mark(), len(alice.text())
            dial()
            page.wait_report("established", 20, here)
            alice.wait_event("CALL_ESTABLISHED", 5, there)
            heard = wait_until(lambda: page.find_report("heard", here) or NO_PATH in alice.text()[so_far:], 15, "media at the browser phone")
            page.order("hang_up")
            if heard is not True or last:
                break
            page.wait_report("ended", 10, here)
            alice.wait_event("CALL_CLOSED", 10, there)
        must(heard is not True, "ICE found no path between the phones, three times")
        page.wait_report("ended", 10, here)
        alice.wait_event("CALL_CLOSED", 10, there)
        wait_until(lambda: not self.device.calls(), 5, "no call is left")
        return f"{heard['detail']} RTP packets heard"
