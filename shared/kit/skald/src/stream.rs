//! Names and positions of streams.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest tenant and longest identifier that callers choose, in characters.
const MAX_IDENTIFIER: usize = 64;
/// Longest id inside a stream's name: two identifiers and a separator, as in
/// `receipt-<sku>~<reference>`.
const MAX_STREAM_ID: usize = 2 * MAX_IDENTIFIER + 1;

/// Longest category, in letters. The key of a stream consists of at most a tenant, a category, an
/// id and two separators. DynamoDB limits the sort key of an index to 1,024 bytes and the partition
/// key of a table to 2,048.
const MAX_CATEGORY: usize = 32;
/// How much of an invalid name an error message shows, in characters.
const MAX_SHOWN: usize = 100;

/// A name that breaks the rules of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid {kind} {}: {rule}", shortened(.name))]
pub struct InvalidName {
    kind: &'static str,
    name: String,
    rule: &'static str,
}

impl InvalidName {
    pub(crate) const fn new(kind: &'static str, name: String, rule: &'static str) -> Self {
        Self { kind, name, rule }
    }

    pub(crate) const fn person(name: String) -> Self {
        Self::new("person", name, "1 to 64 of A-Z a-z 0-9 . _ -")
    }
}

/// An invalid name, shortened for an error message.
fn shortened(name: &str) -> String {
    match name.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{:?}…", &name[..end]),
        None => format!("{name:?}"),
    }
}

/// Whether `text` is a valid name of a tenant, a person or a product: `[A-Za-z0-9._-]{1,64}`.
///
/// # Examples
///
/// ```
/// use skald::stream::is_identifier;
///
/// assert!(is_identifier("moby-dick"));
/// assert!(!is_identifier("moby dick"));
/// ```
#[must_use]
pub fn is_identifier(text: &str) -> bool {
    (1..=MAX_IDENTIFIER).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

/// The owner of a stream's data. One deployment can serve several tenants; a tenant never sees
/// another tenant's streams.
///
/// # Examples
///
/// ```
/// use skald::stream::Tenant;
///
/// let library = Tenant::new("city-library")?;
/// assert_eq!(library.as_str(), "city-library");
/// assert_eq!(Tenant::default().as_str(), "default");
///
/// let invalid = Tenant::new("city library").unwrap_err();
/// assert!(invalid.to_string().starts_with("invalid tenant \"city library\""));
/// # Ok::<_, skald::stream::InvalidName>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tenant(String);

impl Tenant {
    /// # Errors
    /// [`InvalidName`] unless the name is an [identifier](is_identifier).
    pub fn new(name: impl Into<String>) -> Result<Self, InvalidName> {
        let name = name.into();
        if is_identifier(&name) {
            Ok(Self(name))
        } else {
            Err(InvalidName { kind: "tenant", name, rule: "1 to 64 of A-Z a-z 0-9 . _ -" })
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Tenant {
    /// The tenant of a deployment that serves only one.
    fn default() -> Self {
        Self("default".to_owned())
    }
}

impl TryFrom<String> for Tenant {
    type Error = InvalidName;
    fn try_from(name: String) -> Result<Self, InvalidName> {
        Self::new(name)
    }
}

impl From<Tenant> for String {
    fn from(tenant: Tenant) -> Self {
        tenant.0
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The kind of aggregate that a stream belongs to: the part of the stream's name before the first
/// `-`, 1 to 32 lower-case letters.
pub type Category = str;

/// One stream of one tenant: `<category>-<id>`.
///
/// The category is 1 to 32 lower-case letters; the id is 1 to 129 of `A-Z a-z 0-9 . _ ~ -`. The
/// displayed form omits the tenant; [`key`](Self::key) contains both and is unique.
///
/// # Examples
///
/// ```
/// use skald::stream::{StreamId, Tenant};
///
/// let book = StreamId::named(&Tenant::default(), "book-moby-dick")?;
/// assert_eq!((book.category(), book.id()), ("book", "moby-dick"));
/// assert_eq!(book.to_string(), "book-moby-dick");
/// assert_eq!(book.key(), "default/book-moby-dick");
/// assert_eq!(book.key().parse::<StreamId>()?, book);
/// # Ok::<_, skald::stream::InvalidName>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    tenant: Tenant,
    name: String,
    category_len: usize,
}

impl StreamId {
    /// The stream of the aggregate `id` of this category.
    ///
    /// # Errors
    /// [`InvalidName`] if the category or the id breaks the rules above.
    ///
    /// # Examples
    ///
    /// ```
    /// use skald::stream::{StreamId, Tenant};
    ///
    /// let stream = StreamId::new(&Tenant::default(), "order", "17")?;
    /// assert_eq!(stream.name(), "order-17");
    /// assert_eq!(stream.category(), "order");
    /// assert!(StreamId::new(&Tenant::default(), "Order", "17").is_err());
    /// # Ok::<_, skald::stream::InvalidName>(())
    /// ```
    pub fn new(tenant: &Tenant, category: &Category, id: &str) -> Result<Self, InvalidName> {
        Self::parse(tenant.clone(), format!("{category}-{id}"))
    }

    /// The stream with the name `<category>-<id>`, as [`name`](Self::name) returns it.
    ///
    /// # Errors
    /// [`InvalidName`] if the name breaks the rules above.
    pub fn named(tenant: &Tenant, name: &str) -> Result<Self, InvalidName> {
        Self::parse(tenant.clone(), name.to_owned())
    }

    fn parse(tenant: Tenant, name: String) -> Result<Self, InvalidName> {
        let valid = name.split_once('-').filter(|(category, id)| {
            (1..=MAX_CATEGORY).contains(&category.len())
                && category.bytes().all(|b| b.is_ascii_lowercase())
                && (1..=MAX_STREAM_ID).contains(&id.len())
                && id
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'~' | b'-'))
        });
        match valid.map(|(category, _)| category.len()) {
            Some(category_len) => Ok(Self { tenant, name, category_len }),
            None => Err(InvalidName {
                kind: "stream",
                name,
                rule: "<1 to 32 of a-z>-<1 to 129 of A-Z a-z 0-9 . _ ~ ->",
            }),
        }
    }

    /// The tenant that the stream belongs to.
    #[must_use]
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// The part of the name before the first `-`.
    #[must_use]
    pub fn category(&self) -> &Category {
        &self.name[..self.category_len]
    }

    /// The part of the name after the first `-`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.name[self.category_len + 1..]
    }

    /// `<category>-<id>`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `<tenant>/<category>-<id>`: unique across all tenants.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}/{}", self.tenant, self.name)
    }
}

impl FromStr for StreamId {
    type Err = InvalidName;

    /// Parses the format of [`key`](Self::key).
    fn from_str(key: &str) -> Result<Self, InvalidName> {
        let (tenant, name) = key.split_once('/').ok_or_else(|| InvalidName {
            kind: "stream key",
            name: key.to_owned(),
            rule: "<tenant>/<category>-<id>",
        })?;
        Self::parse(Tenant::new(tenant)?, name.to_owned())
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl fmt::Debug for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.tenant, self.name)
    }
}

