//! Skald's event store beside its peers and the bare SDK call: `make bench-store`.
//!
//! All of them run in one process on one engine, `DynamoDB` as `dynoxide-rs` has it, behind one
//! client of the real SDK, with the same events. Requests and units are what this engine reports;
//! times are of use only as ratios within one run.

mod cases;
mod engine;
mod ledger;
mod measuring;
mod meter;
mod report;
mod statistics;
mod subjects;

use std::io::Write as _;
use std::path::Path;

use anyhow::Result;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    // Measures only the cases whose names contain the argument.
    let only = std::env::args().nth(1).unwrap_or_default();
    let meter = meter::Meter::default();
    let client = engine::client(engine::start()?, &meter);
    let subjects = subjects::Subjects::on(&client).await?;
    let mut rows = Vec::new();
    for case in cases::all(&subjects).iter().filter(|case| case.name.contains(&only)) {
        writeln!(std::io::stderr(), "measuring: {}", case.name)?;
        rows.extend(measuring::measure(case, &meter).await?);
    }
    write!(std::io::stdout(), "{}", report::write(&rows, Path::new("target/bench"))?)?;
    Ok(())
}
