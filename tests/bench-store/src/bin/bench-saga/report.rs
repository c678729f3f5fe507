//! The measurements as rows, written as JSON, as a Markdown table and as a chart.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use serde::Serialize;

/// A sale over one number of shards. Everything but times and speed is per reservation.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    /// The name of the case.
    pub(crate) case: &'static str,
    /// The number of shards.
    pub(crate) shards: u16,
    /// Reservations per second: the median of all rounds.
    pub(crate) per_second: f64,
    /// The median time of a reservation, in microseconds.
    pub(crate) p50_us: u64,
    /// The 99th percentile of the time of a reservation, in microseconds.
    pub(crate) p99_us: u64,
    /// Transactions whose condition failed.
    pub(crate) conflicts: f64,
    /// Steps that gave up because of contention and were repeated.
    pub(crate) given_up: f64,
    /// Requests, including failed ones.
    pub(crate) requests: f64,
    /// Read units of the table.
    pub(crate) read_units: f64,
    /// Write units of the table, as the engine reports them: without failed transactions, which the
    /// service bills, too.
    pub(crate) write_units: f64,
    /// Write units of the index, likewise.
    pub(crate) index_write_units: f64,
}

/// How many times fewer conflicts the most shards have than one.
const GOAL: f64 = 5.0;

/// Writes all reports into this folder, and returns the text to print.
pub(crate) fn write(rows: &[Row], folder: &Path) -> Result<String> {
    fs::create_dir_all(folder).with_context(|| format!("the folder {}", folder.display()))?;
    let json = folder.join("saga.json");
    fs::write(&json, serde_json::to_vec_pretty(rows)?)
        .with_context(|| format!("the file {}", json.display()))?;
    draw(rows, &folder.join("saga.svg"))?;
    Ok(format!("{}\n{}", table(rows), goal(rows)))
}

fn table(rows: &[Row]) -> String {
    let mut text = String::new();
    for rows in rows.chunk_by(|one, next| one.case == next.case) {
        let Some(first) = rows.first() else { continue };
        text += &format!("\n### A sale with {}\n\n", first.case);
        text += "| shards | per second | p50 ms | p99 ms | conflicts | given up | requests \
                 | read units | write units | + index |\n";
        text += "| -----: | ---------: | -----: | -----: | --------: | -------: | -------: \
                 | ---------: | ----------: | ------: |\n";
        for row in rows {
            text += &format!(
                "| {:>6} | {:>10.0} | {:>6.1} | {:>6.1} | {:>9.2} | {:>8.2} | {:>8.1} \
                 | {:>10.1} | {:>11.1} | {:>7.1} |\n",
                row.shards,
                row.per_second,
                row.p50_us as f64 / 1e3,
                row.p99_us as f64 / 1e3,
                row.conflicts,
                row.given_up,
                row.requests,
                row.read_units,
                row.write_units,
                row.index_write_units,
            );
        }
    }
    text
}

fn goal(rows: &[Row]) -> String {
    let (Some(one), Some(most)) = (rows.first(), rows.iter().rfind(|row| row.case == rows[0].case))
    else {
        return String::new();
    };
    let times = one.conflicts / most.conflicts;
    let verdict = if times >= GOAL { "reached" } else { "**not reached**" };
    format!(
        "- {verdict}: {} shards have at least {GOAL:.0} times fewer conflicts than one: \
         {times:.1} times\n",
        most.shards
    )
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type DrawResult<'a> =
    Result<(), DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>>;
type Measure = (&'static str, fn(&Row) -> f64);

/// The panels of the chart.
const MEASURES: [Measure; 4] = [
    ("reservations per second", |row| row.per_second),
    ("conflicts per reservation", |row| row.conflicts),
    ("requests per reservation", |row| row.requests),
    ("write units per reservation", |row| row.write_units),
];
/// Sizes in pixels.
const PANEL: i32 = 300;
const MARGIN: i32 = 24;
const TITLE: i32 = 64;
const HEADING: i32 = 30;
const LINE: i32 = 26;
const NAMES: i32 = 80;
const NUMBERS: i32 = 56;
const INK: RGBColor = RGBColor(33, 37, 41);
const PALE: RGBColor = RGBColor(134, 142, 150);
const BAR: RGBColor = RGBColor(232, 89, 12);

/// Draws a line of panels for each case, and in each panel a bar for each number of shards.
fn draw(rows: &[Row], path: &Path) -> Result<()> {
    let cases: Vec<&[Row]> = rows.chunk_by(|one, next| one.case == next.case).collect();
    let heights: Vec<i32> =
        cases.iter().map(|rows| HEADING * 2 + LINE * rows.len() as i32 + MARGIN).collect();
    let size = (PANEL * MEASURES.len() as i32 + MARGIN, TITLE + heights.iter().sum::<i32>());
    let root =
        SVGBackend::new(path, (size.0.unsigned_abs(), size.1.unsigned_abs())).into_drawing_area();
    let drawn = || -> DrawResult<'_> {
        root.fill(&WHITE)?;
        let title = "64 buyers reserve one product at once, by the number of shards of its stock";
        root.draw(&Text::new(title, (MARGIN, 30), style(20, INK, HPos::Left)))?;
        let mut top = TITLE;
        for (rows, height) in cases.iter().zip(&heights) {
            let name = rows.first().map_or("", |row| row.case);
            root.draw(&Text::new(name, (MARGIN, top + 8), style(16, INK, HPos::Left)))?;
            for (column, measure) in (0..).zip(MEASURES) {
                panel(&root, (MARGIN + PANEL * column, top + HEADING), rows, measure)?;
            }
            top += height;
        }
        root.present()
    };
    drawn().map_err(|error| anyhow!("the chart {}: {error}", path.display()))
}

fn panel<'a>(
    root: &Area<'a>,
    (left, top): (i32, i32),
    rows: &[Row],
    (name, value): Measure,
) -> DrawResult<'a> {
    root.draw(&Text::new(name, (left, top + HEADING / 2), style(14, PALE, HPos::Left)))?;
    let max = rows.iter().map(value).fold(f64::MIN_POSITIVE, f64::max);
    let bars = left + NAMES;
    let width = f64::from(PANEL - MARGIN - NAMES - NUMBERS);
    for (number, row) in (0..).zip(rows) {
        let y = top + HEADING + LINE * number + LINE / 2;
        let end = bars + (width * value(row) / max).round() as i32;
        let shards =
            if row.shards == 1 { "1 shard".into() } else { format!("{} shards", row.shards) };
        root.draw(&Text::new(shards, (bars - 8, y), style(13, INK, HPos::Right)))?;
        root.draw(&Rectangle::new([(bars, y - 8), (end, y + 8)], BAR.filled()))?;
        let decimals = usize::from(value(row) < 100.0);
        let number = format!("{:.decimals$}", value(row));
        root.draw(&Text::new(number, (end + 6, y), style(13, INK, HPos::Left)))?;
    }
    let bottom = top + HEADING + LINE * rows.len() as i32;
    root.draw(&PathElement::new([(bars, top + HEADING), (bars, bottom)], INK))
}

fn style(size: i32, colour: RGBColor, side: HPos) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&colour).pos(Pos::new(side, VPos::Center))
}
