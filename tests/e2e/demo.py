#!/usr/bin/env python3
"""The demo, and unchanged the end-to-end tests: tells one story in namespaces of its own.

Exit status: 0 every step held, 1 a step did not hold, 2 wrong usage, 77 not possible here (the reason is printed).
"""

import argparse
import os
import signal
import sys

sys.dont_write_bytecode = True  # the source tree stays as it was, also when root runs this

import browser
import sandbox
from browser_phone import BrowserPhone
from cold_start import ColdStart
from first_light import FirstLight
from half_and_half import HalfAndHalf
from partial_faults import PartialFaults
from scene import play
from switching import Switching

HERE = os.path.dirname(os.path.abspath(__file__))
BINARY = os.path.join(HERE, "..", "..", "build", "release", "ringhold")
STORIES = {"first_light": FirstLight, "partial_faults": PartialFaults, "cold_start": ColdStart,
           "half_and_half": HalfAndHalf, "browser_phone": BrowserPhone, "switching": Switching}


def interrupt(*_):
    raise KeyboardInterrupt


def read_arguments():
    reader = argparse.ArgumentParser(description="Ringhold in a branch with real phones, and a WAN that is cut.")
    reader.add_argument("story", nargs="?", default="first_light", choices=STORIES)
    reader.add_argument("--binary", default=BINARY, help="the ringhold to run (default: build/release/ringhold)")
    reader.add_argument("--until", type=int, metavar="N", help="stop after chapter N")
    reader.add_argument("--stay", action="store_true", help="then open a shell in the bench; `exit` ends everything")
    reader.add_argument("--keep", action="store_true", help="keep logs and captures even if every step held")
    return reader.parse_args()


def main():
    arguments = read_arguments()
    binary = os.path.abspath(arguments.binary)
    if arguments.story == "browser_phone" and browser.missing():
        print(f"skipped: {browser.missing()}", flush=True)
        return sandbox.SKIPPED
    sandbox.enter(binary)
    signal.signal(signal.SIGTERM, interrupt)

    def tell(scene):
        STORIES[arguments.story](scene).tell(arguments.until)

    return play(binary, tell, stay=arguments.stay, keep=arguments.keep)


if __name__ == "__main__":
    sys.exit(main())
