"""`make lint`, its part for the template: cfn-lint, then our own rules. Needs no credentials and no network."""

from __future__ import annotations

import json
import sys

import rules
import template
from cfnlint.api import ManualArgs, lint, lint_file

NAME = template.PATH.relative_to(template.ROOT)


def faults() -> list[str]:
    """What is wrong with the template: cfn-lint sees it as it is written, then as SAM transforms it, then come our rules.

    Each only if what came before is content: our rules rely on the shapes that cfn-lint knows.
    """
    found = [f"{NAME}:{match.linenumber}: {match.message} [{match.rule.id}]" for match in lint_file(template.PATH, ManualArgs())]
    if found:
        return found
    checked = template.Template(template.read())
    for match in lint(json.dumps(checked.plain)):
        found.append(f"{NAME}: {'.'.join(map(str, match.path or []))}: {match.message} [{match.rule.id}]")
    if found:
        return found
    for rule in rules.RULES:
        found += [f"{NAME}: {fault} [{rule.__name__}]" for fault in rule(checked)]
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
