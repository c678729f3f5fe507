//! Checkpoints: a follower continues where it stopped, and only the current batch is ever in doubt.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use skald::follow::{FollowError, FollowOptions, Follower, Novelty};
use skald::index::{CommitIndex, IndexKey, Position, SlicePosition};
use skald::memory::InMemoryViewStore;
use skald::store::StoreError;
use skald::stream::{StreamId, Tenant, Version};
use skald::view::{ListEntry, ListPage, Put, Rows, ViewRow, ViewStore};

use super::CommitIndexFixture;
use super::delayed::Delayed;
use super::following::{following, new, next, next_acknowledged, nine, novelty, resume};
use super::reading::write;
use crate::fixtures::at;
use crate::sample::account;

/// A batch that was not acknowledged is delivered again, as maybe seen.
pub async fn a_batch_is_delivered_again_until_it_is_acknowledged<F: CommitIndexFixture>(
    fixture: &F,
) {
    let (index, commits) = (Delayed::new(fixture.index()), nine(fixture).await);
    let mut follower =
        resume(&index, &InMemoryViewStore::default(), following::<F::Index>("one")).await;
    assert_eq!(next(&index, &mut follower, at(15)).await, new(&commits[..5]));
    assert_eq!(
        next(&index, &mut follower, at(60)).await,
        novelty(&commits[..5], Novelty::MaybeSeen)
    );
    follower.acknowledge();
    assert_eq!(next_acknowledged(&index, &mut follower, at(60)).await, new(&commits[5..]));
}

/// After a crash before the acknowledgement, only the current batch is in doubt.
pub async fn after_a_crash_only_the_current_batch_is_in_doubt<F: CommitIndexFixture>(fixture: &F) {
    let (index, checkpoints) = (Delayed::new(fixture.index()), InMemoryViewStore::default());
    let commits = nine(fixture).await;
    let following = |run| FollowOptions { overlap_ms: 0, ..following::<F::Index>(run) };
    let mut follower = resume(&index, &checkpoints, following("one")).await;
    assert_eq!(next_acknowledged(&index, &mut follower, at(13)).await, new(&commits[..3]));
    assert_eq!(next(&index, &mut follower, at(16)).await, new(&commits[3..6]));
    drop(follower);

    let mut follower = resume(&index, &checkpoints, following("two")).await;
    let deliveries = next_acknowledged(&index, &mut follower, at(60)).await;
    // Only slices with a later write have recorded that the first three are done. Other slices may
    // deliver them again.
    let in_doubt = deliveries
        .iter()
        .filter(|(_, novelty)| *novelty == Novelty::MaybeSeen)
        .cloned()
        .collect::<Vec<_>>();
    let expected = novelty(&commits[..6], Novelty::MaybeSeen);
    assert!(
        in_doubt.ends_with(&expected[3..]),
        "the batch without an acknowledgement was not delivered again: {in_doubt:?}"
    );
    assert!(in_doubt.iter().all(|delivery| expected.contains(delivery)), "{in_doubt:?}");
    let certain = deliveries
        .into_iter()
        .filter(|(_, novelty)| *novelty != Novelty::MaybeSeen)
        .collect::<Vec<_>>();
    assert_eq!(certain, new(&commits[6..]));
}

/// After a regular end, no commit is missed and none is delivered as new again. The overlap is
/// delivered as maybe seen.
pub async fn a_follower_continues_from_its_checkpoint<F: CommitIndexFixture>(fixture: &F) {
    let (index, checkpoints) = (Delayed::new(fixture.index()), InMemoryViewStore::default());
    let commits = nine(fixture).await;
    let hidden = write(fixture.store(), &account("9"), at(9), &[1]).await;
    fixture.settled().await;
    index.show(&hidden, at(45));
    let mut follower = resume(&index, &checkpoints, following::<F::Index>("one")).await;
    assert_eq!(next_acknowledged(&index, &mut follower, at(30)).await, new(&commits));
    // Without new entries, the checkpoint records what is done.
    assert_eq!(next_acknowledged(&index, &mut follower, at(31)).await, []);
    drop(follower);

    let far = FollowOptions {
        from: Position::before(at(500), F::Index::SLICES),
        ..following::<F::Index>("two")
    };
    let mut follower = resume(&index, &checkpoints, far.clone()).await;
    assert_eq!(
        next_acknowledged(&index, &mut follower, at(44)).await,
        novelty(&commits, Novelty::MaybeSeen)
    );
    let deliveries = next_acknowledged(&index, &mut follower, at(45)).await;
    assert_eq!(
        deliveries.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>(),
        [IndexKey::of(&hidden)]
    );
    assert_eq!(next_acknowledged(&index, &mut follower, at(46)).await, []);
    drop(follower);

    let narrow = FollowOptions { overlap_ms: 0, run: "three".to_owned(), ..far };
    let mut follower = resume(&index, &checkpoints, narrow).await;
    let deliveries = next_acknowledged(&index, &mut follower, at(60)).await;
    assert!(
        deliveries.iter().all(|(_, novelty)| *novelty == Novelty::MaybeSeen),
        "a delivered commit is new again: {deliveries:?}"
    );
}

