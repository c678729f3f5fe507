//! What somebody wrote behind the store's back is reported as what it is, and never written over.

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

/// What `load`, `read` and a command say of the stream: all the same.
async fn corruption<S: EventStore>(store: &S, stream: &StreamId) -> StoreError {
    let loaded = store.load(stream, None).await.map(|_| ());
    let read = store.read(stream, Version::START).await.map(|_| ());
    let handled = told(store, stream).await;
    let corrupt = |error: &StoreError| {
        let StoreError::Corrupt { key, corruption } = error else {
            panic!("expected corruption, got: {error}")
        };
        (key.clone(), corruption.clone())
    };
    let (loaded, read) =
        (loaded.expect_err("load saw nothing"), read.expect_err("read saw nothing"));
    let Err(HandleError::Store(handled)) = handled else {
        panic!("a command saw nothing: {handled:?}")
    };
    assert_eq!(corrupt(&loaded), corrupt(&read));
    assert_eq!(corrupt(&loaded), corrupt(&handled));
    assert_eq!(corrupt(&loaded).0, stream.key(), "another stream is blamed");
    loaded
}

async fn told<S: EventStore>(
    store: &S,
    stream: &StreamId,
) -> Result<(), HandleError<AccountRejection>> {
    let command = AccountCommand::Deposit(1);
    Handler::new(store, NoPause)
        .handle::<Account>(stream, &command, &request("told"))
        .await
        .map(|_| ())
}

#[track_caller]
fn assert_corrupt(error: &StoreError, expected: &Corruption, transient: bool) {
    let StoreError::Corrupt { corruption, .. } = error else {
        panic!("expected corruption, got: {error}")
    };
    assert_eq!(corruption, expected);
    assert_eq!(error.is_transient(), transient, "whether waiting helps");
}

/// A missing commit is found, wherever the reader starts.
pub async fn a_gap_is_reported<F: PlantCommits>(fixture: &F) {
    let (store, stream) = (fixture.store(), account("gap"));
    append(store, &stream, "first", [deposited(1), deposited(2)]).await;
    fixture.plant(commit(&stream, 4, draft("planted", deposited(3)))).await;
    let gap = Corruption::Gap { expected: Version::new(3), found: Version::new(4) };
    assert_corrupt(&corruption(store, &stream).await, &gap, false);
    assert_corrupt(
        &store.read(&stream, Version::new(2)).await.expect_err("read saw nothing"),
        &gap,
        false,
    );
}

/// A stream that does not start at its start has a gap.
pub async fn a_missing_start_is_reported<F: PlantCommits>(fixture: &F) {
    let (store, stream) = (fixture.store(), account("headless"));
    fixture.plant(commit(&stream, 2, draft("planted", deposited(3)))).await;
    let gap = Corruption::Gap { expected: Version::new(1), found: Version::new(2) };
    assert_corrupt(&corruption(store, &stream).await, &gap, false);
}

/// Two commits that claim the same version are found.
pub async fn an_overlap_is_reported<F: PlantCommits>(fixture: &F) {
    let (store, stream) = (fixture.store(), account("overlap"));
    append(store, &stream, "first", [deposited(1), deposited(2), deposited(3)]).await;
    fixture.plant(commit(&stream, 3, draft("planted", deposited(4)))).await;
    let overlap = Corruption::Overlap { expected: Version::new(4), found: Version::new(3) };
    assert_corrupt(&corruption(store, &stream).await, &overlap, false);
}

/// Whichever way it is read, the same is wrong with a stream.
pub async fn what_is_missing_is_reported_backwards_too<F: PlantCommits>(fixture: &F) {
    let store = fixture.store();
    let [gap, overlap, headless] = ["gap", "overlap", "headless"].map(account);
    append(store, &gap, "first", [deposited(1), deposited(2)]).await;
    fixture.plant(commit(&gap, 4, draft("planted", deposited(3)))).await;
    append(store, &overlap, "first", [deposited(1), deposited(2), deposited(3)]).await;
    fixture.plant(commit(&overlap, 3, draft("planted", deposited(4)))).await;
    fixture.plant(commit(&headless, 2, draft("planted", deposited(3)))).await;
    for stream in [gap, overlap, headless] {
        let StoreError::Corrupt { corruption, .. } = corruption(store, &stream).await else {
            panic!("checked before")
        };
        let read =
            skald::reading::commits(store, &stream, ReadFrom::End).try_collect::<Vec<_>>().await;
        assert_corrupt(&read.expect_err("reading backwards saw nothing"), &corruption, false);
    }
}

