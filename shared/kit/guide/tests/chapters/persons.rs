//! Personal data.

use skald::commit::Commit;
use skald::memory::{InMemoryEventStore, InMemoryPersonKeys};
use skald::personal::{Opening, Person, PersonId, PersonKeys, SealedError, Sealing};
use skald::prelude::*;
use skald::store::EventStore;
use skald::stream::Version;
use skald_guide::reader::{Reader, ReaderCommand, ReaderEvent};
use skald_testkit::NoPause;

use crate::{Result, noon, request};

/// The name with which the reader registered, if it can be seen.
fn name(commits: &[Commit]) -> std::result::Result<String, SealedError> {
    let registered = commits[0].envelopes::<ReaderEvent>().next().unwrap().unwrap();
    let ReaderEvent::Registered(registered) = registered.data else { panic!("not registered") };
    registered.name.reveal().cloned()
}

#[tokio::test]
async fn a_name_is_sealed_opened_and_erased() -> Result {
    let (store, keys) = (InMemoryEventStore::default(), InMemoryPersonKeys::default());
    let tenant = Tenant::default();
    let (stream, id) = (Reader::stream(&tenant, "ann")?, PersonId::new("ann")?);
    let register = ReaderCommand::Register { id: id.clone(), name: "Ann Ahab".to_owned() };

    // What goes through `Sealing` is stored sealed.
    let sealing = Sealing::new(&store, &keys);
    let handler = Handler::new(&sealing, NoPause);
    handler.handle::<Reader>(&stream, &register, &request("register")).await?;
    let stored = store.read(&stream, Version::START).await?;
    assert!(!String::from_utf8_lossy(&stored[0].events[0].data).contains("Ahab"));
    assert_eq!(name(&stored), Err(SealedError::Sealed));

    // What comes through `Opening` can be seen.
    let opening = Opening::new(&store, &keys);
    assert_eq!(name(&opening.read(&stream, Version::START).await?), Ok("Ann Ahab".to_owned()));

    // The key is destroyed first. Then the erasure is recorded.
    keys.erase(&Person { tenant, id }, noon()).await?;
    handler.handle::<Reader>(&stream, &ReaderCommand::Erase, &request("erase")).await?;
    assert_eq!(name(&opening.read(&stream, Version::START).await?), Err(SealedError::Erased));
    Ok(())
}
