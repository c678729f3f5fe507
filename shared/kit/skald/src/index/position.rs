//! A position across all events, as a token that can leave the system and return.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use uuid::Uuid;

use crate::index::{IndexKey, SlicePosition};
use crate::stream::Version;
use crate::time::Timestamp;

/// The format in which this build writes tokens.
const FORMAT: u8 = 1;
/// The prefix of the checksum's input. It prevents a token of another kind with the same checksum
/// from being accepted as a position.
const KIND: Uuid = Uuid::from_u128(0x5ca1_d000_0001_5000_8000_706f_7369_7431);
/// Length of the checksum at the end of a token, in bytes.
const CHECKSUM_BYTES: usize = 8;

/// The byte before a position in a slice.
const BEFORE: u8 = 0;
const AFTER: u8 = 1;
const THROUGH: u8 = 2;
/// The byte after a stream's key. No key contains it.
const END: u8 = 0;
/// The bits of a number in one byte. The highest bit of the byte says that more bytes follow.
const BITS: u32 = 7;
const MORE: u8 = 1 << BITS;

/// A position in every slice of an index of all commits.
///
/// Displayed and parsed as an opaque token in the alphabet of base64url. The token contains the
/// position that most slices share, and each slice with another position. It has 26 characters for
/// a time, which is a follower's position once it has delivered everything. It has about 100 in the
/// middle of a replay. It has at most about 4,000, if each of 16 slices is after an entry of a
/// stream with the longest name. A checksum detects a truncated, changed or invented token; the
/// token is not signed.
///
/// # Examples
///
/// ```
/// use skald::index::{CommitIndex, InvalidPosition, Position};
/// use skald::memory::InMemoryCommitIndex;
/// use skald::time::Timestamp;
///
/// let noon: Timestamp = "2025-12-01T12:00:00Z".parse()?;
/// let position = Position::before(noon, InMemoryCommitIndex::SLICES);
/// let token = position.to_string();
/// assert_eq!(token.len(), 26);
/// assert_eq!(token.parse::<Position>()?, position);
/// assert_eq!(token[1..].parse::<Position>(), Err(InvalidPosition::Damaged));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    slices: Vec<SlicePosition>,
}

/// Why text is not a position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPosition {
    /// The token was truncated, changed or invented, or is of another kind.
    #[error("not a position, or a damaged one")]
    Damaged,
    /// A newer release wrote the token.
    #[error("a position in an unknown format: {0}")]
    UnknownFormat(u8),
}

impl Position {
    /// The positions of the slices, from the first on: at most 255, the limit of an index.
    #[must_use]
    pub fn new(slices: Vec<SlicePosition>) -> Self {
        Self { slices }
    }

    /// Before every entry recorded at `at` or later, in an index with this many slices.
    #[must_use]
    pub fn before(at: Timestamp, slices: u8) -> Self {
        Self { slices: vec![SlicePosition::Before(at); usize::from(slices)] }
    }

    /// The position of each slice.
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

impl Position {
    /// The position that most slices share. If several are equally frequent, that of the first
    /// slice.
    fn shared(&self) -> Option<&SlicePosition> {
        let sharing =
            |one: &SlicePosition| self.slices.iter().filter(|other| *other == one).count();
        // In reverse order, the last maximum is the first of the slices.
        self.slices.iter().rev().max_by_key(|slice| sharing(slice))
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut token = vec![FORMAT];
        push_number(&mut token, self.slices.len() as u64);
        if let Some(shared) = self.shared() {
            push_place(&mut token, shared);
            for (number, slice) in (0..).zip(&self.slices).filter(|(_, slice)| *slice != shared) {
                push_number(&mut token, number);
                push_place(&mut token, slice);
            }
        }
        token.extend(checksum(&token));
        f.write_str(&BASE64.encode(token))
    }
}

fn push_place(token: &mut Vec<u8>, slice: &SlicePosition) {
    let kind = match slice {
        SlicePosition::Before(_) => BEFORE,
        SlicePosition::After(_) => AFTER,
        SlicePosition::Through(_) => THROUGH,
    };
    token.push(kind);
    token.extend(slice.at().as_millis().to_be_bytes());
    if let SlicePosition::After(key) = slice {
        token.extend(key.stream().key().as_bytes());
        token.push(END);
        push_number(token, key.first().get());
    }
}

/// Writes a number, lowest bits first.
fn push_number(token: &mut Vec<u8>, mut number: u64) {
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= BITS;
        if number == 0 {
            token.push(low & !MORE);
            return;
        }
        token.push(low | MORE);
    }
}

impl FromStr for Position {
    type Err = InvalidPosition;

