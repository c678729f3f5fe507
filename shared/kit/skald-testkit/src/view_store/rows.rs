//! Rows: single reads and writes, parking, and reads of many rows.

use futures_util::future::join;
use serde_json::Value;
use skald::json::MAX_STATE_LEVELS;
use skald::store::StoreError;
use skald::stream::{StreamId, Tenant, Version};
use skald::view::{
    InvalidRow, Listing, MAX_LIST_GROUP_BYTES, MAX_LIST_SORT_BYTES, MAX_ROW_BYTES, Parked, Put,
    ViewRow, ViewStore, park,
};

use super::ViewStoreFixture;
use crate::concurrent::run_all;
use crate::event_store::assert_rows_are_read_back_or_invalid;
use crate::fixtures::at;
use crate::json_samples;
use crate::sample::account;
use crate::yielding::Yielding;

/// A row at this version, with this text as its JSON body.
pub(crate) fn row(version: u64, text: &str) -> ViewRow {
    ViewRow {
        version: Version::new(version),
        at: at(version.cast_signed()),
        body: Some(Value::from(text).to_string()),
        listing: None,
        parked: None,
    }
}

pub(crate) async fn get<V: ViewStore>(views: &V, stream: &StreamId) -> Option<ViewRow> {
    views.get(stream).await.unwrap_or_else(|error| panic!("get {stream}: {error}"))
}

/// The rows of these streams. Asserts that none is malformed.
async fn get_many<V: ViewStore>(views: &V, streams: &[StreamId]) -> Vec<(StreamId, ViewRow)> {
    let found =
        views.get_many(streams).await.unwrap_or_else(|error| panic!("get {streams:?}: {error}"));
    assert_eq!(found.malformed, []);
    found.rows
}

/// Stores a row over the one at `expected`. Asserts that it is stored.
pub(crate) async fn put<V: ViewStore>(views: &V, stream: &StreamId, expected: u64, row: &ViewRow) {
    assert_eq!(
        try_put(views, stream, expected, row).await,
        Put::Stored,
        "{stream} over {expected}"
    );
}

async fn try_put<V: ViewStore>(views: &V, stream: &StreamId, expected: u64, row: &ViewRow) -> Put {
    let put = views.put(stream, Version::new(expected), row).await;
    put.unwrap_or_else(|error| panic!("put {stream} over {expected}: {error}"))
}

/// A row that was never stored is `None`, not an error.
pub async fn a_row_that_was_never_stored_is_none<F: ViewStoreFixture>(fixture: &F) {
    assert_eq!(get(fixture.store(), &account("missing")).await, None);
    assert_eq!(get_many(fixture.store(), &[]).await, []);
}

/// Every part of a row is read exactly as it was stored.
pub async fn a_row_is_read_as_it_was_stored<F: ViewStoreFixture>(fixture: &F) {
    let views = fixture.store();
    let listing = Some(Listing {
        group: "default/käse".to_owned(),
        sort: "2026-11-21T08:15:30.250Z/🧾".to_owned(),
    });
    let body = r#"{ "name" : "Zoë 📦 \u0000 \"quoted\"" }"#.to_owned();
    let plain = ViewRow { body: Some(body), ..row(1, "") };
    let listed = ViewRow { listing, ..row(u64::from(u32::MAX), "{}") };
    let large = row(2, &"日".repeat(100_000));
    for (name, stored) in [("plain", plain), ("listed", listed), ("large", large)] {
        put(views, &account(name), 0, &stored).await;
        assert!(
            get(views, &account(name)).await.as_ref() == Some(&stored),
            "{name}: the row changed"
        );
    }
}