/// A version of a stream: the number of its events up to and including one. The first event has
/// version 1.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Version(u64);

impl Version {
    /// The position before the first event.
    pub const START: Self = Self(0);

    /// The position after `number` events.
    ///
    /// # Examples
    ///
    /// ```
    /// use skald::stream::Version;
    ///
    /// let second = Version::START.next().next();
    /// assert_eq!(second, Version::new(2));
    /// assert_eq!(second.plus(3).get(), 5);
    /// assert_eq!(second.previous(), Version::new(1));
    /// ```
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number of events up to and including this position.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The next position.
    #[must_use]
    pub const fn next(self) -> Self {
        self.plus(1)
    }

    /// The position `events` later.
    #[must_use]
    pub const fn plus(self, events: u64) -> Self {
        Self(self.0.saturating_add(events))
    }

    /// The previous position. [`START`](Self::START) has no previous position and is returned as it
    /// is.
    #[must_use]
    pub const fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn category_and_id_split_at_the_first_dash() {
        let stream = StreamId::new(&Tenant::default(), "stock", "MUG-01~0").unwrap();
        assert_eq!((stream.category(), stream.id()), ("stock", "MUG-01~0"));
        assert_eq!(stream.key(), "default/stock-MUG-01~0");
        assert_eq!(stream.key().parse::<StreamId>().unwrap(), stream);
    }

    #[test]
    fn ambiguous_names_are_rejected() {
        let tenant = Tenant::default();
        let (long, longer) = ("x".repeat(33), "x".repeat(130));
        for (category, id) in [
            ("", "1"),
            ("Order", "1"),
            ("order", ""),
            ("order", "a/b"),
            ("order", "ä"),
            ("order", &longer),
            (&long, "1"),
        ] {
            assert!(StreamId::new(&tenant, category, id).is_err(), "{category}-{id}");
        }
        for key in ["order-1", "/order-1", "a b/order-1", "default/order", "default/x/order-1"] {
            assert!(key.parse::<StreamId>().is_err(), "{key}");
        }
    }
}
