//! Reading an index: every commit is there once, in its place, from any place on.

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

/// After everything that a rule writes.
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
    assert!(page.entries.len() <= limit as usize, "more than was asked for");
    assert_eq!(page.malformed, [], "an entry was not understood");
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

/// All entries, by slice, of the slices that have some.
pub(super) async fn all<I: CommitIndex>(index: &I, limit: u32) -> BTreeMap<u8, Vec<IndexEntry>> {
    let mut slices = BTreeMap::new();
    for number in 0..I::SLICES {
        slices.insert(number, slice(index, number, end(), limit).await);
    }
    slices.retain(|_, entries| !entries.is_empty());
    slices
}

/// Appends a commit of these events, decided at this time, whatever is in the stream.
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

/// Where nothing happened there is nothing, and asking is no error.
pub async fn an_index_without_commits_has_no_entries<F: CommitIndexFixture>(fixture: &F) {
    assert!(F::Index::SLICES > 0);
    assert_eq!(all(fixture.index(), 10).await, BTreeMap::new());
    let before = page(fixture.index(), 0, &SlicePosition::Before(at(7)), at(6), 10).await;
    assert_eq!(before, IndexPage::default(), "from a time after its end");
}

/// Whatever was appended, alone or with others, is there once: when, where, and of which types.
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

/// Or a reader of some slices would see parts of streams.
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

/// A slice is sorted as its keys are, whenever its entries were written.
pub async fn entries_stand_by_time_stream_and_version<F: CommitIndexFixture>(fixture: &F) {
    for number in 0..60 {
        // Back and forth in time; a stream's commits never go back.
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

/// Neither one time for all, nor names that begin like others, nor versions of more digits make a
/// reader leave one out.
pub async fn entries_of_one_moment_are_read_one_by_one<F: CommitIndexFixture>(fixture: &F) {
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

/// A time stands before all that was recorded at it; an end includes what was recorded at it.
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
    assert_eq!(seconds(&third, at(3)).await, [0; 0], "nothing after it until its own time");
    assert_eq!(seconds(&third, at(2)).await, [0; 0], "nor before");
}

/// However large the entries are, all come, and no more at once than was asked for.
pub async fn a_slice_of_many_pages_is_read_whole<F: CommitIndexFixture>(fixture: &F) {
    let (store, stream) = (fixture.store(), account("large"));
    let mut head = store.start(stream.clone());
    for number in 0..12 {
        // The types are in the index: 12 times 120 KB are more than a page of DynamoDB.
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

/// An entry leads to its commit, and one that leads nowhere is told from that.
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
        let nowhere = IndexKey::new(at(1), stream, Version::new(first));
        assert!(
            index.commit(&nowhere).await.unwrap_or_else(|error| panic!("{error}")).is_none(),
            "{nowhere}"
        );
    }
}
