"""What a view costs: the lines of the template that belong to it alone."""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

MAX_LINES = 40


def faults(text: str) -> Iterator[str]:
    """A sentence for each view that costs more lines than `MAX_LINES`."""
    for view in views(text):
        cost = len(lines_of(text, view))
        if cost > MAX_LINES:
            yield (
                f"{view} costs {cost} lines, and a view may cost {MAX_LINES}: write what it has in"
                " common with the other views once, in a loop"
            )


def views(text: str) -> list[str]:
    """The values of the loop over the views."""
    loop = entry(entry(yaml.compose(text), "Resources"), "Fn::ForEach::Views")
    return [each.value for each in loop.value[1].value]


def lines_of(text: str, view: str) -> list[int]:
    """The numbers, from 0, of the lines that belong to one view, without comments and empty
    lines."""
    template = yaml.compose(text)
    functions = [key.value for key, _ in entry(entry(template, "Mappings"), "Functions").value]
    others = [each for each in functions if each != view]
    lines = text.splitlines()
    return sorted(
        number
        for part in parts(template, view, others)
        for number in range(*part)
        if lines[number].strip() and not lines[number].lstrip().startswith("#")
    )


def parts(node: yaml.Node, view: str, others: list[str]) -> Iterator[tuple[int, int]]:
    """The first line of each part that belongs to the view alone, and the line after its last.

    A part is an entry whose key names the view, with all that it contains; an item of a list that
    mentions the view and no other function, such as a statement or the metric of an alarm; or an
    entry with such a value.
    """
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if is_named(key, [view]) or is_text_of(value, view):
                yield key.start_mark.line, end_of(value)
            else:
                yield from parts(value, view, others)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            if is_text_of(item, view) or (
                isinstance(item, yaml.MappingNode)
                and mentions(item, [view])
                and not mentions(item, others)
            ):
                yield item.start_mark.line, end_of(item)
            else:
                yield from parts(item, view, others)


def is_text_of(node: yaml.Node, view: str) -> bool:
    """Whether `node` is a text that names the view, or something of it."""
    return isinstance(node, yaml.ScalarNode) and is_named(node, [view])


def mentions(node: yaml.Node, names: list[str]) -> bool:
    """Whether a text anywhere in `node` names one of the functions, or something of it."""
    if isinstance(node, yaml.SequenceNode):
        return any(mentions(item, names) for item in node.value)
    if isinstance(node, yaml.MappingNode):
        return any(mentions(each, names) for pair in node.value for each in pair)
    return is_named(node, names)


def is_named(node: yaml.Node, names: list[str]) -> bool:
    """Whether a text is `StockView`, or begins with it, as `StockViewTable.Arn` does."""
    return any(re.search(rf"\b{name}(?![a-z])", node.value) for name in names)


def end_of(node: yaml.Node) -> int:
    """The number of the line after `node`. The end of a block is already on that line."""
    is_block = isinstance(node, yaml.CollectionNode) and not node.flow_style
    return node.end_mark.line if is_block else node.end_mark.line + 1


def entry(node: yaml.Node, name: str) -> yaml.Node:
    """The value of one key."""
    return next(value for key, value in node.value if key.value == name)
