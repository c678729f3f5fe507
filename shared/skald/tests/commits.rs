//! What a commit counts, and what its events know of themselves.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use skald::{
    Actor, Commit, CommitId, Context, CorrelationId, DecodeError, DomainEvent, Draft, Envelope, EventData, EventId,
    IndexKey, MAX_COMMIT_BYTES, MAX_STREAMS, MAX_TOGETHER_BYTES, MAX_WITH_SNAPSHOT_BYTES, Snapshot, Snapshots,
    Timestamp, Version,
};
use skald_testkit::sample::{AccountEvent, Deposited, Withdrawn, account};
use uuid::Uuid;

fn context() -> Context {
    Context {
        source: "bank".to_owned(),
        correlation_id: CorrelationId::new("call-1").unwrap(),
        causation_id: None,
        actor: Actor::new("operator").unwrap(),
        metadata: BTreeMap::new(),
    }
}

fn draft(events: Vec<EventData>) -> Draft {
    let (commit_id, at) = (CommitId::new(Uuid::NAMESPACE_OID), Timestamp::EPOCH);
    Draft { commit_id, at, context: context(), events, snapshot: None }
}

fn event(event_type: &str, data: &str) -> EventData {
    EventData { event_type: event_type.to_owned(), schema: 1, data: data.as_bytes().to_vec() }
}

/// A store's limits are checked by this: if it counts less than an item takes, a commit is accepted and can never be stored.
#[test]
fn a_draft_counts_all_that_grows() {
    let mut draft = draft(vec![event("account.noted", "{\"text\":\"\"}")]);
    assert_eq!(
        draft.size_bytes(),
        4 + (2 * 13 + 11 + 42),
        "source; type twice, data, and what holds an event together"
    );
    draft.events.push(event("a.b", "{}"));
    assert_eq!(draft.size_bytes(), 83 + (2 * 3 + 2 + 42));
    draft.context.metadata.insert("attempt".to_owned(), "2".to_owned());
    assert_eq!(draft.size_bytes(), 133 + (7 + 1 + 42), "name and value of an entry, and what holds it");
    draft.snapshot = Some(Snapshot { schema: 1, state: vec![b' '; 100] });
    assert_eq!(draft.size_bytes(), 183 + (100 + 42));
}

/// Of `DynamoDB`'s 400 KB, 4 MB and 100 items, with some left for names and keys. Whoever stores more finds out in production.
#[test]
fn the_limits_are_below_those_of_the_service() {
    assert_eq!((MAX_COMMIT_BYTES, MAX_TOGETHER_BYTES, MAX_STREAMS), (358_400, 3_584_000, 100));
    assert_eq!(MAX_WITH_SNAPSHOT_BYTES, 65_536);
}

#[test]
fn an_event_is_told_with_all_that_is_known_of_it() {
    let events = [Deposited { amount: 5 }.into(), Withdrawn { amount: 3 }.into()];
    let Draft { commit_id, at, context, events: stored, .. } =
        draft(events.iter().map(|event: &AccountEvent| event.encode().unwrap()).collect());
    let (stream, first) = (account("a"), Version::new(7));
    let commit = Commit { id: commit_id, stream, first, at, context, events: stored, snapshot: None };
    let told: Vec<Envelope<AccountEvent>> = commit.envelopes().collect::<Result<_, _>>().unwrap();
    let expected = |index: usize, event_type: &str| Envelope {
        event_id: EventId::of(commit.id, index),
        event_type: event_type.to_owned(),
        schema: 1,
        stream: account("a"),
        version: Version::new(7 + index as u64),
        recorded_at: Timestamp::EPOCH,
        context: commit.context.clone(),
        data: events[index].clone(),
    };
    assert_eq!(told, [expected(0, "account.deposited"), expected(1, "account.withdrawn")]);
}

#[test]
fn an_event_that_cannot_be_read_is_told_in_its_place() {
    let Draft { commit_id, at, context, events, .. } = draft(vec![event("account.closed", "{}")]);
    let (stream, first) = (account("a"), Version::new(1));
    let commit = Commit { id: commit_id, stream, first, at, context, events, snapshot: None };
    let told: Vec<Result<Envelope<AccountEvent>, DecodeError>> = commit.envelopes().collect();
    let [Err(unknown)] = told.as_slice() else { panic!("{told:?}") };
    assert!(unknown.is_transient(), "a newer release may know it");
}

/// Logs and outside systems have an id as this text.
#[test]
fn ids_are_written_as_uuids() {
    let commit = CommitId::new(Uuid::NAMESPACE_OID);
    assert_eq!(commit.to_string(), "6ba7b812-9dad-11d1-80b4-00c04fd430c8");
    assert_eq!(EventId::of(commit, 0).to_string(), "bf428e1d-f221-55de-a77f-a61755a4d727");
    assert_ne!(EventId::of(commit, 0), EventId::of(commit, 1));
    assert_ne!(CommitId::of(Uuid::NAMESPACE_OID, "a"), CommitId::of(Uuid::NAMESPACE_OID, "b"));
    assert_ne!(CommitId::of(Uuid::NAMESPACE_OID, "a"), CommitId::of(Uuid::NAMESPACE_URL, "a"));
}

/// Debug output ends in logs.
#[test]
fn what_may_be_personal_shows_in_no_debug_output() {
    let event = event("customer.registered", "{\"name\":\"Jane\"}");
    assert_eq!(format!("{event:?}"), "customer.registered@1 (15 bytes)");
    let snapshot = Snapshot { schema: 3, state: b"{\"name\":\"Jane\"}".to_vec() };
    assert_eq!(format!("{snapshot:?}"), "snapshot@3 (15 bytes)");
    let kept = format!("{:?}", Snapshots::<Option<u64>>::new(5, 3));
    assert_eq!(kept, "Snapshots(SnapshotKind { schema: 3, every: 5 })");
    let key = IndexKey::new(Timestamp::EPOCH, account("a"), Version::new(7));
    assert_eq!(format!("{key:?}"), "1970-01-01T00:00:00.000Z/default/account-a/000000000007");
}

#[test]
fn correlation_ids_and_actors_are_short_plain_text() {
    let longest = "x".repeat(128);
    for valid in ["a", "customer:c-1001", "A_b.c-9", &longest] {
        assert_eq!(CorrelationId::new(valid).unwrap().as_str(), valid);
        let actor = Actor::new(valid).unwrap();
        assert_eq!((actor.as_str(), actor.to_string().as_str()), (valid, valid));
        assert_eq!(serde_json::from_value::<Actor>(valid.into()).unwrap(), actor);
        assert_eq!(serde_json::to_value(&actor).unwrap(), valid);
    }
    for invalid in ["", "a b", "käse", "a/b", "a\n", &"x".repeat(129)] {
        assert!(CorrelationId::new(invalid).is_err() && Actor::new(invalid).is_err(), "{invalid:?}");
        assert!(serde_json::from_value::<CorrelationId>(invalid.into()).is_err(), "{invalid:?}");
    }
    assert_eq!(CorrelationId::from(Uuid::NAMESPACE_OID).to_string(), Uuid::NAMESPACE_OID.to_string());
}
