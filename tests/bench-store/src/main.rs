//! Compares Skald's event store with its peers and with bare SDK calls: `make bench-store`.
//!
//! All subjects store the same events through one client of the real SDK, in one process, on one
//! engine: `dynoxide-rs`, which implements `DynamoDB`. The engine reports requests and units. Times
//! are meaningful only as ratios within one run.

mod cases;
mod ledger;
mod measuring;
mod report;
mod subjects;

use std::io::Write as _;
use std::path::Path;

use anyhow::Result;
use bench_store::{engine, meter};

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
