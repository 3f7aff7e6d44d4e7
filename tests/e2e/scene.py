"""Everything one scenario needs, set up and taken down in the right order."""

import os
import shutil
import traceback

from bench import Bench
from branch_device import BranchDevice
from capture import Capture
from central_site import CentralSite
from phone import Phone
from rtp_watch import RtpWatch
from sandbox import keep_folder
from timeline import Timeline
from watcher import Watcher

FOLDER = "/run/ringhold-e2e"
PLACES = {"alice": ("p1", "udp"), "bob": ("p2", "udp"), "carol": ("p3", "tcp"), "dave": ("p4", "udp")}


class Scene:
    """Namespaces, central site, the configured (not started) branch device, and phones that are switched off."""

    def __init__(self, binary):
        os.makedirs(FOLDER)
        self.timeline = Timeline()
        self.bench = Bench()
        self.phones = {user: Phone(user, place, transport, FOLDER)
                       for user, (place, transport) in PLACES.items()}
        self.watches = {user: RtpWatch(place) for user, (place, _) in PLACES.items()}
        self.capture = Capture(FOLDER)
        self.central = CentralSite(FOLDER)
        self.device = BranchDevice(binary, FOLDER)
        self.watcher = None

    def start_device(self):
        self.device.check()
        self.device.start()
        if not self.watcher:
            self.watcher = Watcher(self.device, self.central, self.timeline)

    def boot(self, *users):
        for user in users:
            self.timeline.event(user, f"phone {self.phones[user].address} switched on "
                                      f"({self.phones[user].transport.upper()})")
            self.phones[user].boot()

    def close(self):
        """Ends every program. What the kernel holds goes with the sandbox."""
        if self.watcher:
            self.watcher.stop()
        for phone in self.phones.values():
            phone.power_off()
        self.device.stop()
        self.central.stop()
        self.capture.stop()


def play(binary, story):
    """Runs `story(scene)` in a fresh scene. Returns the exit status; keeps the logs if a step did not hold."""
    scene = Scene(binary)
    held = False
    try:
        story(scene)
        held = scene.timeline.held()
    except KeyboardInterrupt:
        scene.timeline.event("stop", "interrupted")
    except Exception as error:
        scene.timeline.event("stop", f"{type(error).__name__}: {error}")
        with open(os.path.join(FOLDER, "failure.txt"), "w") as file:
            traceback.print_exc(file=file)
    finally:
        scene.close()
        scene.timeline.table()
    if not held:
        shutil.copytree(FOLDER, keep_folder(), ignore=shutil.ignore_patterns("*.sock"))
        print(f"\nLogs of all programs and packet captures: {keep_folder()}", flush=True)
    return 0 if held else 1
