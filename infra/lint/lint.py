"""`make lint`, its part for the template: cfn-lint, then our own rules. Needs no credentials and no network."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import rules
import template
from cfnlint.api import ManualArgs, lint, lint_file

NAME = template.PATH.relative_to(template.ROOT)


def faults(path: Path = template.PATH) -> list[str]:
    """The faults that cfn-lint and our own rules find. Neither hides those of the other."""
    found = [f"{NAME}:{match.linenumber}: {match.message} [{match.rule.id}]" for match in lint_file(path, ManualArgs())]
    try:
        checked = template.Template(template.read(path))
    except Exception as error:
        if not found:
            raise
        return [*found, f"{NAME}: our own rules did not run, because SAM cannot transform this: {error!r}"]
    if not found:  # as SAM transforms it, or each fault would be reported twice
        for match in lint(json.dumps(checked.plain)):
            found.append(f"{NAME}: {'.'.join(map(str, match.path or []))}: {match.message} [{match.rule.id}]")
    return found + by_our_rules(checked, is_sound=not found)


def by_our_rules(checked: template.Template, *, is_sound: bool) -> list[str]:
    """The faults that our own rules find. A rule that fails on an unexpected shape is one too."""
    found = []
    for rule in rules.RULES:
        try:
            found += [f"{NAME}: {fault} [{rule.__name__}]" for fault in rule(checked)]
        except Exception as error:
            if is_sound:
                raise
            found.append(f"{NAME}: correct the other faults first, this could not be looked at: {error!r} [{rule.__name__}]")
    return found


def main() -> int:
    found = faults()
    for fault in found:
        print(fault, file=sys.stderr)
    if not found:
        print(f"{NAME}: cfn-lint and {len(rules.RULES)} rules of our own are content")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
