"""The faults of cfn-lint and those of the project's own rules are reported together."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path

import lint
import template


def faults(*changes: tuple[str, str]) -> list[str]:
    """The faults of the template after each text is replaced once."""
    text = template.PATH.read_text(encoding="utf-8")
    for before, after in changes:
        assert before in text, f"the template does not have {before!r}"
        text = text.replace(before, after, 1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "template.yaml"
        path.write_text(text, encoding="utf-8")
        return lint.faults(path)


UNKNOWN_TO_CFN_LINT = ("order-view, Category: order }", "order-view, Category: ordr }")
UNKNOWN_PROPERTY = ("BillingMode: PAY_PER_REQUEST", "BilingMode: PAY_PER_REQUEST")


class Both(unittest.TestCase):
    def test_own_rules_run_where_cfn_lint_finds_faults(self) -> None:
        found = faults(UNKNOWN_TO_CFN_LINT, UNKNOWN_PROPERTY)
        self.assertTrue(any("BilingMode" in fault and "[E3002]" in fault for fault in found), found)
        self.assertTrue(
            any(
                "'ordr'" in fault and "[every_filter_names_what_is_published]" in fault
                for fault in found
            ),
            found,
        )

    def test_a_rule_that_fails_hides_no_fault(self) -> None:
        without_effect = (
            "- Sid: LoadAndAppend\n            Effect: Allow",
            "- Sid: LoadAndAppend",
        )
        found = faults(UNKNOWN_TO_CFN_LINT, without_effect)
        self.assertTrue(any("this rule failed" in fault for fault in found), found)
        self.assertTrue(any("'ordr'" in fault for fault in found), found)

    def test_a_view_that_costs_too_much_is_a_fault(self) -> None:
        line = "          STOCK_VIEW_TABLE: !Ref StockViewTable\n          DEAD_LETTERS_URL"
        more = "".join(f"          MORE_{number}: more\n" for number in range(40))
        found = faults((line, more + line))
        self.assertTrue(any("StockView costs" in fault for fault in found), found)

    def test_what_sam_cannot_transform_is_reported_with_what_cfn_lint_finds(self) -> None:
        found = faults(
            UNKNOWN_PROPERTY,
            ("CodeUri: ../target/lambda/order-view/", "CodeUri: [1]"),
            ("Type: AWS::Serverless::Function", "Typ: x"),
        )
        self.assertTrue(any("BilingMode" in fault for fault in found), found)
        self.assertTrue(any("own rules did not run" in fault for fault in found), found)


if __name__ == "__main__":
    unittest.main()
