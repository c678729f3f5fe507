"""Writes a new category of events, or a view or a worker of the saga on one, into the workspace:
`make new AGGREGATE=loyalty`, `make new VIEW=loyalty OF=loyalty`, `make new WORKER=loyalty
OF=loyalty`.

The written code is small but complete: it compiles and has tests, and `make check` accepts it. The
templates are the files in `aggregate`, `view` and `worker`. In them, a category or a worker is
called `widget`; a view, and the category of a worker, `gadget`. Either everything is written or
nothing.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import textwrap
from pathlib import Path

from tree import CannotWrite, Tree

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
NAME = re.compile(r"[a-z]{1,32}")
# Queues, functions and log groups are named after it.
MAX_FUNCTION_NAME = 20
WIDTH = 100

# Names that the workspace cannot use for a module or a type: words of Rust and of its prelude, the
# names that the templates import, the category of what the relay cannot read, an id of the alarms,
# and the names that stand for others in the templates.
RESERVED = frozenset(
    """abstract as async await become box break const continue crate do dyn else enum extern false
    final fn for gen if impl in let loop macro match mod move mut override priv pub ref return self
    static struct super trait true try type typeof union unsafe unsized use virtual where while
    yield alloc core events ordering serde skald std thiserror main tests
    clone copy debug decider default drop eq err from into iterator name none ok operator option ord
    result send sized some string sync vec
    unreadable largest widget gadget""".split()
)


def checked(name: str) -> str:
    """A name that modules and types can have."""
    if not NAME.fullmatch(name):
        raise CannotWrite(
            f"{name!r} is not a valid name: it must have 1 to 32 letters, each a to z"
        )
    if name in RESERVED:
        raise CannotWrite(f"{name!r} is reserved in Rust or in Skald: choose another name")
    return name


def filled_in(template: str, **names: str) -> str:
    """A template's text, with other names in place of `widget` and `gadget`."""
    text = Path(HERE, template).read_text(encoding="utf-8")
    forms = {
        form(word): form(name)
        for word, name in names.items()
        for form in (str.lower, str.title, str.upper)
    }
    return re.sub("|".join(forms), lambda found: forms[found[0]], text)


def aggregate(tree: Tree, name: str) -> list[list[str]]:
    """A category of events with its decider. Returns the commands that complete it."""
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
        "/// Every event type, and its next actor.",
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
    Until {name}.opened is deployed, it may be changed or replaced freely: then change or delete
    its golden file and its file in events/schemas, and run
    `cargo run --package events --example schemas`.
  - Give its streams a function in shared/ordering/src/streams.rs.
  - If a function takes its commands: "A command" in shared/ordering/README.md.
  - If it is to be read: make new VIEW={name} OF={name}
"""


def function_name(name: str) -> str:
    """The beginning of a function's name in the template."""
    if len(name) > MAX_FUNCTION_NAME:
        raise CannotWrite(
            f"{name!r} is not a valid name: a view's or worker's has at most {MAX_FUNCTION_NAME}"
            " letters, because its function and queues are named after it"
        )
    return name.title()


def view(tree: Tree, name: str, of: str) -> list[list[str]]:
    """A view of a category, with its function and its part of the template. Returns the commands
    that complete it."""
    if f"\n{' ' * 12}{of.title()}Event\n" not in tree.text("events/src/category.rs"):
        raise CannotWrite(
            f"{of!r} is not a category of events: OF must be one that events/src/category.rs lists"
        )
    variants = re.findall(r'(?m)^ +(\w+)\(\w+\) = "', tree.text(f"events/src/{of}.rs"))

    def template(file: str) -> str:
        text = filled_in(f"view/{file}", widget=of, gadget=name)
        arms = " | ".join(f"{of.title()}Event::{variant}(_)" for variant in variants)
        return text.replace("/* variants */", arms)

    title = function_name(name)
    views, rules = "shared/ordering/src/views", "shared/ordering/tests/rules"
    tree.create(f"{views}/{name}.rs", template("projection.rs.txt"))
    tree.add_in_order(f"{views}.rs", r"mod (\w+);", f"mod {name};")
    tree.add_in_order(
        f"{views}.rs", r"pub use (\w+)::\{.*\};", f"pub use {name}::{{{title}Row, {title}View}};"
    )
    tree.create(f"{rules}/{name}_view.rs", template("rules.rs.txt"))
    tree.add_in_order(f"{rules}/main.rs", r"mod (\w+);", f"mod {name}_view;")

    tree.create(f"functions/{name}-view/Cargo.toml", template("Cargo.toml.txt"))
    tree.create(f"functions/{name}-view/src/main.rs", template("main.rs.txt"))
    add_to_template(tree, name, of, template("function.yaml.txt"))
    tree.insert_before(
        "infra/lint/rules/functions.py",
        '    ("SagaStarterRole", "EventsTable.Arn")',
        f'    ("{title}ViewRole", "EventsTable.Arn"): READ,\n'
        f'    ("{title}ViewRole", "{title}ViewTable.Arn"): KEEP,\n',
    )
    tree.keep("Cargo.lock")
    return [["cargo", "update", "--workspace", "--offline", "--quiet"]]


