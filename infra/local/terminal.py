"""Standard output, with or without colours."""

from __future__ import annotations

import os
import sys


class Terminal:
    """Standard output. Colours are used only on a terminal that supports them."""

    def __init__(self) -> None:
        self.is_terminal = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
        self.colours = self.is_terminal and "NO_COLOR" not in os.environ

    def line(self, text: str = "") -> None:
        print(text, flush=True)

    def done(self, meaning: str, call: str, took_ms: float) -> None:
        """One step of the demo, and how long it took."""
        self.line(f"  {self.green('✓')} {meaning:<40} {self.faint(f'{call} {took_ms:6.0f} ms')}")

    def bold(self, text: str) -> str:
        return self._styled("1", text)

    def green(self, text: str) -> str:
        return self._styled("32", text)

    def red(self, text: str) -> str:
        return self._styled("31", text)

    def yellow(self, text: str) -> str:
        return self._styled("33", text)

    def cyan(self, text: str) -> str:
        return self._styled("36", text)

    def faint(self, text: str) -> str:
        return self._styled("2", text)

    def _styled(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colours else text
