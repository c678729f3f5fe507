"""`make demo`: how it draws four orders, from fixed data and from a scripted API."""

from __future__ import annotations

import contextlib
import fcntl
import http.server
import io
import json
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import unittest
import unittest.mock
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import columns
import demo
from terminal import Terminal

DEMO = Path(__file__).with_name("demo.py")
ENDS_WITHIN_S = 30
STYLES = re.compile(r"\x1b\[\d+m")

BEFORE = ["reserve_stock", "authorize_payment", "create_shipment"]
STEPS = [*BEFORE, "commit_order", "capture_payment", "confirm_order"]


def at(ms: int | None) -> str | None:
    return None if ms is None else f"2026-11-21T10:00:{ms // 1000:02}.{ms % 1000:03}Z"


def event(ms: int, event_type: str, **data: str) -> dict[str, Any]:
    return {"event_type": event_type, "recorded_at": at(ms), "data": data}


def step(
    name: str, state: str, done_ms: int | None = None, undone_ms: int | None = None, **more: Any
) -> dict[str, Any]:
    """A step as the API describes it. `updated_ms` is for one that is neither done nor undone."""
    updated_ms = more.get("updated_ms") or undone_ms or done_ms
    times = {
        "started_at": updated_ms and updated_ms - 5,
        "done_at": done_ms,
        "undone_at": undone_ms,
        "updated_at": updated_ms,
    }
    return {
        "step": name,
        "state": state,
        "attempts": more.get("attempts", 1),
        **{key: at(ms) for key, ms in times.items()},
    }


Answers = tuple[dict[str, Any], list[dict[str, Any]]]


def answers(status: str, steps: list[dict[str, Any]], *events: dict[str, Any]) -> Answers:
    """What the API answers about an order: its saga and its events."""
    return {"order_id": "…", "status": status, "steps": steps}, [event(0, "order.placed"), *events]


def cancelled(reason: str, turned_ms: int, ended_ms: int, *steps: dict[str, Any]) -> Answers:
    ends = [step("cancel_order", "done", ended_ms)]
    events = [
        event(turned_ms, "order.undo_started", reason=reason),
        event(ended_ms, "order.cancelled", reason=reason),
    ]
    return answers("cancelled", [*steps, *ends], *events)


CONFIRMED = answers(
    "confirmed",
    [
        step(name, "done", 40 * n, attempts=2 if name == "authorize_payment" else 1)
        for n, name in enumerate(STEPS, 1)
    ],
    event(160, "order.committed"),
    event(240, "order.confirmed"),
)
DECLINED = cancelled(
    *("payment_declined", 96, 152),
    step("reserve_stock", "undone", 38, 131),
    step("authorize_payment", "refused", updated_ms=77),
    step("create_shipment", "undone", undone_ms=112),
)
OUT_OF_STOCK = cancelled(
    *("stock_unavailable", 60, 83),
    step("reserve_stock", "refused", updated_ms=41),
    step("authorize_payment", "undone", undone_ms=75),
    step("create_shipment", "undone", undone_ms=68),
)
NO_CARRIER = cancelled(
    *("shipment_refused", 140, 10_260),
    step("reserve_stock", "undone", 39, 10_231),
    step("authorize_payment", "undone", 80, 2207),
    step("create_shipment", "refused", updated_ms=118),
)
UNDER_WAY = answers(
    "pending", [step("reserve_stock", "done", 40), step("authorize_payment", "running")]
)
PARKED = answers(
    "pending",
    [
        *(step(name, "done", 40 * n) for n, name in enumerate(BEFORE, 1)),
        step("commit_order", "parked", updated_ms=170, attempts=4),
    ],
    event(190, "order.parked", step="commit_order", error="…"),
)

ENDED = (CONFIRMED, DECLINED, OUT_OF_STOCK, NO_CARRIER)