def add_to_template(tree: Tree, name: str, of: str, function: str) -> None:
    """The part of infra/template.yaml that belongs to one view."""
    path, resource = "infra/template.yaml", f"{name.title()}View"
    starter = "    SagaStarter: { Name: saga-starter }"
    tree.insert_before(path, starter, f"    {resource}: {{ Name: {name}-view, Category: {of} }}\n")
    tree.insert_before(path, "        - !Ref SagaStarterQueue", f"        - !Ref {resource}Queue\n")
    tree.insert_before(path, "  SagaStarter:\n", function)
    for loop in ("Consumers", "Views", "Functions", "DeadLettersOutputs"):
        add_to_loop(tree, path, loop, resource, "View")

    add_metrics(tree, path, ("sagaStarter", "SagaStarter"), (f"{name}View", resource))


def add_to_loop(tree: Tree, path: str, loop: str, resource: str, kind: str) -> None:
    """Adds a function to the values of a loop, after the last one of its kind."""
    values = re.compile(rf"(?<=  Fn::ForEach::{loop}:\n)( +- \w+\n)( +- \[)([^\]]*)\]")

    def longer(found: re.Match[str]) -> str:
        names = re.split(r",\s*", found[3])
        last = max(number for number, each in enumerate(names) if each.endswith(kind))
        names.insert(last + 1, resource)
        lines = textwrap.wrap(", ".join(names), WIDTH - len(found[2]) - 1)
        return found[1] + found[2] + f"\n{' ' * len(found[2])}".join(lines) + "]"

    tree.replace(path, lambda text: values.sub(longer, text))


def add_metrics(tree: Tree, path: str, old: tuple[str, str], new: tuple[str, str]) -> None:
    """Adds a function's metric to each alarm that has a metric of another function, after that
    metric. Each of the two functions is given by the id of its metric and by its resource."""
    metric = re.compile(rf"(?m)^ +- \{{ Id: {old[0]},.*\n(?: +(?!- ).*\n)*? +Dim.*\n")

    def with_new(found: re.Match[str]) -> str:
        text = found[0].replace(f"Id: {old[0]},", f"Id: {new[0]},").replace(old[1], new[1])
        lines = text.splitlines(keepends=True)
        for number, line in enumerate(lines):
            if len(line) > WIDTH:
                lines[number] = re.sub(", (Value|MetricStat):", rf",\n{' ' * 12}\1:", line)
        return found[0] + "".join(lines)

    tree.replace(path, lambda text: metric.sub(with_new, text))


def after_view(name: str, of: str) -> str:
    title = name.title()
    return f"""\
The function {name}-view maintains the view {name}, one row per stream of category {of}. Next:
  - make check
  - Fold the data that queries need into {title}Row (shared/ordering/src/views/{name}.rs), and
    test it in shared/ordering/tests/rules/{name}_view.rs.
  - Read it: "A query" in shared/ordering/README.md.
"""


