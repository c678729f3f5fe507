"""`make new` in a copy of the workspace: the result is formatted, linted and tested there.

The copy shares the target directory, so only the workspace's own crates are built again. These
have another version in the copy: Cargo tells packages of two workspaces apart by name and version,
and would otherwise run tests of the copy for those of the workspace.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import unittest
from pathlib import Path

import new
from tree import Tree

TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or new.ROOT / "target")
ENVIRONMENT = {
    **os.environ,
    "CARGO_TARGET_DIR": str(TARGET),
    "PYTHONDONTWRITEBYTECODE": "1",
}
LONGEST = "w" * 32
WIDEST = 100


def content(path: str) -> bytes:
    """The content of a file in the copy."""
    data = Path(new.ROOT, path).read_bytes()
    if path not in ("Cargo.toml", "Cargo.lock"):
        return data
    manifest = Path(new.ROOT, "Cargo.toml").read_text(encoding="utf-8")
    package = manifest[manifest.index("[workspace.package]") :]
    found = re.search(r'^version = "(.+)"$', package, re.MULTILINE)
    assert found, "the workspace has a version"
    # In the lock, only packages of the workspace have no source.
    own = re.compile(rf'^version = "{re.escape(found[1])}"$(?!\nsource)', re.MULTILINE)
    text, number = own.subn(f'version = "{found[1]}-copy"', data.decode())
    assert number, f"{path} has the workspace's version"
    return text.encode()


def copied() -> Path:
    """A copy of the workspace. Files that did not change since the last copy stay, so that Cargo
    does not build them again."""
    copy = TARGET / "new" / "workspace"
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    run = subprocess.run(listed, cwd=new.ROOT, capture_output=True, text=True, check=True)
    paths = {path for path in run.stdout.splitlines() if Path(new.ROOT, path).is_file()}
    for file in copy.rglob("*"):
        if file.is_file() and str(file.relative_to(copy)) not in paths:
            file.unlink()
    for folder in sorted(copy.rglob("*"), reverse=True):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    for path in paths:
        source, target, data = Path(new.ROOT, path), copy / path, content(path)
        if target.exists() and target.read_bytes() == data:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)  # with a new time, otherwise Cargo does not build it
        target.chmod(source.stat().st_mode)
    return copy


def contents(folder: Path) -> dict[Path, bytes]:
    """The content of every file."""
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}


class Rules(unittest.TestCase):
    def refused(self, *arguments: str) -> str:
        """The error of a command that must fail and change no file."""
        before = contents(self.copy)
        run = subprocess.run(
            [sys.executable, "infra/new/new.py", *arguments],
            cwd=self.copy,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(1, run.returncode, run.stdout + run.stderr)
        after = contents(self.copy)
        changed = [path for path in before.keys() | after if before.get(path) != after.get(path)]
        self.assertEqual([], changed)
        return run.stderr

    def setUp(self) -> None:
        self.copy = copied()

    def test_invalid_names_are_refused(self) -> None:
        for name in ("", "Exhibit", "exhibit-points", "a1", "w" * 33, "../x", "exhibit\n"):
            self.assertIn("not a valid name", self.refused("--aggregate", name), name)
        for name in ("type", "operator", "unreadable"):
            self.assertIn("is reserved", self.refused("--aggregate", name), name)

    def test_a_worker_needs_a_free_and_short_name(self) -> None:
        self.assertIn("not a valid name", self.refused("--worker", "w" * 21, "--of", "product"))
        for name in ("order", "shipment", "performer"):
            said = self.refused("--worker", name, "--of", "product")
            self.assertIn("choose another name", said, name)

    def test_a_worker_needs_a_category_without_a_worker(self) -> None:
        self.assertIn("not a valid name", self.refused("--worker", "exhibit"))
        self.assertIn("not a category", self.refused("--worker", "exhibit", "--of", "exhibit"))
        self.assertIn("has a worker", self.refused("--worker", "exhibit", "--of", "payment"))

    def test_a_view_needs_a_category_and_a_free_name(self) -> None:
        self.assertIn("not a valid name", self.refused("--view", "exhibit"))
        self.assertIn("not a category", self.refused("--view", "exhibit", "--of", "exhibit"))
        self.assertIn("another name", self.refused("--view", "stock", "--of", "stock"))

    def test_taken_names_are_refused(self) -> None:
        for name in ("order", "values", "streams", "samples", "category"):
            self.assertIn("choose another name", self.refused("--aggregate", name), name)

    def test_a_file_that_is_not_as_expected_is_an_error_that_changes_nothing(self) -> None:
        cli = self.copy / "infra/cli/src/main.rs"
        cli.write_text(cli.read_text(encoding="utf-8").replace(".decider::<", ".add::<"))
        self.assertIn("infra/cli/src/main.rs does not have", self.refused("--aggregate", "exhibit"))

    def test_code_that_does_not_compile_is_not_written(self) -> None:
        event = self.copy / "infra/new/aggregate" / "event.rs.txt"
        event.write_text(event.read_text(encoding="utf-8").replace("String", "Strin"))
        self.assertIn("nothing was written", self.refused("--aggregate", "exhibit"))

    def test_comments_wrap_with_the_longest_name(self) -> None:
        tree = Tree(self.copy)
        new.aggregate(tree, LONGEST)
        new.view(tree, LONGEST[:20], LONGEST)
        new.worker(tree, LONGEST[:20], LONGEST)
        for path, text in tree.texts.items():
            for line in text.splitlines():
                if LONGEST[:20] in line and line.lstrip().startswith("//"):
                    self.assertLessEqual(len(line), WIDEST, f"{path}: {line}")


class Whole(unittest.TestCase):
    def test_the_written_code_is_formatted_linted_and_passes_its_tests(self) -> None:
        copy = copied()

        def run(*command: str) -> str:
            done = subprocess.run(
                command,
                cwd=copy,
                env=ENVIRONMENT,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            self.assertEqual(0, done.returncode, f"{' '.join(command)}\n{done.stdout}")
            return done.stdout

        said = run("make", f"CARGO_TARGET_DIR={TARGET}", "new", "AGGREGATE=exhibit")
        self.assertIn("added    events/schemas/exhibit.opened.1.json", said)
        said = run("make", f"CARGO_TARGET_DIR={TARGET}", "new", "VIEW=exhibit", "OF=exhibit")
        self.assertIn("added    functions/exhibit-view/", said)
        said = run("make", f"CARGO_TARGET_DIR={TARGET}", "new", "WORKER=probe", "OF=exhibit")
        self.assertIn("added    functions/probe-steps/", said)
        packages = [f"--package={each}" for each in ("events", "ordering", "skald-operator")]
        run("cargo", "fmt", "--all", "--check")
        run("cargo", "clippy", "--locked", *packages, "--all-targets", "--", "--deny=warnings")
        tests = ("cargo", "test", "--locked")
        run(*tests, "--package=events")
        chosen = ("exhibit", "probe", "the_starter_is")
        ran = run(*tests, "--package=ordering", "--test=rules", "--", *chosen)
        self.assertIn("exhibit::opening_it_again_changes_nothing ... ok", ran)
        self.assertIn("exhibit_view::a_row_counts_each_event_once", ran)
        self.assertIn("probe_steps::a_step_is_ahead_before_the_first_event ... ok", ran)
        run(*tests, "--package=skald-operator")
        functions = ("--package=exhibit-view", "--package=probe-steps")
        run("cargo", "clippy", "--locked", *functions, "--", "--deny=warnings")
        run(sys.executable, "infra/lint/lint.py")


if __name__ == "__main__":
    unittest.main()