SIDE_BY_SIDE = """
 all is well              the card is declined     out of stock             the carrier refuses
 tok_approved             tok_declined             LAMP-01 never came       postal code 00000
 ──────────────────────── ──────────────────────── ──────────────────────── ────────────────────────
    0 ● placed               0 ● placed               0 ● placed               0 ● placed
   40 ✓ reserve stock       38 ✓ reserve stock       41 ✗ reserve stock       39 ✓ reserve stock
   80 ✓ authorize pay… ×2   77 ✗ authorize payment   60 ● undo started        80 ✓ authorize payment
  120 ✓ create shipment     96 ● undo started        68 ⊘ create shipment    118 ✗ create shipment
  160 ● committed          112 ⊘ create shipment     75 ⊘ authorize payment  140 ● undo started
  200 ✓ capture payment    131 ↩ reserve stock       83 ● cancelled         2207 ↩ authorize payment
  240 ● confirmed          152 ● cancelled                                   10s ↩ reserve stock
                                                                             10s ● cancelled
 ──────────────────────── ──────────────────────── ──────────────────────── ────────────────────────
  240 ✓ confirmed          152 ✗ cancelled           83 ✗ cancelled          10s ✗ cancelled
                                 payment declined         stock unavailable        shipment refused
"""

ONE_BELOW_THE_OTHER = """
 all is well
 tok_approved
 ────────────────────────────────
    0 ● placed
   40 ✓ reserve stock
   80 ✓ authorize payment ×2
  120 ✓ create shipment
  160 ● committed
  200 ✓ capture payment
  240 ● confirmed
 ────────────────────────────────
  240 ✓ confirmed

 the card is declined
 tok_declined
 ────────────────────────────────
    0 ● placed
   38 ✓ reserve stock
   77 ✗ authorize payment
   96 ● undo started
  112 ⊘ create shipment
  131 ↩ reserve stock
  152 ● cancelled
 ────────────────────────────────
  152 ✗ cancelled
        payment declined

 out of stock
 LAMP-01 never came
 ────────────────────────────────
    0 ● placed
   41 ✗ reserve stock
   60 ● undo started
   68 ⊘ create shipment
   75 ⊘ authorize payment
   83 ● cancelled
 ────────────────────────────────
   83 ✗ cancelled
        stock unavailable
"""

ON_THE_WAY = """
 all is well                      the card is declined
 tok_approved                     tok_declined
 ──────────────────────────────── ────────────────────────────────
    0 ● placed                       0 ● placed
   40 ✓ reserve stock               40 ✓ reserve stock
    … ▸ authorize payment           80 ✓ authorize payment
                                   120 ✓ create shipment
                                   170 ‖ commit order ×4
                                   190 ● parked
 ──────────────────────────────── ────────────────────────────────
    … pending                      190 ‖ parked
                                         at commit order
"""


class Colourful(Terminal):
    def __init__(self) -> None:
        self.is_terminal = self.colours = True


class Plain(Terminal):
    def __init__(self) -> None:
        self.is_terminal = self.colours = False


def drawn(width: int, *orders: Answers, terminal: Terminal | None = None) -> str:
    stories = zip(orders, demo.STORIES, strict=False)
    made = [columns.column(story.title, story.why, *order) for order, story in stories]
    return "\n".join(columns.draw(made, width, terminal or Plain()))


class Drawing(unittest.TestCase):
    maxDiff = None

    def test_four_finished_orders_are_drawn_side_by_side(self) -> None:
        self.assertEqual(SIDE_BY_SIDE.strip("\n"), drawn(100, *ENDED))

    def test_orders_that_do_not_fit_are_drawn_one_below_the_other(self) -> None:
        self.assertEqual(
            ONE_BELOW_THE_OTHER.strip("\n"), drawn(60, CONFIRMED, DECLINED, OUT_OF_STOCK)
        )
        self.assertGreater(drawn(99, *ENDED).count("\n"), 40)

    def test_running_and_parked_orders_are_marked_differently(self) -> None:
        self.assertEqual(ON_THE_WAY.strip("\n"), drawn(110, UNDER_WAY, PARKED))

    def test_no_line_is_wider_than_the_terminal(self) -> None:
        for width in (20, 60, 99, 100, 101, 120, 250):
            lines = drawn(width, *ENDED).splitlines()
            self.assertLessEqual(max(map(len, lines)), width)

    def test_colours_do_not_change_the_text(self) -> None:
        coloured = drawn(120, *ENDED, terminal=Colourful())
        self.assertIn("\x1b[32m✓", coloured)
        self.assertIn("\x1b[31m✗", coloured)
        self.assertIn("\x1b[33m↩", coloured)
        plain = "\n".join(line.rstrip() for line in STYLES.sub("", coloured).splitlines())
        self.assertEqual(drawn(120, *ENDED), plain)


