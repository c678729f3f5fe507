//! Following all events.

use std::collections::{BTreeSet, HashMap};

use skald::follow::{FollowOptions, Follower, Novelty};
use skald::index::{CommitIndex, Position};
use skald::memory::{InMemoryCommitIndex, InMemoryViewStore};
use skald::prelude::*;
use skald_guide::lending::give_back;
use skald_guide::letters::send_letters;
use skald_testkit::NoPause;

use crate::{Result, lend_to, library, noon, request};

#[tokio::test]
async fn every_loan_gets_one_letter() -> Result {
    let events = library().await?;
    let (index, checkpoints) = (InMemoryCommitIndex::over(&events), InMemoryViewStore::default());
    let options = |run: &str| FollowOptions {
        name: "letters".to_owned(),
        run: run.to_owned(),
        from: Position::before(Timestamp::EPOCH, InMemoryCommitIndex::SLICES),
        margin_ms: 5_000,
        overlap_ms: 60_000,
        batch: 100,
    };
    let mut letters = HashMap::new();
    let mut send = |id, letter| drop(letters.insert(id, letter));

    let ann = lend_to(&events, "ann", "lend").await?;
    let mut one = Follower::resume(index.clone(), checkpoints.clone(), options("one")).await?;
    // It stays five seconds behind: what was written just now is not read yet.
    assert_eq!(send_letters(&index, &mut one, noon(), &mut send).await?, 0);
    let later = noon().plus_millis(10_000);
    assert_eq!(send_letters(&index, &mut one, later, &mut send).await?, 1);
    assert_eq!(send_letters(&index, &mut one, later, &mut send).await?, 0);

    // A run that ends before it acknowledges: the next one gets the same, which may have been seen.
    give_back(&Handler::new(&events, NoPause), &ann, &request("return")).await?;
    lend_to(&events, "bob", "lend to bob").await?;
    assert!(!one.next(later).await?.is_empty());
    let mut two = Follower::resume(index.clone(), checkpoints, options("two")).await?;
    let again = two.next(later).await?;
    assert!(again.deliveries.iter().all(|delivery| delivery.novelty == Novelty::MaybeSeen));
    send_letters(&index, &mut two, later, &mut send).await?;
    let texts: BTreeSet<&str> = letters.values().map(String::as_str).collect();
    assert_eq!(texts, BTreeSet::from(["ann, enjoy moby-dick!", "bob, enjoy moby-dick!"]));
    Ok(())
}
