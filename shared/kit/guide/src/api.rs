//! The library's HTTP API.

use serde_json::{Value, json};
use skald::personal::PersonId;
use skald::prelude::*;
use skald::store::EventStore;
use skald::view::ViewStore;
use skald_lambda::clock::{RandomPause, new_id};
use skald_lambda::http::{Call, Problem, Reply, StatusCode};
use uuid::Uuid;

use crate::book::{Book, BookCommand, BookRejection};
use crate::lending::{LendRejection, Lending, lend};
use crate::loans::{LoanRow, list_of};
use crate::reader::{Reader, ReaderCommand, ReaderRejection};

/// The name of this component in the commits that it writes.
const SOURCE: &str = "lending";
/// How long a loan lasts, in milliseconds: four weeks.
const LOAN_MS: i64 = 28 * 24 * 60 * 60 * 1000;
/// The maximum number of loans in one answer.
const MAX_LOANS: u32 = 20;

/// Answers the calls of the API.
#[derive(Debug)]
pub struct Api<S, V> {
    handler: Handler<S, RandomPause>,
    loans: V,
    tenant: Tenant,
}

impl<S: EventStore, V: ViewStore> Api<S, V> {
    /// The API over this event store, which must seal personal data, and this view of loans.
    pub fn new(events: S, loans: V) -> Self {
        Self { handler: Handler::new(events, RandomPause), loans, tenant: Tenant::default() }
    }

    /// Answers a call.
    ///
    /// # Errors
    /// The problem that the caller sees.
    pub async fn respond(&self, call: &Call) -> Result<Reply, Problem> {
        match (call.method.as_str(), call.segments().as_slice()) {
            ("PUT", ["books", book]) => self.add(call, book).await,
            ("PUT", ["readers", reader]) => self.register(call, reader).await,
            ("POST", ["books", book, "loans"]) => self.lend(call, book).await,
            ("GET", ["readers", reader, "loans"]) => self.loans_of(call, reader).await,
            _ => Err(Problem::not_found("There is nothing at this path.")),
        }
    }

    /// `PUT /books/{book}` with `{"title": "…"}`: the library buys the book.
    async fn add(&self, call: &Call, book: &str) -> Result<Reply, Problem> {
        let title = text(&call.json()?, "title")?;
        let stream = Book::stream(&self.tenant, book).map_err(malformed)?;
        let request = call.request(CommitId::new(new_id()), SOURCE, librarian()?);
        let added = self
            .handler
            .handle::<Book>(&stream, &BookCommand::Add { title }, &request)
            .await
            .map_err(|error| Problem::from_handle(error, no_such_book))?;
        let status = if added.created() { StatusCode::CREATED } else { StatusCode::OK };
        Ok(Reply::json(status, json!({ "book": book, "version": added.states.version })))
    }

    /// `PUT /readers/{reader}` with `{"name": "…"}`: registers the reader.
    async fn register(&self, call: &Call, reader: &str) -> Result<Reply, Problem> {
        let name = text(&call.json()?, "name")?;
        let stream = Reader::stream(&self.tenant, reader).map_err(malformed)?;
        let register =
            ReaderCommand::Register { id: PersonId::new(reader).map_err(malformed)?, name };
        let request = call.request(CommitId::new(new_id()), SOURCE, librarian()?);
        let registered = self
            .handler
            .handle::<Reader>(&stream, &register, &request)
            .await
            .map_err(|error| Problem::from_handle(error, not_registered))?;
        let status = if registered.created() { StatusCode::CREATED } else { StatusCode::OK };
        Ok(Reply::json(status, json!({ "reader": reader })))
    }

    /// `POST /books/{book}/loans` with `{"reader": "…"}` and an `Idempotency-Key`: lends it.
    async fn lend(&self, call: &Call, book: &str) -> Result<Reply, Problem> {
        let key = call.single_header("Idempotency-Key")?;
        let key = key.ok_or_else(|| Problem::invalid("Send an Idempotency-Key."))?;
        let reader = text(&call.json()?, "reader")?;
        let stream = Book::stream(&self.tenant, book).map_err(malformed)?;
        let id = command_id(&stream, &format!("lend to {reader}: {key}"));
        let due = call.at.plus_millis(LOAN_MS);
        let lending = Lending::new(&self.tenant, book, &reader, due, id).map_err(malformed)?;
        let request = call.request(id, SOURCE, librarian()?);
        let lent = lend(&self.handler, &lending, &request)
            .await
            .map_err(|error| Problem::from_handle(error, not_lent))?;
        if lent.outcome == Outcome::Unchanged {
            return Err(Problem::conflict("This reader already has this book."));
        }
        Ok(Reply::json(StatusCode::CREATED, json!({ "loan": lending.loan.id(), "due": due })))
    }

    /// `GET /readers/{reader}/loans`: the reader's latest loans, newest first, from the view.
    async fn loans_of(&self, call: &Call, reader: &str) -> Result<Reply, Problem> {
        call.query(&[])?;
        let page = self.loans.list(&list_of(&self.tenant, reader), None, MAX_LOANS).await?;
        let streams: Vec<StreamId> = page.entries.into_iter().map(|entry| entry.stream).collect();
        let mut loans = Vec::new();
        for (stream, row) in self.loans.get_many(&streams).await?.rows {
            loans.extend(row.decode::<LoanRow>(&stream)?);
        }
        Ok(Reply::json(StatusCode::OK, json!({ "loans": loans })))
    }
}

/// The id of the command with this name on this stream: a repeated call has the same id.
fn command_id(stream: &StreamId, name: &str) -> CommitId {
    CommitId::of(Uuid::new_v5(&Uuid::NAMESPACE_URL, stream.key().as_bytes()), name)
}

fn librarian() -> Result<Actor, Problem> {
    Actor::new("librarian").map_err(|error| Problem::internal(&error))
}

fn text(body: &Value, member: &str) -> Result<String, Problem> {
    let text = body[member].as_str().filter(|text| !text.is_empty());
    text.map(str::to_owned)
        .ok_or_else(|| Problem::invalid(format!("The body must contain the text {member:?}.")))
}

fn malformed(error: skald::stream::InvalidName) -> Problem {
    Problem::invalid(format!("{error}."))
}

fn no_such_book(rejection: BookRejection) -> Problem {
    match rejection {
        BookRejection::Unknown => Problem::not_found("The library does not have this book."),
        BookRejection::LentTo(_) => Problem::conflict("Another reader has this book."),
    }
}

fn not_registered(rejection: ReaderRejection) -> Problem {
    Problem::conflict(format!("{rejection}."))
}

fn not_lent(rejection: LendRejection) -> Problem {
    match rejection {
        LendRejection::Book(rejection) => no_such_book(rejection),
        LendRejection::Loan(rejection) => Problem::conflict(format!("{rejection}.")),
        LendRejection::Reader(ReaderRejection::Suspended) => {
            Problem::conflict("The reader's card is suspended.")
        }
        LendRejection::Reader(ReaderRejection::Unknown | ReaderRejection::Erased) => {
            Problem::unprocessable("There is no such reader.")
        }
    }
}
