//! Many writers at once.

use std::collections::{BTreeSet, HashSet};

use skald::commit::CommitId;
use skald::store::{AppendError, EventStore};
use skald::stream::Version;

use super::EventStoreFixture;
use crate::concurrent::run_all;
use crate::fixtures::{append_at, commits, deposited, draft, id, load};
use crate::pause::yield_now;
use crate::sample::account;

const WRITERS: u64 = 8;
const COMMITS_EACH: u64 = 3;
/// Enough for every writer to lose to every commit of every other.
const ATTEMPTS: u64 = 4 * WRITERS * COMMITS_EACH;

/// Of eight writers that append at one head, one succeeds and seven get a conflict. When they all
/// continue, no commit is lost.
pub async fn eight_writers_have_one_winner_per_version<F: EventStoreFixture>(fixture: &F) {
    let (store, stream) = (fixture.store(), account("race"));

    let start = store.start(stream.clone());
    let names: Vec<String> = (0..WRITERS).map(|writer| format!("start {writer}")).collect();
    let results =
        run_all(names.iter().map(|name| store.append(&start, draft(name, deposited(1))))).await;
    let winners: Vec<CommitId> =
        results.iter().flatten().map(|appended| appended.commit.id).collect();
    assert_eq!(winners.len(), 1, "winners at the first version");
    assert!(
        results
            .iter()
            .flat_map(|result| result.as_ref().err())
            .all(|error| matches!(error, AppendError::Conflict { .. })),
        "a loser got another error than a conflict"
    );

    let wins = run_all((0..WRITERS).map(|writer| append_in_turn(store, writer))).await;
    let won: BTreeSet<Version> = wins.iter().flatten().copied().collect();
    assert_eq!(
        won,
        (2..=1 + WRITERS * COMMITS_EACH).map(Version::new).collect(),
        "versions of the commits"
    );

    let stored: HashSet<CommitId> =
        commits(store, &stream).await.iter().map(|commit| commit.id).collect();
    let written = (0..WRITERS)
        .flat_map(|writer| (0..COMMITS_EACH).map(move |number| id(&format!("{writer}/{number}"))));
    assert_eq!(stored, written.chain(winners).collect(), "stored commits");
}

/// Appends the commits of this writer and loads again after each conflict. Returns the versions of
/// the commits.
async fn append_in_turn<S: EventStore>(store: &S, writer: u64) -> Vec<Version> {
    let stream = account("race");
    let mut won = Vec::new();
    for _ in 0..ATTEMPTS {
        let head = load(store, &stream).await.head;
        yield_now().await;
        match store.append(&head, draft(&format!("{writer}/{}", won.len()), deposited(1))).await {
            Ok(appended) => won.push(appended.commit.first),
            Err(AppendError::Conflict { .. } | AppendError::Contended) => yield_now().await,
            Err(error) => panic!("writer {writer}: {error}"),
        }
        if won.len() as u64 == COMMITS_EACH {
            return won;
        }
    }
    panic!("writer {writer} gave up after {ATTEMPTS} attempts");
}

/// Commits to two streams keep both in step, even if writers name the streams in different orders.
pub async fn writers_of_two_streams_keep_them_in_step<F: EventStoreFixture>(fixture: &F) {
    let store = fixture.store();
    let writers = (0..WRITERS).map(|writer| async move {
        let mut streams = ["left", "right"].map(account);
        streams.rotate_left(usize::from(writer % 2 == 1));
        for _ in 0..ATTEMPTS {
            let mut parts = Vec::new();
            for stream in &streams {
                parts.push((
                    load(store, stream).await.head,
                    draft(&format!("both {writer}"), deposited(writer)),
                ));
            }
            yield_now().await;
            match store.append_all(parts).await {
                Ok(_) => return,
                Err(AppendError::Conflict { .. } | AppendError::Contended) => yield_now().await,
                Err(error) => panic!("writer {writer}: {error}"),
            }
        }
        panic!("writer {writer} gave up after {ATTEMPTS} attempts");
    });
    run_all(writers).await;

    let ids = |commits: Vec<skald::commit::Commit>| {
        commits.iter().map(|commit| commit.id).collect::<Vec<_>>()
    };
    let left = ids(commits(store, &account("left")).await);
    let right = ids(commits(store, &account("right")).await);
    assert_eq!(left, right, "the streams have different commits");
    assert_eq!(left.len() as u64, WRITERS);

    let head = load(store, &account("left")).await.head;
    append_at(store, &head, draft("after", deposited(1))).await;
}
