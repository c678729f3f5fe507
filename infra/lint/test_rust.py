"""The rules find the facts that they need in the Rust sources, or report that a fact is written in
a form that they do not know."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path
from unittest import mock

import rust


class Sources(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        root = mock.patch.object(rust, "ROOT", self.root)
        root.start()
        self.addCleanup(root.stop)
        for cached in (
            rust.event_types,
            rust.category_read_by,
            rust.category_of_the_unreadable,
            rust.step_errors,
            rust.variables_read_by,
        ):
            cached.cache_clear()
            self.addCleanup(cached.cache_clear)

    def write(self, folder: str, name: str, *lines: str) -> None:
        (self.root / folder).mkdir(parents=True, exist_ok=True)
        (self.root / folder / name).write_text("\n".join(lines), encoding="utf-8")

    def test_a_view_reads_the_category_of_its_projection(self) -> None:
        self.write(
            "functions/door-view/src",
            "main.rs",
            'serve_view::<DoorView>(&config::aws().await, "DOOR_VIEW_TABLE").await',
        )
        self.write(
            "shared/ordering/src",
            "views.rs",
            "impl Projection for DoorView {",
            "    const CATEGORY: &'static Category = Door::CATEGORY;",
        )
        self.write(
            "shared/ordering/src",
            "door.rs",
            "impl Decider for Door {",
            '    const CATEGORY: &\'static str = "door";',
        )
        self.assertEqual("door", rust.category_read_by("door-view"))

    def test_a_message_handler_names_its_category(self) -> None:
        self.write(
            "functions/bell/src",
            "lib.rs",
            "impl<S: Store, M> MessageHandler for Bell<S, M> {",
            '    const CATEGORY: &\'static str = "door";',
        )
        self.assertEqual("door", rust.category_read_by("bell"))

    def test_a_category_in_an_unknown_form_is_a_fault(self) -> None:
        self.write(
            "functions/bell/src",
            "lib.rs",
            "impl MessageHandler for Bell {",
            '    const CATEGORY: &\'static str = concat!("do", "or");',
        )
        self.assertRaisesRegex(rust.Unreadable, "category of Bell", rust.category_read_by, "bell")
        self.write("functions/deaf/src", "lib.rs", "// serve_view::<DoorView>")
        self.assertRaisesRegex(
            rust.Unreadable, "functions/deaf has 0 readers", rust.category_read_by, "deaf"
        )
        self.write(
            "functions/circle/src",
            "lib.rs",
            "impl MessageHandler for Bell {",
            "    const CATEGORY: &'static str = Bell::CATEGORY;",
        )
        self.assertRaisesRegex(rust.Unreadable, "category of Bell", rust.category_read_by, "circle")

    def test_the_variables_are_the_functions_own_and_those_of_the_edge(self) -> None:
        self.write(
            "functions/bell/src",
            "main.rs",
            'config::variable("DOOR")?',
            '// config::variable("OLD")',
        )
        self.write("functions/bell/src", "ring.rs", "config::optional(", '    "TONE",', ")")
        self.write(
            "shared/kit/skald-lambda/src",
            "http.rs",
            'config::optional("ORIGIN")',
            'config::optional("AWS_LAMBDA_FUNCTION_NAME")',
        )
        self.assertEqual({"DOOR", "TONE", "ORIGIN"}, rust.variables_read_by("bell"))

    def test_the_variables_of_the_stores_are_those_of_the_calls_that_open_them(self) -> None:
        self.write(
            "functions/bell/src",
            "main.rs",
            "(stores.events()?, &stores.person_keys()?)",
            'stores.view("BELL_TABLE")?',
        )
        self.assertEqual(
            {"EVENTS_TABLE", "PERSON_KEYS_TABLE", "PERSON_KEYS_KMS_KEY", "BELL_TABLE"},
            rust.variables_read_by("bell"),
        )
        view = 'serve_view::<DoorView>(&config::aws().await, "DOOR_VIEW_TABLE").await'
        self.write("functions/door-view/src", "main.rs", view)
        self.assertEqual(
            {"EVENTS_TABLE", "DEAD_LETTERS_URL", "DOOR_VIEW_TABLE"},
            rust.variables_read_by("door-view"),
        )

    def test_a_variable_of_the_stores_without_its_call_is_a_fault(self) -> None:
        self.write("functions/bell/src", "main.rs", "")
        self.write("shared/kit/skald-lambda-dynamodb/src", "lib.rs", 'config::variable("NEW")?')
        self.assertRaisesRegex(rust.Unreadable, "READ_BY_CALL", rust.variables_read_by, "bell")

    def test_a_variable_whose_name_is_not_a_literal_is_a_fault(self) -> None:
        self.write("functions/bell/src", "main.rs", "config::variable(NAME)?")
        self.assertRaisesRegex(rust.Unreadable, "`NAME`", rust.variables_read_by, "bell")

    def test_the_errors_of_a_step_are_its_constants(self) -> None:
        lines = [
            f'    pub const {name.upper()}: &\'static str = "{name}";'
            for name in ("Refused", "Transient", "Permanent")
        ]
        self.write("shared/kit/skald-saga/src", "error.rs", *lines)
        self.assertEqual(
            {"REFUSED": "Refused", "TRANSIENT": "Transient", "PERMANENT": "Permanent"},
            rust.step_errors(),
        )
        rust.step_errors.cache_clear()
        self.write("shared/kit/skald-saga/src", "error.rs", *lines[:2])
        self.assertRaisesRegex(rust.Unreadable, "PERMANENT", rust.step_errors)

    def test_the_events_are_those_that_have_a_schema(self) -> None:
        for name in ("door.opened.1.json", "door.opened.2.json", "bell.rung.1.json"):
            self.write("events/schemas", name, "{}")
        self.assertEqual({"door.opened", "bell.rung"}, rust.event_types())
        self.assertEqual({"door", "bell"}, rust.categories())

    def test_the_category_of_unreadable_items_must_be_found(self) -> None:
        self.write("functions/event-relay/src", "lib.rs", 'pub const UNREADABLE: &str = "lost";')
        self.assertEqual("lost", rust.category_of_the_unreadable())
        rust.category_of_the_unreadable.cache_clear()
        self.write("functions/event-relay/src", "lib.rs", "")
        self.assertRaisesRegex(rust.Unreadable, "UNREADABLE", rust.category_of_the_unreadable)


if __name__ == "__main__":
    unittest.main()
