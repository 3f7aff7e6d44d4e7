#!/usr/bin/env python3
"""The demo and, unchanged, the test e2e.first_light. Usage: demo.py [path of the ringhold binary]."""

import os
import signal
import sys

import sandbox
from scene import play
from story import Story

HERE = os.path.dirname(os.path.abspath(__file__))
BINARY = os.path.join(HERE, "..", "..", "build", "release", "ringhold")


def interrupt(*_):
    raise KeyboardInterrupt


def main():
    binary = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else BINARY)
    sandbox.enter(binary)
    signal.signal(signal.SIGTERM, interrupt)
    return play(binary, lambda scene: Story(scene).tell())


if __name__ == "__main__":
    sys.exit(main())
