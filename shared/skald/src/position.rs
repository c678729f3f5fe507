//! A position over all events, as a token that may leave the system and come back.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use uuid::Uuid;

use crate::{SlicePosition, Timestamp};

/// How this build writes tokens.
const FORMAT: u8 = 1;
/// What the checksum begins with: a checked token of another kind does not pass for a position.
const KIND: Uuid = Uuid::from_u128(0x5ca1_d000_0001_5000_8000_706f_7369_7431);
/// Length of the checksum at the end of a token, in bytes.
const CHECKSUM_BYTES: usize = 8;

/// What stands before a slice's position.
const BEFORE: u8 = 0;
const AFTER: u8 = 1;
const SAME: u8 = 2;
/// What stands after a key; none has it.
const END: u8 = 0;

/// Where somebody stands in every slice of an index of all commits.
///
/// Displayed and parsed as an opaque token in the letters of base64url: some 40 characters for a time, up to some 2,000 for
/// 16 slices that each stand after another entry. A token that was cut, changed or made up is told from one that was not;
/// it is checked, but not signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    slices: Vec<SlicePosition>,
}

/// The text is no position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPosition {
    /// It was cut, changed or made up, or is a token of another kind.
    #[error("not a position, or a damaged one")]
    Damaged,
    /// A newer release wrote it.
    #[error("a position in the unknown format {0}")]
    UnknownFormat(u8),
}

impl Position {
    /// Where the slices stand, from the first on.
    #[must_use]
    pub fn new(slices: Vec<SlicePosition>) -> Self {
        Self { slices }
    }

    /// Before everything that was recorded at `at` or later, in an index of this many slices.
    #[must_use]
    pub fn before(at: Timestamp, slices: u8) -> Self {
        Self { slices: vec![SlicePosition::Before(at); usize::from(slices)] }
    }

    /// Where each slice stands.
    #[must_use]
    pub fn slices(&self) -> &[SlicePosition] {
        &self.slices
    }
}

fn checksum(content: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let mut checksum = [0; CHECKSUM_BYTES];
    checksum.copy_from_slice(&Uuid::new_v5(&KIND, content).as_bytes()[..CHECKSUM_BYTES]);
    checksum
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut token = vec![FORMAT];
        let mut previous = None;
        for slice in &self.slices {
            match slice {
                same if previous == Some(same) => token.push(SAME),
                SlicePosition::Before(at) => {
                    token.push(BEFORE);
                    token.extend(at.as_millis().to_be_bytes());
                }
                SlicePosition::After(key) => {
                    token.push(AFTER);
                    token.extend(key.as_str().as_bytes());
                    token.push(END);
                }
            }
            previous = Some(slice);
        }
        token.extend(checksum(&token));
        f.write_str(&BASE64.encode(token))
    }
}

impl FromStr for Position {
    type Err = InvalidPosition;

    /// Reads what is displayed, and nothing that merely means the same.
    fn from_str(text: &str) -> Result<Self, InvalidPosition> {
        let token = BASE64.decode(text).or(Err(InvalidPosition::Damaged))?;
        let (content, found) = token.split_last_chunk::<CHECKSUM_BYTES>().ok_or(InvalidPosition::Damaged)?;
        if *found != checksum(content) {
            return Err(InvalidPosition::Damaged);
        }
        match content.split_first() {
            Some((&FORMAT, slices)) => {
                let position = read_slices(slices).map(Self::new);
                position.filter(|position| position.to_string() == text).ok_or(InvalidPosition::Damaged)
            }
            Some((&format, _)) => Err(InvalidPosition::UnknownFormat(format)),
            None => Err(InvalidPosition::Damaged),
        }
    }
}