class Script(http.server.BaseHTTPRequestHandler):
    """An API whose orders are under way for the first two requests, and finished after that."""

    protocol_version = "HTTP/1.1"
    placed: list[dict[str, Any]]
    looks: dict[int, int]
    stories: tuple[Answers, ...] = ENDED

    def do_GET(self) -> None:
        _, _, order, what = self.path.partition("?")[0].split("/")
        saga, events = self.stories[self.story(int(order))]
        if what == "events":
            return self.answer(200, {"events": events})
        self.looks[int(order)] = self.looks.get(int(order), 0) + 1
        self.answer(200, saga if self.looks[int(order)] > 2 else UNDER_WAY[0])

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path != "/orders":
            return self.answer(201, {})
        self.placed.append(body)
        self.answer(202, {"order_id": str(len(self.placed) - 1)})

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.answer(200, {})

    def story(self, order: int) -> int:
        """The index of an order's story. Orders are placed concurrently, so in any sequence."""
        body = self.placed[order]
        wanted = [{**demo.ORDER, **story.changes} for story in demo.STORIES]
        return wanted.index(body)

    def answer(self, status: int, body: Mapping[str, Any]) -> None:
        sent = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def scripted_api(**changes: Any) -> Iterator[Path]:
    """A folder with the URL of a scripted API, like the one that `make run` writes."""
    script = type("Script", (Script,), {"placed": [], "looks": {}, **changes})
    with tempfile.TemporaryDirectory() as name, http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), script
    ) as server:
        server.daemon_threads, server.block_on_close = True, False
        threading.Thread(target=server.serve_forever, daemon=True).start()
        Path(name, "api-url").write_text(
            f"http://127.0.0.1:{server.server_port}\n", encoding="utf-8"
        )
        yield Path(name)
        server.shutdown()


class Demo(unittest.TestCase):
    maxDiff = None

    def run_demo(self, folder: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(DEMO), "--folder", str(folder)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=ENDS_WITHIN_S,
            env={**os.environ, "COLUMNS": "100", "LINES": "40"},
        )

    def test_in_a_file_it_is_drawn_once_without_styles(self) -> None:
        with scripted_api() as folder:
            done = self.run_demo(folder)
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        self.assertNotIn("\x1b", done.stdout)
        self.assertIn(SIDE_BY_SIDE, done.stdout)
        self.assertEqual(1, done.stdout.count("all is well"))

    def test_on_a_terminal_it_is_drawn_in_place_as_it_happens(self) -> None:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
        environment = {
            key: value
            for key, value in os.environ.items()
            if key not in ("COLUMNS", "LINES", "NO_COLOR")
        }
        with scripted_api() as folder:
            process = subprocess.Popen(
                [sys.executable, str(DEMO), "--folder", str(folder)],
                stdin=theirs,
                stdout=theirs,
                env={**environment, "TERM": "xterm"},
            )
            os.close(theirs)
            seen = b""
            with contextlib.suppress(
                OSError
            ):  # raised when the other end of the terminal is closed
                while more := os.read(ours, 65536):
                    seen += more
            self.assertEqual(0, process.wait(ENDS_WITHIN_S))
            os.close(ours)
        drawings = re.split(r"\x1b\[\d+F\x1b\[J", STYLES.sub("", seen.decode().replace("\r", "")))
        self.assertGreater(len(drawings), 2, "it was not drawn again in place")
        self.assertIn("▸ authorize payment", drawings[0])
        last = "\n".join(line.rstrip() for line in drawings[-1].splitlines())
        self.assertTrue(last.startswith(SIDE_BY_SIDE.strip("\n")), last)

    def test_an_order_that_does_not_end_is_an_error_that_names_the_order(self) -> None:
        self.enterContext(unittest.mock.patch.object(demo, "FINAL_WITHIN_S", 0.2))
        with scripted_api(stories=(CONFIRMED, UNDER_WAY, DECLINED, DECLINED)) as folder:
            url = (folder / "api-url").read_text(encoding="utf-8").strip()
            expected = self.assertRaisesRegex(demo.ApiError, r"neither .*\(the card is declined\)")
            with contextlib.redirect_stdout(io.StringIO()), contextlib.closing(
                demo.Api(url)
            ) as api, expected:
                demo.four_orders(api, Plain())

    def test_without_a_running_system_it_says_what_to_do(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            done = self.run_demo(Path(name))
        self.assertEqual(1, done.returncode)
        self.assertIn("make run", done.stderr)


if __name__ == "__main__":
    unittest.main()
