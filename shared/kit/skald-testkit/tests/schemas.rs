//! The schemas of a catalogue are committed, and every change is compared with them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use skald::event::DomainEvent;
use skald_testkit::schema::{Described, Schemas, SchemasError};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Opened {
    by: String,
}

/// The same shape, with another description.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OpenedDescribed {
    /// The person who opened the door.
    by: String,
}

/// A shape with one more field, which is optional.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OpenedWithKey {
    by: String,
    #[serde(default)]
    with_key: bool,
}

/// A shape in which the field has another name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OpenedRenamed {
    who: String,
}

skald::domain_event! {
    /// The current event.
    enum DoorEvent { Opened(Opened) = "door.opened" @ 1 }
}

skald::domain_event! {
    /// The event with the same shape and another description.
    enum DescribedEvent { Opened(OpenedDescribed) = "door.opened" @ 1 }
}

skald::domain_event! {
    /// The event with another shape at the same schema, which accepts the stored data.
    enum WiderEvent { Opened(OpenedWithKey) = "door.opened" @ 1 }
}

skald::domain_event! {
    /// The event with another shape at the same schema, which rejects the stored data.
    enum RenamedEvent { Opened(OpenedRenamed) = "door.opened" @ 1 }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum How {
    Once,
    Twice,
}

/// An enum with one more variant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum HowLoudly {
    Once,
    Twice,
    Loudly,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Knocked<T> {
    how: T,
}

skald::domain_event! {
    /// The event with an enum.
    enum KnockedEvent { Knocked(Knocked<How>) = "door.knocked" @ 1 }
}

skald::domain_event! {
    /// The event with one more variant in its enum.
    enum KnockedLoudlyEvent { Knocked(Knocked<HowLoudly>) = "door.knocked" @ 1 }
}

skald::domain_event! {
    /// The event with the same change at a new schema number.
    enum UpcastEvent {
        Opened(OpenedRenamed) = "door.opened" @ 2 from {
            1: Opened => |old| OpenedRenamed { who: old.by },
        },
    }
}

/// An empty folder for this test alone.
fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("schemas").join(test);
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// A folder with the schemas of the current door.
fn committed(test: &str) -> PathBuf {
    let folder = folder(test);
    let written = Schemas::default().with::<DoorEvent>().write(&folder).unwrap();
    assert_eq!(written.len(), 1);
    folder
}

fn texts<T: ToString>(all: &[T]) -> Vec<String> {
    all.iter().map(ToString::to_string).collect()
}

#[test]
fn written_schemas_are_read_back_and_written_once() {
    let folder = committed("same");
    let (current, committed) =
        (Schemas::default().with::<DoorEvent>(), Schemas::read(&folder).unwrap());
    assert_eq!((current.breaks(&committed), current.differing(&committed)), (vec![], vec![]));
    assert_eq!(current.write(&folder).unwrap(), []);

    let schema = committed.get("door.opened", 1).unwrap();
    assert_eq!(schema["title"], "door.opened at schema 1");
    assert_eq!(schema["properties"]["by"], json!({ "type": "string" }));
    assert_eq!(schema["additionalProperties"], false);
}

#[test]
fn a_compatible_change_is_reported_and_written() {
    let folder = committed("described");
    let (current, committed) =
        (Schemas::default().with::<DescribedEvent>(), Schemas::read(&folder).unwrap());
    assert_eq!(current.breaks(&committed), []);
    assert_eq!(texts(&current.differing(&committed)), ["door.opened at schema 1"]);
    assert_eq!(texts(&current.write(&folder).unwrap()), ["door.opened at schema 1"]);
    assert_eq!(current.differing(&Schemas::read(&folder).unwrap()), []);
}

/// Asserts that exactly these breaks are named, and that nothing is written.
#[track_caller]
fn assert_breaks(test: &str, current: &Schemas, expected: &[&str]) {
    let folder = committed(test);
    assert_eq!(texts(&current.breaks(&Schemas::read(&folder).unwrap())), expected);

    let error = current.write(&folder).unwrap_err();
    assert!(matches!(error, SchemasError::Breaks(_)), "{error}");
    let text = error.to_string();
    assert!(
        expected.iter().all(|each| text.contains(each)) && text.contains("a new schema number"),
        "{text}"
    );
    assert_eq!(
        Schemas::default().with::<DoorEvent>().differing(&Schemas::read(&folder).unwrap()),
        []
    );
}

#[test]
fn a_breaking_change_is_named_and_not_written() {
    assert_breaks(
        "renamed",
        &Schemas::default().with::<RenamedEvent>(),
        &[
            "door.opened at schema 1, as it was stored, read by this release, \
             /by: the field is written, and not known to the reader",
            "door.opened at schema 1, as it was stored, read by this release, \
             /who: the reader requires the field, and it may not be written",
            "door.opened at schema 1, as this release writes it, read by an older one, \
             /who: the field is written, and not known to the reader",
            "door.opened at schema 1, as this release writes it, read by an older one, \
             /by: the reader requires the field, and it may not be written",
        ],
    );
}

/// All stored data can still be read, but readers of the previous release would dead-letter new
/// data.
#[test]
fn an_additional_optional_field_is_a_breaking_change() {
    assert_breaks(
        "wider",
        &Schemas::default().with::<WiderEvent>(),
        &["door.opened at schema 1, as this release writes it, read by an older one, \
           /with_key: the field is written, and not known to the reader"],
    );
}

#[test]
fn a_new_or_removed_variant_is_a_breaking_change() {
    fn check<Before: DomainEvent, Now: DomainEvent>(expected: &[&str])
    where
        Before::Shapes: Described,
        Now::Shapes: Described,
    {
        let (before, now) = (Schemas::default().with::<Before>(), Schemas::default().with::<Now>());
        assert_eq!(texts(&now.breaks(&before)), expected);
    }
    check::<KnockedEvent, KnockedLoudlyEvent>(&[
        "door.knocked at schema 1, as this release writes it, read by an older one, \
        /how: \"loudly\" is written, and not known to the reader",
    ]);
    check::<KnockedLoudlyEvent, KnockedEvent>(&[
        "door.knocked at schema 1, as it was stored, read by this release, \
        /how: \"loudly\" is written, and not known to the reader",
    ]);
}

#[test]
fn the_same_change_with_a_new_schema_number_breaks_nothing() {
    let folder = committed("upcast");
    let current = Schemas::default().with::<UpcastEvent>();
    assert_eq!(texts(&current.write(&folder).unwrap()), ["door.opened at schema 2"]);
    let shapes: Vec<_> = current.shapes().collect();
    assert_eq!(texts(&shapes), ["door.opened at schema 1", "door.opened at schema 2"]);
    assert!(current.get("door.opened", 1).unwrap()["properties"].get("by").is_some());
    assert!(current.get("door.opened", 2).unwrap()["properties"].get("who").is_some());
}

#[test]
fn a_removed_shape_breaks_every_event_stored_in_it() {
    let (current, committed) = (Schemas::default(), Schemas::default().with::<DoorEvent>());
    let expected =
        ["door.opened at schema 1, as it was stored, read by this release, the whole data: the \
         shape is not known to the reader"];
    assert_eq!(texts(&current.breaks(&committed)), expected);
    assert_eq!(texts(&current.differing(&committed)), ["door.opened at schema 1"]);
}

#[test]
fn an_error_names_the_file_that_is_not_a_schema() {
    for (name, content) in
        [("door.opened.json", "{}"), ("door.opened.1.txt", "{}"), ("door.opened.1.json", "{")]
    {
        let folder = folder("no_schema");
        fs::write(folder.join(name), content).unwrap();
        let error = Schemas::read(&folder).unwrap_err();
        assert!(
            matches!(&error, SchemasError::NotASchema(path) if path.ends_with(name)),
            "{error}"
        );
    }
    assert!(matches!(Schemas::read(Path::new("/nowhere")).unwrap_err(), SchemasError::File { .. }));
}

#[test]
#[should_panic(expected = "door.opened is declared twice")]
fn two_events_with_the_same_name_are_rejected() {
    drop(Schemas::default().with::<DoorEvent>().with::<WiderEvent>());
}