def worker(tree: Tree, name: str, of: str) -> list[list[str]]:
    """A function that performs steps of the saga on the streams of a category. It has one step,
    which the saga's plan does not contain yet. Returns the commands that complete it."""
    title, decider = function_name(name), of.title()

    def template(file: str) -> str:
        return filled_in(f"worker/{file}", widget=name, gadget=of)

    saga = "shared/ordering/src/saga"
    definition = f"{saga}/definition.rs"
    aggregate_file = f"shared/ordering/src/{of}.rs"
    if aggregate_file not in tree.texts and not Path(tree.root, aggregate_file).exists():
        raise CannotWrite(
            f"{of!r} is not a category: write it first, with make new AGGREGATE={of}"
        )
    if f": {decider} by " in tree.text(definition):
        raise CannotWrite(f"category {of} has a worker already")
    participant = f"""
    /// The stream of category `{of}`.
    {of}: {decider} by "{name}-steps" {{
        /// A step that has no place in the plan yet.
        Act = "{name}_act",
    }} as {title}Step;
}}

/// The plan of the order saga."""
    tree.replace(
        definition, lambda text: text.replace("}\n\n/// The plan of the order saga.", participant, 1)
    )
    tree.add_in_order(definition, r"use crate::(\w+)::\w+;", f"use crate::{of}::{decider};")
    exported = re.compile(r"(?m)^pub use definition::\{([^}]*)\};$")

    def with_step(found: re.Match[str]) -> str:
        names = [name.strip() for name in found[1].split(",") if name.strip()]
        return f"pub use definition::{{{', '.join([*names, f'{title}Step'])}}};"

    tree.replace(f"{saga}.rs", lambda text: exported.sub(with_step, text))
    tree.texts[f"{saga}.rs"] = tree.formatted(tree.texts[f"{saga}.rs"])
    steps, rules = "shared/ordering/src/steps", "shared/ordering/tests/rules"
    tree.create(f"{steps}/{name}.rs", template("steps.rs.txt"))
    tree.add_in_order(f"{steps}.rs", r"(?:pub )?mod (\w+);", f"pub mod {name};")
    performer = f"{steps}/performer.rs"
    tree.insert_before(
        performer,
        "            Step::Reservation(_) =>",
        f"""            Step::{decider}(_) => {{
                let worker = super::{name}::{title}Worker;
                perform::<OrderSaga, _, _, _>(&worker, store, pause, input, at).await
            }}
""",
    )
    tree.create(f"{rules}/{name}_steps.rs", template("rules.rs.txt"))
    tree.add_in_order(f"{rules}/main.rs", r"mod (\w+);", f"mod {name}_steps;")

    tree.create(f"functions/{name}-steps/Cargo.toml", template("Cargo.toml.txt"))
    tree.create(f"functions/{name}-steps/src/main.rs", template("main.rs.txt"))
    path, resource = "infra/template.yaml", f"{title}Steps"
    tree.insert_before(path, "    OrderSteps: {", f"    {resource}: {{ Name: {name}-steps }}\n")
    tree.insert_before(path, "  OrderSteps:\n", template("function.yaml.txt"))
    add_to_loop(tree, path, "Functions", resource, "Steps")

    add_metrics(tree, path, ("shipment", "ShipmentSteps"), (name, resource))
    tree.insert_before(
        "infra/lint/rules/functions.py",
        '    ("OrderStepsRole", "EventsTable.Arn")',
        f'    ("{title}StepsRole", "EventsTable.Arn"): APPEND,\n',
    )
    tree.keep("Cargo.lock")
    return [["cargo", "update", "--workspace", "--offline", "--quiet"]]


def after_worker(name: str) -> str:
    title = name.title()
    return f"""\
The function {name}-steps can perform steps of the saga. It has one, which does nothing and is not
in the plan yet. Next:
  - make check
  - Give it steps: "A step of the saga" in shared/ordering/README.md. What a step does is written
    in shared/ordering/src/steps/{name}.rs, and tested in
    shared/ordering/tests/rules/{name}_steps.rs. Examples beside it: reservation.rs, if the step
    changes several streams; shipment.rs, if it calls an external system.
  - Once the state machine has the step, `make lint` asks for {title}Steps in the definition and
    the role of the saga in infra/template.yaml.
"""


def complete(tree: Tree, commands: list[list[str]]) -> list[str]:
    """Writes the tree and runs the commands. If one fails, every change is undone."""
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
        for path in tree.before:
            if not Path(tree.root, path).exists():
                raise CannotWrite(f"{path} was not generated, so nothing was written")
    except BaseException:
        tree.restore()
        raise
    return sorted(tree.before)


def main() -> int:
    parser = argparse.ArgumentParser(prog="new.py", description=__doc__.splitlines()[0])
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--aggregate", metavar="NAME", help="a category of events with its decider")
    what.add_argument("--view", metavar="NAME", help="a view of a category, with its function")
    what.add_argument("--worker", metavar="NAME", help="a function for steps of the saga")
    parser.add_argument("--of", metavar="CATEGORY", default="", help="the category of the view or worker")
    given = parser.parse_args()
    tree = Tree(ROOT)
    try:
        if given.worker is not None:
            name = checked(given.worker)
            written = complete(tree, worker(tree, name, checked(given.of)))
            then = after_worker(name)
        elif given.view is not None:
            name = checked(given.view)
            written = complete(tree, view(tree, name, checked(given.of)))
            then = after_view(name, given.of)
        else:
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