    /// Parses exactly the displayed form, and no other token with the same meaning.
    fn from_str(text: &str) -> Result<Self, InvalidPosition> {
        let token = BASE64.decode(text).or(Err(InvalidPosition::Damaged))?;
        let (content, found) =
            token.split_last_chunk::<CHECKSUM_BYTES>().ok_or(InvalidPosition::Damaged)?;
        if *found != checksum(content) {
            return Err(InvalidPosition::Damaged);
        }
        match content.split_first() {
            Some((&FORMAT, slices)) => {
                let position = read_slices(slices).map(Self::new);
                position
                    .filter(|position| position.to_string() == text)
                    .ok_or(InvalidPosition::Damaged)
            }
            Some((&format, _)) => Err(InvalidPosition::UnknownFormat(format)),
            None => Err(InvalidPosition::Damaged),
        }
    }
}

/// The positions of the slices. `None` if the bytes are truncated or contain an invalid position.
fn read_slices(mut rest: &[u8]) -> Option<Vec<SlicePosition>> {
    let count = u8::try_from(read_number(&mut rest)?).ok()?;
    if count == 0 {
        return rest.is_empty().then(Vec::new);
    }
    let mut slices = vec![read_place(&mut rest)?; usize::from(count)];
    while !rest.is_empty() {
        let number = usize::try_from(read_number(&mut rest)?).ok()?;
        *slices.get_mut(number)? = read_place(&mut rest)?;
    }
    Some(slices)
}

fn read_place(rest: &mut &[u8]) -> Option<SlicePosition> {
    let (kind, content) = rest.split_first()?;
    let (millis, content) = content.split_first_chunk()?;
    let at = Timestamp::from_millis(i64::from_be_bytes(*millis)).ok()?;
    *rest = content;
    match *kind {
        BEFORE => Some(SlicePosition::Before(at)),
        THROUGH => Some(SlicePosition::Through(at)),
        AFTER => {
            let end = content.iter().position(|byte| *byte == END)?;
            let stream = std::str::from_utf8(&content[..end]).ok()?.parse().ok()?;
            *rest = &content[end + 1..];
            let first = read_number(rest).filter(|first| *first > 0)?;
            Some(SlicePosition::After(IndexKey::new(at, stream, Version::new(first))))
        }
        _ => None,
    }
}

