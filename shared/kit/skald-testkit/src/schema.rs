//! JSON Schemas of stored shapes. They are committed and compared, so that a change of a shape
//! fails a test that names the field.
//!
//! A type and its schema number name one shape forever. A narrower shape cannot read stored data. A
//! wider shape is not allowed either: readers of an older release know the number, so they do not
//! wait, and reject what is written in the wider shape. Every other shape, even with one more
//! variant, needs a new number. Older readers do not know that number, and wait.
//!
//! [`Schemas`] contains the schema of every shape of a catalogue, which `schemars` generates from
//! the Rust types. An example in the crate of the events [writes](Schemas::write) them into a
//! folder, one file for each shape, and a test compares the folder with the code:
//!
//! ```
//! use schemars::JsonSchema;
//! use serde::{Deserialize, Serialize};
//! use skald_testkit::schema::Schemas;
//!
//! /// A person opened the door.
//! #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
//! #[serde(deny_unknown_fields)]
//! pub struct DoorOpened { by: String }
//!
//! skald::domain_event! {
//!     pub enum DoorEvent { Opened(DoorOpened) = "door.opened" @ 1 }
//! }
//!
//! # let folder = std::env::temp_dir().join(format!("skald-schemas-{}", std::process::id()));
//! # std::fs::create_dir_all(&folder)?;
//! // The example: `cargo run --example schemas`.
//! Schemas::default().with::<DoorEvent>().write(&folder)?;
//!
//! // The test.
//! let (current, committed) = (Schemas::default().with::<DoorEvent>(), Schemas::read(&folder)?);
//! assert_eq!(current.breaks(&committed), []);
//! assert_eq!(current.differing(&committed), [], "run the example");
//! # std::fs::remove_dir_all(&folder)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The feature `schema` of `skald` provides the schemas of its types that events contain.

mod alternatives;
mod breaks;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde_json::Value;
use skald::event::DomainEvent;

pub use breaks::{Break, Difference, breaks};

/// Names the shape of an event: its type, and the version of the type's schema.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shape {
    /// The stored name, such as `order.placed`.
    pub event_type: String,
    /// The version, from 1.
    pub schema: u32,
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at schema {}", self.event_type, self.schema)
    }
}

/// The reader that a change of a shape stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// This release: it cannot read data that was stored in the committed shape.
    Current,
    /// An older release: it knows the committed shape, and cannot read what this release writes.
    Older,
}

/// A place where a change of a shape stops a reader.
#[derive(Debug, Clone, PartialEq)]
pub struct ShapeBreak {
    /// The shape.
    pub shape: Shape,
    /// The reader that is stopped.
    pub reader: Reader,
    /// The place and the difference.
    pub at: Break,
}

impl fmt::Display for ShapeBreak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reader = match self.reader {
            Reader::Current => "as it was stored, read by this release",
            Reader::Older => "as this release writes it, read by an older one",
        };
        write!(f, "{}, {reader}, {}", self.shape, self.at)
    }
}

/// Why schemas could not be read or written.
///
/// # Examples
///
/// ```
/// use skald_testkit::schema::{Schemas, SchemasError};
///
/// # let folder = std::env::temp_dir().join(format!("skald-no-schema-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// std::fs::write(folder.join("README.md"), "The schemas of a library")?;
/// let read = Schemas::read(&folder);
/// assert!(matches!(read, Err(SchemasError::NotASchema(path)) if path.ends_with("README.md")));
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, thiserror::Error)]
pub enum SchemasError {
    /// A file or the folder could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// The error of the file system.
        source: io::Error,
    },
    /// A file is not named `<type>.<schema>.json`, or is not a JSON Schema.
    #[error("{} is not the JSON Schema of an event", .0.display())]
    NotASchema(PathBuf),
    /// A committed shape would be replaced by another one.
    #[error(
        "no schema was written, because shapes would change without a new number:{}\n{HELP}",
        listed(.0)
    )]
    Breaks(Vec<ShapeBreak>),
}

