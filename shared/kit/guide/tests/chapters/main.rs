//! Runs the guide's chapters, one file for each. `blocks` compares what the guide shows.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod aggregate;
mod blocks;
mod dynamodb;
mod lending;
mod letters;
mod loans;
mod persons;
mod saga;
mod snapshots;

use std::error::Error;

use skald::memory::InMemoryEventStore;
use skald::personal::PersonId;
use skald::prelude::*;
use skald::store::EventStore;
use skald_guide::book::{Book, BookCommand};
use skald_guide::lending::{Lending, lend};
use skald_guide::reader::{Reader, ReaderCommand};
use skald_testkit::NoPause;
use uuid::Uuid;

/// What a test returns.
type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// The command with this name, sent at noon on a day in December.
fn request(command: &str) -> Request {
    let id = CommitId::of(Uuid::NAMESPACE_OID, command);
    Request::new(id, noon(), "library", Actor::new("librarian").unwrap())
}

fn noon() -> Timestamp {
    "2025-12-01T12:00:00Z".parse().unwrap()
}

/// A library with the book `moby-dick` and the readers `ann` and `bob`.
async fn library() -> Result<InMemoryEventStore> {
    let store = InMemoryEventStore::default();
    open_library(&store).await?;
    Ok(store)
}

/// Buys the book and registers the readers.
async fn open_library<S: EventStore>(store: &S) -> Result {
    let handler = Handler::new(store, NoPause);
    let tenant = Tenant::default();
    let add = BookCommand::Add { title: "Moby-Dick".to_owned() };
    let book = Book::stream(&tenant, "moby-dick")?;
    handler.handle::<Book>(&book, &add, &request("add")).await?;
    for reader in ["ann", "bob"] {
        let (stream, id) = (Reader::stream(&tenant, reader)?, PersonId::new(reader)?);
        let register = ReaderCommand::Register { id, name: "Ann Ahab".to_owned() };
        handler.handle::<Reader>(&stream, &register, &request(reader)).await?;
    }
    Ok(())
}

/// Lends `moby-dick` to this reader, for four weeks, by the command with this name.
async fn lend_to<S: EventStore>(store: &S, reader: &str, command: &str) -> Result<Lending> {
    let request = request(command);
    let due = noon().plus_millis(28 * 24 * 60 * 60 * 1000);
    let lending = Lending::new(&Tenant::default(), "moby-dick", reader, due, request.commit_id)?;
    lend(&Handler::new(store, NoPause), &lending, &request).await?;
    Ok(lending)
}
