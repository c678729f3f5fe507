//! Running it on Lambda, operating it: the function's code and the command line, over a DynamoDB
//! in this process.

use std::path::Path;
use std::process::{Command, Output};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use serde_json::{Value, json};
use skald::memory::InMemoryPersonKeys;
use skald::message::CommitMessage;
use skald::personal::Sealing;
use skald::prelude::*;
use skald::store::EventStore;
use skald::stream::Version;
use skald::view::catch_up;
use skald_dynamodb::{DynamoDbEventStore, DynamoDbViewStore, tables};
use skald_guide::api::Api;
use skald_guide::loan::Loan;
use skald_guide::loans::Loans;
use skald_lambda::{clock, http};
use tokio::net::TcpListener;

use crate::{Result, lend_to, open_library};

/// The name of the events table.
const EVENTS: &str = "library-events";
/// The name of the table of the view of loans.
const LOANS: &str = "library-loans";

/// The API as it is deployed, except that the persons' keys are in memory.
type LibraryApi = Api<Sealing<DynamoDbEventStore, InMemoryPersonKeys>, DynamoDbViewStore>;

/// A DynamoDB with both tables; returns a client of it, and its endpoint.
async fn database() -> Result<(Client, String)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let endpoint = format!("http://{}", listener.local_addr()?);
    tokio::spawn(dynoxide::server::serve_on(listener, dynoxide::Database::memory()?));
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(&endpoint);
    let client = Client::from_conf(config.build());
    tables::events(EVENTS).send_with(&client).await?;
    tables::listed_view(LOANS).send_with(&client).await?;
    Ok((client, endpoint))
}

/// The answer of the function to this call: its status and its body.
async fn call(api: &LibraryApi, call: (&str, &str), body: Value) -> (u16, Value) {
    let (method, path) = call;
    let event = json!({
        "version": "2.0",
        "rawPath": path,
        "headers": { "content-type": "application/json", "idempotency-key": "key-1" },
        "requestContext": { "stage": "$default", "http": { "method": method, "path": path } },
        "body": body.to_string(),
    });
    let event = event.to_string();
    let respond = |call| async move { api.respond(&call).await };
    let answer = http::answer(event.as_bytes(), clock::now(), respond).await;
    let body = answer.body.map(|body| serde_json::from_str(&body).unwrap());
    (answer.status_code, body.unwrap_or_default())
}

/// What `librarian` prints with these arguments and those that say where the table is.
fn librarian(arguments: &[&str], endpoint: &str) -> Output {
    let place = ["--table", EVENTS, "--endpoint", endpoint, "--region", "eu-central-1"];
    Command::new(Path::new(env!("CARGO_BIN_EXE_librarian")))
        .args(arguments)
        .args(place)
        .envs([("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")])
        .output()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_function_answers_and_its_operators_see_what_happened() -> Result {
    let (client, endpoint) = database().await?;
    let store = DynamoDbEventStore::new(client.clone(), EVENTS.to_owned());
    let views = DynamoDbViewStore::new(client, LOANS);
    // `verify` finds what is written without `Sealing`.
    let sealing = Sealing::new(store.clone(), InMemoryPersonKeys::default());
    open_library(&sealing).await?;
    let api = Api::new(sealing.clone(), views.clone());

    let (status, body) = call(&api, ("PUT", "/books/ulysses"), json!({ "title": "Ulysses" })).await;
    assert_eq!((status, &body["version"]), (201, &json!(1)));
    assert_eq!(call(&api, ("PUT", "/books/ulysses"), json!({ "title": "Ulysses" })).await.0, 200);
    let register = ("PUT", "/readers/dan");
    assert_eq!(call(&api, register, json!({ "name": "Dan Ahab" })).await.0, 201);
    assert_eq!(call(&api, register, json!({ "name": "Dan Ahab" })).await.0, 200);
    let lend = ("POST", "/books/ulysses/loans");
    let (status, loan) = call(&api, lend, json!({ "reader": "ann" })).await;
    assert_eq!(status, 201, "{loan}");
    let (status, again) = call(&api, lend, json!({ "reader": "ann" })).await;
    assert_eq!((status, &again["loan"]), (201, &loan["loan"]), "the same key, the same loan");
    let (status, problem) = call(&api, lend, json!({ "reader": "bob" })).await;
    assert_eq!((status, &problem["detail"]), (409, &json!("Another reader has this book.")));
    let (status, _) = call(&api, lend, json!({ "reader": "cat" })).await;
    assert_eq!(status, 422, "there is no such reader");
    lend_to(&sealing, "ann", "lend").await?;
    let again = ("POST", "/books/moby-dick/loans");
    let (status, problem) = call(&api, again, json!({ "reader": "ann" })).await;
    assert_eq!((status, &problem["detail"]), (409, &json!("This reader already has this book.")));
    assert_eq!(call(&api, ("GET", "/"), json!({})).await.0, 404);

    // On AWS the relay sends the loan's commit to the function of the view.
    let opened = Loan::stream(&Tenant::default(), loan["loan"].as_str().unwrap_or_default())?;
    for commit in store.read(&opened, Version::START).await? {
        catch_up::<Loans, _, _>(&store, &views, &CommitMessage::of(commit)).await?;
    }
    let (status, listed) = call(&api, ("GET", "/readers/ann/loans"), json!({})).await;
    assert_eq!((status, &listed["loans"][0]["book"]), (200, &json!("ulysses")));

    let verified = librarian(&["verify"], &endpoint);
    let printed = String::from_utf8(verified.stdout)?;
    assert!(printed.contains("9 commits, 9 events") && printed.contains("0 faults"), "{printed}");
    assert!(verified.status.success(), "{printed}");
    let tail = librarian(&["tail", "--once", "--since", "2025-12-01T00:00:00Z"], &endpoint);
    let printed = String::from_utf8(tail.stdout)?;
    assert!(printed.contains("reader.registered") && !printed.contains("Ahab"), "{printed}");
    Ok(())
}
