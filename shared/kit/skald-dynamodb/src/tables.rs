//! The table definitions for the SDK: keys, indexes and the stream of each table.
//!
//! ```no_run
//! # async fn create(client: aws_sdk_dynamodb::Client) -> Result<(), Box<dyn std::error::Error>> {
//! use skald_dynamodb::tables;
//!
//! tables::events("events").send_with(&client).await?;
//! tables::listed_view("order-view").send_with(&client).await?;
//! # Ok(())
//! # }
//! ```
//!
//! Each function returns a builder, so that a caller can add tags, encryption or capacity. The
//! README of this crate has the same tables as CloudFormation; a test compares the two. A
//! deployment should also enable point-in-time recovery, which no request to create a table can
//! enable.
//!
//! ```
//! use skald_dynamodb::tables;
//!
//! let loans = tables::listed_view("loans").deletion_protection_enabled(true);
//! assert_eq!(loans.get_table_name().as_deref(), Some("loans"));
//! assert_eq!(loans.get_global_secondary_indexes().as_ref().map(Vec::len), Some(2));
//!
//! // These tables have a partition key only, and no index.
//! for table in [tables::view("readers"), tables::person_keys("keys"), tables::checkpoints("c")] {
//!     assert_eq!(table.get_key_schema().as_ref().map(Vec::len), Some(1));
//!     assert!(table.get_global_secondary_indexes().is_none());
//! }
//! ```

use aws_sdk_dynamodb::operation::create_table::CreateTableInput;
use aws_sdk_dynamodb::operation::create_table::builders::CreateTableInputBuilder;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType, StreamSpecification, StreamViewType,
};

/// The table of a [`DynamoDbEventStore`](crate::DynamoDbEventStore), with the index of all commits
/// that [`DynamoDbCommitIndex`](crate::DynamoDbCommitIndex) reads, and with a stream of new items.
#[must_use]
pub fn events(name: &str) -> CreateTableInputBuilder {
    let projection = Projection::builder()
        .projection_type(ProjectionType::Include)
        .non_key_attributes("types")
        .build();
    let stream = StreamSpecification::builder()
        .stream_enabled(true)
        .stream_view_type(StreamViewType::NewImage)
        .build();
    table(name)
        .set_attribute_definitions(Some(vec![
            text("pk"),
            number("sk"),
            number("slice"),
            text("at"),
        ]))
        .set_key_schema(Some(vec![key("pk", KeyType::Hash), key("sk", KeyType::Range)]))
        .global_secondary_indexes(index("commits", "slice", "at", projection))
        .stream_specification(stream.expect("every field of a stream is set"))
}

/// The table of a [`DynamoDbViewStore`](crate::DynamoDbViewStore) whose rows are not listed.
#[must_use]
pub fn view(name: &str) -> CreateTableInputBuilder {
    table(name)
        .set_attribute_definitions(Some(vec![text("pk")]))
        .key_schema(key("pk", KeyType::Hash))
}

/// The table of a [`DynamoDbViewStore`](crate::DynamoDbViewStore) with the indexes of its lists and
/// worklists.
#[must_use]
pub fn listed_view(name: &str) -> CreateTableInputBuilder {
    let keys = ["pk", "list_group", "list_sort", "work_group", "work_sort"];
    let projection = Projection::builder().projection_type(ProjectionType::KeysOnly).build();
    table(name)
        .set_attribute_definitions(Some(keys.map(text).to_vec()))
        .key_schema(key("pk", KeyType::Hash))
        .global_secondary_indexes(index("listing", "list_group", "list_sort", projection.clone()))
        .global_secondary_indexes(index("worklist", "work_group", "work_sort", projection))
}

/// The table of a [`DynamoDbPersonKeys`](crate::DynamoDbPersonKeys).
#[must_use]
pub fn person_keys(name: &str) -> CreateTableInputBuilder {
    view(name)
}

/// The table of a [`Follower`](skald::follow::Follower)'s checkpoints, which are rows of a view.
#[must_use]
pub fn checkpoints(name: &str) -> CreateTableInputBuilder {
    view(name)
}

fn table(name: &str) -> CreateTableInputBuilder {
    CreateTableInput::builder().table_name(name).billing_mode(BillingMode::PayPerRequest)
}

fn text(name: &str) -> AttributeDefinition {
    attribute(name, ScalarAttributeType::S)
}

fn number(name: &str) -> AttributeDefinition {
    attribute(name, ScalarAttributeType::N)
}

fn attribute(name: &str, kind: ScalarAttributeType) -> AttributeDefinition {
    let built = AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build();
    built.expect("every field of an attribute is set")
}

fn key(name: &str, kind: KeyType) -> KeySchemaElement {
    let built = KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
    built.expect("every field of a key is set")
}

fn index(name: &str, hash: &str, range: &str, projection: Projection) -> GlobalSecondaryIndex {
    let built = GlobalSecondaryIndex::builder()
        .index_name(name)
        .key_schema(key(hash, KeyType::Hash))
        .key_schema(key(range, KeyType::Range))
        .projection(projection)
        .build();
    built.expect("every field of an index is set")
}
