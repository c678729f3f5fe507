//! Faults in streams and in their items in the table.

use serde_json::{Value, json};
use skald::commit::{Commit, Draft, MAX_CLOCK_SKEW_MS};
use skald::snapshot::Snapshot;
use skald::store::{EventStore, Head};
use skald::stream::Version;
use skald::time::Timestamp;
use skald_testkit::event_store::{EventStoreFixture, PlantCommits};
use skald_testkit::sample::account;

use super::{assert_faults, fill, filled, verified, verified_at};
use crate::support::broken::PassThrough;
use crate::support::calls::draft;

#[tokio::test]
async fn faults_in_streams_are_reported() {
    let events = filled(PassThrough).await;
    let plant = async |id: &str, first: u64, change: fn(&mut Commit)| {
        let stream = account(id);
        let mut commit = events.store().load(&account("0"), None).await.unwrap().commits.remove(0);
        commit.stream = stream;
        commit.first = Version::new(first);
        change(&mut commit);
        events.plant(commit).await;
    };
    plant("gap", 2, |_| ()).await;
    plant("unknown", 1, |commit| commit.events[0].event_type = "account.closed".to_owned()).await;
    plant("back", 1, |_| ()).await;
    plant("back", 2, |commit| commit.at = commit.at.plus_millis(-1)).await;
    plant("twice", 1, |commit| commit.events.push(commit.events[0].clone())).await;
    plant("twice", 2, |_| ()).await;
    let (faults, _) = verified(&events, 4, None).await;
    let count = |text: &str| faults.iter().filter(|fault| fault.contains(text)).count();
    assert_eq!(
        count("default/account-gap at version 2: in the table: a gap: version 1 should come next"),
        1,
        "{faults:#?}"
    );
    assert_eq!(
        count("default/account-unknown at version 1: in the table: unknown event account.closed"),
        1,
        "{faults:#?}"
    );
    assert_eq!(
        count("default/account-back at version 2: in the table: recorded at"),
        1,
        "{faults:#?}"
    );
    assert_eq!(
        count("default/account-twice at version 2: in the table: an overlap: version 3"),
        1,
        "{faults:#?}"
    );
    // The planted items have no attributes for the index.
    assert_eq!(count("`slice`, an attribute of the index"), 6, "{faults:#?}");
    assert_eq!(faults.len(), 10, "{faults:#?}");
}

/// A clock was once a year ahead. Its commit is reported while its time is in the future. After
/// that, the next commit is reported, because its time is earlier.
#[tokio::test]
async fn a_commit_in_the_future_is_reported() {
    let events = filled(PassThrough).await;
    let (second, year) = (1_000, 31_536_000_000);
    let mut head = events.store().start(account("clocks"));
    for millis in [0, year, second, MAX_CLOCK_SKEW_MS, 2 * second] {
        let at = Timestamp::EPOCH.plus_millis(millis);
        let draft = Draft { at, ..draft(&head.version().to_string()) };
        head = events.store().append(&head, draft).await.unwrap().head;
    }
    for (now, expected) in [
        (
            second,
            "default/account-clocks at version 2: in the table: recorded at \
             1971-01-01T00:00:00.000Z, which is in the future",
        ),
        (
            year,
            "default/account-clocks at version 3: in the table: recorded at \
             1970-01-01T00:00:01.000Z, earlier than",
        ),
    ] {
        for stream in [None, Some(account("clocks"))] {
            let now = Timestamp::EPOCH.plus_millis(now);
            let (faults, _) = verified_at(now, &events, 3, stream.as_ref()).await;
            assert_eq!(faults.len(), 1, "{faults:#?}");
            assert!(faults[0].starts_with(expected), "{faults:#?}");
        }
    }
}

#[tokio::test]
async fn only_a_snapshot_that_is_not_the_fold_is_reported() {
    let events = filled(PassThrough).await;
    let append_snapshot = async |id: &str, schema: u32, state: &str| {
        let (store, stream) = (events.store(), account(id));
        let head = store.load(&stream, None).await.unwrap().head;
        let snapshot = Some(Snapshot { schema, state: state.as_bytes().to_vec() });
        store.append(&head, Draft { snapshot, ..draft(&format!("{stream} kept")) }).await.unwrap();
    };
    // Account 3 has four deposits of 1, accounts 5 and 9 have two, and this is one more.
    append_snapshot("3", 1, r#"{"balance":5}"#).await;
    append_snapshot("5", 1, r#"{"balance":4}"#).await;
    append_snapshot("9", 1, r#"{"balance":"three"}"#).await;
    append_snapshot("7", 2, r#"{"balance":"another schema"}"#).await;
    let expected = [
        "default/account-5 at version 3: in the table: the snapshot is not the state that \
         the events give",
        "default/account-9 at version 3: in the table: the snapshot cannot be read",
    ];
    assert_faults(&events, &expected).await;
    assert_eq!(verified(&events, 1, Some(&account("5"))).await.0, expected[..1]);
}

#[tokio::test]
async fn personal_data_that_is_not_sealed_is_reported_but_not_shown() {
    let events = filled(PassThrough).await;
    let note = async |id: &str, text: &str| {
        let stream = account(id);
        let mut draft = draft(&format!("{stream} noted"));
        draft.events[0].event_type = "account.noted".to_owned();
        draft.events[0].data =
            json!({ "text": "", "by": serde_json::from_str::<Value>(text).unwrap() })
                .to_string()
                .into();
        draft.snapshot = Some(Snapshot { schema: 2, state: text.as_bytes().to_vec() });
        events.store().append(&events.store().start(stream), draft).await.unwrap();
    };
    note("plain", r#"{"$person":"jane-1","plain":"Jane"}"#).await;
    note("sealed", r#"{"$person":"jane-1","sealed":"AQcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH"}"#)
        .await;
    let expected = [
        "default/account-plain at version 1: in the table: the event contains personal data \
         that is not sealed",
        "default/account-plain at version 1: in the table: the snapshot contains personal \
         data that is not sealed",
    ];
    assert_faults(&events, &expected).await;
}

#[tokio::test]
async fn a_stream_of_an_unknown_category_is_reported() {
    let events = filled(PassThrough).await;
    fill(events.store(), &"default/door-1".parse().unwrap(), 1).await;
    assert_faults(
        &events,
        &["default/door-1 at version 1: in the table: unknown event account.deposited at schema 1"],
    )
    .await;
}
