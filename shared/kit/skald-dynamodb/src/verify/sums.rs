//! Sums over entries, which show where table and index differ without keeping the entries.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};
use skald::index::IndexEntry;
use skald::stream::StreamId;

/// A slice, and one of 256 parts of its streams. If an entry of a slice differs, only the few
/// entries of its part are compared one by one.
type Part = (u8, u8);

/// The number of entries of each part, and the sum over them.
#[derive(Debug, Default)]
pub(super) struct Sums(BTreeMap<Part, (u64, u128)>);

/// The parts whose sums differ.
#[derive(Debug)]
pub(super) struct Differing(BTreeSet<Part>);

/// The part of a stream. It uses the second byte of the hash whose first byte gives the slice.
fn part_of(stream: &StreamId) -> u8 {
    Sha256::digest(stream.key())[1]
}

impl Sums {
    pub(super) fn add(&mut self, slice: u8, entry: &IndexEntry) {
        let digest = Sha256::digest(format!("{} {}", entry.key, entry.types.join(" ")));
        let mut number = [0; 16];
        number.copy_from_slice(&digest[..16]);
        self.add_sum((slice, part_of(entry.key.stream())), 1, u128::from_be_bytes(number));
    }

    pub(super) fn merge(&mut self, other: Self) {
        for (part, (count, sum)) in other.0 {
            self.add_sum(part, count, sum);
        }
    }

    fn add_sum(&mut self, part: Part, more: u64, number: u128) {
        let (count, sum) = self.0.entry(part).or_default();
        *count += more;
        *sum = sum.wrapping_add(number);
    }

    pub(super) fn differing(&self, other: &Self) -> Differing {
        let parts = self.0.keys().chain(other.0.keys());
        Differing(parts.filter(|part| self.0.get(part) != other.0.get(part)).copied().collect())
    }
}

impl Differing {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn slices(&self) -> impl Iterator<Item = u8> {
        self.0.iter().map(|(slice, _)| *slice).collect::<BTreeSet<u8>>().into_iter()
    }

    pub(super) fn contains(&self, slice: u8, entry: &IndexEntry) -> bool {
        self.0.contains(&(slice, part_of(entry.key.stream())))
    }
}
