"""The list of the rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from template import Template

Faults = Iterator[str]

RULES: list[Callable[[Template], Faults]] = []


def rule(check: Callable[[Template], Faults]) -> Callable[[Template], Faults]:
    """Register a rule."""
    RULES.append(check)
    return check
