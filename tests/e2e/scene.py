"""Everything one scenario needs, set up and taken down in the right order."""

import os
import shutil
import subprocess
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
        self.phones = {user: Phone(user, place, transport, FOLDER)
                       for user, (place, transport) in PLACES.items()}
        self.device = BranchDevice(binary, FOLDER)
        self.bench = self.capture = self.central = self.watcher = None
        self.watches = {}
        self.browser = None

    def build(self):
        """Wires the bench and starts the central site."""
        self.bench = Bench()
        self.capture = Capture(FOLDER)
        self.central = CentralSite(FOLDER)
        self.watches = {user: RtpWatch(place) for user, (place, _) in PLACES.items()}
        self.timeline.event("bench", "branch 10.77.0.0/24, central site 10.78.0.0/24, Kamailio and nsd are up")

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
        for phone in (*self.phones.values(), self.browser):
            if phone:
                phone.power_off()
        self.device.stop()
        for part in (self.central, self.capture):
            if part:
                part.stop()


def open_shell():
    """A shell in the bench: `ip netns exec box …`, `ip netns exec p1 kdig …`."""
    print(f"\nThe bench is up; its files are in {FOLDER}. `ip netns` lists the places; `exit` ends it all.", flush=True)
    subprocess.run([os.environ.get("SHELL", "/bin/sh")], check=False)


def play(binary, tell, stay=False, keep=False):
    """Runs `tell(scene)` in a fresh scene. Returns the exit status; keeps the logs if a step did not hold."""
    scene = Scene(binary)
    held = False
    try:
        scene.build()
        tell(scene)
        held = scene.timeline.held()
    except KeyboardInterrupt:
        scene.timeline.event("stop", "interrupted")
    except Exception as error:
        scene.timeline.event("stop", f"{type(error).__name__}: {error}")
        with open(os.path.join(FOLDER, "failure.txt"), "w") as file:
            traceback.print_exc(file=file)
    finally:
        if stay:
            open_shell()
        scene.close()
        scene.timeline.table()
    if keep or not held:
        shutil.copytree(FOLDER, keep_folder(), ignore=shutil.ignore_patterns("*.sock", "Singleton*"))
        print(f"\nLogs of all programs and packet captures: {keep_folder()}", flush=True)
    return 0 if held else 1
