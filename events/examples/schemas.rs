//! Writes the JSON Schema of every shape of every event into `events/schemas/`, and tells which
//! were new or different.
//!
//! Refuses another shape under a number that is given: neither what is stored nor what older
//! releases read may change its meaning.

#[path = "../tests/catalogue/mod.rs"]
mod catalogue;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

fn main() -> std::io::Result<ExitCode> {
    match catalogue::schemas().write(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/schemas"))) {
        Ok(written) => {
            let mut out = std::io::stdout();
            written.iter().try_for_each(|shape| writeln!(out, "{shape}"))?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            writeln!(std::io::stderr(), "{error}")?;
            Ok(ExitCode::FAILURE)
        }
    }
}
