//! Corruption that the store did not write is reported precisely, and never overwritten.

use futures_util::TryStreamExt;
use skald::commit::{Commit, Draft};
use skald::event::{DecodeError, EventData};
use skald::handle::{HandleError, Handler};
use skald::reading::ReadFrom;
use skald::store::{Corruption, EventStore, StoreError};
use skald::stream::{StreamId, Version};

use super::{Broken, PlantCommits, PlantItems};
use crate::fixtures::{
    append, append_at, assert_conflict, at, commit, commits, context, deposited, draft, id, request,
};
use crate::pause::NoPause;
use crate::sample::{Account, AccountCommand, AccountRejection, account};

/// The corruption of the stream. Asserts that `load`, `read` and a command report the same.
async fn corruption<S: EventStore>(store: &S, stream: &StreamId) -> StoreError {
    let loaded = store.load(stream, None).await.map(|_| ());
    let read = store.read(stream, Version::START).await.map(|_| ());
    let handled = handle_deposit(store, stream).await;
    let corrupt = |error: &StoreError| {
        let StoreError::Corrupt { key, corruption } = error else {
            panic!("expected corruption, got: {error}")
        };
        (key.clone(), corruption.clone())
    };
    let (loaded, read) = (
        loaded.expect_err("load reported no corruption"),
        read.expect_err("read reported no corruption"),
    );
    let Err(HandleError::Store(handled)) = handled else {
        panic!("a command reported no corruption: {handled:?}")
    };
    assert_eq!(corrupt(&loaded), corrupt(&read));
    assert_eq!(corrupt(&loaded), corrupt(&handled));
    assert_eq!(corrupt(&loaded).0, stream.key(), "the error names another stream");
    loaded
}

async fn handle_deposit<S: EventStore>(
    store: &S,
    stream: &StreamId,
) -> Result<(), HandleError<AccountRejection>> {
    let command = AccountCommand::Deposit(1);
    Handler::new(store, NoPause)
        .handle::<Account>(stream, &command, &request("deposit"))
        .await
        .map(|_| ())
}

#[track_caller]
fn assert_corrupt(error: &StoreError, expected: &Corruption, transient: bool) {
    let StoreError::Corrupt { corruption, .. } = error else {
        panic!("expected corruption, got: {error}")
    };
    assert_eq!(corruption, expected);
    assert_eq!(error.is_transient(), transient, "whether the error is transient");
}

/// A missing commit is reported, from wherever the reader starts.
pub async fn a_gap_is_reported<F: PlantCommits>(fixture: &F) {
    let (store, stream) = (fixture.store(), account("gap"));
    append(store, &stream, "first", [deposited(1), deposited(2)]).await;
    fixture.plant(commit(&stream, 4, draft("planted", deposited(3)))).await;
    let gap = Corruption::Gap { expected: Version::new(3), found: Version::new(4) };
    assert_corrupt(&corruption(store, &stream).await, &gap, false);
    assert_corrupt(
        &store.read(&stream, Version::new(2)).await.expect_err("read reported no corruption"),
        &gap,
        false,
    );
}

/// A stream whose first commit is missing has a gap.
pub async fn a_missing_start_is_reported<F: PlantCommits>(fixture: &F) {
    let (store, stream) = (fixture.store(), account("headless"));
    fixture.plant(commit(&stream, 2, draft("planted", deposited(3)))).await;
    let gap = Corruption::Gap { expected: Version::new(1), found: Version::new(2) };
    assert_corrupt(&corruption(store, &stream).await, &gap, false);
}

/// Two commits with the same version are reported.
pub async fn an_overlap_is_reported<F: PlantCommits>(fixture: &F) {
    let (store, stream) = (fixture.store(), account("overlap"));
    append(store, &stream, "first", [deposited(1), deposited(2), deposited(3)]).await;
    fixture.plant(commit(&stream, 3, draft("planted", deposited(4)))).await;
    let overlap = Corruption::Overlap { expected: Version::new(4), found: Version::new(3) };
    assert_corrupt(&corruption(store, &stream).await, &overlap, false);
}

/// Reading backwards reports the same corruption as reading forwards.
pub async fn reading_backwards_reports_the_same_corruption<F: PlantCommits>(fixture: &F) {
    let store = fixture.store();
    let [gap, overlap, headless] = ["gap", "overlap", "headless"].map(account);
    append(store, &gap, "first", [deposited(1), deposited(2)]).await;
    fixture.plant(commit(&gap, 4, draft("planted", deposited(3)))).await;
    append(store, &overlap, "first", [deposited(1), deposited(2), deposited(3)]).await;
    fixture.plant(commit(&overlap, 3, draft("planted", deposited(4)))).await;
    fixture.plant(commit(&headless, 2, draft("planted", deposited(3)))).await;
    for stream in [gap, overlap, headless] {
        let StoreError::Corrupt { corruption, .. } = corruption(store, &stream).await else {
            panic!("the stream is corrupt: `corruption` asserts it")
        };
        let read =
            skald::reading::commits(store, &stream, ReadFrom::End).try_collect::<Vec<_>>().await;
        assert_corrupt(
            &read.expect_err("reading backwards reported no corruption"),
            &corruption,
            false,
        );
    }
}

