//! Cursors: places in a list, in a form that callers hand back and do not look into.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use skald::{ListEntry, StreamId, Tenant, Version};
use skald_lambda::http::Problem;

/// A place in a list.
pub(crate) trait Cursor: Sized {
    /// The place as text.
    fn to_text(&self) -> String;
    /// The place in this text.
    fn from_text(text: &str) -> Option<Self>;
}

/// After the events up to this one.
impl Cursor for Version {
    fn to_text(&self) -> String {
        format!("v{self}")
    }

    fn from_text(text: &str) -> Option<Self> {
        text.strip_prefix('v')?.parse().ok().map(Self::new)
    }
}

/// After this entry of a list of rows.
impl Cursor for ListEntry {
    fn to_text(&self) -> String {
        format!("l{} {}", self.stream.name(), self.sort)
    }

    fn from_text(text: &str) -> Option<Self> {
        let (name, sort) = text.strip_prefix('l')?.split_once(' ')?;
        let stream = StreamId::named(&Tenant::default(), name).ok()?;
        Some(Self { stream, sort: sort.to_owned() }).filter(|entry| !entry.sort.is_empty())
    }
}

/// The place for a caller to hand back.
pub(crate) fn write(cursor: &impl Cursor) -> String {
    BASE64.encode(cursor.to_text())
}

/// The place that a caller hands back.
pub(crate) fn read<C: Cursor>(text: &str) -> Result<C, Problem> {
    let bytes = BASE64.decode(text).ok();
    let cursor = bytes.and_then(|bytes| C::from_text(std::str::from_utf8(&bytes).ok()?));
    cursor.ok_or_else(|| Problem::invalid("cursor must be the next_cursor of an earlier answer to the same call."))
}