/// A position can be stored as text and used as the start of another follower.
pub async fn another_follower_continues_from_a_position<F: CommitIndexFixture>(fixture: &F) {
    let (index, commits) = (Delayed::new(fixture.index()), nine(fixture).await);
    let mut follower =
        resume(&index, &InMemoryViewStore::default(), following::<F::Index>("one")).await;
    assert_eq!(next_acknowledged(&index, &mut follower, at(15)).await, new(&commits[..5]));
    let token = follower.position().to_string();
    let position: Position = token.parse().unwrap_or_else(|error| panic!("{token}: {error}"));
    assert_eq!(position, follower.position());
    let from_there = FollowOptions { from: position, ..following::<F::Index>("two") };
    let mut other = resume(&index, &InMemoryViewStore::default(), from_there).await;
    let deliveries = next_acknowledged(&index, &mut other, at(60)).await;
    let (maybe_seen, certain): (Vec<_>, Vec<_>) =
        deliveries.into_iter().partition(|(_, novelty)| *novelty == Novelty::MaybeSeen);
    assert_eq!(certain, new(&commits[5..]), "commits after the position are new");
    assert_eq!(
        maybe_seen,
        novelty(&commits[..5], Novelty::MaybeSeen),
        "commits in the overlap are maybe seen"
    );
}

/// Of two concurrent runs, the first one ends at its next checkpoint.
pub async fn a_second_run_ends_the_first<F: CommitIndexFixture>(fixture: &F) {
    let (index, checkpoints) = (Delayed::new(fixture.index()), InMemoryViewStore::default());
    let mut first = resume(&index, &checkpoints, following::<F::Index>("one")).await;
    let mut second = resume(&index, &checkpoints, following::<F::Index>("two")).await;
    let commits = nine(fixture).await;
    let error = first.next(at(60)).await.expect_err("the first run continued");
    assert!(matches!(&error, FollowError::Taken { name } if name == "tester"), "{error}");
    assert!(!error.is_transient());
    assert_eq!(next_acknowledged(&index, &mut second, at(60)).await, new(&commits));
}

/// A checkpoint belongs to one follower.
pub async fn followers_of_different_names_do_not_mix<F: CommitIndexFixture>(fixture: &F) {
    let (index, checkpoints) = (Delayed::new(fixture.index()), InMemoryViewStore::default());
    let commits = nine(fixture).await;
    for name in ["one", "two", "one.1"] {
        let following = FollowOptions { name: name.to_owned(), ..following::<F::Index>("run") };
        let mut follower = resume(&index, &checkpoints, following).await;
        assert_eq!(next_acknowledged(&index, &mut follower, at(60)).await, new(&commits), "{name}");
    }
    let following = FollowOptions { name: "no/name".to_owned(), ..following::<F::Index>("run") };
    let error =
        Follower::resume(index, checkpoints, following).await.expect_err("the name was accepted");
    assert!(matches!(error, FollowError::InvalidOptions(_)), "{error}");
}

/// A store that writes every row, but loses the answer to one write of each row.
#[derive(Debug, Clone)]
struct LosesAnAnswer {
    rows: InMemoryViewStore,
    lost_write: u32,
    writes: Arc<Mutex<BTreeMap<StreamId, u32>>>,
}

impl ViewStore for LosesAnAnswer {
    async fn get(&self, stream: &StreamId) -> Result<Option<ViewRow>, StoreError> {
        self.rows.get(stream).await
    }

    async fn get_many(&self, streams: &[StreamId]) -> Result<Rows, StoreError> {
        self.rows.get_many(streams).await
    }

    async fn put(
        &self,
        stream: &StreamId,
        expected: Version,
        row: &ViewRow,
    ) -> Result<Put, StoreError> {
        let put = self.rows.put(stream, expected, row).await?;
        let write = {
            let mut writes = self.writes.lock().unwrap_or_else(PoisonError::into_inner);
            let count = writes.entry(stream.clone()).or_default();
            *count += 1;
            *count
        };
        if write == self.lost_write {
            let source = "the answer was lost".into();
            return Err(StoreError::Unavailable { operation: "PutItem", source });
        }
        Ok(put)
    }