/// Plants a commit with one event of this type, schema and data after a valid one. Returns the
/// error of a command.
async fn decode_error<F: PlantCommits>(
    fixture: &F,
    event_type: &str,
    schema: u32,
    data: &str,
) -> DecodeError {
    let (store, stream) = (fixture.store(), account("planted"));
    let first = append(store, &stream, "first", deposited(1)).await.commit;
    let event =
        EventData { event_type: event_type.to_owned(), schema, data: data.as_bytes().to_vec() };
    let malformed = Draft {
        commit_id: id("planted"),
        at: at(0),
        context: context(),
        events: vec![event],
        snapshot: None,
    };
    let planted: Commit = commit(&stream, 2, malformed);
    fixture.plant(planted.clone()).await;

    let handled = handle_deposit(store, &stream).await;
    // The store itself does not decode events.
    assert_eq!(commits(store, &stream).await, [first, planted], "something was written");
    match handled {
        Err(HandleError::Decode(error)) => error,
        other => panic!("expected an event that cannot be read, got {other:?}"),
    }
}

/// An event of an unknown type stops the command until a newer build knows the type.
pub async fn an_unknown_event_is_reported_and_may_be_known_later<F: PlantCommits>(fixture: &F) {
    let error = decode_error(fixture, "account.frozen", 1, "{}").await;
    assert!(
        matches!(
            &error,
            DecodeError::Unknown { event_type, schema: 1 } if event_type == "account.frozen"
        ),
        "{error}"
    );
    assert!(error.is_transient(), "a newer build may know it");
}

/// An unknown schema of a known type stops the command, too.
pub async fn an_unknown_schema_is_reported_and_may_be_known_later<F: PlantCommits>(fixture: &F) {
    let error = decode_error(fixture, "account.deposited", 2, "{}").await;
    assert!(matches!(error, DecodeError::Unknown { schema: 2, .. }), "{error}");
    assert!(error.is_transient(), "a newer build may know it");
}

/// An event whose data does not match its schema is an error that is not transient.
pub async fn a_malformed_event_is_reported<F: PlantCommits>(fixture: &F) {
    let error = decode_error(fixture, "account.deposited", 1, "{\"amount\":\"secret\"}").await;
    assert!(matches!(error, DecodeError::Malformed { schema: 1, .. }), "{error}");
    assert!(!error.is_transient(), "no build will know it");
    assert!(!error.to_string().contains("secret"), "a stored value is quoted: {error}");
}

/// A planted commit is not overwritten.
pub async fn a_planted_commit_is_not_overwritten<F: PlantCommits>(fixture: &F) {
    let (store, stream) = (fixture.store(), account("taken"));
    let first = append(store, &stream, "first", deposited(1)).await;
    let planted = commit(&stream, 2, draft("planted", deposited(2)));
    fixture.plant(planted.clone()).await;
    assert_conflict(store.append(&first.head, draft("mine", deposited(3))).await, [&stream]);
    let parts = vec![
        (first.head, draft("mine", deposited(3))),
        (store.start(account("other")), draft("mine", deposited(3))),
    ];
    assert_conflict(store.append_all(parts).await, [&stream]);
    assert_eq!(commits(store, &stream).await, [first.commit, planted]);
}

/// An unknown encoding stops the reader until a newer build knows the encoding.
pub async fn an_unknown_encoding_is_reported_and_may_be_known_later<F: PlantItems>(fixture: &F) {
    let (store, stream) = (fixture.store(), account("encoded"));
    append(store, &stream, "first", deposited(1)).await;
    fixture.plant_item(&stream, Version::new(2), Broken::Encoding("json-zstd".to_owned())).await;
    let unknown =
        Corruption::UnknownEncoding { at: Version::new(2), encoding: "json-zstd".to_owned() };
    assert_corrupt(&corruption(store, &stream).await, &unknown, true);
}

/// An item without a commit id is reported with its version.
pub async fn an_item_without_a_commit_id_is_reported<F: PlantItems>(fixture: &F) {
    let (store, stream) = (fixture.store(), account("nameless"));
    append(store, &stream, "first", deposited(1)).await;
    fixture.plant_item(&stream, Version::new(2), Broken::NoCommitId).await;
    assert_malformed(&corruption(store, &stream).await, 2);
}

/// The error does not contain stored values, which may be personal.
pub async fn an_item_with_malformed_events_is_reported_without_its_values<F: PlantItems>(
    fixture: &F,
) {
    let (store, stream) = (fixture.store(), account("malformed"));
    fixture
        .plant_item(&stream, Version::new(1), Broken::Events("jane@example.com".to_owned()))
        .await;
    let error = corruption(store, &stream).await;
    assert_malformed(&error, 1);
    assert!(!format!("{error} {error:?}").contains("jane"), "a stored value is quoted: {error}");
}

#[track_caller]
fn assert_malformed(error: &StoreError, version: u64) {
    let StoreError::Corrupt { corruption: Corruption::Malformed { at, fault }, .. } = error else {
        panic!("expected a malformed item, got: {error}")
    };
    assert_eq!(at.get(), version);
    assert!(!fault.is_empty(), "the error does not state the fault");
    assert!(!error.is_transient(), "the error is transient");
}

/// A malformed item is not overwritten.
pub async fn a_broken_item_is_not_overwritten<F: PlantItems>(fixture: &F) {
    let (store, stream) = (fixture.store(), account("kept"));
    let first = append_at(store, &store.start(stream.clone()), draft("first", deposited(1))).await;
    fixture.plant_item(&stream, Version::new(2), Broken::NoCommitId).await;
    assert_conflict(store.append(&first.head, draft("mine", deposited(3))).await, [&stream]);
    assert_malformed(&corruption(store, &stream).await, 2);
}
