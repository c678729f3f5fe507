//! A store returns personal values in one form: for example, all plain or all sealed.

use skald::commit::{Commit, Draft};
use skald::event::EventData;
use skald::personal::{PersonId, Personal};
use skald::reading::ReadFrom;
use skald::store::EventStore;
use skald::stream::{StreamId, Version};

use super::EventStoreFixture;
use crate::fixtures::{append_at, deposited, draft, load};
use crate::sample::account;

/// A draft of two events, one of them about a person.
fn about_a_person(name: &str) -> Draft {
    let person = PersonId::new("jane-1").expect("a valid id");
    let data = serde_json::to_vec(&[Personal::of(person, name)]).expect("JSON");
    let mut draft = draft(name, deposited(1));
    draft.events.push(EventData { event_type: "account.named".to_owned(), schema: 1, data });
    draft
}

/// Asserts that every way to read a stream of one commit returns this commit.
async fn assert_read<S: EventStore>(store: &S, stream: &StreamId, commit: &Commit) {
    let only = std::slice::from_ref(commit);
    assert_eq!(load(store, stream).await.commits, only, "from load");
    let read = store
        .read(stream, Version::START)
        .await
        .unwrap_or_else(|error| panic!("read {stream}: {error}"));
    assert_eq!(read, only, "from read");
    let page = store
        .page(stream, ReadFrom::End, 1)
        .await
        .unwrap_or_else(|error| panic!("page of {stream}: {error}"));
    assert_eq!(page.commits, only, "from a page");
}

/// The first answer, the answer to a repeat and every read are the same commit, even if the commit
/// is about a person.
pub async fn an_append_returns_the_commit_that_is_read<F: EventStoreFixture>(fixture: &F) {
    let (store, stream) = (fixture.store(), account("forms"));
    let start = store.start(stream.clone());
    let appended = append_at(store, &start, about_a_person("Jane")).await;
    assert_read(store, &stream, &appended.commit).await;
    let repeated = append_at(store, &start, about_a_person("Jane")).await;
    assert_eq!((repeated.repeated, repeated.commit), (true, appended.commit));
}

/// The same holds for several streams at once.
pub async fn an_append_to_several_streams_returns_the_commits_that_are_read<
    F: EventStoreFixture,
>(
    fixture: &F,
) {
    let (store, streams) = (fixture.store(), ["one", "two"].map(account));
    for repeated in [false, true] {
        let parts = streams.clone().map(|stream| (store.start(stream), about_a_person("Jane")));
        let appended =
            store.append_all(parts.into()).await.unwrap_or_else(|error| panic!("append: {error}"));
        for (part, stream) in appended.iter().zip(&streams) {
            assert_eq!(part.repeated, repeated);
            assert_read(store, stream, &part.commit).await;
        }
    }
}
