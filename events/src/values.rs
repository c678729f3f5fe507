//! The values that events are made of. Every value satisfies the rule of its type, whether it was
//! built from a request or read from stored bytes.
//!
//! A rule may be widened but never narrowed, because everything stored under it must stay readable.

mod address;
mod identifiers;
mod money;
mod numbers;
mod order_id;
mod references;
mod schema;
mod text;

pub use address::{Address, AddressFields, InvalidAddress};
pub use identifiers::{CustomerId, ReceiptReference, Sku};
pub use money::{Currency, LARGEST_EXACT, Money, is_payable};
pub use numbers::{Quantity, StockShards};
pub use order_id::OrderId;
pub use references::{AttemptKey, AuthorizationId, ParcelId, TrackingCode};
pub use text::{is_readable, is_visible_ascii, is_visible_throughout};

/// The value breaks the rule of its type. The message states the rule and never quotes the value,
/// which may be personal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be {0}")]
pub struct InvalidValue(pub &'static str);

/// A type whose values satisfy a rule.
pub trait Validated {
    /// What a value must be, in words that follow "must be".
    const EXPECTED: &'static str;
}

/// Declares a type for text that satisfies a rule: its name, the test, and the rule in words that
/// follow "must be". A regular expression for the JSON Schema may follow.
///
/// ```
/// events::text_value! {
///     /// The name of a door.
///     pub struct DoorName: |text| events::values::is_readable(text, 20),
///         "text of 1 to 20 characters";
/// }
///
/// assert_eq!(DoorName::new("front").unwrap().as_str(), "front");
/// assert_eq!(DoorName::new("").unwrap_err().to_string(), "must be text of 1 to 20 characters");
/// ```
#[macro_export]
macro_rules! text_value {
    ($(
        $(#[$meta:meta])*
        $vis:vis struct $name:ident: |$text:ident| $valid:expr,
            $expected:literal $(, $pattern:literal)?;
    )+) => { $(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[derive(::serde::Serialize, ::serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        $vis struct $name(String);

        impl $name {
            #[doc = concat!(
                "The value in this text.\n\n# Errors\n`InvalidValue` unless it is ", $expected, "."
            )]
            pub fn new(text: impl Into<String>) -> Result<Self, $crate::InvalidValue> {
                let text: String = text.into();
                let $text: &str = &text;
                if $valid { Ok(Self(text)) } else { Err($crate::InvalidValue($expected)) }
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl $crate::Validated for $name {
            const EXPECTED: &'static str = $expected;
        }

        impl TryFrom<String> for $name {
            type Error = $crate::InvalidValue;
            fn try_from(text: String) -> Result<Self, $crate::InvalidValue> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        $crate::__text_schema!($name, $expected $(, $pattern)?);
    )+ };
}

/// Declares a type for a whole number from 1 to a bound, with the rule in words that follow "must
/// be".
///
/// ```
/// events::number_value! {
///     /// A floor of the house.
///     pub struct Floor(u8): 1..=5, "a whole number from 1 to 5";
/// }
///
/// assert_eq!(Floor::new(5).unwrap().get(), 5);
/// assert_eq!(Floor::new(6).unwrap_err().to_string(), "must be a whole number from 1 to 5");
/// ```
#[macro_export]
macro_rules! number_value {
    ($(
        $(#[$meta:meta])*
        $vis:vis struct $name:ident($number:ty): 1..=$max:literal, $expected:literal;
    )+) => { $(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[derive(::serde::Serialize, ::serde::Deserialize)]
        #[serde(try_from = "u64", into = "u64")]
        $vis struct $name($number);

        impl $name {
            /// The smallest value.
            pub const ONE: Self = Self(1);
            /// The largest value.
            pub const MAX: Self = Self($max);

            #[doc = concat!(
                "The value with this number.\n\n# Errors\n`InvalidValue` unless it is ",
                $expected, "."
            )]
            pub fn new(number: u64) -> Result<Self, $crate::InvalidValue> {
                match <$number>::try_from(number) {
                    Ok(number @ 1..=$max) => Ok(Self(number)),
                    Ok(_) | Err(_) => Err($crate::InvalidValue($expected)),
                }
            }

            /// The number.
            #[must_use]
            pub const fn get(self) -> $number {
                self.0
            }
        }

        impl $crate::Validated for $name {
            const EXPECTED: &'static str = $expected;
        }

        impl TryFrom<u64> for $name {
            type Error = $crate::InvalidValue;
            fn try_from(number: u64) -> Result<Self, $crate::InvalidValue> {
                Self::new(number)
            }
        }

        impl From<$name> for u64 {
            fn from(value: $name) -> Self {
                value.0.into()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(&self.0, f)
            }
        }

        $crate::__number_schema!($name, $max, $expected);
    )+ };
}
