"""Writes a new category of events into the workspace: `make new AGGREGATE=loyalty`.

What it writes is small but whole: it compiles, it is tested, and `make check` finds no fault. The
templates are the files in `aggregate`, in which the category is called `widget`. It writes
everything or nothing.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

from tree import CannotWrite, Tree

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
NAME = re.compile(r"[a-z]{1,32}")

# Names that the workspace cannot use for a module or a type: words of Rust and of its prelude, the
# names that the templates import, the category of what the relay cannot read, and the name that
# stands for others in the templates.
RESERVED = frozenset(
    """abstract as async await become box break const continue crate do dyn else enum extern false
    final fn for gen if impl in let loop macro match mod move mut override priv pub ref return self
    static struct super trait true try type typeof union unsafe unsized use virtual where while
    yield alloc core events ordering serde skald std thiserror main tests
    clone copy debug decider default drop eq err from into iterator name none ok operator option ord
    result send sized some string sync vec
    unreadable widget""".split()
)


def checked(name: str) -> str:
    """A name that modules and types can have."""
    if not NAME.fullmatch(name):
        raise CannotWrite(f"{name!r} is no valid name: it must have 1 to 32 letters, each a to z")
    if name in RESERVED:
        raise CannotWrite(f"{name!r} means something else in Rust or in Skald: choose another name")
    return name


def filled_in(template: str, **names: str) -> str:
    """A template's text, with other names in place of `widget`."""
    text = Path(HERE, template).read_text(encoding="utf-8")
    forms = {
        form(word): form(name)
        for word, name in names.items()
        for form in (str.lower, str.title, str.upper)
    }
    return re.sub("|".join(forms), lambda found: forms[found[0]], text)


def aggregate(tree: Tree, name: str) -> list[list[str]]:
    """A category of events with its decider. Gives the commands that complete it."""
    title = name.title()
    if re.search(
        rf"\b(?:struct|enum|trait|type) {title}(?:Event|Opened)\b",
        "".join(file.read_text(encoding="utf-8") for file in tree.root.glob("events/src/*.rs")),
    ):
        raise CannotWrite(f"events has a type {title}Event or {title}Opened: choose another name")

    def template(file: str) -> str:
        return filled_in(f"aggregate/{file}", widget=name)

    tree.create(f"events/src/{name}.rs", template("event.rs.txt"))
    tree.add_in_order("events/src/lib.rs", r"(?:pub )?mod (\w+);", f"mod {name};")
    tree.add_in_order("events/src/lib.rs", r"pub use (\w+)::\*;", f"pub use {name}::*;")
    tree.add_in_order("events/src/category.rs", r" {12}(\w+)Event", f"{' ' * 12}{title}Event")
    tree.create(f"events/golden/{name}.opened.1.json", template("golden.json.txt"))
    tree.insert_before(
        "events/tests/round_trip.rs",
        "#[test]\nfn every_event_survives_a_round_trip",
        tree.formatted(template("generated.rs.txt")) + "\n",
    )

    tree.create(f"shared/ordering/src/{name}.rs", template("decider.rs.txt"))
    tree.add_in_order("shared/ordering/src/lib.rs", r"pub mod (\w+);", f"pub mod {name};")
    rules = "shared/ordering/tests/rules"
    tree.create(f"{rules}/{name}.rs", template("rules.rs.txt"))
    tree.add_in_order(f"{rules}/main.rs", r"mod (\w+);", f"mod {name};")
    tree.insert_before(
        f"{rules}/saga/acting.rs",
        "/// Every type of event there is, and who acts after it.",
        tree.formatted(template("acts.rs.txt")) + "\n",
    )

    cli = "infra/cli/src/main.rs"
    tree.add_in_order(cli, r"use ordering::(\w+)::\w+;", f"use ordering::{name}::{title};")
    tree.add_in_order(cli, r" {8}\.decider::<(\w+)>\(\)", f"        .decider::<{title}>()")

    tree.keep(f"events/schemas/{name}.opened.1.json")
    return [["cargo", "run", "--quiet", "--locked", "--package", "events", "--example", "schemas"]]


def after_aggregate(name: str) -> str:
    title = name.title()
    return f"""\
The category {name} has one event, {name}.opened, and its decider {title} one command. Next:
  - make check
  - Write its own events, commands and rules. shared/ordering/README.md lists what each touches.
    The shape of {name}.opened may change freely until it is deployed: then change its golden
    file too, delete its file in events/schemas, and run
    `cargo run --package events --example schemas`.
  - If a function takes its commands: give its streams a function in
    shared/ordering/src/streams.rs, and see "A command" in shared/ordering/README.md.
  - If it is to be read: see "A view" in shared/ordering/README.md.
"""


def complete(tree: Tree, commands: list[list[str]]) -> list[str]:
    """Writes the tree and runs the commands. If one fails, everything is as it was before."""
    try:
        tree.write()
        for command in commands:
            run = subprocess.run(
                command, cwd=tree.root, capture_output=True, text=True, check=False
            )
            if run.returncode:
                raise CannotWrite(
                    f"`{' '.join(command)}` failed, so nothing was written:\n{run.stderr.strip()}"
                )
    except BaseException:
        tree.restore()
        raise
    return sorted(tree.before)


def main() -> int:
    parser = argparse.ArgumentParser(prog="new.py", description=__doc__.splitlines()[0])
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--aggregate", metavar="NAME", help="a category of events with its decider")
    for part in ("view", "worker"):
        what.add_argument(f"--{part}", metavar="NAME", help=argparse.SUPPRESS)
    given = parser.parse_args()
    tree = Tree(ROOT)
    try:
        for part, heading in ("view", "A view"), ("worker", "A worker"):
            if getattr(given, part) is not None:
                raise CannotWrite(
                    f"it cannot write a {part}: follow {heading!r} in shared/ordering/README.md"
                )
        name = checked(given.aggregate)
        written = complete(tree, aggregate(tree, name))
        then = after_aggregate(name)
    except CannotWrite as error:
        print(f"make new: {error}", file=sys.stderr)
        return 1
    for path in written:
        print(f"  {'added  ' if tree.before[path] is None else 'changed'}  {path}")
    print(f"\n{then}", end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
