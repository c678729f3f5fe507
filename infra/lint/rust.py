"""Facts in the Rust sources that the template must agree with.

The sources are read as text, so that linting needs no build. If a fact is written in a form that is
not known here, that is a fault: `Unreadable` says how to write it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from template import ROOT

# The beginning of the names of variables that only Lambda sets.
SET_BY_LAMBDA = "AWS_LAMBDA_"

# Variables that `skald-lambda-dynamodb` reads for a function, by the call that makes it do so.
READ_BY_CALL = {
    ".events()": ("EVENTS_TABLE",),
    ".person_keys()": ("PERSON_KEYS_TABLE", "PERSON_KEYS_KMS_KEY"),
    "serve_view::<": ("EVENTS_TABLE", "DEAD_LETTERS_URL"),
}

VARIABLE = re.compile(r"\bconfig::(?:variable|optional)\(\s*(?:\"(\w+)\"|([^)]*))")
TABLE = re.compile(r"(?:\.view\(|\bserve_view::<[^(]*\([^\"]*)\s*\"(\w+)\"")
VIEW = re.compile(r"\bserve_view::<\s*(\w+)")
READER = re.compile(r"\bimpl\b[^{;]*\bMessageHandler for (\w+)")
CATEGORY = re.compile(
    r"\bimpl\b[^{;]*\bfor (\w+)[^{;]*\{\s*const CATEGORY: [^=]+= (?:\"(\w+)\"|(\w+)::CATEGORY);"
)
STEP_ERROR = re.compile(r"pub const ([A-Z_]+): &'static str = \"(\w+)\";")
UNREADABLE = re.compile(r"const UNREADABLE: &str = \"(\w+)\";")


class Unreadable(Exception):
    """A fact in the sources is written in a form that is not known here."""


@cache
def event_types() -> frozenset[str]:
    """The types of all events: a test keeps a schema of each."""
    return frozenset(file.name.rsplit(".", 2)[0] for file in ROOT.glob("events/schemas/*.json"))


def categories() -> frozenset[str]:
    """The categories that have events."""
    return frozenset(event_type.partition(".")[0] for event_type in event_types())


@cache
def category_read_by(crate: str) -> str:
    """The category of the messages that a function takes from its queue."""
    source = text(ROOT / "functions" / crate / "src")
    owners = VIEW.findall(source) + READER.findall(source)
    if len(owners) != 1:
        raise Unreadable(
            f"functions/{crate} has {len(owners)} readers of messages: write one"
            " `serve_view::<View>` or one `impl MessageHandler for …`"
        )
    domain = text(ROOT / "shared" / "ordering" / "src") + text(ROOT / "events" / "src")
    known = {owner: (literal, other) for owner, literal, other in CATEGORY.findall(source + domain)}
    literal, owner = "", owners[0]
    while not literal:
        if owner not in known:
            raise Unreadable(
                f"the category of {owner} is not found: write it as its impl's first item, `const"
                ' CATEGORY: … = "…";` or `… = Other::CATEGORY;`'
            )
        literal, owner = known.pop(owner)
    return literal


@cache
def category_of_the_unreadable() -> str:
    """The category under which the relay publishes items that belong to no stream."""
    found = UNREADABLE.search(text(ROOT / "functions" / "event-relay" / "src"))
    if not found:
        raise Unreadable(
            'functions/event-relay has no `const UNREADABLE: &str = "…";`: write it like this'
        )
    return found[1]


@cache
def step_errors() -> dict[str, str]:
    """The names of the errors with which a step of the saga can fail, by their constants."""
    found = dict(STEP_ERROR.findall(text(ROOT / "shared" / "kit" / "skald-saga" / "src")))
    if not {"TRANSIENT", "PERMANENT"} <= set(found):
        raise Unreadable(
            'shared/kit/skald-saga/src has no `pub const TRANSIENT: &\'static str = "…";`, or no'
            " PERMANENT: write them like this"
        )
    return found


@cache
def variables_read_by(crate: str) -> frozenset[str]:
    """The environment variables that a function reads in its own crate or in those of the edge."""
    source = text(ROOT / "functions" / crate / "src")
    names = set(TABLE.findall(source))
    wiring = text(ROOT / "shared" / "kit" / "skald-lambda-dynamodb" / "src")
    unlisted = {name for name, _ in VARIABLE.findall(wiring) if name} - {
        name for read in READ_BY_CALL.values() for name in read
    }
    if unlisted:
        raise Unreadable(
            f"skald-lambda-dynamodb reads {', '.join(sorted(unlisted))}: add the call that reads it"
            " to READ_BY_CALL in infra/lint/rust.py"
        )
    for call, read in READ_BY_CALL.items():
        if call in source:
            names.update(read)
    for name, other in VARIABLE.findall(
        source + text(ROOT / "shared" / "kit" / "skald-lambda" / "src")
    ):
        if not name:
            raise Unreadable(
                f"functions/{crate} reads the environment variable `{other}`: write its name into"
                " the call"
            )
        names.add(name)
    return frozenset(name for name in names if not name.startswith(SET_BY_LAMBDA))


def text(folder: Path) -> str:
    """The Rust sources in a folder, without comments that have a line of their own."""
    files: Iterable[Path] = sorted(folder.rglob("*.rs"))
    lines = (line for file in files for line in file.read_text(encoding="utf-8").splitlines())
    return "".join(f"{line}\n" for line in lines if not line.lstrip().startswith("//"))