/// A body that some reader could not read back is invalid, with an error that is not transient. A
/// valid body is read unchanged.
pub async fn a_row_that_cannot_be_read_back_is_invalid<F: ViewStoreFixture>(fixture: &F) {
    let (views, stream) = (fixture.store(), account("bodies"));
    for (malformed, fault) in json_samples::invalid(MAX_STATE_LEVELS) {
        // A body is a `String`, so it is always UTF-8.
        let Ok(body) = String::from_utf8(malformed) else { continue };
        let put = views
            .put(&stream, Version::START, &ViewRow { body: Some(body.clone()), ..row(1, "") })
            .await;
        let error = put.expect_err("the body was accepted");
        assert!(!error.is_transient(), "{body}: {error}");
        let StoreError::InvalidRow { reason, .. } = error else { panic!("{body}: {error}") };
        assert_eq!(reason, InvalidRow::Json(fault), "{body}");
    }
    assert_eq!(get(views, &stream).await, None, "something was written");
    for (version, valid) in (0..).zip(json_samples::valid(MAX_STATE_LEVELS)) {
        let body = String::from_utf8(valid).ok();
        let stored = ViewRow { body, ..row(version + 1, "") };
        put(views, &stream, version, &stored).await;
        assert_eq!(get(views, &stream).await, Some(stored));
    }
}

/// A random row is read back, or its put fails with an error that is not transient.
pub async fn every_row_is_read_back_or_fails_permanently<F: ViewStoreFixture>(fixture: &F) {
    assert_rows_are_read_back_or_invalid(fixture.store()).await;
}

/// A row is stored only over the version that was read, neither an older nor a newer one.
pub async fn a_stale_row_is_not_stored<F: ViewStoreFixture>(fixture: &F) {
    let (views, stream) = (fixture.store(), account("stale"));
    put(views, &stream, 0, &row(2, "two")).await;
    put(views, &stream, 2, &row(5, "five")).await;
    for expected in [1, 2, 4, 6] {
        assert_eq!(
            try_put(views, &stream, expected, &row(9, "nine")).await,
            Put::Stale,
            "over {expected}"
        );
    }
    assert_eq!(get(views, &stream).await, Some(row(5, "five")));
    assert_eq!(
        try_put(views, &account("missing"), 3, &row(4, "four")).await,
        Put::Stale,
        "over a missing row"
    );
    assert_eq!(get(views, &account("missing")).await, None);
}

/// A first row is stored only if there is none.
pub async fn a_first_row_is_stored_once<F: ViewStoreFixture>(fixture: &F) {
    let (views, stream) = (fixture.store(), account("first"));
    put(views, &stream, 0, &row(1, "first")).await;
    assert_eq!(try_put(views, &stream, 0, &row(1, "again")).await, Put::Stale);
    assert_eq!(get(views, &stream).await, Some(row(1, "first")));
}

/// Of eight concurrent puts over the same row, one is stored.
pub async fn of_eight_concurrent_rows_one_is_stored<F: ViewStoreFixture>(fixture: &F) {
    let (views, stream) = (fixture.store(), account("race"));
    for version in 0..5_u64 {
        let rows: Vec<ViewRow> =
            (0..8).map(|writer| row(version + 1, &writer.to_string())).collect();
        let puts = run_all(rows.iter().map(|row| try_put(views, &stream, version, row))).await;
        let stored: Vec<&ViewRow> = rows
            .iter()
            .zip(&puts)
            .filter(|(_, put)| **put == Put::Stored)
            .map(|(row, _)| row)
            .collect();
        assert_eq!(stored.len(), 1, "stored over version {version}");
        assert_eq!(get(views, &stream).await.as_ref(), Some(stored[0]));
    }
}

/// A parked row keeps its version, its time, its body and its place in lists.
pub async fn parking_changes_nothing_else<F: ViewStoreFixture>(fixture: &F) {
    let (views, stream) = (fixture.store(), account("parked"));
    let listing = Some(Listing { group: "default/accounts".to_owned(), sort: "a".to_owned() });
    let before = ViewRow { listing, ..row(3, "three") };
    put(views, &stream, 0, &before).await;
    park(views, &stream, None, "the reason, with ümlauts", at(60)).await.expect("it is parked");
    let parked = Some(Parked {
        reason: "the reason, with ümlauts".to_owned(),
        at: at(60),
        announced: Version::START,
    });
    assert_eq!(get(views, &stream).await, Some(ViewRow { parked, ..before }));
}

