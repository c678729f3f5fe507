//! Redrive and live delivery at once, in every order of their calls to the stores.

use skald::memory::InMemoryEventStore;
use skald::{CommitMessage, EventStore, Version, ViewStore, catch_up, park, redrive};

use super::ViewStoreFixture;
use super::rows::get;
use crate::orders::Orders;
use crate::sample::{Statement, Statements, account};
use crate::scene::{append, at, deposited};
use crate::yielding::Yielding;

/// Whichever of their calls comes first, the row ends unparked, with the event that was appended meanwhile: its message is
/// acknowledged only once that is certain, and no other comes.
pub async fn nothing_is_lost_between_a_redrive_and_live_delivery<F: ViewStoreFixture>(fixture: &F) {
    let (events, views) = (InMemoryEventStore::default(), fixture.store());
    let mut orders = Orders::default();
    while let Some(number) = orders.next() {
        let stream = account(&format!("redriven-{number}"));
        let first = append(&events, &stream, &format!("first of {stream}"), deposited(5)).await.commit;
        deliver(&events, views, CommitMessage::of(first)).await;
        park(views, &stream, "a lie", at(60)).await.expect("it is parked");

        let (yielding_events, yielding_views) = (Yielding(&events), Yielding(views));
        let redriven = async {
            let told = redrive::<Statements, _, _>(&yielding_events, &yielding_views, &stream).await;
            told.unwrap_or_else(|error| panic!("redrive {stream}: {error}"));
        };
        let delivered = async {
            let appended = append(&yielding_events, &stream, &format!("second of {stream}"), deposited(6)).await;
            deliver(&yielding_events, &yielding_views, CommitMessage::of(appended.commit)).await;
        };
        orders.run(redriven, delivered).await;

        let row = get(views, &stream).await.expect("a row");
        let told = format!("calls in the order {}", orders.told());
        assert_eq!((row.version, &row.parked), (Version::new(2), &None), "{told}");
        let statement = row.decode::<Statement>(&stream).expect("a statement").expect("a body");
        assert_eq!((statement.balance, statement.entries), (11, 2), "{told}");
    }
    assert!(orders.count() > 20, "only {} orders: they do not interleave", orders.count());
}

async fn deliver<E: EventStore, V: ViewStore>(events: &E, views: &V, message: CommitMessage) {
    let told = catch_up::<Statements, _, _>(events, views, &message).await;
    told.unwrap_or_else(|error| panic!("{}: {error}", message.stream));
}
