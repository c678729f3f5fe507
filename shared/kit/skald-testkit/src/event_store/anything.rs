//! Whatever is asked for: what a store accepts is read back by every reader, and what it does not
//! accept is refused by name, for good. Commits, names and JSON are drawn, the same ones every
//! time.

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

/// How many drafts are drawn.
const DRAFTS: u128 = 200;

/// One commit to one stream, and to two at once.
pub async fn whatever_is_accepted_is_read_back_and_all_else_is_refused_by_name<
    F: EventStoreFixture,
>(
    fixture: &F,
) {
    let store = fixture.store();
    let mut runner = TestRunner::deterministic();
    let strategy = any_draft();
    let (mut accepted, mut refused) = (0, 0);
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
            Err(AppendError::Invalid(refusal)) => {
                refused += 1;
                assert!(refusal.to_string().len() < 1_000, "{number}: {refusal}");
                assert_eq!(
                    [commits(store, &streams[0]).await, commits(store, &streams[1]).await],
                    [vec![], vec![]]
                );
            }
            Err(AppendError::Store(error)) if !error.is_transient() => refused += 1,
            Err(error) => panic!("{number}: {error}, for {draft:?}"),
        }
    }
    assert!(
        accepted > DRAFTS / 10 && refused > DRAFTS / 10,
        "{accepted} accepted and {refused} refused"
    );
}

/// By `append` to the first stream, and by `append_all` to the second and one more.
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
            assert_eq!(kind(&first), kind(&both), "one store, one draft, two answers");
            Err(first)
        }
        (first, both) => panic!("{:?} alone, {:?} together", first.err(), both.err()),
    }
}

/// What an error is, whichever stream it is about.
fn kind<H: std::fmt::Debug>(error: &AppendError<H>) -> String {
    let text = format!("{error:?}");
    text.replace("two-", "one-")
}

/// Every reader of a commit reads this one.
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
        assert_eq!(written, &commit(stream, 1, draft.clone()), "it is not what was asked for");
    }
    assert_eq!(commits(store, stream).await, std::slice::from_ref(written), "the store");

    let message = CommitMessage::of(written.clone()).to_json();
    let sent =
        CommitMessage::from_json(&message).unwrap_or_else(|error| panic!("{error}: {message}"));
    let commit = Commit { snapshot: None, ..written.clone() };
    assert_eq!(sent.commit.as_ref(), Some(&commit), "a message");
    let key = IndexKey::of(written);
    assert_eq!(key.as_str().parse(), Ok(key.clone()), "an entry of the index");
    let types = written.events.iter().map(|event| event.event_type.as_str()).collect::<Vec<_>>();
    assert_eq!(types.join(" ").split(' ').collect::<Vec<_>>(), types, "the types of an entry");

    for json in written.events.iter().map(|event| &event.data) {
        let shown = String::from_utf8(json.clone()).expect("JSON is text");
        reveal(json).unwrap_or_else(|error| panic!("shown: {error}: {shown}"));
        serde_json::from_slice::<serde_json::Value>(json)
            .unwrap_or_else(|error| panic!("parsed: {error}: {shown}"));
        // What is sealed is not opened here: nothing here has its key.
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

/// A projection may keep what is in an event in a row.
async fn assert_kept<V: ViewStore>(views: &V, stream: &StreamId, body: String) {
    let row = ViewRow {
        version: Version::new(1),
        at: at(0),
        body: Some(body),
        listing: None,
        parked: None,
    };
    let put = views.put(stream, Version::START, &row).await;
    assert!(matches!(put, Ok(Put::Stored)), "{put:?}: {row:?}");
    let read = views.get(stream).await.unwrap_or_else(|error| panic!("{error}: {row:?}"));
    assert_eq!(read, Some(row), "a row");
}

/// A row that is accepted is read back byte for byte, and any other is refused for good.
pub(crate) async fn assert_any_row_is_kept_or_refused<V: ViewStore>(views: &V) {
    let mut runner = TestRunner::deterministic();
    let strategy = any_json(MAX_STATE_LEVELS);
    let (mut accepted, mut refused) = (0, 0);
    for number in 0..DRAFTS {
        let stream = account(&number.to_string());
        let drawn = strategy.new_tree(&mut runner).expect("JSON").current();
        let body = Some(String::from_utf8_lossy(&drawn).into_owned());
        let row =
            ViewRow { version: Version::new(1), at: at(0), body, listing: None, parked: None };
        let expected = match views.put(&stream, Version::START, &row).await {
            Ok(put) => {
                assert_eq!(put, Put::Stored);
                accepted += 1;
                Some(row)
            }
            Err(error) => {
                assert!(!error.is_transient(), "{error}: {row:?}");
                refused += 1;
                None
            }
        };
        let read = views.get(&stream).await.unwrap_or_else(|error| panic!("{error}"));
        // A seal that nothing made is stored, as a copy is, and does not open.
        assert_eq!(read, expected);
    }
    assert!(
        accepted > DRAFTS / 10 && refused > DRAFTS / 10,
        "{accepted} accepted and {refused} refused"
    );
}
