#!/usr/bin/env python3
"""What failover.py counts, from samples made by hand: a client that is at c1, loses it, is found elsewhere and goes home."""

import os
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "e2e"))

from failover import SCENARIOS, judge, spread
from service import first_at, holes, leads_to

ONLY_BOX = frozenset({"box"})


def samples(*steps):
    """(from, servers) as one sample a second until the next step; the last one's time is the end."""
    made = []
    for (since, servers), (until, _) in zip(steps, steps[1:]):
        made += [(float(at), {"alice": frozenset(servers)}) for at in range(since, until)]
    return made


class WhatIsCounted(unittest.TestCase):
    def test_a_binding_at_a_server_that_is_cut_off_is_none(self):
        seen = samples((0, {"c1"}), (20, set()), (30, {"box"}), (40, ()))
        self.assertEqual(holes(seen, "alice", ONLY_BOX, 10, 40), [(10, 30)])

    def test_times_before_the_fault_and_after_the_repair_are_left_out(self):
        seen = samples((0, set()), (5, {"box"}), (30, set()), (50, ()))
        self.assertEqual(holes(seen, "alice", ONLY_BOX, 10, 40), [(30, 40)])

    def test_two_holes_stay_two(self):
        seen = samples((0, set()), (2, {"box"}), (4, set()), (6, {"box"}), (8, ()))
        self.assertEqual(holes(seen, "alice", ONLY_BOX, 0, 8), [(0, 2), (4, 6)])

    def test_home_is_the_first_binding_there_after_the_repair(self):
        seen = samples((0, {"c1"}), (10, {"box"}), (30, {"box", "c1"}), (40, ()))
        self.assertEqual(first_at(seen, "alice", "c1", 10), 30)
        self.assertIsNone(first_at(seen, "alice", "c2", 10))

    def test_a_scenario_is_judged_from_fault_to_service_and_from_repair_to_home(self):
        seen = samples((0, {"c1"}), (25, {"box"}), (60, set()), (63, {"c1"}), (80, ()))
        outcome = judge(seen, "alice", SCENARIOS[3], 10, 50, 80)
        self.assertEqual((outcome.until_service, outcome.without, outcome.until_home, outcome.without_on_return), (15, 15, 13, 3))

    def test_who_finds_nothing_until_the_repair_has_never_had_service(self):
        outcome = judge(samples((0, {"c1"}), (50, {"c1"}), (80, ())), "alice", SCENARIOS[3], 10, 50, 80)
        self.assertIsNone(outcome.until_service)
        self.assertEqual(outcome.without, 40)

    def test_a_cell_tells_least_greatest_mean_and_never(self):
        self.assertEqual(spread([0.4], 180), "<1")
        self.assertEqual(spread([3, 5.2, 10], 180), "3–10 (6)")
        self.assertEqual(spread([3, None, 5], 180), "3–5 (4), 1 of 3 never")
        self.assertEqual(spread([None], 180), "never in 180")

    def test_a_contact_of_another_address_leads_nowhere(self):
        self.assertFalse(leads_to("<sip:alice@192.0.2.1:5060>", type("Client", (), {"place": "p1"}), "c1"))


if __name__ == "__main__":
    unittest.main()