/// How to resolve a [`ShapeBreak`].
pub const HELP: &str = "Give the changed shape a new schema number (`from` in `domain_event!`), \
    even if it only has one more variant: readers that do not know the number wait, and readers \
    that know it reject unexpected data. If no release ever wrote this shape, delete its file and \
    write the schemas again.";

fn listed(breaks: &[ShapeBreak]) -> String {
    breaks.iter().map(|each| format!("\n  {each}")).collect()
}

/// The JSON Schemas of all shapes of some events. Data stored in a shape is valid against its
/// schema.
///
/// # Examples
///
/// ```
/// use schemars::JsonSchema;
/// use serde::{Deserialize, Serialize};
/// use skald_testkit::schema::{Difference, Reader, Schemas};
/// # mod before {
/// #     use schemars::JsonSchema;
/// #     use serde::{Deserialize, Serialize};
/// #     #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
/// #     #[serde(deny_unknown_fields)]
/// #     pub struct Lent { to: String }
/// #     skald::domain_event! { pub enum BookEvent { Lent(Lent) = "book.lent" @ 1 } }
/// # }
///
/// #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
/// #[serde(deny_unknown_fields)]
/// pub struct Lent {
///     to: String,
///     due: Option<String>, // a new field, without a new schema number
/// }
///
/// skald::domain_event! {
///     pub enum BookEvent { Lent(Lent) = "book.lent" @ 1 }
/// }
///
/// # let committed = Schemas::default().with::<before::BookEvent>();
/// let current = Schemas::default().with::<BookEvent>();
/// assert_eq!(current.shapes().next().unwrap().to_string(), "book.lent at schema 1");
/// assert!(current.get("book.lent", 1).is_some());
///
/// // An older release does not know the field and rejects the event.
/// let [found] = &current.breaks(&committed)[..] else { panic!("one break") };
/// assert_eq!(found.reader, Reader::Older);
/// assert_eq!(found.at.pointer, "/due");
/// assert_eq!(found.at.difference, Difference::FieldUnknown);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Schemas(BTreeMap<Shape, Schema>);

impl Schemas {
    /// Adds every shape of `E`, generated from its Rust types.
    ///
    /// # Panics
    /// If a shape of `E` is already present: two events share a type.
    #[must_use]
    pub fn with<E: DomainEvent>(mut self) -> Self
    where
        E::Shapes: Described,
    {
        let mut schemas = Vec::new();
        E::Shapes::describe(&mut schemas);
        for (&(event_type, version), mut schema) in E::SHAPES.iter().zip(schemas) {
            let shape = Shape { event_type: event_type.to_owned(), schema: version };
            schema.insert("title".to_owned(), shape.to_string().into());
            assert!(self.0.insert(shape, schema).is_none(), "{event_type} is declared twice");
        }
        self
    }

    /// Reads the schemas in this folder: exactly the files `<type>.<schema>.json`.
    ///
    /// # Errors
    /// [`SchemasError`] at the first file that cannot be read or is not a schema.
    pub fn read(folder: &Path) -> Result<Self, SchemasError> {
        let mut schemas = BTreeMap::new();
        for file in fs::read_dir(folder).map_err(file_error(folder))? {
            let path = file.map_err(file_error(folder))?.path();
            let text = fs::read(&path).map_err(file_error(&path))?;
            let parsed = shape_of(&path).zip(serde_json::from_slice(&text).ok());
            let (shape, schema) = parsed.ok_or(SchemasError::NotASchema(path))?;
            schemas.insert(shape, schema);
        }
        Ok(Self(schemas))
    }

