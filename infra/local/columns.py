"""Draws the timelines of `make demo` side by side, from answers of the API.

Pure: uses no clock and no network.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from terminal import Terminal

MARGIN = " "
NARROWEST, WIDEST = (
    24,
    32,
)  # of a column, in characters; a column that finds less room goes below the others
MARKS = {
    "done": "✓",
    "refused": "✗",
    "undone": "↩",
    "closed": "⊘",
    "running": "▸",
    "parked": "‖",
    "event": "●",
}
LEGEND = "✓ done   ✗ refused   ↩ undone   ⊘ closed before it was done   ● the order's own events"
FINAL = ("confirmed", "cancelled")
# The completion of these steps is also an event of the order.
SHOWN_AS_EVENTS = ("commit_order", "confirm_order", "cancel_order")


@dataclass(frozen=True)
class Row:
    """A moment of an order: when it was, what happened, and after how many attempts.

    `at_ms` is in milliseconds since the order was placed; `None` for a step that has not ended.
    """

    at_ms: float | None
    kind: str
    what: str
    attempts: int = 1


@dataclass(frozen=True)
class Column:
    """An order's timeline, with two lines that identify the order."""

    title: str
    subtitle: str
    rows: tuple[Row, ...]
    status: str
    reason: str

    @property
    def is_over(self) -> bool:
        """Whether the order has ended or is parked."""
        return self.status in (*FINAL, "parked")


def column(
    title: str, subtitle: str, saga: Mapping[str, Any], events: Iterable[Mapping[str, Any]]
) -> Column:
    """The timeline of an order, from `GET /orders/{id}/saga` and `GET /orders/{id}/events`."""
    events = list(events)
    placed = instant(events[0]["recorded_at"])

    def since_placed(time: str | None) -> float | None:
        return None if time is None else (instant(time) - placed).total_seconds() * 1000

    parked = [step["step"] for step in saga["steps"] if step["state"] == "parked"]
    status = "parked" if parked and saga["status"] not in FINAL else saga["status"]
    moments = [
        Row(since_placed(event["recorded_at"]), "event", name_of(event["event_type"]))
        for event in events
    ]
    ahead = []
    for step in saga["steps"]:
        what, tries, state = spoken(step["step"]), step["attempts"], step["state"]
        if state == "running":
            ahead.append(Row(None, state, what, tries))
        if state in ("refused", "parked"):
            moments.append(Row(since_placed(step["updated_at"]), state, what, tries))
        if step["done_at"] and step["step"] not in SHOWN_AS_EVENTS:
            moments.append(Row(since_placed(step["done_at"]), "done", what, tries))
        if step["undone_at"]:
            moments.append(
                Row(
                    since_placed(step["undone_at"]), "undone" if step["done_at"] else "closed", what
                )
            )
    # Moments in the same millisecond keep this order: the step, then the event that it appended.
    moments.sort(key=lambda row: (row.at_ms or 0, row.kind == "event" and row.what != "placed"))
    return Column(title, subtitle, (*moments, *ahead), status, reason_of(events, parked))


def draw(columns: list[Column], width: int, terminal: Terminal) -> list[str]:
    """The columns as lines of at most `width` characters: side by side, or one below the other if
    they do not fit."""
    room = (width - len(MARGIN) + 1) // len(columns) - 1
    if room < NARROWEST:
        blocks = [
            side_by_side([each], min(WIDEST, width - len(MARGIN)), terminal) for each in columns
        ]
        return [line for block in blocks for line in (*block, "")][:-1]
    return side_by_side(columns, min(WIDEST, room), terminal)


def side_by_side(columns: list[Column], width: int, terminal: Terminal) -> list[str]:
    height = max(len(each.rows) for each in columns)
    drawn = [one_column(each, height, width, terminal) for each in columns]
    lines = [(MARGIN + " ".join(cells)).rstrip() for cells in zip(*drawn, strict=True)]
    return lines if any(each.reason for each in columns) else lines[:-1]


def one_column(column: Column, height: int, width: int, terminal: Terminal) -> list[str]:
    """A column's cells, each exactly `width` characters wide (styles not counted)."""
    rule = terminal.faint("─" * width)
    cells = [
        terminal.bold(fit(column.title, width)),
        terminal.faint(fit(column.subtitle, width)),
        rule,
    ]
    cells += [row_cell(row, width, terminal) for row in column.rows]
    cells += [" " * width] * (height - len(column.rows))
    return [
        *cells,
        rule,
        status_cell(column, width, terminal),
        terminal.faint(fit(f"{'':7}{column.reason}", width)),
    ]


def row_cell(row: Row, width: int, terminal: Terminal) -> str:
    tries = f" ×{row.attempts}" if row.attempts > 1 else ""
    text = f"{MARKS[row.kind]} {cut(row.what, width - 7 - len(tries))}{tries}"
    at = terminal.faint(f"{clock(row.at_ms):>4}")
    return f"{at} {style(row.kind, fit(text, width - 5), terminal)}"


def style(kind: str, text: str, terminal: Terminal) -> str:
    """The mark is coloured. A running step and the order's own events stand out."""
    mark, rest = text[0], text[1:]
    if kind == "running":
        return terminal.cyan(terminal.bold(text))
    colours = {
        "done": terminal.green,
        "refused": terminal.red,
        "undone": terminal.yellow,
        "closed": terminal.faint,
        "parked": terminal.yellow,
    }
    return colours.get(kind, terminal.cyan)(mark) + (
        terminal.bold(rest) if kind == "event" else rest
    )


def status_cell(column: Column, width: int, terminal: Terminal) -> str:
    if not column.is_over:
        return terminal.faint(fit(f"   … {column.status}", width))
    mark, colour = {
        "confirmed": (MARKS["done"], terminal.green),
        "cancelled": (MARKS["refused"], terminal.red),
        "parked": (MARKS["parked"], terminal.yellow),
    }[column.status]
    ended_ms = max((row.at_ms for row in column.rows if row.at_ms is not None), default=0)
    status = terminal.bold(fit(f"{mark} {column.status}", width - 5))
    return f"{terminal.faint(f'{clock(ended_ms):>4}')} {colour(status)}"


def clock(at_ms: float | None) -> str:
    """Milliseconds in four characters; from ten seconds on, seconds."""
    if at_ms is None:
        return "…"
    return f"{at_ms:.0f}" if round(at_ms) < 10_000 else f"{at_ms / 1000:.0f}s"


def reason_of(events: list[Mapping[str, Any]], parked: list[str]) -> str:
    """Why the order is undone, from its stream, or the step at which it is parked."""
    reasons = [event["data"]["reason"] for event in events if event.get("data", {}).get("reason")]
    return spoken(reasons[-1]) if reasons else f"at {spoken(parked[-1])}" if parked else ""


def name_of(event_type: str) -> str:
    """`undo started` for `order.undo_started`: the column is the order's."""
    return spoken(event_type.partition(".")[2])


def spoken(name: str) -> str:
    return name.replace("_", " ")


def instant(time: str) -> datetime:
    return datetime.fromisoformat(time.replace("Z", "+00:00"))


def fit(text: str, width: int) -> str:
    """`text` in exactly `width` characters."""
    return cut(text, width).ljust(width)


def cut(text: str, width: int) -> str:
    """`text` in at most `width` characters."""
    return text if len(text) <= width else text[: width - 1] + "…"