    async fn put_over_parked(
        &self,
        stream: &StreamId,
        parked: &ViewRow,
        row: &ViewRow,
    ) -> Result<Put, StoreError> {
        self.rows.put_over_parked(stream, parked, row).await
    }

    async fn list(
        &self,
        group: &str,
        before: Option<&ListEntry>,
        limit: u32,
    ) -> Result<ListPage, StoreError> {
        self.rows.list(group, before, limit).await
    }

    async fn worklist(
        &self,
        group: &str,
        after: Option<&ListEntry>,
        limit: u32,
    ) -> Result<ListPage, StoreError> {
        self.rows.worklist(group, after, limit).await
    }
}

/// A run recognises its own checkpoint, even if the answer to its write was lost.
pub async fn a_lost_answer_to_a_checkpoint_write_is_harmless<F: CommitIndexFixture>(fixture: &F) {
    let (index, commits) = (Delayed::new(fixture.index()), nine(fixture).await);
    index.set_now(at(60));
    for lost_write in 1..=5 {
        let checkpoints = LosesAnAnswer {
            rows: InMemoryViewStore::default(),
            lost_write,
            writes: Arc::default(),
        };
        let mut failures = 0;
        let mut follower = loop {
            let following = FollowOptions { batch: 1, ..following::<F::Index>("one") };
            match Follower::resume(index.clone(), checkpoints.clone(), following).await {
                Ok(follower) => break follower,
                Err(error) if error.is_transient() && failures < 100 => failures += 1,
                Err(error) => panic!("{error}"),
            }
        };
        let mut deliveries = Vec::new();
        for _ in 0..100 {
            match follower.next(at(60)).await {
                Ok(batch) => {
                    deliveries.extend(
                        batch
                            .deliveries
                            .iter()
                            .map(|delivery| (delivery.entry.key.clone(), delivery.novelty)),
                    );
                    follower.acknowledge();
                }
                Err(error) if error.is_transient() && failures < 100 => failures += 1,
                Err(error) => panic!("{error}"),
            }
        }
        deliveries.sort_by(|(one, _), (other, _)| one.cmp(other));
        assert_eq!(deliveries, new(&commits), "write {lost_write} of each row");
        assert!(failures > 0 || lost_write > 3, "no answer was lost");
    }
}

/// A malformed checkpoint, or one of an index with another number of slices, is an error.
pub async fn a_malformed_checkpoint_is_an_error<F: CommitIndexFixture>(fixture: &F) {
    let index = Delayed::new(fixture.index());
    let key = StreamId::new(&Tenant::default(), "checkpoint", "tester~0").expect("a name");
    let run = format!("\"run\":\"one\",\"generation\":1,\"floor\":\"{}\"", at(0));
    let bodies = [
        "\"nonsense\"".to_owned(),
        "{}".to_owned(),
        format!(
            "{{{run},\"slices\":{},\"done\":\"{}\",\"begun\":\"{}\"}}",
            F::Index::SLICES + 1,
            at(0),
            at(0)
        ),
        format!(
            "{{{run},\"slices\":{},\"done\":\"{}\",\"begun\":\"{}\"}}",
            F::Index::SLICES,
            at(1),
            at(0)
        ),
        format!(
            "{{{run},\"slices\":{},\"done\":\"soon\",\"begun\":\"{}\"}}",
            F::Index::SLICES,
            at(0)
        ),
    ];
    for body in bodies {
        let checkpoints = InMemoryViewStore::default();
        let row = ViewRow {
            version: Version::new(1),
            at: at(0),
            body: Some(body),
            listing: None,
            worklist: None,
            parked: None,
        };
        assert!(matches!(checkpoints.put(&key, Version::START, &row).await, Ok(Put::Stored)));
        let error =
            Follower::resume(index.clone(), checkpoints, following::<F::Index>("one")).await;
        let error = error.expect_err("the checkpoint was accepted");
        assert!(
            matches!(&error, FollowError::MalformedCheckpoint { row, .. } if *row == key.key()),
            "{error}"
        );
    }
}

/// A position with another number of slices is invalid.
pub async fn a_position_of_another_index_is_invalid<F: CommitIndexFixture>(fixture: &F) {
    let index = Delayed::new(fixture.index());
    for slices in [0, F::Index::SLICES - 1, F::Index::SLICES + 1] {
        let from = Position::new(vec![SlicePosition::START; usize::from(slices)]);
        let following = FollowOptions { from, ..following::<F::Index>("one") };
        let error = Follower::resume(index.clone(), InMemoryViewStore::default(), following).await;
        let error = error.expect_err("the position was accepted");
        assert!(matches!(error, FollowError::InvalidOptions(_)), "{error}");
    }
}