    /// Writes the new and the changed schemas into this folder, which must exist. Returns the
    /// shapes that were written.
    ///
    /// # Errors
    /// [`SchemasError::Breaks`] if a shape in the folder would change: the changed shape needs a
    /// new schema number. Nothing is written then. The other kinds if the folder cannot be read or
    /// written.
    pub fn write(&self, folder: &Path) -> Result<Vec<Shape>, SchemasError> {
        let committed = Self::read(folder)?;
        let breaks = self.breaks(&committed);
        if !breaks.is_empty() {
            return Err(SchemasError::Breaks(breaks));
        }
        let differing = self.differing(&committed);
        for shape in &differing {
            let path = folder.join(format!("{}.{}.json", shape.event_type, shape.schema));
            let text = serde_json::to_string_pretty(&self.0[shape]).map_err(io::Error::from);
            text.and_then(|text| fs::write(&path, text + "\n")).map_err(file_error(&path))?;
        }
        Ok(differing)
    }

    /// The schema of this shape.
    #[must_use]
    pub fn get(&self, event_type: &str, schema: u32) -> Option<&Value> {
        self.0.get(&Shape { event_type: event_type.to_owned(), schema }).map(Schema::as_value)
    }

    /// The shapes, by type and version.
    pub fn shapes(&self) -> impl Iterator<Item = &Shape> {
        self.0.keys()
    }

    /// The places where a shape of `committed` differs from the same shape here: stored data cannot
    /// be read or gets another meaning, or readers of an older release cannot read what this
    /// release writes; see [`breaks`]. Empty if shapes are only added, or only names, descriptions
    /// or the order differ.
    #[must_use]
    pub fn breaks(&self, committed: &Self) -> Vec<ShapeBreak> {
        let breaks_of = |(shape, before): (&Shape, &Schema)| {
            let found = match self.0.get(shape).map(|now| (before.as_value(), now.as_value())) {
                Some((before, now)) => {
                    let by_this = breaks(before, now).into_iter().map(|at| (Reader::Current, at));
                    by_this
                        .chain(breaks(now, before).into_iter().map(|at| (Reader::Older, at)))
                        .collect()
                }
                None => {
                    vec![(
                        Reader::Current,
                        Break { pointer: String::new(), difference: Difference::ShapeUnknown },
                    )]
                }
            };
            let with_shape = |(reader, at)| ShapeBreak { shape: shape.clone(), reader, at };
            found.into_iter().map(with_shape).collect::<Vec<_>>()
        };
        committed.0.iter().flat_map(breaks_of).collect()
    }

    /// The shapes whose schemas differ between this catalogue and `committed`, or exist in only one
    /// of them.
    #[must_use]
    pub fn differing(&self, committed: &Self) -> Vec<Shape> {
        let all: BTreeSet<_> = self.0.keys().chain(committed.0.keys()).collect();
        all.into_iter()
            .filter(|shape| self.0.get(shape) != committed.0.get(shape))
            .cloned()
            .collect()
    }
}

/// The shape that a file is named after.
fn shape_of(path: &Path) -> Option<Shape> {
    let (event_type, schema) =
        path.file_name()?.to_str()?.strip_suffix(".json")?.rsplit_once('.')?;
    Some(Shape { event_type: event_type.to_owned(), schema: schema.parse().ok()? })
}

fn file_error(path: &Path) -> impl FnOnce(io::Error) -> SchemasError {
    let path = path.to_owned();
    |source| SchemasError::File { path, source }
}

/// A list of pairs of Rust types that have JSON Schemas. [`DomainEvent::Shapes`] is such a list if
/// all its types have schemas.
pub trait Described {
    /// Adds the schema of each type, in order, as the type is deserialized.
    fn describe(schemas: &mut Vec<Schema>);
}

impl Described for () {
    fn describe(_: &mut Vec<Schema>) {}
}

impl<First: JsonSchema, Rest: Described> Described for (First, Rest) {
    fn describe(schemas: &mut Vec<Schema>) {
        schemas
            .push(SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<First>());
        Rest::describe(schemas);
    }
}