/// Plants a commit of one event of this type, schema and data after a good one, and tells what a
/// command says.
async fn told_of<F: PlantCommits>(
    fixture: &F,
    event_type: &str,
    schema: u32,
    data: &str,
) -> DecodeError {
    let (store, stream) = (fixture.store(), account("odd"));
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

    let told = told(store, &stream).await;
    // The store does not decode: it has no part in this.
    assert_eq!(commits(store, &stream).await, [first, planted], "something was written");
    match told {
        Err(HandleError::Decode(error)) => error,
        other => panic!("expected an event that cannot be read, got {other:?}"),
    }
}

/// A type that this build does not know stops the command, until a build comes that does.
pub async fn an_unknown_event_is_reported_and_may_be_known_later<F: PlantCommits>(fixture: &F) {
    let error = told_of(fixture, "account.frozen", 1, "{}").await;
    assert!(
        matches!(&error, DecodeError::Unknown { event_type, schema: 1 } if event_type == "account.frozen"),
        "{error}"
    );
    assert!(error.is_transient(), "a newer build may know it");
}

/// So does a shape of a known type.
pub async fn an_unknown_schema_is_reported_and_may_be_known_later<F: PlantCommits>(fixture: &F) {
    let error = told_of(fixture, "account.deposited", 2, "{}").await;
    assert!(matches!(error, DecodeError::Unknown { schema: 2, .. }), "{error}");
    assert!(error.is_transient(), "a newer build may know it");
}

/// Data that is not of the shape it claims will never be.
pub async fn a_malformed_event_is_reported<F: PlantCommits>(fixture: &F) {
    let error = told_of(fixture, "account.deposited", 1, "{\"amount\":\"secret\"}").await;
    assert!(matches!(error, DecodeError::Malformed { schema: 1, .. }), "{error}");
    assert!(!error.is_transient(), "no build will know it");
    assert!(!error.to_string().contains("secret"), "a stored value is quoted: {error}");
}

/// What is there is there, whoever wrote it.
pub async fn a_planted_commit_is_not_written_over<F: PlantCommits>(fixture: &F) {
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

/// An encoding that this build does not know stops the reader, until a build comes that does.
pub async fn an_unknown_encoding_is_reported_and_may_be_known_later<F: PlantItems>(fixture: &F) {
    let (store, stream) = (fixture.store(), account("encoded"));
    append(store, &stream, "first", deposited(1)).await;
    fixture.plant_item(&stream, Version::new(2), Broken::Encoding("json-zstd".to_owned())).await;
    let unknown =
        Corruption::UnknownEncoding { at: Version::new(2), encoding: "json-zstd".to_owned() };
    assert_corrupt(&corruption(store, &stream).await, &unknown, true);
}

/// An item that lacks something is told by its place.
pub async fn an_item_without_a_commit_id_is_reported<F: PlantItems>(fixture: &F) {
    let (store, stream) = (fixture.store(), account("nameless"));
    append(store, &stream, "first", deposited(1)).await;
    fixture.plant_item(&stream, Version::new(2), Broken::NoCommitId).await;
    assert_malformed(&corruption(store, &stream).await, 2);
}

/// What is wrong is told without showing what is there: it may be personal.
pub async fn an_item_with_other_events_is_reported_without_quoting<F: PlantItems>(fixture: &F) {
    let (store, stream) = (fixture.store(), account("scribbled"));
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
    assert!(!fault.is_empty(), "what is wrong is not said");
    assert!(!error.is_transient(), "waiting does not mend it");
}

/// A broken item keeps its place.
pub async fn a_broken_item_is_not_written_over<F: PlantItems>(fixture: &F) {
    let (store, stream) = (fixture.store(), account("kept"));
    let first = append_at(store, &store.start(stream.clone()), draft("first", deposited(1))).await;
    fixture.plant_item(&stream, Version::new(2), Broken::NoCommitId).await;
    assert_conflict(store.append(&first.head, draft("mine", deposited(3))).await, [&stream]);
    assert_malformed(&corruption(store, &stream).await, 2);
}
