//! The measurements as rows, written as JSON, as Markdown and as a chart.

mod chart;
mod table;
mod verdict;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::subjects::Family;

/// The result of a subject in a case. Requests, units and failed conditions are per operation.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    /// The name of the case.
    pub(crate) case: &'static str,
    /// The name of the subject.
    pub(crate) subject: &'static str,
    /// The library that the subject uses.
    #[serde(skip)]
    pub(crate) family: Family,
    /// Events from one snapshot to the next, if there are snapshots.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) snapshot_every: Option<u32>,
    /// Requests, including failed ones.
    pub(crate) requests: f64,
    /// Write units of tables, as the engine reports them.
    pub(crate) write_units: f64,
    /// Read units, likewise.
    pub(crate) read_units: f64,
    /// Write units of indexes, likewise.
    pub(crate) index_write_units: f64,
    /// In a race: writes whose condition failed. Their units are not included: the engine reports
    /// none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failed_conditions: Option<f64>,
    /// Operations per second: the median of all rounds. This field and the next three are `None` if
    /// the result was wrong.
    pub(crate) ops_per_s: Option<f64>,
    /// The median time of an operation, in microseconds.
    pub(crate) p50_us: Option<u64>,
    /// The 99th percentile of the time of an operation, in microseconds.
    pub(crate) p99_us: Option<u64>,
    /// The speed divided by that of the first subject in the same round: the median of all rounds.
    pub(crate) ratio_to_bare: Option<f64>,
    /// The wrong result. `None` if the result was right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) wrong: Option<String>,
}

/// Writes all reports into this folder, and returns the text to print.
pub(crate) fn write(rows: &[Row], folder: &Path) -> Result<String> {
    fs::create_dir_all(folder).with_context(|| format!("the folder {}", folder.display()))?;
    let file = |name: &str, content: &[u8]| {
        let path = folder.join(name);
        fs::write(&path, content).with_context(|| format!("the file {}", path.display()))
    };
    let shown = format!("{}\n{}", table::markdown(rows), verdict::markdown(rows));
    chart::draw(rows, &folder.join("store.svg"))?;
    file("store.json", &serde_json::to_vec_pretty(rows)?)?;
    file("store.md", shown.as_bytes())?;
    Ok(shown)
}