/// A stream is parked even if it has no row yet.
pub async fn a_row_can_be_parked_before_its_first_event<F: ViewStoreFixture>(fixture: &F) {
    let (views, stream) = (fixture.store(), account("no-events"));
    park(views, &stream, None, "why", at(60)).await.expect("it is parked");
    let parked = Some(Parked { reason: "why".to_owned(), at: at(60), announced: Version::START });
    let expected =
        ViewRow { version: Version::START, at: at(60), body: None, listing: None, parked };
    assert_eq!(get(views, &stream).await, Some(expected.clone()));
    fixture.settled().await;
    let found = get_many(views, std::slice::from_ref(&stream)).await;
    assert_eq!(found, [(stream, expected)]);
}

/// Parking a row during another write parks the row that results.
pub async fn a_row_is_parked_although_others_write_it<F: ViewStoreFixture>(fixture: &F) {
    let (views, stream) = (fixture.store(), account("busy"));
    put(views, &stream, 0, &row(1, "one")).await;
    let yielding = Yielding(views);
    let write = async {
        get(&yielding, &stream).await;
        try_put(&yielding, &stream, 1, &row(2, "two")).await
    };
    let (written, parked) = join(write, park(&yielding, &stream, None, "why", at(60))).await;
    parked.expect("it is parked");
    let stored = match written {
        Put::Stored => row(2, "two"),
        Put::Stale => row(1, "one"),
    };
    let parked = Some(Parked { reason: "why".to_owned(), at: at(60), announced: Version::START });
    assert_eq!(get(views, &stream).await, Some(ViewRow { parked, ..stored }));
}

/// A put over the row as it was before parking, or over no row, does not undo the parking.
pub async fn a_parked_row_is_not_overwritten<F: ViewStoreFixture>(fixture: &F) {
    let views = fixture.store();
    put(views, &account("old"), 0, &row(3, "three")).await;
    for (name, version) in [("old", 3), ("no-events", 0)] {
        let stream = account(name);
        park(views, &stream, None, "why", at(60)).await.expect("it is parked");
        let parked = get(views, &stream).await;
        assert_eq!(
            try_put(views, &stream, version, &row(version + 1, "next")).await,
            Put::Stale,
            "{name}"
        );
        assert_eq!(
            try_put(views, &stream, 0, &row(1, "first")).await,
            Put::Stale,
            "{name}, over no row"
        );
        assert_eq!(get(views, &stream).await, parked);
    }
}

/// A parked row is overwritten only as it was read: at its version, and with no announced version
/// that is later than both the one that was read and the row that is written.
pub async fn a_parked_row_is_overwritten_only_as_it_was_read<F: ViewStoreFixture>(fixture: &F) {
    let (views, stream) = (fixture.store(), account("redriven"));
    put(views, &stream, 0, &row(3, "three")).await;
    park(views, &stream, None, "why", at(60)).await.expect("it is parked");
    let parked = get(views, &stream).await.expect("a row");
    let counted = announced(&parked, 11);
    assert_eq!(
        over_parked(views, &stream, &parked, &counted).await,
        Put::Stored,
        "a message announced version 11"
    );
    for version in [0, 2, 4] {
        let other = ViewRow { version: Version::new(version), ..counted.clone() };
        assert_eq!(
            over_parked(views, &stream, &other, &row(9, "nine")).await,
            Put::Stale,
            "over {version}"
        );
    }
    for version in [0, 10] {
        let other = announced(&parked, version);
        assert_eq!(
            over_parked(views, &stream, &other, &row(9, "nine")).await,
            Put::Stale,
            "announced: {version}"
        );
    }
    let unparked = ViewRow { parked: None, ..parked };
    assert_eq!(
        over_parked(views, &stream, &unparked, &row(9, "nine")).await,
        Put::Stale,
        "over a row that is not parked"
    );
    assert_eq!(get(views, &stream).await.as_ref(), Some(&counted));
    assert_eq!(over_parked(views, &stream, &counted, &row(5, "five")).await, Put::Stored);
    assert_eq!(get(views, &stream).await, Some(row(5, "five")));
    // The written row contains the version that was announced since.
    park(views, &stream, None, "why", at(60)).await.expect("it is parked");
    let parked = get(views, &stream).await.expect("a row");
    assert_eq!(over_parked(views, &stream, &parked, &announced(&parked, 11)).await, Put::Stored);
    assert_eq!(over_parked(views, &stream, &parked, &row(10, "ten")).await, Put::Stale);
    assert_eq!(over_parked(views, &stream, &parked, &row(11, "eleven")).await, Put::Stored);
    assert_eq!(get(views, &stream).await, Some(row(11, "eleven")));
    let none = account("none");
    let parked = ViewRow { version: Version::START, ..counted };
    assert_eq!(
        over_parked(views, &none, &parked, &row(1, "one")).await,
        Put::Stale,
        "over a missing row"
    );
    assert_eq!(get(views, &none).await, None);
}

