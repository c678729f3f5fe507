//! Prints the state machine of the order saga, to be kept in `infra/order-saga.asl.json`.

use std::io::Write;

use ordering::saga::ORDER_SAGA;
use ordering::saga::asl::definition;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let json = definition(&ORDER_SAGA).to_json()?;
    std::io::stdout().write_all(json.as_bytes())?;
    Ok(())
}
