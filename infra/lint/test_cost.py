"""Every line that a view costs is counted, and too many lines are a fault."""

from __future__ import annotations

import re
import unittest

import cost
import template
import yaml
from rules import pipe, references

TEXT = template.PATH.read_text(encoding="utf-8")

# The rules that fail if a view is removed with a line too few or too many.
WHOLE = (
    references.every_reference_resolves,
    references.every_dependency_resolves,
    pipe.every_queue_has_an_alarm,
)


class Cost(unittest.TestCase):
    def test_no_view_of_the_template_costs_too_much(self) -> None:
        self.assertLessEqual({"OrderView", "StockView"}, {*cost.views(TEXT)})
        self.assertEqual([], list(cost.faults(TEXT)))

    def test_everything_that_a_view_adds_is_counted(self) -> None:
        """Without the lines of one view, the template is sound and does not mention the view."""
        for view in cost.views(TEXT):
            rest = without(TEXT, view)
            self.assertFalse(cost.mentions(yaml.compose(rest), [view]), view)
            checked = template.Template(template.parsed(rest))
            for rule in WHOLE:
                self.assertEqual([], list(rule(checked)), (view, rule.__name__))

    def test_a_view_that_costs_too_much_is_a_fault(self) -> None:
        spare = cost.MAX_LINES - len(cost.lines_of(TEXT, "StockView"))
        self.assertEqual([], list(cost.faults(with_variables(spare))))
        (fault,) = cost.faults(with_variables(spare + 1))
        self.assertIn(f"StockView costs {cost.MAX_LINES + 1} lines", fault)

    def test_everything_that_names_a_view_is_counted(self) -> None:
        before = len(cost.lines_of(TEXT, "StockView"))
        alarm = "  StockViewAlarm:\n    Type: AWS::CloudWatch::Alarm\n    # comment\n\n"
        for added, count in (
            (("Resources:\n", f"Resources:\n{alarm}"), 2),
            (("            Resource: !GetAtt StockViewTable.Arn\n", STATEMENT), 4),
            (("        - !Ref StockViewQueue\n", 2 * "        - !Ref StockViewQueue\n"), 1),
        ):
            self.assertIn(added[0], TEXT)
            self.assertEqual(before + count, len(cost.lines_of(TEXT.replace(*added), "StockView")))


STATEMENT = """\
            Resource: !GetAtt StockViewTable.Arn
          - Sid: ReadStockAgain
            Effect: Allow
            Action: dynamodb:Query
            Resource: !GetAtt StockViewTable.Arn
"""


def with_variables(count: int) -> str:
    """The template with `count` more lines in the function of the stock view."""
    line = "          STOCK_VIEW_TABLE: !Ref StockViewTable\n          DEAD_LETTERS_URL"
    more = "".join(f"          MORE_{number}: more\n" for number in range(count))
    assert line in TEXT
    return TEXT.replace(line, f"{more}{line}")


def without(text: str, view: str) -> str:
    """The template without the lines of one view, and without its name in lists of several."""
    numbers = set(cost.lines_of(text, view))
    in_list = re.compile(rf"\b{view}(?:Table)?(?:, |,$)|, {view}(?=\])")
    rest = [
        in_list.sub("", line)
        for number, line in enumerate(text.splitlines())
        if number not in numbers or in_list.search(line)
    ]
    return "\n".join(rest)


if __name__ == "__main__":
    unittest.main()
