//! The tables that the crate creates equal those of its README and of the deployment's template.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use aws_sdk_dynamodb::operation::create_table::CreateTableInput;
use aws_sdk_dynamodb::types::KeySchemaElement;
use skald_dynamodb::tables;

const README: &str = include_str!("../README.md");
const TEMPLATE: &str = include_str!("../../../../infra/template.yaml");

/// The properties of a table that determine what can be stored and read, in the template's
/// notation.
fn properties(table: &CreateTableInput) -> Vec<String> {
    let mut lines = vec!["BillingMode: PAY_PER_REQUEST".to_owned()];
    lines.push("AttributeDefinitions:".to_owned());
    for attribute in table.attribute_definitions() {
        let (name, kind) = (attribute.attribute_name(), attribute.attribute_type());
        lines.push(format!("- {{ AttributeName: {name}, AttributeType: {kind} }}"));
    }
    lines.push("KeySchema:".to_owned());
    lines.extend(table.key_schema().iter().map(key));
    if !table.global_secondary_indexes().is_empty() {
        lines.push("GlobalSecondaryIndexes:".to_owned());
    }
    for index in table.global_secondary_indexes() {
        lines.push(format!("- IndexName: {}", index.index_name()));
        lines.push("KeySchema:".to_owned());
        lines.extend(index.key_schema().iter().map(key));
        let projection = index.projection().unwrap();
        let kind = projection.projection_type().unwrap();
        let others = match projection.non_key_attributes() {
            [] => String::new(),
            names => format!(", NonKeyAttributes: [{}]", names.join(", ")),
        };
        lines.push(format!("Projection: {{ ProjectionType: {kind}{others} }}"));
    }
    if let Some(stream) = table.stream_specification() {
        let kind = stream.stream_view_type().unwrap();
        lines.push(format!("StreamSpecification: {{ StreamViewType: {kind} }}"));
    }
    lines
}

fn key(key: &KeySchemaElement) -> String {
    format!("- {{ AttributeName: {}, KeyType: {} }}", key.attribute_name(), key.key_type())
}

/// The same properties of every table in a text that contains CloudFormation.
fn tables_in(text: &str) -> Vec<Vec<String>> {
    const OTHERS: [&str; 3] =
        ["PointInTimeRecoverySpecification:", "SSESpecification:", "RecoveryPeriodInDays:"];
    let tables = text.split("Type: AWS::DynamoDB::Table\n").skip(1).map(|rest| {
        let (_, rest) = rest.split_once("Properties:\n").unwrap();
        let indent = rest.len() - rest.trim_start_matches(' ').len();
        let inside = |line: &&str| {
            line.trim().is_empty() || line.len() - line.trim_start_matches(' ').len() >= indent
        };
        let mut other = false;
        let own = rest.lines().take_while(inside).filter(|line| {
            let begins_property = line.starts_with(&format!("{}{}", " ".repeat(indent), ""))
                && !line[indent.min(line.len())..].starts_with([' ', '-']);
            if begins_property {
                other = OTHERS.iter().any(|name| line.trim_start().starts_with(name));
            }
            !other && !line.trim().is_empty() && !line.trim_start().starts_with('#')
        });
        own.map(|line| line.trim().to_owned()).collect()
    });
    tables.collect()
}

#[test]
fn the_template_and_the_readme_have_the_tables_that_the_crate_creates() {
    let mut created = [
        tables::events("x"),
        tables::person_keys("x"),
        tables::view("x"),
        tables::listed_view("x"),
        tables::checkpoints("x"),
    ]
    .map(|table| properties(&table.build().unwrap()))
    .to_vec();
    created.sort();
    created.dedup();
    for (place, text) in [("infra/template.yaml", TEMPLATE), ("README.md", README)] {
        let mut declared = tables_in(text);
        declared.sort();
        declared.dedup();
        assert_eq!(declared, created, "{place}");
    }
}