/// The parked row after a message announced this version.
fn announced(row: &ViewRow, version: u64) -> ViewRow {
    let parked =
        row.parked.clone().map(|parked| Parked { announced: Version::new(version), ..parked });
    ViewRow { parked, ..row.clone() }
}

async fn over_parked<V: ViewStore>(
    views: &V,
    stream: &StreamId,
    parked: &ViewRow,
    row: &ViewRow,
) -> Put {
    let put = views.put_over_parked(stream, parked, row).await;
    put.unwrap_or_else(|error| panic!("put {stream} over the parked row: {error}"))
}

/// A parked row keeps its first reason, which is what an operator needs.
pub async fn parking_again_keeps_the_first_reason<F: ViewStoreFixture>(fixture: &F) {
    let (views, stream) = (fixture.store(), account("twice"));
    park(views, &stream, None, "first", at(1)).await.expect("it is parked");
    park(views, &stream, None, "second", at(2)).await.expect("it stays parked");
    let parked = get(views, &stream).await.and_then(|row| row.parked);
    assert_eq!(
        parked,
        Some(Parked { reason: "first".to_owned(), at: at(1), announced: Version::START })
    );
}

/// A name with the same prefix, or the same name of another tenant, is another row.
pub async fn rows_of_similar_names_do_not_mix<F: ViewStoreFixture>(fixture: &F) {
    let views = fixture.store();
    let tenant = Tenant::new("other").expect("a valid tenant");
    let other = StreamId::new(&tenant, "account", "a").expect("a valid stream");
    let streams = [account("a"), account("a-b"), account("A"), account("a~1"), other];
    for stream in &streams {
        put(views, stream, 0, &row(1, &stream.key())).await;
    }
    for stream in &streams {
        assert_eq!(get(views, stream).await, Some(row(1, &stream.key())));
    }
}

/// Rows are returned in the order of the request, without missing rows. A row that is requested
/// twice is returned twice.
pub async fn many_rows_are_returned_in_the_order_of_the_request<F: ViewStoreFixture>(fixture: &F) {
    let views = fixture.store();
    let streams: Vec<StreamId> =
        (0..250).map(|number| account(&format!("{:03}", number * 7 % 250))).collect();
    let (stored, _) = streams.split_at(130);
    for stream in stored {
        put(views, stream, 0, &row(1, stream.id())).await;
    }
    let requested: Vec<StreamId> = streams.iter().rev().chain(&streams[..3]).cloned().collect();
    fixture.settled().await;
    let found = get_many(views, &requested).await;
    let expected = requested.iter().filter(|stream| stored.contains(stream));
    assert_eq!(
        found,
        expected.map(|stream| (stream.clone(), row(1, stream.id()))).collect::<Vec<_>>()
    );
}

