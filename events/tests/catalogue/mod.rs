//! The JSON Schemas of all categories, used by the example that writes them and the tests that
//! compare them with the code.

use skald_testkit::schema::Schemas;

/// The JSON Schema of every shape of every event, generated from the Rust types.
pub(crate) fn schemas() -> Schemas {
    let mut schemas = Schemas::default();
    events::for_each_category!(|E| schemas = schemas.with::<E>());
    schemas
}
