"""What cfn-lint finds and what our own rules find is told together."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path

import lint
import template


def faults(*changes: tuple[str, str]) -> list[str]:
    """What is wrong with the template after each text is replaced once."""
    text = template.PATH.read_text(encoding="utf-8")
    for before, after in changes:
        assert before in text, f"the template does not have {before!r}"
        text = text.replace(before, after, 1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "template.yaml"
        path.write_text(text, encoding="utf-8")
        return lint.faults(path)


UNKNOWN_TO_CFN_LINT = ("FilterPolicy: { category: [order] }", "FilterPolicy: { category: [ordr] }")
UNKNOWN_PROPERTY = ("BillingMode: PAY_PER_REQUEST", "BilingMode: PAY_PER_REQUEST")


class Both(unittest.TestCase):
    def test_our_rules_run_where_cfn_lint_finds_faults(self) -> None:
        found = faults(UNKNOWN_TO_CFN_LINT, UNKNOWN_PROPERTY)
        self.assertTrue(any("BilingMode" in fault and "[E3002]" in fault for fault in found), found)
        self.assertTrue(any("'ordr'" in fault and "[every_filter_names_what_is_published]" in fault for fault in found), found)

    def test_a_rule_that_stumbles_over_a_fault_hides_no_other(self) -> None:
        without_effect = ("- Sid: LoadAndAppend\n                Effect: Allow", "- Sid: LoadAndAppend")
        found = faults(UNKNOWN_TO_CFN_LINT, without_effect)
        self.assertTrue(any("could not be looked at" in fault for fault in found), found)
        self.assertTrue(any("'ordr'" in fault for fault in found), found)

    def test_what_sam_cannot_transform_is_told_with_what_cfn_lint_finds(self) -> None:
        found = faults(UNKNOWN_PROPERTY, ("CodeUri: ../target/lambda/order-view/", "CodeUri: [1]"), ("Type: AWS::Serverless::Function", "Typ: x"))
        self.assertTrue(any("BilingMode" in fault for fault in found), found)
        self.assertTrue(any("our own rules did not run" in fault for fault in found), found)


if __name__ == "__main__":
    unittest.main()