/// None if it breaks off, or has something that is no position.
fn read_slices(mut rest: &[u8]) -> Option<Vec<SlicePosition>> {
    let mut slices: Vec<SlicePosition> = Vec::new();
    while let Some((kind, content)) = rest.split_first() {
        let slice;
        (slice, rest) = match *kind {
            BEFORE => {
                let (millis, rest) = content.split_first_chunk()?;
                (SlicePosition::Before(Timestamp::from_millis(i64::from_be_bytes(*millis)).ok()?), rest)
            }
            AFTER => {
                let end = content.iter().position(|byte| *byte == END)?;
                let key = std::str::from_utf8(&content[..end]).ok()?;
                (SlicePosition::After(key.parse().ok()?), &content[end + 1..])
            }
            SAME => (slices.last()?.clone(), content),
            _ => return None,
        };
        slices.push(slice);
    }
    Some(slices)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{IndexKey, Version};

    fn time() -> Timestamp {
        "2026-11-21T08:15:30.250Z".parse().unwrap()
    }

    fn mixed() -> Position {
        let key =
            |number: u64| IndexKey::new(time(), format!("default/order-{number}").parse().unwrap(), Version::new(3));
        let mut slices = vec![SlicePosition::START, SlicePosition::START, SlicePosition::Before(time())];
        slices.extend((0..12).map(|number| SlicePosition::After(key(number))));
        slices.push(SlicePosition::After(key(11)));
        Position::new(slices)
    }

    fn sealed(content: &[u8]) -> String {
        BASE64.encode([content, &checksum(content)].concat())
    }

    #[test]
    fn a_token_is_read_as_it_was_written() {
        for position in [mixed(), Position::before(time(), 16), Position::new(vec![])] {
            assert_eq!(position.to_string().parse(), Ok(position));
        }
        assert!(Position::before(time(), 16).to_string().len() <= 44, "a time is short enough to be typed");
    }

    #[test]
    fn the_longest_key_fits() {
        let stream = format!("{}/{}-{}", "t".repeat(64), "c".repeat(999), "i".repeat(80)).parse().unwrap();
        let key = IndexKey::new(time(), stream, Version::new(u64::MAX));
        let position = Position::new(vec![SlicePosition::After(key)]);
        assert_eq!(position.to_string().parse(), Ok(position));
    }

    #[test]
    fn every_cut_and_every_changed_character_is_noticed() {
        let token = mixed().to_string();
        for end in 0..token.len() {
            assert_eq!(token[..end].parse::<Position>(), Err(InvalidPosition::Damaged), "cut at {end}");
            let mut changed = token.clone().into_bytes();
            changed[end] = if changed[end] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(changed.parse::<Position>(), Err(InvalidPosition::Damaged), "changed at {end}");
        }
    }

    #[test]
    fn garbage_and_other_tokens_are_refused_by_kind() {
        let damaged = InvalidPosition::Damaged;
        let foreign =
            [&b"\x01some other token"[..], &Uuid::new_v5(&Uuid::NAMESPACE_OID, b"x").as_bytes()[..8]].concat();
        for text in ["", "A", "10m", "not a token", "ä", "AAAA", "=", &BASE64.encode(foreign), &"A".repeat(9999)] {
            assert_eq!(text.parse::<Position>(), Err(damaged.clone()), "{text}");
        }
        assert_eq!(sealed(&[2, 7, 7]).parse::<Position>(), Err(InvalidPosition::UnknownFormat(2)));
        // Sealed, and nonsense all the same.
        for content in [
            &[][..],
            &[1, 3],
            &[1, 0, 1],
            &[1, 1],
            &[1, 1, b'a'],
            &[1, 1, b'a', 0],
            &[1, 1, 0xff, 0],
            &[1, 2],
            &[1, 0, 0x7f, 1, 1, 1, 1, 1, 1, 1],
        ] {
            assert_eq!(sealed(content).parse::<Position>(), Err(damaged.clone()), "{content:?}");
        }
    }

    /// Tokens can be compared: two that differ are two positions.
    #[test]
    fn a_position_has_one_token() {
        let epoch = [BEFORE, 0, 0, 0, 0, 0, 0, 0, 0];
        let short = [&[FORMAT][..], &epoch, &[SAME]].concat();
        let long = [&[FORMAT][..], &epoch, &epoch].concat();
        assert_eq!(sealed(&short).parse(), Ok(Position::before(Timestamp::EPOCH, 2)));
        assert_eq!(sealed(&long).parse::<Position>(), Err(InvalidPosition::Damaged));
    }
}
