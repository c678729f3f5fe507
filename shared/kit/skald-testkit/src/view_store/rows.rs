//! Rows: single reads and writes, and reads of many rows.

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

/// A row at this version, with this text as its JSON body.
pub(crate) fn row(version: u64, text: &str) -> ViewRow {
    ViewRow {
        version: Version::new(version),
        at: at(version.cast_signed()),
        body: Some(Value::from(text).to_string()),
        listing: None,
        worklist: None,
        parked: None,
    }
}

pub(crate) async fn get<V: ViewStore>(views: &V, stream: &StreamId) -> Option<ViewRow> {
    views.get(stream).await.unwrap_or_else(|error| panic!("get {stream}: {error}"))
}

/// The rows of these streams. Asserts that none is malformed.
pub(super) async fn get_many<V: ViewStore>(
    views: &V,
    streams: &[StreamId],
) -> Vec<(StreamId, ViewRow)> {
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

pub(super) async fn try_put<V: ViewStore>(
    views: &V,
    stream: &StreamId,
    expected: u64,
    row: &ViewRow,
) -> Put {
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
    let listed = ViewRow { listing: listing.clone(), ..row(u64::from(u32::MAX), "{}") };
    let waiting = ViewRow { worklist: listing, ..row(3, "{}") };
    let large = row(2, &"日".repeat(100_000));
    for (name, stored) in
        [("plain", plain), ("listed", listed), ("waiting", waiting), ("large", large)]
    {
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
    let max_body = MAX_ROW_BYTES - 2 * (MAX_LIST_GROUP_BYTES + MAX_LIST_SORT_BYTES) - 2;
    let with_body = |version, size| ViewRow {
        listing: Some(listing.clone()),
        worklist: Some(listing.clone()),
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

/// A row whose place in a list or worklist is invalid is an error that is not transient.
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
        let place = Some(Listing { group: "g".repeat(group_bytes), sort: "s".repeat(sort_bytes) });
        let listed = ViewRow { listing: place.clone(), ..row(1, "{}") };
        let waiting = ViewRow { worklist: place, ..row(1, "{}") };
        for invalid in [listed, waiting] {
            assert_invalid(views.put(&stream, Version::START, &invalid).await, &invalid_place);
        }
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
