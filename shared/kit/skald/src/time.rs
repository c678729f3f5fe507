//! Points in time as events record them: UTC, in whole milliseconds, in one fixed text form.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A point in time in whole milliseconds, written as `2026-11-21T08:15:30.250Z`.
///
/// The text always has three digits of fraction, so texts sort by time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(jiff::Timestamp);

/// Text that is not an RFC 3339 time, or a time outside the years that can be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a time in RFC 3339 form, such as 2026-11-21T08:15:30.250Z")]
pub struct InvalidTimestamp;

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(jiff::Timestamp::UNIX_EPOCH);
    /// 0000-01-01T00:00:00Z: texts of earlier times would not sort by time.
    pub const FIRST: Self = Self(jiff::Timestamp::constant(-62_167_219_200, 0));
    /// 9999-12-30T22:00:00Z: the last second that `jiff` writes in every time zone.
    pub const LAST: Self = Self(jiff::Timestamp::constant(253_402_207_200, 0));

    /// The time this many milliseconds after 1970-01-01T00:00:00Z.
    ///
    /// # Errors
    /// [`InvalidTimestamp`] outside the years 0 to 9999.
    ///
    /// # Examples
    ///
    /// ```
    /// use skald::time::{InvalidTimestamp, Timestamp};
    ///
    /// let noon = Timestamp::from_millis(1_764_590_400_000)?;
    /// assert_eq!(noon.to_string(), "2025-12-01T12:00:00.000Z");
    /// assert_eq!(noon.as_millis(), 1_764_590_400_000);
    /// assert_eq!("noon".parse::<Timestamp>(), Err(InvalidTimestamp));
    /// # Ok::<_, InvalidTimestamp>(())
    /// ```
    pub fn from_millis(millis: i64) -> Result<Self, InvalidTimestamp> {
        let time = jiff::Timestamp::from_millisecond(millis).map(Self).or(Err(InvalidTimestamp))?;
        (Self::FIRST..=Self::LAST).contains(&time).then_some(time).ok_or(InvalidTimestamp)
    }

    /// Milliseconds after 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn as_millis(self) -> i64 {
        self.0.as_millisecond()
    }

    /// The time `millis` later, or earlier if `millis` is negative. A result out of range is
    /// replaced by [`FIRST`](Self::FIRST) or [`LAST`](Self::LAST).
    ///
    /// # Examples
    ///
    /// ```
    /// use skald::time::Timestamp;
    ///
    /// let noon: Timestamp = "2026-11-21T12:00:00.000Z".parse()?;
    /// assert_eq!(noon.plus_millis(250).to_string(), "2026-11-21T12:00:00.250Z");
    /// # Ok::<_, skald::time::InvalidTimestamp>(())
    /// ```
    #[must_use]
    pub fn plus_millis(self, millis: i64) -> Self {
        let bound = if millis < 0 { Self::FIRST } else { Self::LAST };
        Self::from_millis(self.as_millis().saturating_add(millis)).unwrap_or(bound)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.0)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        let parsed: jiff::Timestamp = text.parse().or(Err(InvalidTimestamp))?;
        Self::from_millis(parsed.as_millisecond())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Timestamp {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Timestamp".into()
    }

    /// The pattern of the written form, which is unique.
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A point in time: UTC, whole milliseconds, such as 2026-11-21T08:15:30.250Z.",
            "type": "string",
            "format": "date-time",
            "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_has_three_digits_and_sorts_as_time() {
        let even: Timestamp = "2026-11-21T08:15:30Z".parse().unwrap();
        let later = even.plus_millis(7);
        assert_eq!(even.to_string(), "2026-11-21T08:15:30.000Z");
        assert_eq!(later.to_string(), "2026-11-21T08:15:30.007Z");
        assert!(even < later && even.to_string() < later.to_string());
    }

    #[test]
    fn an_offset_becomes_utc_and_finer_digits_are_dropped() {
        let time: Timestamp = "2026-11-21T09:15:30.123987+01:00".parse().unwrap();
        assert_eq!(time.to_string(), "2026-11-21T08:15:30.123Z");
    }

    #[test]
    fn the_bounds_can_be_written_and_read_and_are_never_exceeded() {
        for bound in
            [Timestamp::EPOCH.plus_millis(i64::MIN), Timestamp::EPOCH.plus_millis(i64::MAX)]
        {
            assert_eq!(bound.to_string().parse(), Ok(bound));
        }
        assert!(
            Timestamp::from_millis(i64::MAX).is_err() && Timestamp::from_millis(i64::MIN).is_err()
        );
        assert!("-000001-12-31T23:59:59Z".parse::<Timestamp>().is_err());
    }

    #[test]
    fn text_that_is_not_a_time_is_rejected() {
        for text in ["", "yesterday", "2026-11-21", "2026-11-21T25:00:00Z"] {
            assert_eq!(text.parse::<Timestamp>(), Err(InvalidTimestamp), "{text}");
        }
    }
}
