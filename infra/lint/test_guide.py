"""The template of the kit's guide is one that SAM and CloudFormation accept."""

from __future__ import annotations

import json
import tempfile
import unittest
from pathlib import Path

import template
from cfnlint.api import ManualArgs, lint, lint_file

GUIDE = template.ROOT / "shared" / "kit" / "guide" / "template.yaml"


def faults(path: Path) -> list[str]:
    """What cfn-lint finds in the template, or in what SAM makes of it."""
    found = [str(match) for match in lint_file(path, ManualArgs())]
    plain = template.Template(template.read(path)).plain
    return found or [str(match) for match in lint(json.dumps(plain))]


class Guide(unittest.TestCase):
    def test_the_template_is_accepted(self) -> None:
        self.assertEqual(faults(GUIDE), [])

    def test_a_fault_is_found(self) -> None:
        text = GUIDE.read_text(encoding="utf-8")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "template.yaml"
            path.write_text(text.replace("BillingMode", "BilingMode", 1), encoding="utf-8")
            self.assertTrue(any("BilingMode" in fault for fault in faults(path)))


if __name__ == "__main__":
    unittest.main()
