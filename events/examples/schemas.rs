//! Writes the JSON Schema of every shape of every event into `events/schemas/`, and prints the
//! shapes that are new or changed.
//!
//! Fails if a shape changed but kept its schema number. Such a change would alter the meaning of
//! stored events, and of what older releases read.

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
