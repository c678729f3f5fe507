//! Personal data, and how it is erased.
//!
//! A value about a person is a [`Personal`]: it names the person, and debug output omits it. In the
//! domain the value is plain. Wherever it is stored or sent, it is *sealed*: encrypted with that
//! person's own key. [`Sealing`] seals values on the way into a store, and [`Opening`] opens them
//! for the few components that need the plain value. All other components handle sealed values.
//! They can copy them, for example from an event into a row, without ever having a key.
//!
//! Erasing a person destroys the key ([`PersonKeys::erase`]). From then on, every copy that was
//! sealed with the key opens as *erased*, in stores and in messages. It is permanently unreadable
//! once no backup of the keys contains the key. Events, versions and figures do not change.
//!
//! # Examples
//!
//! An event with the name of the reader `ann`, as a `Personal<String>`:
//!
//! ```
//! use skald::memory::{InMemoryEventStore, InMemoryPersonKeys};
//! use skald::personal::{Opening, Person, PersonId, PersonKeys, Personal, SealedError, Sealing};
//! use skald::store::EventStore;
//! use skald::stream::Version;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use skald::event::EventData;
//! # use skald::prelude::*;
//! # let id = CommitId::of(uuid::Uuid::nil(), "register");
//! # let request = Request::new(id, Timestamp::EPOCH, "example", Actor::new("c-1")?);
//! # let (store, keys) = (InMemoryEventStore::default(), InMemoryPersonKeys::default());
//! # let ann = Person { tenant: Tenant::default(), id: PersonId::new("r-17")? };
//! # let data = serde_json::to_vec(&Personal::of(ann.id.clone(), "Ann Ahab"))?;
//! # let named = EventData { event_type: "reader.named".to_owned(), schema: 1, data };
//! # let draft = request.draft(vec![named], None);
//! # let stream = StreamId::new(&ann.tenant, "reader", "r-17")?;
//! # let name = |commit: &skald::commit::Commit| -> Personal<String> {
//! #     serde_json::from_slice(&commit.events[0].data).unwrap()
//! # };
//! // What is written through `Sealing` is stored sealed.
//! let sealing = Sealing::new(&store, &keys);
//! sealing.append(&sealing.start(stream.clone()), draft).await?;
//! let stored = store.read(&stream, Version::START).await?;
//! assert_eq!(name(&stored[0]).reveal(), Err(SealedError::Sealed));
//!
//! // What is read through `Opening` is plain.
//! let opening = Opening::new(&store, &keys);
//! let opened = opening.read(&stream, Version::START).await?;
//! assert_eq!(name(&opened[0]).reveal(), Ok(&"Ann Ahab".to_owned()));
//!
//! // Once the person's key is destroyed, the name cannot be opened.
//! keys.erase(&ann, request.at).await?;
//! let erased = opening.read(&stream, Version::START).await?;
//! assert_eq!(name(&erased[0]).reveal(), Err(SealedError::Erased));
//! # Ok(())
//! # }
//! ```

mod key;
mod marks;
mod opening;
mod sealing;
mod value;
mod wrap;

pub use crate::json::mark::{InvalidMark, PERSON_MEMBER};
pub use crate::person::{Person, PersonId};
pub use crate::store::error::OpenError;
pub use key::{KeyEntry, PersonKey, PersonKeys};
pub(crate) use marks::sealed_alike;
pub use marks::{has_plain, reveal};
pub use opening::{Opening, open};
pub use sealing::Sealing;
pub use value::{Personal, SealedError};
pub use wrap::{KeyWrap, WrappedKey};
