//! The data that every subject stores: a ledger. Its entries are events of 300 bytes of JSON, and
//! its total is the state.

use serde::{Deserialize, Serialize};

/// The size of each event's JSON, in bytes.
pub(crate) const EVENT_BYTES: usize = 300;

/// An entry was recorded. A ledger has no other event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Recorded {
    /// The number of the entry, which determines all of its content.
    pub(crate) number: u64,
    /// The amount added to the total. 65,521 consecutive entries have different amounts.
    pub(crate) amount: u64,
    /// Padding up to the size of an event.
    pub(crate) text: String,
}

impl Recorded {
    /// The entry with this number, the same in every run.
    pub(crate) fn of(number: u64) -> Self {
        let amount = amount(number);
        let empty = Self { number, amount, text: String::new() };
        let missing = EVENT_BYTES.saturating_sub(empty.json_bytes());
        let mut seed = number;
        let text = std::iter::repeat_with(|| letter(&mut seed)).take(missing).collect();
        Self { text, ..empty }
    }

    /// The entries 1 to `count`: the content of a stream of `count` events.
    pub(crate) fn first(count: usize) -> Vec<Self> {
        (1..=count as u64).map(Self::of).collect()
    }

    fn json_bytes(&self) -> usize {
        r#"{"number":,"amount":,"text":""}"#.len()
            + digits(self.number)
            + digits(self.amount)
            + self.text.len()
    }
}

const fn amount(number: u64) -> u64 {
    number * 7919 % 65_521 + 1
}

fn digits(number: u64) -> usize {
    number.to_string().len()
}

/// The next letter of a pseudorandom sequence, which compresses badly (`SplitMix64`).
fn letter(seed: &mut u64) -> char {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *seed;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    char::from(b'a' + u8::try_from((mixed ^ (mixed >> 31)) % 26).unwrap_or_default())
}

/// The state of a ledger. It shows whether an entry was omitted or applied twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Total {
    /// The number of entries.
    pub(crate) entries: u64,
    /// The sum of their amounts.
    pub(crate) amount: u64,
}

impl Total {
    /// The total after one more entry.
    pub(crate) const fn with(self, entry: &Recorded) -> Self {
        Self { entries: self.entries + 1, amount: self.amount + entry.amount }
    }

    /// The total of these entries.
    pub(crate) fn of<'a>(entries: impl IntoIterator<Item = &'a Recorded>) -> Self {
        entries.into_iter().fold(Self::default(), Self::with)
    }

    /// The total of the entries 1 to `count`.
    pub(crate) fn first(count: u64) -> Self {
        Self { entries: count, amount: (1..=count).map(amount).sum() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Otherwise differences between events would appear as differences between subjects.
    #[test]
    fn every_event_has_the_same_size() {
        for number in [1, 9, 10, 999, 10_000, 1_000_000] {
            assert_eq!(
                serde_json::to_vec(&Recorded::of(number)).unwrap().len(),
                EVENT_BYTES,
                "{number}"
            );
        }
    }

    #[test]
    fn an_omitted_or_doubled_entry_changes_the_total() {
        let entries = Recorded::first(10);
        let total = Total::of(&entries);
        assert_eq!(total, Total::first(10));
        assert_ne!(Total::of(&entries[1..]), total);
        assert_ne!(Total::of(entries.iter().chain(&entries[..1])), total);
        assert_ne!(Total::of(entries[1..].iter().chain(&entries[1..2])), total);
    }
}
