//! Prints the state machine of the order saga, to be kept in `infra/order-saga.asl.json`.

use std::io::Write;

use ordering::saga::ORDER_SAGA;
use skald_saga::state_machine::definition;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let comment = "Generated from ordering::saga::ORDER_SAGA by \
                   `cargo run --package ordering --example order_saga_asl`.";
    let json = definition(&ORDER_SAGA, comment).to_json()?;
    std::io::stdout().write_all(json.as_bytes())?;
    Ok(())
}
