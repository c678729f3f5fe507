//! Reading attributes of items. The service's client and the events of Lambda functions represent
//! them in different types.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue as Value;
use serde_dynamo::{AttributeValue, Item};

/// An item in the type of the service's client.
pub(crate) type Attributes = HashMap<String, Value>;

/// An attribute's value, of the kinds that the stores read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attribute<'a> {
    Text(&'a str),
    Number(&'a str),
    Bytes(&'a [u8]),
    Other,
}

/// An item in either type.
pub(crate) trait AnyItem {
    /// The attribute with this name. `None` if the item does not have it.
    fn attribute(&self, name: &str) -> Option<Attribute<'_>>;
}

impl AnyItem for Attributes {
    fn attribute(&self, name: &str) -> Option<Attribute<'_>> {
        match self.get(name) {
            Some(Value::S(text)) => Some(Attribute::Text(text)),
            Some(Value::N(number)) => Some(Attribute::Number(number)),
            Some(Value::B(bytes)) => Some(Attribute::Bytes(bytes.as_ref())),
            Some(_) => Some(Attribute::Other),
            None => None,
        }
    }
}

impl AnyItem for Item {
    fn attribute(&self, name: &str) -> Option<Attribute<'_>> {
        match self.get(name) {
            Some(AttributeValue::S(text)) => Some(Attribute::Text(text)),
            Some(AttributeValue::N(number)) => Some(Attribute::Number(number)),
            Some(AttributeValue::B(bytes)) => Some(Attribute::Bytes(bytes)),
            Some(_) => Some(Attribute::Other),
            None => None,
        }
    }
}
