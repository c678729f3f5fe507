//! The engine that all subjects share, and its client. The engine has its own thread and port.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread;

use anyhow::{Context, Result};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType as Type,
};
use aws_smithy_async::rt::sleep::TokioSleep;
use tokio::net::TcpListener;

use crate::meter::Meter;

/// An attribute of a key, with its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// A string.
    Text(&'static str),
    /// A number.
    Number(&'static str),
}

impl Key {
    const fn name(self) -> &'static str {
        match self {
            Self::Text(name) | Self::Number(name) => name,
        }
    }

    const fn kind(self) -> Type {
        match self {
            Self::Text(_) => Type::S,
            Self::Number(_) => Type::N,
        }
    }
}

/// A secondary index.
pub struct Index {
    /// The name.
    pub name: &'static str,
    /// The hash key.
    pub hash: Key,
    /// The range key.
    pub range: Key,
    /// The attribute that the index contains besides the keys.
    pub includes: Option<&'static str>,
}

/// Starts an empty engine, which lives as long as the process.
///
/// It has a thread and a runtime of its own, so that the tasks of subjects do not delay its tasks.
///
/// # Errors
/// The engine does not start.
pub fn start() -> Result<SocketAddr> {
    let (sender, receiver) = mpsc::channel();
    thread::Builder::new().name("engine".to_owned()).spawn(move || {
        // The caller waits for the address or the error. A later error shows in the requests.
        if let Err(error) = serve(&sender) {
            drop(sender.send(Err(error)));
        }
    })?;
    receiver.recv().context("the engine's thread ended")?
}

fn serve(sender: &mpsc::Sender<Result<SocketAddr>>) -> Result<()> {
    let database =
        dynoxide::Database::memory().map_err(|error| anyhow::anyhow!("no engine: {error}"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        sender.send(Ok(listener.local_addr()?))?;
        dynoxide::server::serve_on(listener, database).await;
        Ok(())
    })
}

/// A client of the engine whose requests `meter` counts. It does not retry.
pub fn client(address: SocketAddr, meter: &Meter) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(format!("http://{address}"))
        .retry_config(RetryConfig::disabled())
        // One of the subjects requires it.
        .sleep_impl(TokioSleep::new())
        .interceptor(meter.clone());
    Client::from_conf(config.build())
}

/// Creates a table with on-demand capacity, and its index if there is one.
///
/// # Errors
/// The engine rejects it.
pub async fn create_table(
    client: &Client,
    name: &str,
    hash: Key,
    range: Option<Key>,
    index: Option<Index>,
) -> Result<()> {
    let mut attributes: Vec<Key> = std::iter::once(hash).chain(range).collect();
    let mut table = client.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
    table = table.key_schema(schema(hash, KeyType::Hash)?);
    if let Some(range) = range {
        table = table.key_schema(schema(range, KeyType::Range)?);
    }
    if let Some(Index { name, hash, range, includes }) = index {
        for part in [hash, range] {
            if !attributes.contains(&part) {
                attributes.push(part);
            }
        }
        let holds = match includes {
            Some(attribute) => Projection::builder()
                .projection_type(ProjectionType::Include)
                .non_key_attributes(attribute),
            None => Projection::builder().projection_type(ProjectionType::KeysOnly),
        };
        let index = GlobalSecondaryIndex::builder()
            .index_name(name)
            .key_schema(schema(hash, KeyType::Hash)?)
            .key_schema(schema(range, KeyType::Range)?)
            .projection(holds.build());
        table = table.global_secondary_indexes(index.build()?);
    }
    for key in attributes {
        let attribute = AttributeDefinition::builder()
            .attribute_name(key.name())
            .attribute_type(key.kind())
            .build()?;
        table = table.attribute_definitions(attribute);
    }
    table.send().await.with_context(|| format!("the table {name}"))?;
    Ok(())
}

fn schema(key: Key, kind: KeyType) -> Result<KeySchemaElement> {
    Ok(KeySchemaElement::builder().attribute_name(key.name()).key_type(kind).build()?)
}
