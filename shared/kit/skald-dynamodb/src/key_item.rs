//! A person's key as an item of the keys' table.
//!
//! | attribute | | |
//! |---|---|---|
//! | `pk` | S | tenant and person: `default/c-1001` |
//! | `key` | B | the wrapped key |
//! | `wrapped_by` | S | the name of the wrapping key |
//! | `erased_at` | S | in place of both: when the person was erased: RFC 3339, UTC, milliseconds |

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue as Value;
use skald::personal::Person;
use skald::store::{Corruption, StoreError};
use skald::stream::Version;
use skald::time::Timestamp;

use crate::attribute::Attributes;
use crate::commit_item::item;
use skald::personal::WrappedKey;

/// The attribute of the wrapped key. Its name is a reserved word of `DynamoDB`.
pub(crate) const KEY: &str = "key";

/// The content of a person's item.
pub(crate) enum StoredKey {
    Wrapped(WrappedKey),
    Erased,
}

/// The key of a person's item.
pub(crate) fn key(person: &Person) -> Attributes {
    item([("pk", Value::S(person.key()))])
}

/// The item of a person who has a key.
pub(crate) fn wrapped_key(person: &Person, wrapped: &WrappedKey) -> Attributes {
    item([
        ("pk", Value::S(person.key())),
        (KEY, Value::B(Blob::new(wrapped.bytes.clone()))),
        ("wrapped_by", Value::S(wrapped.by.clone())),
    ])
}

/// The item of a person who was erased.
pub(crate) fn tombstone(person: &Person, at: Timestamp) -> Attributes {
    item([("pk", Value::S(person.key())), ("erased_at", Value::S(at.to_string()))])
}

/// The content of a person's item.
///
/// # Errors
/// [`StoreError::Corrupt`] if the item is neither a key nor a tombstone. The error names the fault
/// without quoting the item.
pub(crate) fn read(
    person: &Person,
    mut item: HashMap<String, Value>,
) -> Result<StoredKey, StoreError> {
    let stored = match (item.remove(KEY), item.remove("wrapped_by"), item.remove("erased_at")) {
        (Some(Value::B(key)), Some(Value::S(by)), None) => {
            Ok(StoredKey::Wrapped(WrappedKey { by, bytes: key.into_inner() }))
        }
        (None, None, Some(Value::S(_))) => Ok(StoredKey::Erased),
        (None, None, None) => Err("the item has neither `key` nor `erased_at`"),
        (Some(_), _, Some(_)) => Err("the item has both `key` and `erased_at`"),
        (_, _, None) => Err("`key` or `wrapped_by` is missing or invalid"),
        (None, _, Some(_)) => Err("`erased_at` is invalid, or is not the only attribute"),
    };
    stored.map_err(|fault| StoreError::Corrupt {
        key: person.key(),
        corruption: Corruption::Malformed { at: Version::START, fault: fault.to_owned() },
    })
}
