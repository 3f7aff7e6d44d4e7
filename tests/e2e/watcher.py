"""A thread that looks who is registered where and in which mode the branch device is, and tells changes."""

import http.client
import threading
import time

INTERVAL = 0.25


class Watcher:
    """Looks from construction until `stop`. `modes` keeps (time, mode, cause) of each change."""

    def __init__(self, device, central, timeline):
        self._device = device
        self._central = central
        self._timeline = timeline
        self._places = {}
        self._quiet = threading.Event()
        self.modes = []
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self):
        while True:
            self._look_at_mode()
            self._look_at_phones()
            if self._quiet.wait(INTERVAL):
                return

    def _look_at_mode(self):
        try:
            status = self._device.status()
            state = (status["mode"], status["cause"])
        except (OSError, http.client.HTTPException, RuntimeError, ValueError, KeyError):
            state = ("no answer", "")
        if self.modes and self.modes[-1][1:] == state:
            return
        self.modes.append((time.monotonic(), *state))
        cause = f" (cause: {state[1]})" if state[1] not in ("", "none") else ""
        self._timeline.event("mode", state[0] + cause)

    def _look_at_phones(self):
        places = {}
        for name in ("c1", "c2"):
            for user in self._central.registrations(name):
                places.setdefault(user, set()).add("central")
        try:
            for user in self._device.registrations():
                places.setdefault(user, set()).add("here")
        except (OSError, http.client.HTTPException, RuntimeError, ValueError, KeyError):
            return
        for user in sorted({*places, *self._places}):
            now, before = places.get(user, set()), self._places.get(user, set())
            if now != before:
                self._timeline.event(user, f"registered at: {' and '.join(sorted(now)) or 'nowhere'}")
        self._places = places

    def modes_since(self, moment):
        """The modes that were entered after `moment`, in their order."""
        before = [mode for at, mode, _ in self.modes if at < moment][-1:]
        after = [mode for at, mode, _ in self.modes if at >= moment]
        return [mode for last, mode in zip([*before, *after], after) if mode != last] if before else after

    def stop(self):
        self._quiet.set()
        self._thread.join(5)