fn read_number(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for place in 0..u64::BITS.div_ceil(BITS) {
        let (byte, more) = rest.split_first()?;
        *rest = more;
        // Bits of the last byte that exceed the number are lost; the token then differs from its
        // displayed form and is rejected.
        number |= u64::from(byte & !MORE) << (place * BITS);
        if byte & MORE == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time() -> Timestamp {
        "2026-11-21T08:15:30.250Z".parse().unwrap()
    }

    fn placed(number: u64) -> SlicePosition {
        let stream = format!("default/order-0198c5a2-0000-7000-8000-{number:012}");
        SlicePosition::After(IndexKey::new(time(), stream.parse().unwrap(), Version::new(300)))
    }

    fn mixed() -> Position {
        let key = |number: u64| {
            IndexKey::new(
                time(),
                format!("default/order-{number}").parse().unwrap(),
                Version::new(3),
            )
        };
        let mut slices =
            vec![SlicePosition::START, SlicePosition::START, SlicePosition::Before(time())];
        slices.extend((0..12).map(|number| SlicePosition::After(key(number))));
        slices.push(SlicePosition::After(key(11)));
        slices.push(SlicePosition::Through(time()));
        Position::new(slices)
    }

    fn sealed(content: &[u8]) -> String {
        BASE64.encode([content, &checksum(content)].concat())
    }

    #[test]
    fn a_written_token_is_read_back() {
        let through = SlicePosition::Through(time());
        for slices in [vec![], vec![through; 255], vec![placed(1), placed(2), placed(2), placed(1)]]
        {
            let position = Position::new(slices);
            assert_eq!(position.to_string().parse(), Ok(position));
        }
        for position in
            [mixed(), Position::before(time(), 16), Position::before(Timestamp::LAST, 1)]
        {
            assert_eq!(position.to_string().parse(), Ok(position));
        }
    }

    /// People copy tokens. A position that is a time is short, and so is one in which all slices
    /// share an entry, as in a replay.
    #[test]
    fn a_token_is_longer_if_more_slices_differ() {
        let length = |slices: Vec<SlicePosition>| Position::new(slices).to_string().len();
        assert_eq!(length(vec![SlicePosition::Before(time()); 16]), 26);
        assert_eq!(length(vec![SlicePosition::Through(time()); 16]), 26);
        assert_eq!(length(vec![placed(1); 16]), 96);
        let mut one_differs = vec![SlicePosition::Through(time()); 16];
        one_differs[7] = SlicePosition::Before(time());
        assert_eq!(length(one_differs), 39);
        assert_eq!(length((0..16).map(placed).collect()), 1_356);
    }

    #[test]
    fn a_token_can_contain_the_longest_key() {
        let stream =
            format!("{}/{}-{}", "t".repeat(64), "c".repeat(32), "i".repeat(80)).parse().unwrap();
        let key = IndexKey::new(time(), stream, Version::new(u64::MAX));
        let position = Position::new(vec![SlicePosition::After(key)]);
        assert_eq!(position.to_string().parse(), Ok(position));
    }

    #[test]
    fn every_truncation_and_every_changed_character_is_detected() {
        let token = mixed().to_string();
        for end in 0..token.len() {
            assert_eq!(
                token[..end].parse::<Position>(),
                Err(InvalidPosition::Damaged),
                "cut at {end}"
            );
            let mut changed = token.clone().into_bytes();
            changed[end] = if changed[end] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(
                changed.parse::<Position>(),
                Err(InvalidPosition::Damaged),
                "changed at {end}"
            );
        }
    }

    #[test]
    fn garbage_and_tokens_of_another_kind_are_rejected() {
        let damaged = InvalidPosition::Damaged;
        let foreign = [
            &b"\x01some other token"[..],
            &Uuid::new_v5(&Uuid::NAMESPACE_OID, b"x").as_bytes()[..8],
        ]
        .concat();
        for text in [
            "",
            "A",
            "10m",
            "not a token",
            "ä",
            "AAAA",
            "=",
            &BASE64.encode(foreign),
            &"A".repeat(9999),
        ] {
            assert_eq!(text.parse::<Position>(), Err(damaged.clone()), "{text}");
        }
        assert_eq!(sealed(&[2, 7, 7]).parse::<Position>(), Err(InvalidPosition::UnknownFormat(2)));
        // The checksum is valid, but the content is not.
        let at = [0_u8; 8];
        let too_late = 0x7f01_0101_0101_0101_i64.to_be_bytes();
        for content in [
            &[][..],
            &[FORMAT],
            &[FORMAT, 0, 0],
            &[FORMAT, 1],
            &[FORMAT, 0xff, 0xff, 0xff],
            &[FORMAT, 0xff, 1, BEFORE, 1],
            &[&[FORMAT, 0x80, 2, BEFORE][..], &at].concat(),
            &[&[FORMAT, 1, 3][..], &at].concat(),
            &[&[FORMAT, 1, BEFORE][..], &too_late].concat(),
            &[&[FORMAT, 1, AFTER][..], &at].concat(),
            &[&[FORMAT, 1, AFTER][..], &at, b"default/order-1"].concat(),
            &[&[FORMAT, 1, AFTER][..], &at, b"default/order-1\0"].concat(),
            &[&[FORMAT, 1, AFTER][..], &at, b"default/order-1\0\0"].concat(),
            &[&[FORMAT, 1, AFTER][..], &at, b"\xff\0\x01"].concat(),
            &[&[FORMAT, 1, AFTER][..], &at, b"default/order-1\0", &[0xff; 9], b"\x02"].concat(),
            &[&[FORMAT, 1, BEFORE][..], &at, &[1, BEFORE], &at].concat(),
        ] {
            assert_eq!(sealed(content).parse::<Position>(), Err(damaged.clone()), "{content:?}");
        }
    }

    /// Tokens can be compared: different tokens are different positions.
    #[test]
    fn a_position_has_one_token() {
        let [epoch, later] = [0, 1].map(|last| [BEFORE, 0, 0, 0, 0, 0, 0, 0, last]);
        let same = [&[FORMAT, 3][..], &epoch].concat();
        assert_eq!(sealed(&same).parse(), Ok(Position::before(Timestamp::EPOCH, 3)));
        // Two of the three positions are the epoch, so the epoch is shared.
        let differs = [&[FORMAT, 3][..], &epoch, &[1], &later].concat();
        assert!(sealed(&differs).parse::<Position>().is_ok());
        for content in [
            [&[FORMAT, 3][..], &epoch, &[1], &epoch].concat(),
            [&[FORMAT, 3][..], &later, &[0], &epoch, &[2], &epoch].concat(),
            [&[FORMAT, 3][..], &epoch, &[1], &later, &[1], &later].concat(),
            [&[FORMAT, 3][..], &epoch, &[2], &later, &[1], &later].concat(),
            [&[FORMAT, 0x83, 0][..], &epoch].concat(),
        ] {
            assert_eq!(
                sealed(&content).parse::<Position>(),
                Err(InvalidPosition::Damaged),
                "{content:?}"
            );
        }
    }
}