/// All rows are returned, even if they are too large for one answer of a service.
pub async fn many_large_rows_are_all_returned<F: ViewStoreFixture>(fixture: &F) {
    let views = fixture.store();
    let streams: Vec<StreamId> = (0..60).map(|number| account(&format!("{number:02}"))).collect();
    let body = "x".repeat(300_000);
    for stream in &streams {
        put(views, stream, 0, &row(1, &body)).await;
    }
    fixture.settled().await;
    let found = get_many(views, &streams).await;
    assert_eq!(found.into_iter().map(|(stream, _)| stream).collect::<Vec<_>>(), streams);
}

/// A row of the maximum size is stored and can still be parked, with a reason of any length. A
/// larger row is invalid, with an error that is not transient.
pub async fn a_row_that_is_too_large_is_a_permanent_error<F: ViewStoreFixture>(fixture: &F) {
    let (views, stream) = (fixture.store(), account("large"));
    let listing =
        Listing { group: "g".repeat(MAX_LIST_GROUP_BYTES), sort: "s".repeat(MAX_LIST_SORT_BYTES) };
    // The quotes of the body count.
    let max_body = MAX_ROW_BYTES - MAX_LIST_GROUP_BYTES - MAX_LIST_SORT_BYTES - 2;
    let with_body = |version, size| ViewRow {
        listing: Some(listing.clone()),
        ..row(version, &"x".repeat(size))
    };
    put(views, &stream, 0, &with_body(1, max_body)).await;
    let too_large = &InvalidRow::TooLarge { size_bytes: MAX_ROW_BYTES + 1 };
    for expected in [Version::START, Version::new(1)] {
        assert_invalid(views.put(&stream, expected, &with_body(2, max_body + 1)).await, too_large);
    }
    park(views, &stream, None, &"日".repeat(5_000), at(60)).await.expect("it is parked");
    let parked = get(views, &stream).await.expect("a row");
    assert_eq!((parked.version, parked.size_bytes()), (Version::new(1), MAX_ROW_BYTES));
    assert_invalid(
        views.put_over_parked(&stream, &parked, &with_body(2, max_body + 1)).await,
        too_large,
    );
    let reason =
        Parked { reason: "x".repeat(MAX_ROW_BYTES + 4_000), at: at(60), announced: Version::START };
    let put = views
        .put(&account("reason"), Version::START, &ViewRow { parked: Some(reason), ..row(1, "{}") })
        .await;
    assert!(matches!(put, Err(StoreError::InvalidRow { .. })), "a reason over the limit: {put:?}");
    assert_eq!(get(views, &stream).await, Some(parked));
}

/// A row whose place in a list is invalid is an error that is not transient.
pub async fn a_row_with_an_impossible_place_is_a_permanent_error<F: ViewStoreFixture>(fixture: &F) {
    let (views, stream) = (fixture.store(), account("invalid"));
    let group = |length_bytes| InvalidRow::ListGroup { length_bytes };
    let sort = |length_bytes| InvalidRow::ListSort { length_bytes };
    for (group_bytes, sort_bytes, invalid_place) in [
        (0, 1, group(0)),
        (MAX_LIST_GROUP_BYTES + 1, 1, group(2_049)),
        (1, 0, sort(0)),
        (1, 1_025, sort(1_025)),
    ] {
        let listing =
            Some(Listing { group: "g".repeat(group_bytes), sort: "s".repeat(sort_bytes) });
        let invalid = ViewRow { listing, ..row(1, "{}") };
        assert_invalid(views.put(&stream, Version::START, &invalid).await, &invalid_place);
    }
    assert_eq!(get(views, &stream).await, None);
}

#[track_caller]
fn assert_invalid(put: Result<Put, StoreError>, expected: &InvalidRow) {
    match put {
        Err(error) => {
            assert!(!error.is_transient(), "the error is transient: {error}");
            assert!(
                matches!(&error, StoreError::InvalidRow { reason, .. } if reason == expected),
                "{expected}: {error}"
            );
        }
        Ok(put) => panic!("{expected}: {put:?}"),
    }
}
