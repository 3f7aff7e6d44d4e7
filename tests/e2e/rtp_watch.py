"""Counts the RTP packets that reach a phone, by an nftables counter in the phone's namespace."""

import json
import time

from bench import command
from phone import RTP_FIRST, RTP_LAST
from program import wait_until

# 20 ms per packet make 50 per second; half of it on a busy machine still is a conversation.
ENOUGH = 25


class RtpWatch:
    """Counts in the namespace `place` from construction on."""

    def __init__(self, place):
        self._place = place
        # Even ports are RTP, odd ones RTCP (RFC 3550 section 11).
        rules = f"""table ip rtp {{
            counter heard {{ packets 0 bytes 0; }}
            chain inward {{ type filter hook input priority 0;
                udp dport {RTP_FIRST}-{RTP_LAST} @th,31,1 0 counter name heard;
            }}
        }}"""
        command("nft", rules, where=place)

    def heard(self):
        listing = json.loads(command("nft", "-j", "list", "counters", where=self._place))
        return next(entry["counter"]["packets"] for entry in listing["nftables"] if "counter" in entry)


def both_hear(watches, seconds=6):
    """Waits until every watch has counted ENOUGH further packets; returns their number per second."""
    begin, first = time.monotonic(), [watch.heard() for watch in watches]

    def gained():
        gains = [watch.heard() - was for watch, was in zip(watches, first)]
        return gains if min(gains) >= ENOUGH else None

    gains = wait_until(gained, seconds, f"{ENOUGH} RTP packets in each direction")
    return round(min(gains) / (time.monotonic() - begin))
