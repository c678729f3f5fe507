//! A `DynamoDB` in this process with the tables of the deployment, the stores on it, and ways to
//! bypass the stores.

#![expect(dead_code, unreachable_pub, reason = "each test file uses another part of this")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

pub mod broken;
pub mod calls;
pub mod keys;
pub mod proxy;
pub mod reasons;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Builder, Credentials, Region};
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use skald::commit::Commit;
use skald::event::EventData;
use skald::stream::{StreamId, Version};
use skald::view::{Listing, Parked, ViewRow};
use skald_dynamodb::{DynamoDbCommitIndex, DynamoDbEventStore, DynamoDbViewStore, tables};
use skald_testkit::commit_index::CommitIndexFixture;
use skald_testkit::event_store::{Broken, EventStoreFixture, PlantCommits, PlantItems};
use skald_testkit::view_store::ViewStoreFixture;
use tokio::net::TcpListener;

use proxy::{Interceptor, Proxy};

pub const EVENTS: &str = "events";
pub const VIEW: &str = "order-view";
pub const KEYS: &str = "person-keys";

pub type Attributes = HashMap<String, AttributeValue>;

/// The engine, listening on a port of its own for as long as the test runs.
pub struct Engine {
    address: SocketAddr,
}

impl Engine {
    /// Starts an engine with all three tables, empty.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let database = dynoxide::Database::memory().unwrap();
        tokio::spawn(dynoxide::server::serve_on(listener, database));
        let engine = Self { address };
        // No test reads the table's stream, and the engine becomes slow with many records in one.
        let events = tables::events(EVENTS).set_stream_specification(None);
        for table in [events, tables::listed_view(VIEW), tables::person_keys(KEYS)] {
            table.send_with(&engine.client()).await.unwrap();
        }
        engine
    }

    /// A client of the engine that makes one attempt for each request.
    pub fn client(&self) -> Client {
        Client::from_conf(config(self.address).build())
    }

    /// A client whose requests and answers pass through `interceptor`.
    pub async fn intercepted_client(&self, interceptor: impl Interceptor) -> Client {
        Client::from_conf(config(Proxy::start(self.address, interceptor).await).build())
    }

    /// A client whose requests and answers pass through `interceptor`. It makes three attempts, as
    /// clients do by default, and waits half a second for an answer.
    pub async fn patient_client(&self, interceptor: impl Interceptor) -> Client {
        let retries = RetryConfig::standard().with_initial_backoff(Duration::from_millis(1));
        let timeouts =
            TimeoutConfig::builder().operation_attempt_timeout(Duration::from_millis(500)).build();
        let config = config(Proxy::start(self.address, interceptor).await);
        Client::from_conf(config.retry_config(retries).timeout_config(timeouts).build())
    }
}

fn config(address: SocketAddr) -> Builder {
    aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(format!("http://{address}"))
        .retry_config(RetryConfig::disabled())
}

/// Event stores on one engine.
pub struct Events {
    pub client: Client,
    store: DynamoDbEventStore,
    foreign: DynamoDbEventStore,
    index: DynamoDbCommitIndex,
    stores: Client,
}

impl Events {
    pub async fn start() -> Self {
        let client = Engine::start().await.client();
        Self::with(client.clone(), client)
    }

    /// Stores through a client whose requests `interceptor` changes; planted items bypass it.
    pub async fn intercepted(interceptor: impl Interceptor) -> Self {
        let engine = Engine::start().await;
        Self::with(engine.client(), engine.intercepted_client(interceptor).await)
    }

    fn with(client: Client, stores: Client) -> Self {
        let foreign = DynamoDbEventStore::new(client.clone(), EVENTS);
        let index = DynamoDbCommitIndex::new(stores.clone(), EVENTS);
        Self {
            client,
            store: DynamoDbEventStore::new(stores.clone(), EVENTS),
            foreign,
            index,
            stores,
        }
    }

    /// The client of the stores, including any interceptor.
    pub fn stores_client(&self) -> Client {
        self.stores.clone()
    }

    async fn put(&self, item: Attributes) {
        self.client.put_item().table_name(EVENTS).set_item(Some(item)).send().await.unwrap();
    }
}

impl EventStoreFixture for Events {
    type Store = DynamoDbEventStore;

    fn store(&self) -> &DynamoDbEventStore {
        &self.store
    }

    /// The store uses the same table: only the head is foreign, not the position.
    fn foreign(&self) -> &DynamoDbEventStore {
        &self.foreign
    }
}

/// The engine's index shows a write immediately.
impl CommitIndexFixture for Events {
    type Store = DynamoDbEventStore;
    type Index = DynamoDbCommitIndex;

    fn store(&self) -> &DynamoDbEventStore {
        &self.store
    }

