"""Runs the caller again inside namespaces of its own.

A network, a mount and a process namespace hold everything a run creates: when the run ends, by whatever
way, the kernel removes its links, its processes and its files. Nothing of the host is touched.
"""

import os
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77
MARK = "RINGHOLD_E2E_INSIDE"
KEEP = "RINGHOLD_E2E_KEEP"
TOOLS = ("ip", "nft", "tcpdump", "unshare", "kdig", "nsd", "kamailio", "baresip")
PACKAGES = "iproute2 nftables tcpdump util-linux knot-dnsutils nsd kamailio baresip-core"

# The tools of the administrator are not in every user's path.
os.environ["PATH"] += ":/usr/local/sbin:/usr/sbin:/sbin"


def _skip(reason):
    print(f"skipped: {reason}", flush=True)
    sys.exit(SKIPPED)


def _allowed(flags):
    probe = ["unshare", *flags, "sh", "-c", "mount -t tmpfs none /run && ip link set lo up"]
    return subprocess.run(probe, capture_output=True).returncode == 0


def enter(binary):
    """Returns inside the sandbox; outside it never returns: it runs the same command line again there.

    Exits 77 with the reason where namespaces are not allowed or a tool is missing, and 1 without the binary.
    """
    if os.environ.get(MARK):
        subprocess.run(["mount", "-t", "tmpfs", "none", "/run"], check=True)
        return
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        _skip(f"not installed: {', '.join(missing)} (Debian packages: {PACKAGES})")
    if not os.access(binary, os.X_OK):
        sys.exit(f"{binary} is not there: build it first (./dev build)")
    flags = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if not _allowed(flags):
        flags = ["--user", "--map-root-user", *flags]
        if not _allowed(flags):
            _skip("network namespaces are allowed neither to this user nor in a user namespace")
    # Where the logs of a failed run will be kept: chosen outside, so that it outlives the sandbox.
    os.environ[KEEP] = os.path.join(tempfile.gettempdir(), f"ringhold-e2e-{os.getpid()}")
    os.environ[MARK] = "1"
    os.execvp("unshare", ["unshare", *flags, sys.executable, *sys.argv])


def keep_folder():
    """Where the logs of a failed run go: a path on the host's own file system."""
    return os.environ[KEEP]
