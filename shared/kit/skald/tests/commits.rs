//! The size of a commit, and the identity of its events.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use skald::commit::{Actor, Commit, CommitId, Context, CorrelationId, Draft, Envelope, EventId};
use skald::event::{DecodeError, DomainEvent, EventData};
use skald::index::IndexKey;
use skald::snapshot::{MAX_WITH_SNAPSHOT_BYTES, Snapshot, Snapshots};
use skald::store::{MAX_COMMIT_BYTES, MAX_STREAMS, MAX_TRANSACTION_BYTES};
use skald::stream::{StreamId, Tenant, Version};
use skald::time::Timestamp;
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

/// Stores check their limits against this size. If it were less than an item's size, a store could
/// accept a commit that it can never write.
#[test]
fn the_size_of_a_draft_includes_every_variable_part() {
    let mut draft = draft(vec![event("account.noted", "{\"text\":\"\"}")]);
    assert_eq!(
        draft.size_bytes(),
        4 + (2 * 13 + 11 + 42),
        "source; type twice, data, and overhead of an event"
    );
    draft.events.push(event("a.b", "{}"));
    assert_eq!(draft.size_bytes(), 83 + (2 * 3 + 2 + 42));
    draft.context.metadata.insert("attempt".to_owned(), "2".to_owned());
    assert_eq!(draft.size_bytes(), 133 + (7 + 1 + 42), "name, value and overhead of an entry");
    draft.snapshot = Some(Snapshot { schema: 1, state: vec![b' '; 100] });
    assert_eq!(draft.size_bytes(), 183 + (100 + 42));
}

/// The limits leave room for names and keys below `DynamoDB`'s 400 KB, 4 MB and 100 items. A larger
/// limit would fail only in production.
#[test]
fn the_limits_are_below_those_of_the_service() {
    assert_eq!((MAX_COMMIT_BYTES, MAX_TRANSACTION_BYTES, MAX_STREAMS), (358_400, 3_584_000, 100));
    assert_eq!(MAX_WITH_SNAPSHOT_BYTES, 65_536);
}

#[test]
fn an_envelope_contains_all_metadata_of_its_event() {
    let events = [Deposited { amount: 5 }.into(), Withdrawn { amount: 3 }.into()];
    let Draft { commit_id, at, context, events: stored, .. } =
        draft(events.iter().map(|event: &AccountEvent| event.encode().unwrap()).collect());
    let (stream, first) = (account("a"), Version::new(7));
    let commit =
        Commit { id: commit_id, stream, first, at, context, events: stored, snapshot: None };
    let envelopes: Vec<Envelope<AccountEvent>> =
        commit.envelopes().collect::<Result<_, _>>().unwrap();
    let expected = |index: usize, event_type: &str| Envelope {
        event_id: EventId::of(&commit.stream, commit.id, index),
        event_type: event_type.to_owned(),
        schema: 1,
        stream: account("a"),
        version: Version::new(7 + index as u64),
        recorded_at: Timestamp::EPOCH,
        context: commit.context.clone(),
        data: events[index].clone(),
    };
    assert_eq!(envelopes, [expected(0, "account.deposited"), expected(1, "account.withdrawn")]);
}

#[test]
fn an_unreadable_event_is_an_error_at_its_position() {
    let Draft { commit_id, at, context, events, .. } = draft(vec![event("account.closed", "{}")]);
    let (stream, first) = (account("a"), Version::new(1));
    let commit = Commit { id: commit_id, stream, first, at, context, events, snapshot: None };
    let envelopes: Vec<Result<Envelope<AccountEvent>, DecodeError>> = commit.envelopes().collect();
    let [Err(unknown)] = envelopes.as_slice() else { panic!("{envelopes:?}") };
    assert!(unknown.is_transient(), "a newer release may know it");
}

/// Logs and other systems use this text as the id.
#[test]
fn ids_are_written_as_uuids() {
    let commit = CommitId::new(Uuid::NAMESPACE_OID);
    assert_eq!(commit.to_string(), "6ba7b812-9dad-11d1-80b4-00c04fd430c8");
    assert_eq!(
        EventId::of(&account("a"), commit, 0).to_string(),
        "e74fdc26-b9d3-54a7-8044-4b7786c1be87"
    );
    assert_ne!(CommitId::of(Uuid::NAMESPACE_OID, "a"), CommitId::of(Uuid::NAMESPACE_OID, "b"));
    assert_ne!(CommitId::of(Uuid::NAMESPACE_OID, "a"), CommitId::of(Uuid::NAMESPACE_URL, "a"));
}

/// The events of a commit have the same ids whether it is read from a table, an index or a message,
/// with or without its snapshot.
#[test]
fn an_event_id_depends_only_on_stream_commit_and_index() {
    let Draft { commit_id: id, at, context, .. } = draft(vec![]);
    let events = vec![event("account.noted", "{}"), event("account.noted", "[]")];
    let commit = Commit {
        id,
        stream: account("a"),
        first: Version::new(1),
        at,
        context,
        events,
        snapshot: None,
    };
    let other = Commit {
        first: Version::new(7),
        at: commit.at.plus_millis(1),
        context: Context { source: "elsewhere".to_owned(), ..commit.context.clone() },
        events: vec![
            event("account.other", "1"),
            event("account.other", "2"),
            event("account.other", "3"),
        ],
        snapshot: Some(Snapshot { schema: 1, state: b"{}".to_vec() }),
        ..commit.clone()
    };
    assert_eq!(
        [0, 1].map(|index| commit.event_id(index)),
        [0, 1].map(|index| other.event_id(index))
    );
    assert_eq!(
        [commit.last_event_id(), other.last_event_id()],
        [commit.event_id(1), commit.event_id(2)]
    );

    let tenant = StreamId::new(&Tenant::new("another").unwrap(), "account", "a").unwrap();
    let streams = [account("a"), account("b"), account("a~1"), tenant];
    let commits = [commit.id, CommitId::new(Uuid::NAMESPACE_URL)];
    let ids: BTreeSet<String> = streams
        .iter()
        .flat_map(|stream| commits.map(|commit| (stream, commit)))
        .flat_map(|(stream, commit)| {
            [0, 1, 10].map(|index| EventId::of(stream, commit, index).to_string())
        })
        .collect();
    assert_eq!(ids.len(), 4 * 2 * 3);
}

/// Debug output ends up in logs.
#[test]
fn debug_output_hides_data_that_may_be_personal() {
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
        assert!(
            CorrelationId::new(invalid).is_err() && Actor::new(invalid).is_err(),
            "{invalid:?}"
        );
        assert!(serde_json::from_value::<CorrelationId>(invalid.into()).is_err(), "{invalid:?}");
    }
    assert_eq!(
        CorrelationId::from(Uuid::NAMESPACE_OID).to_string(),
        Uuid::NAMESPACE_OID.to_string()
    );
}
