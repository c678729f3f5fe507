//! The schemas of a catalogue are written down, kept, and every change is held against them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use skald_testkit::schema::{Schemas, SchemasError};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Opened {
    by: String,
}

/// A field more, which may be missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OpenedWithKey {
    by: String,
    #[serde(default)]
    with_key: bool,
}

/// The field is called otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OpenedBySomebody {
    who: String,
}

skald::domain_event! {
    /// As it is.
    enum DoorEvent { Opened(Opened) = "door.opened" @ 1 }
}

skald::domain_event! {
    /// With another shape at the same schema, which takes what is stored.
    enum WiderEvent { Opened(OpenedWithKey) = "door.opened" @ 1 }
}

skald::domain_event! {
    /// With another shape at the same schema, which does not.
    enum RenamedEvent { Opened(OpenedBySomebody) = "door.opened" @ 1 }
}

skald::domain_event! {
    /// With the same shape at a schema of its own.
    enum UpcastEvent {
        Opened(OpenedBySomebody) = "door.opened" @ 2 from {
            1: Opened => |old| OpenedBySomebody { who: old.by },
        },
    }
}

/// An empty folder of this test's own.
fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("schemas").join(test);
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// A folder with the schemas of the door as it is.
fn committed(test: &str) -> PathBuf {
    let folder = folder(test);
    let written = Schemas::default().with::<DoorEvent>().write(&folder).unwrap();
    assert_eq!(written.len(), 1);
    folder
}

fn told<T: ToString>(all: &[T]) -> Vec<String> {
    all.iter().map(ToString::to_string).collect()
}

#[test]
fn what_is_written_is_read_again_and_written_once() {
    let folder = committed("same");
    let (current, committed) = (Schemas::default().with::<DoorEvent>(), Schemas::read(&folder).unwrap());
    assert_eq!((current.breaks(&committed), current.differing(&committed)), (vec![], vec![]));
    assert_eq!(current.write(&folder).unwrap(), []);

    let schema = committed.get("door.opened", 1).unwrap();
    assert_eq!(schema["title"], "door.opened at schema 1");
    assert_eq!(schema["properties"]["by"], json!({ "type": "string" }));
    assert_eq!(schema["additionalProperties"], false);
}

#[test]
fn a_change_that_breaks_nothing_differs_and_is_written() {
    let folder = committed("wider");
    let (current, committed) = (Schemas::default().with::<WiderEvent>(), Schemas::read(&folder).unwrap());
    assert_eq!(current.breaks(&committed), []);
    assert_eq!(told(&current.differing(&committed)), ["door.opened at schema 1"]);
    assert_eq!(told(&current.write(&folder).unwrap()), ["door.opened at schema 1"]);
    assert_eq!(current.differing(&Schemas::read(&folder).unwrap()), []);
}

#[test]
fn a_change_that_breaks_something_is_named_and_not_written() {
    let folder = committed("renamed");
    let current = Schemas::default().with::<RenamedEvent>();
    let expected = [
        "door.opened at schema 1, /by: the field is gone, or called otherwise",
        "door.opened at schema 1, /who: the field is required, and what is stored may not have it",
    ];
    assert_eq!(told(&current.breaks(&Schemas::read(&folder).unwrap())), expected);

    let refused = current.write(&folder).unwrap_err();
    assert!(matches!(refused, SchemasError::Breaks(_)), "{refused}");
    assert!(expected.iter().all(|each| refused.to_string().contains(each)), "{refused}");
    assert_eq!(Schemas::default().with::<DoorEvent>().differing(&Schemas::read(&folder).unwrap()), []);
}

#[test]
fn the_same_change_at_a_schema_of_its_own_breaks_nothing() {
    let folder = committed("upcast");
    let current = Schemas::default().with::<UpcastEvent>();
    assert_eq!(told(&current.write(&folder).unwrap()), ["door.opened at schema 2"]);
    let shapes: Vec<_> = current.shapes().collect();
    assert_eq!(told(&shapes), ["door.opened at schema 1", "door.opened at schema 2"]);
    assert!(current.get("door.opened", 1).unwrap()["properties"].get("by").is_some());
    assert!(current.get("door.opened", 2).unwrap()["properties"].get("who").is_some());
}

#[test]
fn a_shape_that_is_no_longer_known_breaks_all_that_is_stored_in_it() {
    let (current, committed) = (Schemas::default(), Schemas::default().with::<DoorEvent>());
    let expected = ["door.opened at schema 1, the whole: the shape is no longer known"];
    assert_eq!(told(&current.breaks(&committed)), expected);
    assert_eq!(told(&current.differing(&committed)), ["door.opened at schema 1"]);
}

#[test]
fn a_file_that_is_no_schema_is_named() {
    for (name, content) in [("door.opened.json", "{}"), ("door.opened.1.txt", "{}"), ("door.opened.1.json", "{")] {
        let folder = folder("no_schema");
        fs::write(folder.join(name), content).unwrap();
        let refused = Schemas::read(&folder).unwrap_err();
        assert!(matches!(&refused, SchemasError::NoSchema(path) if path.ends_with(name)), "{refused}");
    }
    assert!(matches!(Schemas::read(Path::new("/nowhere")).unwrap_err(), SchemasError::File { .. }));
}

#[test]
#[should_panic(expected = "door.opened is declared twice")]
fn two_events_of_one_name_are_noticed() {
    drop(Schemas::default().with::<DoorEvent>().with::<WiderEvent>());
}
