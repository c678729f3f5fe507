//! What every subject stores: a ledger, whose entries are events of 300 bytes of JSON, and its
//! total, which is the state.

use serde::{Deserialize, Serialize};

/// Size of every event's JSON, in bytes.
pub(crate) const EVENT_BYTES: usize = 300;

/// An entry was made. The only event there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Recorded {
    /// Which entry it is; its whole content follows from it.
    pub(crate) number: u64,
    /// What is added to the total: another one for each of 65,521 entries.
    pub(crate) amount: u64,
    /// Fills the event up to its size.
    pub(crate) text: String,
}

impl Recorded {
    /// The entry of this number, the same in every run.
    pub(crate) fn of(number: u64) -> Self {
        let amount = amount(number);
        let empty = Self { number, amount, text: String::new() };
        let missing = EVENT_BYTES.saturating_sub(empty.json_bytes());
        let mut dice = number;
        let text = std::iter::repeat_with(|| letter(&mut dice)).take(missing).collect();
        Self { text, ..empty }
    }

    /// The entries 1 to `count`: what a stream of that many holds.
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

/// The next letter of a sequence that does not compress well (`SplitMix64`).
fn letter(dice: &mut u64) -> char {
    *dice = dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *dice;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    char::from(b'a' + u8::try_from((mixed ^ (mixed >> 31)) % 26).unwrap_or_default())
}

/// The state of a ledger. Leaving out an entry, or adding one twice, shows in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Total {
    /// How many entries there were.
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

    /// Otherwise the subjects would be compared by what they were given.
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
    fn an_entry_left_out_or_doubled_shows_in_the_total() {
        let entries = Recorded::first(10);
        let total = Total::of(&entries);
        assert_eq!(total, Total::first(10));
        assert_ne!(Total::of(&entries[1..]), total);
        assert_ne!(Total::of(entries.iter().chain(&entries[..1])), total);
        assert_ne!(Total::of(entries[1..].iter().chain(&entries[1..2])), total);
    }
}
