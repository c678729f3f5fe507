"""The part of `make lint` for the template: cfn-lint, the project's own rules, the cost of views.

It needs no credentials and no network.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import cost
import rules
import template
from cfnlint.api import ManualArgs, lint, lint_file

NAME = template.PATH.relative_to(template.ROOT)


def faults(path: Path = template.PATH) -> list[str]:
    """The faults that cfn-lint and the project's own rules find. Faults of one kind do not hide
    those of the other."""
    found = [
        f"{NAME}:{match.linenumber}: {match.message} [{match.rule.id}]"
        for match in lint_file(path, ManualArgs())
    ]
    try:
        checked = template.Template(template.read(path))
    except Exception as error:
        if not found:
            raise
        skipped = "the project's own rules did not run, because SAM cannot transform the template"
        return [*found, f"{NAME}: {skipped}: {error!r}; correct the other faults first"]
    if not found:  # as SAM transforms it; otherwise each fault would be reported twice
        for match in lint(json.dumps(checked.plain)):
            where = ".".join(map(str, match.path or []))
            found.append(f"{NAME}: {where}: {match.message} [{match.rule.id}]")
    text = path.read_text(encoding="utf-8")
    return [
        *found,
        *by_own_rules(checked, is_sound=not found),
        *(f"{NAME}: {fault} [cost]" for fault in cost.faults(text)),
    ]


def by_own_rules(checked: template.Template, *, is_sound: bool) -> list[str]:
    """The faults that the project's own rules find. A rule that fails because the template has
    other faults is reported as a fault."""
    found = []
    for rule in rules.RULES:
        try:
            found += [f"{NAME}: {fault} [{rule.__name__}]" for fault in rule(checked)]
        except Exception as error:
            if is_sound:
                raise
            failed = f"this rule failed ({error!r}): correct the other faults first"
            found.append(f"{NAME}: {failed} [{rule.__name__}]")
    return found


def main() -> int:
    found = faults()
    for fault in found:
        print(fault, file=sys.stderr)
    if not found:
        print(f"{NAME}: cfn-lint and {len(rules.RULES)} own rules find no fault")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
