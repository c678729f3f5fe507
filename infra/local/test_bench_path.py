"""`make bench-path`: what a cloud did between two moments, and whose processor time that was."""

from __future__ import annotations

import os
import tempfile
import unittest
from collections import Counter
from pathlib import Path

from bench_path import Work, processor_time

TICKS = os.sysconf("SC_CLK_TCK")
EMULATOR = 10


class WorkDone(unittest.TestCase):
    def test_is_the_difference_of_two_moments(self) -> None:
        before = Work(Counter({"kms Decrypt": 2, "sns": 1}), 1.0, 2.0, 3)
        after = Work(Counter({"kms Decrypt": 8, "sns": 1, "dynamodb Query": 60}), 4.0, 8.5, 5)
        self.assertEqual(
            Work(Counter({"kms Decrypt": 6, "dynamodb Query": 60}), 3.0, 6.5, 5), after - before
        )

    def test_is_reported_for_each_order(self) -> None:
        work = Work(Counter({"kms Decrypt": 6, "dynamodb Query": 60}), 3.0, 6.5, 5)
        self.assertEqual(
            [
                "  requests for each order  5.5: dynamodb Query 5.0, kms Decrypt 0.5",
                "  processor time  emulator 3.0 s, functions 6.5 s in 5 processes",
            ],
            work.report(12),
        )

    def test_has_no_processor_time_where_the_system_does_not_show_it(self) -> None:
        with tempfile.TemporaryDirectory() as empty:
            unknown = processor_time(EMULATOR, Path(empty))
        work = Work(Counter({"sns": 1}), *unknown) - Work(Counter(), *unknown)
        self.assertEqual(["  requests for each order  1.0: sns 1.0"], work.report(1))


class ProcessorTime(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="skald-bench-path-")
        self.addCleanup(folder.cleanup)
        self.proc = Path(folder.name)

    def process(self, number: int, parent: int, own: tuple[int, int], ended: tuple[int, int]):
        """Write the `stat` of a process, whose name has a space and a bracket."""
        folder = self.proc / str(number)
        folder.mkdir()
        before = "0 0 0 0 0 0 0 0 0"  # from the process group to the major faults of its children
        text = f"{number} (a) b) S {parent} {before} {own[0]} {own[1]} {ended[0]} {ended[1]} 20 0\n"
        (folder / "stat").write_text(text, encoding="utf-8")

    def test_is_that_of_the_emulator_and_of_its_children(self) -> None:
        self.process(1, 0, (900, 900), (900, 900))
        self.process(EMULATOR, 1, (2 * TICKS, TICKS), (0, 0))
        self.process(11, EMULATOR, (TICKS, 0), (0, 0))
        self.process(12, EMULATOR, (0, 4 * TICKS), (0, 0))
        self.process(13, 1, (900, 900), (0, 0))
        self.assertEqual((3.0, 5.0, 2), processor_time(EMULATOR, self.proc))

    def test_includes_functions_that_have_ended(self) -> None:
        self.process(EMULATOR, 1, (TICKS, 0), (3 * TICKS, 4 * TICKS))
        self.assertEqual((1.0, 7.0, 0), processor_time(EMULATOR, self.proc))


if __name__ == "__main__":
    unittest.main()
