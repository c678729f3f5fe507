//! Personal data, and how it is erased.
//!
//! A value about a person is a [`Personal`]: it names the person, and debug output omits it. In the
//! domain the value is plain. Wherever it is stored or sent, it is *sealed*: encrypted with that
//! person's own key. [`Sealing`] seals values on the way into a store, and [`Opening`] opens them
//! for the few components that need the plain value. All other components handle sealed values.
//! They can copy them, for example from an event into a row, without ever having a key.
//!
//! Erasing a person destroys the key ([`PersonKeys::erase`]). From then on, every copy that was
//! sealed with the key opens as *erased*, in stores and messages alike. It is unreadable for good
//! once no backup of the keys contains the key. Events, versions and figures do not change.

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
