//! Whether Skald reaches its goals, with the numbers for each goal.
//!
//! The floor of a case is a bare call of Skald's kind: on a table with the index, and with Skald's
//! items. No code that makes such a call can be faster. A peer can be faster only if it makes
//! another kind of call, or reads smaller items.

use super::Row;
use super::table::short;
use crate::cases::{COMMAND, COMMIT_OF_THREE, FIRST_EVENT, LOADS, SHORT_COMMAND, SNAPSHOT_LOADS};
use crate::subjects::Family;

/// The required throughput, as a fraction of the bare call's.
const MIN_RATIO: f64 = 0.9;

/// The goals as a list, each reached or not.
pub(super) fn markdown(rows: &[Row]) -> String {
    let costs = [append(rows), command(rows, SHORT_COMMAND), command(rows, COMMAND)];
    let speeds =
        [FIRST_EVENT, COMMIT_OF_THREE, LOADS[0].0].into_iter().flat_map(|case| speed(rows, case));
    let growths = [growth(rows, 10), growth(rows, 1)];
    let peers = rows.chunk_by(|one, next| one.case == next.case).flat_map(against_peers);
    let lines =
        costs.into_iter().flatten().chain(speeds).chain(growths.into_iter().flatten()).chain(peers);
    std::iter::once("### Goals\n".to_owned()).chain(lines).collect::<Vec<_>>().join("\n") + "\n"
}

fn line(is_met: bool, what: &str) -> String {
    format!("- {}: {what}", if is_met { "reached" } else { "**not reached**" })
}

/// The bare calls of a case.
fn bare<'a>(rows: &'a [Row], case: &str) -> impl Iterator<Item = &'a Row> {
    rows.iter().filter(move |row| row.case == case && row.family == Family::Bare)
}

/// The speed of a bare call of Skald's kind in this case. It is the slowest bare call, because only
/// that one does everything that Skald's call does.
fn floor(rows: &[Row], case: &str) -> Option<f64> {
    bare(rows, case).filter_map(|row| row.ratio_to_bare).reduce(f64::min)
}

fn find<'a>(rows: &'a [Row], case: &str, family: Family, every: Option<u32>) -> Option<&'a Row> {
    rows.iter().find(|row| row.case == case && row.family == family && row.snapshot_every == every)
}

fn append(rows: &[Row]) -> Option<String> {
    let row = find(rows, FIRST_EVENT, Family::Skald, None)?;
    let is_met = equals(row.requests, 1.0) && equals(row.write_units, 1.0);
    let costs = costs(row);
    Some(line(
        is_met,
        &format!("a commit under 1 KB is 1 request and 1 write unit on the table: {costs}"),
    ))
}

fn command(rows: &[Row], case: &str) -> Option<String> {
    let row = find(rows, case, Family::Skald, None)?;
    let is_met =
        equals(row.requests, 2.0) && equals(row.read_units, 1.0) && equals(row.write_units, 1.0);
    Some(line(
        is_met,
        &format!("a {case} is 2 requests, 1 read unit, 1 write unit: {}", costs(row)),
    ))
}

fn costs(row: &Row) -> String {
    let Row { requests, read_units, write_units, index_write_units, .. } = row;
    let [requests, read, write, index] =
        [requests, read_units, write_units, index_write_units].map(|n| short(*n));
    format!("{requests} req, {read} R, {write} W, and {index} W of the index")
}

/// Compares Skald with the bare call of its kind. The line also shows the other bare calls.
fn speed(rows: &[Row], case: &str) -> Option<String> {
    let ours = find(rows, case, Family::Skald, None)?.ratio_to_bare?;
    let ratio = ours / floor(rows, case)?;
    let by = |row: &Row| Some(format!("{:.2} of {}", ours / row.ratio_to_bare?, row.subject));
    let all: Vec<String> = bare(rows, case).filter_map(by).collect();
    Some(line(
        ratio >= MIN_RATIO,
        &format!("{case} at {MIN_RATIO} of a bare call of its kind: {}", all.join(", ")),
    ))
}

fn growth(rows: &[Row], every: u32) -> Option<String> {
    let [short, long] = [SNAPSHOT_LOADS[0], SNAPSHOT_LOADS[3]]
        .map(|(case, _)| find(rows, case, Family::Skald, Some(every))?.ratio_to_bare);
    // Ratios to the floor of the same rounds exclude other load on the machine between the cases.
    let (short, long) = (short?, long?);
    let times = short / long;
    let what =
        format!("10,000 events load within 2 times 10, a snapshot every {every}: {times:.2} times");
    Some(line(times <= 2.0, &what))
}

/// Compares Skald with the best of its peers, with equal snapshots. If it is slower although it
/// reaches its goal relative to the floor, the cause is the engine's cost of the index, the items
/// or a query, which the floor includes.
fn against_peers(rows: &[Row]) -> Vec<String> {
    let ours = rows.iter().filter(|row| row.family == Family::Skald);
    ours.filter_map(|ours| {
        let peers =
            rows.iter().filter(|row| matches!(row.family, Family::DynamoEs | Family::Adapter));
        let peers = peers.filter(|row| row.snapshot_every == ours.snapshot_every);
        let best = peers.max_by(|one, other| {
            one.ratio_to_bare
                .unwrap_or_default()
                .total_cmp(&other.ratio_to_bare.unwrap_or_default())
        })?;
        let (speed, theirs) = (ours.ratio_to_bare?, best.ratio_to_bare?);
        let floor = floor(rows, ours.case)?;
        let what = format!(
            "{}, {}: {speed:.2} against {theirs:.2} of {} ({} W {} R against {} W {} R)",
            ours.case,
            ours.subject,
            best.subject,
            short(ours.write_units + ours.index_write_units),
            short(ours.read_units),
            short(best.write_units),
            short(best.read_units),
        );
        Some(match speed >= theirs {
            false if speed >= MIN_RATIO * floor => {
                format!("- behind, a bare call of its kind is at {floor:.2}: {what}")
            }
            is_met => line(is_met, &what),
        })
    })
    .collect()
}

fn equals(count: f64, wanted: f64) -> bool {
    (count - wanted).abs() < 0.001
}
