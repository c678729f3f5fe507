//! Reading an index: each commit has one entry, in order, and reads start at any position.

use std::collections::BTreeMap;

use skald::commit::{Commit, Draft};
use skald::event::EventData;
use skald::index::{CommitIndex, IndexEntry, IndexKey, IndexPage, SlicePosition};
use skald::store::EventStore;
use skald::stream::{StreamId, Version};
use skald::time::Timestamp;

use super::CommitIndexFixture;
use crate::fixtures::{append_at, at, context, deposited, draft, id, load, noted, stored};
use crate::sample::account;

/// A time after all commits of the rules.
fn end() -> Timestamp {
    at(1_000_000)
}

async fn page<I: CommitIndex>(
    index: &I,
    slice: u8,
    after: &SlicePosition,
    until: Timestamp,
    limit: u32,
) -> IndexPage {
    let page = index
        .read(slice, after, until, limit)
        .await
        .unwrap_or_else(|error| panic!("read {slice}: {error}"));
    assert!(page.entries.len() <= limit as usize, "more entries than the limit");
    assert_eq!(page.malformed, [], "malformed entries");
    page
}

/// All entries of a slice, read in pages.
async fn slice<I: CommitIndex>(
    index: &I,
    slice: u8,
    until: Timestamp,
    limit: u32,
) -> Vec<IndexEntry> {
    let (mut entries, mut after) = (Vec::<IndexEntry>::new(), SlicePosition::START);
    loop {
        let page = page(index, slice, &after, until, limit).await;
        let is_last = page.entries.len() < limit as usize;
        entries.extend(page.entries);
        if is_last {
            return entries;
        }
        after =
            SlicePosition::After(entries.last().expect("a full page has a last entry").key.clone());
    }
}

/// The entries of all slices that are not empty.
pub(super) async fn all<I: CommitIndex>(index: &I, limit: u32) -> BTreeMap<u8, Vec<IndexEntry>> {
    let mut slices = BTreeMap::new();
    for number in 0..I::SLICES {
        slices.insert(number, slice(index, number, end(), limit).await);
    }
    slices.retain(|_, entries| !entries.is_empty());
    slices
}

/// Appends a commit of these deposits, decided at this time, at the end of the stream.
pub(super) async fn write<S: EventStore>(
    store: &S,
    stream: &StreamId,
    decided: Timestamp,
    amounts: &[u64],
) -> Commit {
    let head = load(store, stream).await.head;
    let events: Vec<_> = amounts.iter().map(|amount| deposited(*amount)).collect();
    let name = format!("{stream} {decided} {amounts:?}");
    append_at(store, &head, Draft { at: decided, ..draft(&name, events) }).await.commit
}

/// An index without commits has no entries, and reading it is not an error.
pub async fn an_index_without_commits_has_no_entries<F: CommitIndexFixture>(fixture: &F) {
    assert!(F::Index::SLICES > 0);
    assert_eq!(all(fixture.index(), 10).await, BTreeMap::new());
    let before = page(fixture.index(), 0, &SlicePosition::Before(at(7)), at(6), 10).await;
    assert_eq!(before, IndexPage::default(), "from a time after the end");
}

