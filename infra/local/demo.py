"""`make demo`: places four orders at once on the system that `make run` started.

One is confirmed. For the others the card is declined, the stock is short, or the carrier refuses
the address. Their timelines are drawn side by side while they run, from `GET /orders/{id}/saga` and
`GET /orders/{id}/events`.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import columns
from api import Api, ApiError
from terminal import Terminal
from shop import (
    ADDRESS,
    CUSTOMER,
    NEVER_RECEIVED,
    NEVER_RECEIVED_SKU,
    ORDER,
    PRODUCT,
    REGISTRATION,
    SKU,
)

LOCAL = Path(__file__).resolve().parents[2] / "target" / "local"
FINAL_WITHIN_S = 60
LOOK_EVERY_S = 0.03


@dataclass(frozen=True)
class Story:
    """One of the orders: its outcome, the reason, and how it differs from `ORDER`."""

    title: str
    why: str
    changes: Mapping[str, Any]


STORIES = (
    Story("all is well", "tok_approved", {}),
    Story("the card is declined", "tok_declined", {"payment_token": "tok_declined"}),
    Story(
        "out of stock",
        f"{NEVER_RECEIVED_SKU} never came",
        {"items": [{"sku": NEVER_RECEIVED_SKU, "quantity": 1}]},
    ),
    Story(
        "the carrier refuses",
        "postal code 00000",
        {"shipping_address": {**ADDRESS, "postal_code": "00000"}},
    ),
)


def four_orders(api: Api, terminal: Terminal) -> None:
    """Place the four orders concurrently and draw their timelines. Raises `ApiError`."""
    stock_the_shop(api)
    with ThreadPoolExecutor(len(STORIES)) as callers:
        orders = list(callers.map(lambda story: place(api, story), STORIES))
    terminal.line()
    terminal.line(
        f"  {terminal.bold('Four orders at once')}"
        f"  {terminal.faint('milliseconds since each was placed')}"
    )
    terminal.line()
    board = Board(terminal)
    for drawn in watch(api, orders):
        board.show(drawn)
    board.leave(drawn)
    terminal.line()
    terminal.line(terminal.faint(f"  {columns.LEGEND}"))
    terminal.line()
    terminal.line(
        terminal.faint(f"  The last of them in full: curl {api.url}/orders/{orders[-1]}/saga")
    )
    unfinished = [
        f"{order} ({each.title})"
        for order, each in zip(orders, drawn, strict=True)
        if not each.is_over
    ]
    if unfinished:
        raise ApiError(
            f"neither confirmed nor cancelled after {FINAL_WITHIN_S} seconds:"
            f" {', '.join(unfinished)}. The history of an order's execution says at which step it"
            " is, and the functions' logs say why"
        )


def stock_the_shop(api: Api) -> None:
    """Create what the orders need. Running it again is harmless."""
    api.call("PUT", f"/products/{SKU}", PRODUCT)
    api.call("PUT", f"/products/{NEVER_RECEIVED_SKU}", NEVER_RECEIVED)
    api.call("PUT", f"/customers/{CUSTOMER}", REGISTRATION)
    api.call(
        "POST", f"/stock/{SKU}/receipts", {"quantity": 10, "reference": f"demo-{uuid.uuid4()}"}
    )


def place(api: Api, story: Story) -> str:
    """Place an order and return its id. It uses a connection of its own, so that no order waits for
    another."""
    with contextlib.closing(Api(api.url, api.host)) as own:
        answer = own.call(
            "POST", "/orders", {**ORDER, **story.changes}, {"idempotency-key": str(uuid.uuid4())}
        )
    return answer.body["order_id"]


def watch(api: Api, orders: list[str]) -> Iterator[list[columns.Column]]:
    """The timelines of the orders, again and again until all ended or the time limit passed."""
    deadline = time.monotonic() + FINAL_WITHIN_S
    standing: dict[str, columns.Column] = {}
    while True:
        for order, story in zip(orders, STORIES, strict=True):
            if order not in standing or not standing[order].is_over:
                standing[order] = look(api, order, story)
        yield [standing[order] for order in orders]
        if all(each.is_over for each in standing.values()) or time.monotonic() > deadline:
            return
        time.sleep(LOOK_EVERY_S)


def look(api: Api, order: str, story: Story) -> columns.Column:
    saga = api.call("GET", f"/orders/{order}/saga").body
    events = api.call("GET", f"/orders/{order}/events?limit=100").body["events"]
    return columns.column(story.title, story.why, saga, events)


class Board:
    """The place where the columns are drawn: again and again on a terminal, otherwise once at the
    end."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal
        self.is_live = terminal.is_terminal
        self.lines: list[str] = []

    def show(self, drawn: list[columns.Column]) -> None:
        """Draw in the place of what was drawn, as long as all of it can be seen."""
        width, height = shutil.get_terminal_size((100, 24))
        lines = columns.draw(drawn, width, self.terminal)
        if self.is_live and lines != self.lines and len(lines) < height:
            self._replace(lines)

    def leave(self, drawn: list[columns.Column]) -> None:
        """Draw for the last time."""
        width, _ = shutil.get_terminal_size((100, 24))
        self._replace(columns.draw(drawn, width, self.terminal))

    def _replace(self, lines: list[str]) -> None:
        # In one write, so that the drawing does not flicker.
        back = f"\x1b[{len(self.lines)}F\x1b[J" if self.lines else ""
        sys.stdout.write(back + "".join(f"{line}\n" for line in lines))
        sys.stdout.flush()
        self.lines = lines


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description="Four orders at once, on the system that `make run` started."
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=LOCAL,
        help="the folder with the API's URL (default: %(default)s)",
    )
    chosen = parser.parse_args(argv)
    try:
        address = (chosen.folder / "api-url").read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        print(
            "error: no system is running: start one with `make run` in another shell, and leave it"
            " running",
            file=sys.stderr,
        )
        return 1
    try:
        with contextlib.closing(Api(address)) as api:
            four_orders(api, Terminal())
    except KeyboardInterrupt:
        return 130
    except ApiError as error:
        print(f"\n  error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
