//! The Markdown tables. Their columns also line up in a terminal.

use super::Row;

const COLUMNS: [&str; 9] =
    ["subject", "requests", "write", "+ index", "read", "per second", "p50", "p99", "to bare"];

/// A table for each case.
pub(super) fn markdown(rows: &[Row]) -> String {
    let mut text = String::new();
    for rows in rows.chunk_by(|one, next| one.case == next.case) {
        let Some(first) = rows.first() else { continue };
        text += &format!("\n### {}\n\n", first.case);
        text += &lines(rows);
    }
    text
}

fn lines(rows: &[Row]) -> String {
    let cells: Vec<[String; 9]> =
        std::iter::once(COLUMNS.map(str::to_owned)).chain(rows.iter().map(cells)).collect();
    let widths: [usize; 9] = std::array::from_fn(|column| {
        cells.iter().map(|cells| cells[column].chars().count()).max().unwrap_or_default()
    });
    let mut text = String::new();
    for (number, cells) in cells.iter().enumerate() {
        text += &line(cells, &widths);
        if number == 0 {
            let rule = widths.iter().enumerate().map(|(column, width)| match column {
                0 => "-".repeat(*width),
                _ => format!("{}:", "-".repeat(width - 1)),
            });
            text += &format!("| {} |\n", rule.collect::<Vec<_>>().join(" | "));
        }
    }
    text
}

fn line(cells: &[String; 9], widths: &[usize; 9]) -> String {
    let padded = cells.iter().zip(widths).enumerate().map(|(column, (cell, width))| match column {
        0 => format!("{cell:<width$}"),
        _ => format!("{cell:>width$}"),
    });
    format!("| {} |\n", padded.collect::<Vec<_>>().join(" | "))
}

fn cells(row: &Row) -> [String; 9] {
    let speed = match (&row.wrong, row.ops_per_s) {
        (Some(wrong), _) => format!("wrong: {wrong}"),
        (None, Some(speed)) => format!("{speed:.0}"),
        (None, None) => String::new(),
    };
    let requests = match row.failed_conditions {
        Some(failed) => format!("{} ({} failed)", short(row.requests), short(failed)),
        None => short(row.requests),
    };
    let micros = |time: Option<u64>| time.map(|time| format!("{time} µs")).unwrap_or_default();
    [
        row.subject.to_owned(),
        requests,
        short(row.write_units),
        short(row.index_write_units),
        short(row.read_units),
        speed,
        micros(row.p50_us),
        micros(row.p99_us),
        row.ratio_to_bare.map(|ratio| format!("{ratio:.2}")).unwrap_or_default(),
    ]
}

/// A number with at most two decimals, without trailing zeros.
pub(super) fn short(count: f64) -> String {
    let text = format!("{count:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
