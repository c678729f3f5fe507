//! Data about an erased person is permanently unreadable; commands about others still succeed.

use skald::decider::{Decider, fold};
use skald::event::DomainEvent;
use skald::handle::{Handler, Outcome};
use skald::personal::{PersonKeys, SealedError};
use skald::store::{AppendError, EventStore, StoreError};
use skald::time::Timestamp;

use crate::talk::{Said, Stores, Talk, TalkEvent, jane, request, said, talk};
use skald_testkit::NoPause;

#[tokio::test]
async fn an_erased_person_is_unreadable_everywhere_and_other_persons_are_not() {
    let stores = Stores::default();
    stores.say("a", 1, "Guten Tag").await;
    stores.say("a", 2, "Auf Wiedersehen").await;
    let before = stores.raw_commits("a").await;

    stores.keys.erase(&jane(), Timestamp::EPOCH).await.unwrap();
    let values = stores.read_all("a").await;
    for said in &values {
        assert_eq!(
            (said.words.reveal(), said.words.person()),
            (Err(SealedError::Erased), &jane().id)
        );
        assert_eq!((said.to.reveal(), said.loudness), (Ok(&"Joe Roe".to_owned()), 3));
    }
    assert_eq!(values.len(), 2);
    assert_eq!(stores.raw_commits("a").await, before, "history changed");
}

#[tokio::test]
async fn no_more_data_is_stored_about_an_erased_person() {
    let stores = Stores::default();
    stores.keys.erase(&jane(), Timestamp::EPOCH).await.unwrap();
    let store = stores.private();
    let draft = || {
        let event = TalkEvent::from(said("Guten Tag")).encode().unwrap();
        request(1).draft(vec![event], None)
    };
    let text = |error: AppendError<_>| error.to_string();
    let erased = "jane-1 was erased: nothing more is stored about them";
    assert_eq!(text(store.append(&store.start(talk("a")), draft()).await.unwrap_err()), erased);
    assert_eq!(
        text(store.append_all(vec![(store.start(talk("a")), draft())]).await.unwrap_err()),
        erased
    );
    assert_eq!(stores.raw_commits("a").await, []);
}

/// A value that was read as erased may be part of the next write, for example of a state in a
/// snapshot.
#[tokio::test]
async fn an_erased_value_can_be_stored_as_erased() {
    let stores = Stores::default();
    stores.say("a", 1, "Guten Tag").await;
    stores.keys.erase(&jane(), Timestamp::EPOCH).await.unwrap();
    let erased = stores.read_all("a").await.remove(0);
    Handler::new(&stores.private(), NoPause)
        .handle::<Talk>(&talk("a"), &erased, &request(2))
        .await
        .unwrap();
    assert_eq!(stores.read_all("a").await, [erased.clone(), erased]);
}

/// An answer was lost, and the person is erased before the command is repeated. The error must not
/// state that the commit was not stored.
#[tokio::test]
async fn a_repeat_after_an_erasure_does_not_tell_whether_the_commit_was_stored() {
    let stores = Stores::default();
    let store = stores.private();
    let draft =
        || request(1).draft(vec![TalkEvent::from(said("Guten Tag")).encode().unwrap()], None);
    let head = store.start(talk("a"));
    store.append(&head, draft()).await.unwrap();
    stores.keys.erase(&jane(), Timestamp::EPOCH).await.unwrap();
    let error = store.append(&head, draft()).await.unwrap_err();
    assert!(matches!(error, AppendError::Store(StoreError::PersonErased(_))), "{error}");
    // A read finds the commit.
    let found = Handler::new(&store, NoPause)
        .handle::<Talk>(&talk("a"), &said("Guten Tag"), &request(1))
        .await
        .unwrap();
    assert!(matches!(found.outcome, Outcome::Repeated(_)));
}

/// Erased values in a state must not make the commands of other persons fail.
#[tokio::test]
async fn a_snapshot_is_stored_without_the_values_of_an_erased_person() {
    let stores = Stores::default();
    stores.say("a", 1, "Guten Tag").await;
    let store = stores.private();
    let loaded = store.load(&talk("a"), None).await.unwrap();
    let state = fold::<Talk>(&loaded.commits).unwrap().state;
    stores.keys.erase(&jane(), Timestamp::EPOCH).await.unwrap();
    let joes = Said { words: said("").to, ..said("") };
    let draft = request(2).draft(
        vec![TalkEvent::from(joes).encode().unwrap()],
        Talk::SNAPSHOTS.unwrap().take(&state).ok(),
    );
    store.append(&loaded.head, draft).await.unwrap();
    let state = stores.raw_commits("a").await.remove(1).snapshot.unwrap().state;
    let state = String::from_utf8(state).unwrap();
    assert!(
        state.contains(r#"{"$person":"jane-1","erased":true}"#) && state.contains(r#""sealed":"#),
        "{state}"
    );
}
