//! Random commits, names and JSON, the same ones in every run. Every reader reads back what a store
//! accepts. An append that the store does not accept fails with a named error that is not
//! transient.

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use skald::commit::{Commit, Draft};
use skald::index::IndexKey;
use skald::json::MAX_STATE_LEVELS;
use skald::memory::{InMemoryPersonKeys, InMemoryViewStore};
use skald::message::CommitMessage;
use skald::personal::{Opening, Sealing, has_plain, reveal};
use skald::store::{AppendError, EventStore};
use skald::stream::{StreamId, Version};
use skald::view::{Put, ViewRow, ViewStore};

use super::EventStoreFixture;
use crate::any_draft::{any_draft, any_json};
use crate::fixtures::{at, commit, commits, id};
use crate::sample::account;

/// The number of random drafts.
const DRAFTS: u128 = 200;

/// Appends each draft to one stream, and to two at once.
pub async fn every_draft_is_read_back_or_fails_permanently<F: EventStoreFixture>(fixture: &F) {
    let store = fixture.store();
    let mut runner = TestRunner::deterministic();
    let strategy = any_draft();
    let (mut accepted, mut invalid) = (0, 0);
    for number in 0..DRAFTS {
        let drawn = strategy.new_tree(&mut runner).expect("a draft").current();
        let draft = Draft { commit_id: id(&number.to_string()), ..drawn };
        let streams = [account(&format!("one-{number}")), account(&format!("two-{number}"))];
        match append(store, &streams, &draft).await {
            Ok(appended) => {
                accepted += 1;
                for (stream, written) in streams.iter().zip(appended) {
                    assert_read_back(store, stream, &written, &draft).await;
                }
            }
            Err(AppendError::Invalid(error)) => {
                invalid += 1;
                assert!(error.to_string().len() < 1_000, "{number}: {error}");
                assert_eq!(
                    [commits(store, &streams[0]).await, commits(store, &streams[1]).await],
                    [vec![], vec![]]
                );
            }
            Err(AppendError::Store(error)) if !error.is_transient() => invalid += 1,
            Err(error) => panic!("{number}: {error}, for {draft:?}"),
        }
    }
    assert!(
        accepted > DRAFTS / 10 && invalid > DRAFTS / 10,
        "{accepted} accepted and {invalid} invalid"
    );
}

/// Appends to the first stream by `append`, and to the second and one more by `append_all`.
async fn append<S: EventStore>(
    store: &S,
    [one, two]: &[StreamId; 2],
    draft: &Draft,
) -> Result<[Commit; 2], AppendError<S::Head>> {
    let first = store.append(&store.start(one.clone()), draft.clone()).await;
    let beside = StreamId::new(two.tenant(), two.category(), &format!("{}-beside", two.id()))
        .expect("a valid id");
    let parts = [two.clone(), beside].map(|stream| (store.start(stream), draft.clone()));
    let both = store.append_all(parts.into()).await;
    match (first, both) {
        (Ok(first), Ok(mut both)) => Ok([first.commit, both.swap_remove(0).commit]),
        (Err(first), Err(both)) => {
            assert_eq!(kind(&first), kind(&both), "append and append_all fail differently");
            Err(first)
        }
        (first, both) => panic!("{:?} alone, {:?} together", first.err(), both.err()),
    }
}

/// The text of an error, independent of its stream.
fn kind<H: std::fmt::Debug>(error: &AppendError<H>) -> String {
    let text = format!("{error:?}");
    text.replace("two-", "one-")
}

/// Asserts that every reader of a commit reads this one.
async fn assert_read_back<S: EventStore>(
    store: &S,
    stream: &StreamId,
    written: &Commit,
    draft: &Draft,
) {
    let json = || {
        draft
            .events
            .iter()
            .map(|event| &event.data)
            .chain(draft.snapshot.iter().map(|kept| &kept.state))
    };
    if !json().any(|json| has_plain(json)) {
        assert_eq!(written, &commit(stream, 1, draft.clone()), "the commit differs from its draft");
    }
    assert_eq!(commits(store, stream).await, std::slice::from_ref(written), "from the store");

    let message = CommitMessage::of(written.clone()).to_json();
    let sent =
        CommitMessage::from_json(&message).unwrap_or_else(|error| panic!("{error}: {message}"));
    let commit = Commit { snapshot: None, ..written.clone() };
    assert_eq!(sent.commit.as_ref(), Some(&commit), "from a message");
    let key = IndexKey::of(written);
    assert_eq!(key.as_str().parse(), Ok(key.clone()), "from the index");
    let types = written.events.iter().map(|event| event.event_type.as_str()).collect::<Vec<_>>();
    assert_eq!(types.join(" ").split(' ').collect::<Vec<_>>(), types, "types from the index");

    for json in written.events.iter().map(|event| &event.data) {
        let shown = String::from_utf8(json.clone()).expect("JSON is text");
        reveal(json).unwrap_or_else(|error| panic!("shown: {error}: {shown}"));
        serde_json::from_slice::<serde_json::Value>(json)
            .unwrap_or_else(|error| panic!("parsed: {error}: {shown}"));
        // This view store does not open sealed values.
        assert_kept(
            &InMemoryViewStore::default(),
            stream,
            format!("{{\"events\":[{{\"data\":{shown}}}]}}"),
        )
        .await;
        if !shown.contains("sealed") {
            let keys = InMemoryPersonKeys::default();
            let private = Opening::new(Sealing::new(InMemoryViewStore::default(), &keys), &keys);
            assert_kept(&private, stream, format!("[{shown}]")).await;
        }
    }
}

/// Asserts that a view store keeps a row with the data of an event.
async fn assert_kept<V: ViewStore>(views: &V, stream: &StreamId, body: String) {
    let row = ViewRow {
        version: Version::new(1),
        at: at(0),
        body: Some(body),
        listing: None,
        worklist: None,
        parked: None,
    };
    let put = views.put(stream, Version::START, &row).await;
    assert!(matches!(put, Ok(Put::Stored)), "{put:?}: {row:?}");
    let read = views.get(stream).await.unwrap_or_else(|error| panic!("{error}: {row:?}"));
    assert_eq!(read, Some(row), "a row");
}

/// Asserts that each row is read back byte for byte, or its put fails with an error that is not
/// transient.
pub(crate) async fn assert_rows_are_read_back_or_invalid<V: ViewStore>(views: &V) {
    let mut runner = TestRunner::deterministic();
    let strategy = any_json(MAX_STATE_LEVELS);
    let (mut accepted, mut invalid) = (0, 0);
    for number in 0..DRAFTS {
        let stream = account(&number.to_string());
        let drawn = strategy.new_tree(&mut runner).expect("JSON").current();
        let body = Some(String::from_utf8_lossy(&drawn).into_owned());
        let row = ViewRow {
            version: Version::new(1),
            at: at(0),
            body,
            listing: None,
            worklist: None,
            parked: None,
        };
        let expected = match views.put(&stream, Version::START, &row).await {
            Ok(put) => {
                assert_eq!(put, Put::Stored);
                accepted += 1;
                Some(row)
            }
            Err(error) => {
                assert!(!error.is_transient(), "{error}: {row:?}");
                invalid += 1;
                None
            }
        };
        let read = views.get(&stream).await.unwrap_or_else(|error| panic!("{error}"));
        // A random seal is stored like any other, although no key opens it.
        assert_eq!(read, expected);
    }
    assert!(
        accepted > DRAFTS / 10 && invalid > DRAFTS / 10,
        "{accepted} accepted and {invalid} invalid"
    );
}
