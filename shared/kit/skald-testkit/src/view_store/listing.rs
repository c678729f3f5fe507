//! Lists and worklists of rows.

use std::collections::BTreeSet;

use skald::stream::StreamId;
use skald::view::{ListEntry, Listing, MAX_LIST_GROUP_BYTES, ViewRow, ViewStore, park};

use super::ViewStoreFixture;
use super::rows::{put, row};
use crate::fixtures::at;
use crate::sample::account;

fn listed(version: u64, group: &str, sort: &str) -> ViewRow {
    ViewRow {
        listing: Some(Listing { group: group.to_owned(), sort: sort.to_owned() }),
        ..row(version, "{}")
    }
}

/// Entries of the list. Asserts that none is malformed.
async fn list<V: ViewStore>(
    views: &V,
    group: &str,
    before: Option<&ListEntry>,
    limit: u32,
) -> Vec<ListEntry> {
    let page = views
        .list(group, before, limit)
        .await
        .unwrap_or_else(|error| panic!("list {group}: {error}"));
    assert_eq!(page.malformed, []);
    page.entries
}

/// All entries of the list, read in pages of this size.
async fn pages<V: ViewStore>(views: &V, group: &str, limit: u32) -> Vec<ListEntry> {
    let mut all: Vec<ListEntry> = Vec::new();
    loop {
        let page = list(views, group, all.last(), limit).await;
        assert!(
            page.len() <= limit as usize,
            "{} entries in a page of at most {limit}",
            page.len()
        );
        if page.is_empty() {
            return all;
        }
        all.extend(page);
        assert!(all.len() < 10_000, "the pages never end");
    }
}

fn streams(entries: &[ListEntry]) -> Vec<StreamId> {
    entries.iter().map(|entry| entry.stream.clone()).collect()
}

/// A list starts with the last place. Places are compared as text.
pub async fn lists_start_with_the_last_place<F: ViewStoreFixture>(fixture: &F) {
    let views = fixture.store();
    for (name, sort) in [("b", "2026-02"), ("d", "2026-11"), ("a", "2025-12"), ("c", "2026-02-01")]
    {
        put(views, &account(name), 0, &listed(1, "list", sort)).await;
    }
    fixture.settled().await;
    let entries = list(views, "list", None, 10).await;
    assert_eq!(streams(&entries), ["d", "c", "b", "a"].map(account));
    assert_eq!(entries[0].sort, "2026-11");
    assert_eq!(list(views, "list", None, 0).await, [], "with limit 0");
    for none in ["no list", "", &"l".repeat(MAX_LIST_GROUP_BYTES + 1)] {
        assert_eq!(list(views, none, None, 10).await, [], "{none}");
    }
}

/// Each entry is returned once, with pages of any size, even if entries share a place.
pub async fn pages_have_every_entry_once<F: ViewStoreFixture>(fixture: &F) {
    let views = fixture.store();
    let all: BTreeSet<StreamId> = (0..24).map(|number| account(&format!("{number:02}"))).collect();
    for (number, stream) in all.iter().enumerate() {
        put(views, stream, 0, &listed(1, "list", &format!("place {}", number / 6))).await;
    }
    fixture.settled().await;
    for limit in [1, 2, 5, 6, 7, 23, 24, 25, 1000] {
        let entries = pages(views, "list", limit).await;
        assert_eq!(entries.len(), all.len(), "entries, by {limit}");
        assert_eq!(streams(&entries).into_iter().collect::<BTreeSet<_>>(), all, "by {limit}");
        assert!(
            entries.is_sorted_by(|earlier, later| earlier.sort >= later.sort),
            "not in order, by {limit}"
        );
    }
}

/// An entry is in its list and in no other.
pub async fn lists_do_not_mix<F: ViewStoreFixture>(fixture: &F) {
    let views = fixture.store();
    for (name, group) in [("a", "default/c"), ("b", "default/c-1"), ("c", "other/c")] {
        put(views, &account(name), 0, &listed(1, group, "same")).await;
    }
    fixture.settled().await;
    assert_eq!(streams(&pages(views, "default/c", 5).await), [account("a")]);
    assert_eq!(streams(&pages(views, "default/c-1", 5).await), [account("b")]);
    assert_eq!(streams(&pages(views, "other/c", 5).await), [account("c")]);
}

/// A row without a place is in no list. A parked row keeps its place.
pub async fn only_rows_with_a_place_are_listed<F: ViewStoreFixture>(fixture: &F) {
    let views = fixture.store();
    put(views, &account("hidden"), 0, &row(1, "{}")).await;
    put(views, &account("parked"), 0, &listed(1, "list", "a")).await;
    for name in ["parked", "no-events"] {
        park(views, &account(name), None, "why", at(60)).await.expect("it is parked");
    }
    fixture.settled().await;
    assert_eq!(streams(&pages(views, "list", 5).await), [account("parked")]);
}

/// A row that is written again is listed once, at the same place.
pub async fn a_row_keeps_its_place<F: ViewStoreFixture>(fixture: &F) {
    let views = fixture.store();
    for (name, sort) in [("a", "1"), ("b", "2")] {
        put(views, &account(name), 0, &listed(1, "list", sort)).await;
    }
    for version in 1..4 {
        put(views, &account("a"), version, &listed(version + 1, "list", "1")).await;
    }
    fixture.settled().await;
    assert_eq!(streams(&pages(views, "list", 5).await), ["b", "a"].map(account));
}

