//! The chart: a panel for each case, with a bar for each subject. The bar's length is the subject's
//! speed relative to the bare call.

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::Row;
use super::table::short;
use crate::subjects::Family;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

const COLUMNS: usize = 2;
/// Sizes in pixels.
const PANEL_WIDTH: i32 = 860;
const MARGIN: i32 = 24;
const TITLE: i32 = 84;
const LINE: i32 = 22;
const NAMES: i32 = 260;
const NUMBERS: i32 = 220;
/// The ratio at the right end of the bars.
const MAX_RATIO: f64 = 1.5;
const INK: RGBColor = RGBColor(33, 37, 41);
const PALE: RGBColor = RGBColor(134, 142, 150);
const RED: RGBColor = RGBColor(201, 42, 42);

const fn colour(family: Family) -> RGBColor {
    match family {
        Family::Bare => RGBColor(173, 181, 189),
        Family::Skald => RGBColor(232, 89, 12),
        Family::DynamoEs => RGBColor(51, 154, 240),
        Family::Adapter => RGBColor(55, 178, 77),
    }
}

/// Draws these rows into a file.
pub(super) fn draw(rows: &[Row], path: &Path) -> Result<()> {
    let panels: Vec<&[Row]> = rows.chunk_by(|one, next| one.case == next.case).collect();
    // All panels in a line have the height of the highest.
    let heights: Vec<i32> = panels
        .chunks(COLUMNS)
        .map(|line| line.iter().map(|rows| height(rows)).max().unwrap_or_default())
        .collect();
    let size = (PANEL_WIDTH * COLUMNS as i32, TITLE + heights.iter().sum::<i32>() + MARGIN);
    let root =
        SVGBackend::new(path, (size.0.unsigned_abs(), size.1.unsigned_abs())).into_drawing_area();
    let drawn =
        || -> Result<(), DrawingAreaErrorKind<<SVGBackend<'_> as DrawingBackend>::ErrorType>> {
            root.fill(&WHITE)?;
            legend(&root)?;
            let mut top = TITLE;
            for (line, height) in panels.chunks(COLUMNS).zip(&heights) {
                for (column, rows) in line.iter().enumerate() {
                    panel(&root, (PANEL_WIDTH * column as i32 + MARGIN, top), rows)?;
                }
                top += height;
            }
            root.present()
        };
    drawn().map_err(|error| anyhow!("the chart {}: {error}", path.display()))
}

fn height(rows: &[Row]) -> i32 {
    LINE * (rows.len() as i32 + 1) + MARGIN
}

type DrawResult<'a> =
    Result<(), DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>>;

fn legend<'a>(root: &Area<'a>) -> DrawResult<'a> {
    let title = "Speed relative to the bare SDK call, in the same run on the same engine";
    root.draw(&Text::new(title, (MARGIN, 28), style(20, INK, HPos::Left)))?;
    let families = [
        (Family::Bare, "bare SDK call"),
        (Family::Skald, "Skald"),
        (Family::DynamoEs, "dynamo-es"),
        (Family::Adapter, "event-store-adapter-rs"),
    ];
    let mut left = MARGIN;
    for (family, name) in families {
        root.draw(&Rectangle::new([(left, 48), (left + 14, 62)], colour(family).filled()))?;
        root.draw(&Text::new(name, (left + 20, 55), style(14, INK, HPos::Left)))?;
        left += 50 + 8 * name.len() as i32;
    }
    let units =
        "W, R: write and read units per operation; +: write units of an index; req: requests";
    root.draw(&Text::new(units, (left + 20, 55), style(14, PALE, HPos::Left)))
}

fn panel<'a>(root: &Area<'a>, (left, top): (i32, i32), rows: &[Row]) -> DrawResult<'a> {
    let Some(first) = rows.first() else { return Ok(()) };
    root.draw(&Text::new(first.case, (left, top + LINE / 2), style(16, INK, HPos::Left)))?;
    let bars = left + NAMES;
    let width = PANEL_WIDTH - MARGIN - NAMES - NUMBERS;
    let at =
        |ratio: f64| bars + (f64::from(width) * ratio.min(MAX_RATIO) / MAX_RATIO).round() as i32;
    let bottom = top + LINE * (rows.len() as i32 + 1);
    for (number, row) in rows.iter().enumerate() {
        let y = top + LINE * (number as i32 + 1) + LINE / 2;
        let ratio = row.ratio_to_bare.unwrap_or_default();
        root.draw(&Text::new(row.subject, (bars - 10, y), style(13, INK, HPos::Right)))?;
        root.draw(&Rectangle::new(
            [(bars, y - 7), (at(ratio), y + 7)],
            colour(row.family).filled(),
        ))?;
        match &row.wrong {
            Some(wrong) => {
                root.draw(&Text::new(
                    format!("wrong: {wrong}"),
                    (bars + 6, y),
                    style(13, RED, HPos::Left),
                ))?;
            }
            // Inside the bar where it would cover the line of the bare call or the numbers.
            None if (0.8..1.0).contains(&ratio) || ratio > 0.9 * MAX_RATIO => {
                root.draw(&Text::new(
                    format!("{ratio:.2}"),
                    (at(ratio) - 5, y),
                    style(13, WHITE, HPos::Right),
                ))?;
            }
            None => root.draw(&Text::new(
                format!("{ratio:.2}"),
                (at(ratio) + 5, y),
                style(13, INK, HPos::Left),
            ))?,
        }
        root.draw(&Text::new(numbers(row), (bars + width + 10, y), style(12, PALE, HPos::Left)))?;
    }
    root.draw(&PathElement::new([(bars, top + LINE), (bars, bottom)], INK))?;
    root.draw(&PathElement::new([(at(1.0), top + LINE), (at(1.0), bottom)], PALE))
}

fn numbers(row: &Row) -> String {
    let index = if row.index_write_units > 0.0 {
        format!("+{}", short(row.index_write_units))
    } else {
        String::new()
    };
    let speed = row.ops_per_s.map(|speed| format!(" · {speed:.0}/s")).unwrap_or_default();
    let units = match (row.write_units > 0.0, row.read_units > 0.0) {
        (true, true) => format!("{}{index} W {} R", short(row.write_units), short(row.read_units)),
        (true, false) => format!("{}{index} W", short(row.write_units)),
        (false, _) => format!("{} R", short(row.read_units)),
    };
    format!("{} req · {units}{speed}", short(row.requests))
}

fn style(size: i32, colour: RGBColor, side: HPos) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&colour).pos(Pos::new(side, VPos::Center))
}