/// Each commit, appended alone or in a transaction, has one entry with its key and its types.
pub async fn every_commit_has_one_entry<F: CommitIndexFixture>(fixture: &F) {
    let (store, mut expected) = (fixture.store(), Vec::new());
    for number in 0..30 {
        let stream = account(&(number % 7).to_string());
        let head = load(store, &stream).await.head;
        let events = stored([deposited(number), noted("n"), deposited(number), noted("m")]);
        let draft = Draft {
            commit_id: id(&number.to_string()),
            at: at(1),
            context: context(),
            events,
            snapshot: None,
        };
        let commit = if number % 3 == 0 {
            let other = store.start(account(&format!("other-{number}")));
            let parts = vec![(head, draft.clone()), (other, draft)];
            let both =
                store.append_all(parts).await.unwrap_or_else(|error| panic!("append: {error}"));
            expected.push(IndexKey::of(&both[1].commit));
            both[0].commit.clone()
        } else {
            append_at(store, &head, draft).await.commit
        };
        expected.push(IndexKey::of(&commit));
    }
    fixture.settled().await;
    let entries: Vec<IndexEntry> =
        all(fixture.index(), 100).await.into_values().flatten().collect();
    for entry in &entries {
        assert_eq!(
            entry.types,
            ["account.deposited", "account.noted"],
            "each type once, in the events' order"
        );
    }
    let mut found: Vec<IndexKey> = entries.into_iter().map(|entry| entry.key).collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

/// All entries of a stream are in one slice, so a reader of some slices sees whole streams.
pub async fn a_stream_stays_in_its_slice<F: CommitIndexFixture>(fixture: &F) {
    for number in 0..100 {
        write(fixture.store(), &account(&(number % 10).to_string()), at(number), &[1]).await;
    }
    fixture.settled().await;
    let slices = all(fixture.index(), 100).await;
    assert!(slices.len() > 1 || F::Index::SLICES == 1, "ten streams are in one slice");
    let mut of_stream = BTreeMap::new();
    for (slice, entries) in slices {
        for entry in entries {
            let earlier = of_stream.insert(entry.key.stream().clone(), slice);
            assert!(
                earlier.is_none_or(|earlier| earlier == slice),
                "{} is in two slices",
                entry.key.stream()
            );
        }
    }
}

/// A slice is sorted by key, in whatever order its entries were written.
pub async fn entries_are_sorted_by_time_stream_and_version<F: CommitIndexFixture>(fixture: &F) {
    for number in 0..60 {
        // Times go back and forth, but never within a stream.
        write(
            fixture.store(),
            &account(&(number % 20).to_string()),
            at((number * 37) % 61),
            &[1, 2],
        )
        .await;
    }
    fixture.settled().await;
    for entries in all(fixture.index(), 7).await.values() {
        assert!(entries.is_sorted_by(|one, other| one.key < other.key), "{entries:?}");
        assert!(
            entries.iter().all(|entry| entry.key.first().get() % 2 == 1),
            "the first of two events"
        );
    }
}

/// A reader omits no entry, even if all have one time, names share a prefix, and versions have
/// different numbers of digits.
pub async fn entries_of_one_time_are_all_read<F: CommitIndexFixture>(fixture: &F) {
    let mut expected = Vec::new();
    for name in ["a", "a-b", "a.b", "a_b", "aa", "a~b", "A", "0"] {
        for number in 0..12 {
            expected.push(IndexKey::of(
                &write(fixture.store(), &account(name), at(5), &[number]).await,
            ));
        }
    }
    fixture.settled().await;
    let mut found: Vec<IndexKey> =
        all(fixture.index(), 1).await.into_values().flatten().map(|entry| entry.key).collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

/// A start time includes the entries of that time, and so does an end time.
pub async fn a_slice_is_read_from_a_time_until_a_time<F: CommitIndexFixture>(fixture: &F) {
    let index = fixture.index();
    for second in 1..=9 {
        write(fixture.store(), &account("a"), at(second), &[1]).await;
    }
    fixture.settled().await;
    let slices = all(index, 100).await;
    let number = *slices.keys().next().expect("the stream is in a slice");
    let seconds = async |after: &SlicePosition, until: Timestamp| {
        let entries = page(index, number, after, until, 100).await.entries;
        entries
            .iter()
            .map(|entry| (entry.key.at().as_millis() - at(0).as_millis()) / 1000)
            .collect::<Vec<_>>()
    };
    assert_eq!(seconds(&SlicePosition::Before(at(3)), at(6)).await, [3, 4, 5, 6]);
    assert_eq!(
        seconds(&SlicePosition::Before(at(3).plus_millis(1)), at(6).plus_millis(-1)).await,
        [4, 5]
    );
    assert_eq!(seconds(&SlicePosition::Before(at(4)), at(4)).await, [4]);
    let third = SlicePosition::After(slices[&number][2].key.clone());
    assert_eq!(seconds(&third, at(5)).await, [4, 5]);
    assert_eq!(seconds(&third, at(3)).await, [0; 0], "no later entry has its time");
    assert_eq!(seconds(&third, at(2)).await, [0; 0], "the end is before the start");
}

/// All entries are read, even large ones, with at most `limit` per page.
pub async fn a_slice_of_many_pages_is_read_whole<F: CommitIndexFixture>(fixture: &F) {
    let (store, stream) = (fixture.store(), account("large"));
    let mut head = store.start(stream.clone());
    for number in 0..12 {
        // Entries contain the types: 12 entries of 120 KB exceed a page of DynamoDB.
        let event = |number| {
            let event_type = format!("account.noted{number:050}");
            EventData { event_type, schema: 1, data: b"{}".to_vec() }
        };
        let draft = Draft {
            commit_id: id(&number.to_string()),
            at: at(number),
            context: context(),
            events: (0..1_900).map(event).collect(),
            snapshot: None,
        };
        head = append_at(store, &head, draft).await.head;
    }
    fixture.settled().await;
    for limit in [5, 12, 100] {
        let entries: Vec<_> = all(fixture.index(), limit).await.into_values().flatten().collect();
        assert_eq!(entries.len(), 12, "in pages of {limit}");
    }
}

/// The commit of an entry is read. It is `None` if the entry has no commit.
pub async fn the_commit_of_an_entry_is_read<F: CommitIndexFixture>(fixture: &F) {
    let (index, stream) = (fixture.index(), account("a"));
    let first = write(fixture.store(), &stream, at(1), &[1, 2]).await;
    let second = write(fixture.store(), &stream, at(2), &[3]).await;
    for commit in [first, second] {
        let found =
            index.commit(&IndexKey::of(&commit)).await.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(found, Some(commit));
    }
    for (stream, first) in [(stream, 2), (account("b"), 1)] {
        let missing = IndexKey::new(at(1), stream, Version::new(first));
        assert!(
            index.commit(&missing).await.unwrap_or_else(|error| panic!("{error}")).is_none(),
            "{missing}"
        );
    }
}
