//! Parking a row: what it changes, and which writes replace a parked row.

use futures_util::future::join;
use skald::stream::{StreamId, Version};
use skald::view::{Listing, Parked, Put, ViewRow, ViewStore, park};

use super::ViewStoreFixture;
use super::rows::{get, get_many, put, row, try_put};
use crate::fixtures::at;
use crate::sample::account;
use crate::yielding::Yielding;

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
    let expected = ViewRow {
        version: Version::START,
        at: at(60),
        body: None,
        listing: None,
        worklist: None,
        parked,
    };
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