fn waiting(version: u64, group: &str, sort: &str) -> ViewRow {
    let place = Listing { group: group.to_owned(), sort: sort.to_owned() };
    ViewRow { worklist: Some(place), ..row(version, "{}") }
}

/// Entries of the worklist. Asserts that none is malformed.
async fn worklist<V: ViewStore>(
    views: &V,
    group: &str,
    after: Option<&ListEntry>,
    limit: u32,
) -> Vec<ListEntry> {
    let page = views
        .worklist(group, after, limit)
        .await
        .unwrap_or_else(|error| panic!("worklist {group}: {error}"));
    assert_eq!(page.malformed, []);
    page.entries
}

/// A worklist starts with the first place. Places are compared as text. A worklist and a list of
/// the same name have nothing in common.
pub async fn worklists_start_with_the_first_place<F: ViewStoreFixture>(fixture: &F) {
    let views = fixture.store();
    for (name, sort) in [("b", "2026-02"), ("d", "2026-11"), ("a", "2025-12"), ("c", "2026-02-01")]
    {
        put(views, &account(name), 0, &waiting(1, "list", sort)).await;
    }
    put(views, &account("listed"), 0, &listed(1, "list", "2026-01")).await;
    put(views, &account("neither"), 0, &row(1, "{}")).await;
    fixture.settled().await;
    let entries = worklist(views, "list", None, 10).await;
    assert_eq!(streams(&entries), ["a", "b", "c", "d"].map(account));
    assert_eq!(entries[0].sort, "2025-12");
    assert_eq!(streams(&list(views, "list", None, 10).await), [account("listed")]);
    assert_eq!(worklist(views, "list", None, 0).await, [], "with limit 0");
    for none in ["no list", "", &"l".repeat(MAX_LIST_GROUP_BYTES + 1)] {
        assert_eq!(worklist(views, none, None, 10).await, [], "{none}");
    }
}

/// Each entry of a worklist is returned once, with pages of any size, even if entries share a
/// place.
pub async fn pages_of_a_worklist_have_every_entry_once<F: ViewStoreFixture>(fixture: &F) {
    let views = fixture.store();
    let all: BTreeSet<StreamId> = (0..24).map(|number| account(&format!("{number:02}"))).collect();
    for (number, stream) in all.iter().enumerate() {
        put(views, stream, 0, &waiting(1, "list", &format!("place {}", number / 6))).await;
    }
    fixture.settled().await;
    for limit in [1, 2, 5, 6, 7, 23, 24, 25, 1000] {
        let mut entries: Vec<ListEntry> = Vec::new();
        loop {
            let page = worklist(views, "list", entries.last(), limit).await;
            let is_last = page.len() < limit as usize;
            assert!(page.len() <= limit as usize, "by {limit}");
            entries.extend(page);
            assert!(entries.len() <= all.len(), "an entry is repeated, by {limit}");
            if is_last {
                break;
            }
        }
        assert_eq!(streams(&entries).into_iter().collect::<BTreeSet<_>>(), all, "by {limit}");
        assert!(
            entries.is_sorted_by(|earlier, later| earlier.sort <= later.sort),
            "not in order, by {limit}"
        );
    }
}

/// A worklist continues after an entry that has left it, and after one that was never in it.
pub async fn a_worklist_continues_after_an_entry_that_left<F: ViewStoreFixture>(fixture: &F) {
    let views = fixture.store();
    for name in ["a", "b", "c", "d"] {
        put(views, &account(name), 0, &waiting(1, "list", name)).await;
    }
    fixture.settled().await;
    let first = worklist(views, "list", None, 2).await;
    assert_eq!(streams(&first), ["a", "b"].map(account));
    put(views, &account("b"), 1, &row(2, "{}")).await;
    fixture.settled().await;
    let rest = worklist(views, "list", first.last(), 10).await;
    assert_eq!(streams(&rest), ["c", "d"].map(account));
    let never = ListEntry { stream: account("never"), sort: "bb".to_owned() };
    assert_eq!(worklist(views, "list", Some(&never), 10).await, rest);
}

/// A row that changes is in the worklist of its present place only, and in none while it has no
/// place. A parked row keeps its place.
pub async fn a_row_moves_between_worklists<F: ViewStoreFixture>(fixture: &F) {
    let (views, stream) = (fixture.store(), account("a"));
    put(views, &account("other"), 0, &waiting(1, "open", "2")).await;
    put(views, &stream, 0, &row(1, "{}")).await;
    let stages = [("open", "3"), ("open", "1"), ("late", "1"), ("", ""), ("open", "1")];
    for (version, (group, sort)) in (1..).zip(stages) {
        let next = waiting(version + 1, group, sort);
        let next = ViewRow { worklist: next.worklist.filter(|_| !group.is_empty()), ..next };
        put(views, &stream, version, &next).await;
        fixture.settled().await;
        let mut open: Vec<_> = worklist(views, "open", None, 10).await;
        open.retain(|entry| entry.stream == stream);
        let expected = (group == "open").then(|| (stream.clone(), sort.to_owned()));
        let open = open.into_iter().map(|ListEntry { stream, sort }| (stream, sort));
        assert_eq!(open.collect::<Vec<_>>(), Vec::from_iter(expected), "version {version}");
        let late = streams(&worklist(views, "late", None, 10).await);
        assert_eq!(late.contains(&stream), group == "late", "version {version}");
    }
    park(views, &stream, None, "why", at(60)).await.expect("it is parked");
    fixture.settled().await;
    assert_eq!(streams(&worklist(views, "open", None, 10).await), ["a", "other"].map(account));
}
