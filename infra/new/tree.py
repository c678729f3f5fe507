"""Changes of the workspace's files, made all together or not at all."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

BY_HAND = "shared/ordering/README.md says how to add it by hand"


class CannotWrite(Exception):
    """Why nothing was written, and what to do."""


class Tree:
    """The files of a workspace with their planned changes. Nothing changes before `write`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.texts: dict[str, str] = {}
        self.before: dict[str, bytes | None] = {}

    def text(self, path: str) -> str:
        """A file's text with the planned changes."""
        if path not in self.texts:
            try:
                self.texts[path] = Path(self.root, path).read_text(encoding="utf-8")
            except OSError as error:
                raise CannotWrite(f"{path} cannot be read: {error}; {BY_HAND}") from error
        return self.texts[path]

    def create(self, path: str, text: str) -> None:
        """Adds a file, which must not exist yet."""
        if path in self.texts or Path(self.root, path).exists():
            raise CannotWrite(f"{path} already exists: choose another name")
        self.texts[path] = self.formatted(text) if path.endswith(".rs") else text

    def insert_before(self, path: str, line: str, text: str) -> None:
        """Puts `text` before the only line that starts with `line`."""
        found = re.findall(rf"(?m)^{re.escape(line)}", self.text(path))
        if len(found) != 1:
            raise unexpected(path, f"one line that starts with {line!r}, but {len(found)}")
        self.replace(path, lambda before: before.replace(f"\n{line}", f"\n{text}{line}"))

    def add_in_order(self, path: str, pattern: str, line: str) -> None:
        """Adds a line to the only block of lines that match `pattern`, which are in the order of
        its group."""
        lines = self.text(path).splitlines(keepends=True)
        names = {
            number: found[1]
            for number, each in enumerate(lines)
            if (found := re.fullmatch(pattern, each.rstrip("\n")))
        }
        numbers = [*names]
        if not numbers or numbers[-1] - numbers[0] >= len(numbers):
            raise unexpected(path, f"a block of lines like {line!r}")
        added = re.fullmatch(pattern, line)[1]
        if added in names.values():
            raise CannotWrite(f"{path} already has {line.strip()!r}: choose another name")
        later = (number for number, name in names.items() if name > added)
        lines.insert(next(later, numbers[-1] + 1), f"{line}\n")
        self.texts[path] = "".join(lines)

    def replace(self, path: str, change: Callable[[str], str]) -> None:
        """Changes a file's text. A change without effect is an error."""
        before = self.text(path)
        self.texts[path] = change(before)
        if self.texts[path] == before:
            raise unexpected(path, "the place to change")

    def formatted(self, rust: str) -> str:
        """Rust items as rustfmt writes them: how they wrap depends on the length of the names."""
        command = ["rustfmt", "--edition", "2024", "--config-path", str(self.root)]
        try:
            run = subprocess.run(command, input=rust, capture_output=True, text=True, check=False)
        except OSError as error:
            raise CannotWrite(
                "rustfmt is missing: install it with `rustup component add rustfmt`"
            ) from error
        if run.returncode:
            raise CannotWrite(f"rustfmt rejects what would be written: {run.stderr.strip()}")
        return run.stdout

    def write(self) -> list[str]:
        """Writes every change, and returns the paths of the files that changed."""
        for path, text in self.texts.items():
            file = Path(self.root, path)
            before = file.read_bytes() if file.exists() else None
            if before != text.encode():
                self.before[path] = before
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8")
        return sorted(self.before)

    def keep(self, path: str) -> None:
        """Remembers a file that a command is about to write, for `restore`."""
        file = Path(self.root, path)
        self.before[path] = file.read_bytes() if file.exists() else None

    def restore(self) -> None:
        """Restores every file to its content before `write`."""
        for path, before in self.before.items():
            file = Path(self.root, path)
            if before is not None:
                file.write_bytes(before)
                continue
            file.unlink(missing_ok=True)
            folder = file.parent
            while folder != self.root and folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
                folder = folder.parent


def unexpected(path: str, what: str) -> CannotWrite:
    return CannotWrite(
        f"{path} does not have {what}, as infra/new expects: correct infra/new; {BY_HAND}"
    )