    fn index(&self) -> &DynamoDbCommitIndex {
        &self.index
    }
}

impl PlantCommits for Events {
    async fn plant(&self, commit: Commit) {
        self.put(item(&commit)).await;
    }
}

impl PlantItems for Events {
    async fn plant_item(&self, stream: &StreamId, at: Version, broken: Broken) {
        let mut body = json!({
            "commit": "3b241101-e2bb-4255-8caf-4136c566a962", "source": "contract",
            "correlation_id": "contract", "actor": "test",
            "events": [{ "type": "account.noted", "schema": 1, "data": {} }],
        });
        let mut item = attributes_at(stream, at, "2026-11-21T08:15:30.250Z".to_owned());
        match broken {
            Broken::Encoding(unknown) => drop(item.insert("encoding".to_owned(), text(unknown))),
            Broken::NoCommitId => drop(body.as_object_mut().unwrap().remove("commit")),
            Broken::Events(events) => body["events"] = events.into(),
        }
        item.insert("body".to_owned(), text(body.to_string()));
        self.put(item).await;
    }
}

/// The item of a commit according to the layout, written by hand.
pub fn item(commit: &Commit) -> Attributes {
    let event = |stored: &EventData| {
        let data: Value = serde_json::from_slice(&stored.data).unwrap();
        json!({ "type": stored.event_type, "schema": stored.schema, "data": data })
    };
    let body = json!({
        "commit": commit.id.to_string(), "source": "contract",
        "correlation_id": "contract", "actor": "test",
        "events": commit.events.iter().map(event).collect::<Vec<_>>(),
    });
    let mut item = attributes_at(&commit.stream, commit.first, commit.at.to_string());
    item.insert("body".to_owned(), text(body.to_string()));
    item
}

fn attributes_at(stream: &StreamId, first: Version, at: String) -> Attributes {
    let attributes = [("pk", text(stream.key())), ("sk", number(first.get())), ("at", text(at))];
    attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Changes the body of an item in the service's protocol, if the item has a body.
pub fn change_body(item: &mut Value, change: impl FnOnce(&mut Value)) {
    let stored = serde_json::from_value::<serde_dynamo::AttributeValue>(item["body"].take());
    let (text, is_packed) = match stored {
        Ok(serde_dynamo::AttributeValue::S(text)) => (text.into_bytes(), false),
        Ok(serde_dynamo::AttributeValue::B(packed)) => {
            (zstd::stream::decode_all(packed.as_slice()).unwrap(), true)
        }
        _ => return,
    };
    let mut body = serde_json::from_slice(&text).unwrap();
    change(&mut body);
    let text = body.to_string();
    item["body"] = match is_packed {
        true => json!(serde_dynamo::AttributeValue::B(
            zstd::bulk::compress(text.as_bytes(), 3).unwrap()
        )),
        false => json!({ "S": text }),
    };
}

pub fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub fn number(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// A view store on an engine.
pub struct Views {
    pub client: Client,
    store: DynamoDbViewStore,
}

impl Views {
    pub async fn start() -> Self {
        let client = Engine::start().await.client();
        Self { store: DynamoDbViewStore::new(client.clone(), VIEW), client }
    }

    /// A store through a client whose requests `interceptor` changes.
    pub async fn intercepted(interceptor: impl Interceptor) -> Self {
        let engine = Engine::start().await;
        let store = DynamoDbViewStore::new(engine.intercepted_client(interceptor).await, VIEW);
        Self { client: engine.client(), store }
    }
}

impl ViewStoreFixture for Views {
    type Store = DynamoDbViewStore;

    fn store(&self) -> &DynamoDbViewStore {
        &self.store
    }

    async fn plant(&self, stream: &StreamId, row: ViewRow) {
        let put = self.client.put_item().table_name(VIEW).item("pk", text(stream.key()));
        let mut put =
            put.item("version", number(row.version.get())).item("at", text(row.at.to_string()));
        if let Some(body) = row.body {
            put = put.item("row", text(body));
        }
        if let Some(Listing { group, sort }) = row.listing {
            put = put.item("list_group", text(group)).item("list_sort", text(sort));
        }
        if let Some(Listing { group, sort }) = row.worklist {
            put = put.item("work_group", text(group)).item("work_sort", text(sort));
        }
        if let Some(Parked { reason, at, announced }) = row.parked {
            // The form of releases that counted messages, if no version was announced yet.
            let progress = if announced == Version::START { "missed" } else { "announced" };
            let parked = HashMap::from([
                ("reason".to_owned(), text(reason)),
                ("at".to_owned(), text(at.to_string())),
                (progress.to_owned(), number(announced.get())),
            ]);
            put = put.item("parked", AttributeValue::M(parked));
        }
        put.send().await.unwrap();
    }
}
