//! Prints the state machine of the room saga, to be kept in `room-saga.asl.json`.

use std::io::Write;

use skald_guide::room_saga::ROOM_SAGA;
use skald_saga::state_machine::definition;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let json = definition(&ROOM_SAGA, "Generated from ROOM_SAGA.").to_json()?;
    std::io::stdout().write_all(json.as_bytes())?;
    Ok(())
}
