//! Measures a sale: 64 buyers reserve one product at once, over 1, 4 and 16 shards of its stock:
//! `make bench-saga`.
//!
//! Each buyer runs the saga's step `reserve_stock` on the event store of `skald-dynamodb`, through
//! the real SDK, in one process with the engine `dynoxide-rs`. The engine executes one request at a
//! time. It never answers `TransactionConflict`, so a conflict here is a transaction whose
//! condition failed. It has one partition, so the limit of a partition (1,000 write units per
//! second) does not show either. Times are meaningful only as ratios within one run.

mod report;
mod sale;

use std::io::Write as _;
use std::path::Path;

use anyhow::Result;
use bench_store::{engine, meter};

use sale::{BUYERS, Case};

/// The numbers of shards that are compared.
const SHARDS: [u16; 3] = [1, 4, 16];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let meter = meter::Meter::default();
    let client = engine::client(engine::start()?, &meter);
    let mut rows = Vec::new();
    for (name, pieces) in [("enough for all", BUYERS), ("enough for half", BUYERS / 2)] {
        for shards in SHARDS {
            writeln!(std::io::stderr(), "measuring: {name}, {shards} shards")?;
            rows.push(Case { name, shards, pieces }.measure(&client, &meter).await?);
        }
    }
    write!(std::io::stdout(), "{}", report::write(&rows, Path::new("target/bench"))?)?;
    Ok(())
}
