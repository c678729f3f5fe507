//! A record of the events table's stream. Parsing accepts every record, so none can stop the relay.

use serde::Deserialize;
use serde_dynamo::Item;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

/// A batch of records, in the order of the stream.
#[derive(Debug, Deserialize)]
pub struct Batch {
    /// The records one by one. A record that cannot be read does not fail the others.
    #[serde(rename = "Records")]
    pub records: Vec<Box<RawValue>>,
}

/// A record.
#[derive(Debug)]
pub(crate) struct Record {
    /// The stream's id of the change, or a digest of the record if the id is missing.
    pub(crate) event_id: String,
    /// `INSERT`, `MODIFY` or `REMOVE`.
    pub(crate) event_name: String,
    /// The item's keys, as JSON.
    pub(crate) keys: String,
    /// The item, or only its keys if the rest cannot be read.
    pub(crate) item: Item,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Wire {
    #[serde(rename = "eventID")]
    event_id: String,
    #[serde(rename = "eventName")]
    event_name: String,
    dynamodb: Change,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct Change {
    keys: Box<RawValue>,
    new_image: Option<Box<RawValue>>,
}

impl Record {
    /// Reads a record.
    pub(crate) fn read(json: &RawValue) -> Self {
        let Wire { event_id, event_name, dynamodb } =
            serde_json::from_str(json.get()).unwrap_or_default();
        let item = |image: &RawValue| serde_json::from_str::<Item>(image.get()).ok();
        let image = dynamodb.new_image.as_deref().and_then(item);
        let event_id = if event_id.is_empty() { digest(json.get()) } else { event_id };
        Self {
            event_id,
            event_name,
            item: image.or_else(|| item(&dynamodb.keys)).unwrap_or_default(),
            keys: dynamodb.keys.get().to_owned(),
        }
    }
}

/// A digest that replaces a text that is too long or has the wrong form.
pub(crate) fn digest(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}
