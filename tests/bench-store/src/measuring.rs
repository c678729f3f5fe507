//! Measures a case: all subjects take turns in each round, so noise of the machine affects all of
//! them.
//!
//! First the work is done a few times with the meter on and the clock off. This warms up the
//! subject, and counts requests and units. The rounds follow, with the clock on and the meter off.
//! The result is checked each time while the clock is off. A subject that ends in a wrong state has
//! no speed.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures_util::future::try_join_all;

use crate::cases::{COMMANDS, Case, WRITERS, Work};
use crate::ledger::{Recorded, Total};
use crate::report::Row;
use crate::subjects::{CommandOutcome, Loaded, Subject};
use bench_store::meter::{Bill, Meter};
use bench_store::statistics::{median, percentile};

/// The number of repetitions before the timed ones.
const WARM_UP: usize = 8;

/// The measurements of one subject.
struct Measurement<'a> {
    subject: &'a dyn Subject,
    bill: Bill,
    /// The duration of each operation.
    durations: Vec<Duration>,
    /// Operations per second in each round.
    speeds: Vec<f64>,
    /// The state after the work, if it was wrong.
    wrong: Option<Total>,
}

/// Measures a case.
pub(crate) async fn measure(case: &Case<'_>, meter: &Meter) -> Result<Vec<Row>> {
    let mut measurements = Vec::new();
    for subject in &case.subjects {
        let measurement = warm_up(case, *subject, meter).await;
        measurements
            .push(measurement.with_context(|| format!("{}: {}", case.name, subject.name()))?);
    }
    for round in 0..case.rounds {
        for turn in 0..measurements.len() {
            let measurement = &mut measurements[subject_of_turn(turn, round, case.subjects.len())];
            let name = measurement.subject.name();
            run(case, measurement, round)
                .await
                .with_context(|| format!("{}: {name}", case.name))?;
        }
    }
    let bare =
        measurements.first().map(|measurement| measurement.speeds.clone()).unwrap_or_default();
    Ok(measurements.into_iter().map(|measurement| row(case, measurement, &bare)).collect())
}

/// The subject of this turn. The order changes, so no subject is always first or always follows the
/// same one.
const fn subject_of_turn(turn: usize, round: usize, count: usize) -> usize {
    let turn = if round.is_multiple_of(2) { turn } else { count - 1 - turn };
    (turn + round) % count
}

async fn warm_up<'a>(
    case: &Case<'_>,
    subject: &'a dyn Subject,
    meter: &Meter,
) -> Result<Measurement<'a>> {
    let mut measurement = Measurement {
        subject,
        bill: Bill::default(),
        durations: vec![],
        speeds: vec![],
        wrong: None,
    };
    if let (true, Some(events)) = (case.work.only_reads(), case.work.events_before()) {
        subject
            .fill(&stream(case, 0, 0), &Recorded::first(events), case.work.events_per_commit())
            .await?;
    }
    for number in 0..WARM_UP {
        let stream = prepared_stream(case, subject, 0, number).await?;
        meter.start();
        let done = work(case.work, subject, &stream).await;
        measurement.bill.add(&meter.stop());
        let loaded = match done?.loaded {
            Some(loaded) => loaded,
            None => subject.load(&stream).await?,
        };
        measurement.check(case.work, &loaded)?;
    }
    Ok(measurement)
}

/// One turn. Its streams are prepared before the clock starts, and checked after it stops.
async fn run(case: &Case<'_>, measurement: &mut Measurement<'_>, round: usize) -> Result<()> {
    if measurement.wrong.is_some() {
        return Ok(());
    }
    let mut streams = Vec::new();
    for number in 0..case.times {
        streams.push(prepared_stream(case, measurement.subject, round + 1, number).await?);
    }
    let mut elapsed = Duration::ZERO;
    for stream in &streams {
        let mut done = work(case.work, measurement.subject, stream).await?;
        if let Some(loaded) = done.loaded {
            measurement.check(case.work, &loaded)?;
            // Dropping the result is part of reading: some subjects have dropped it inside the
            // load, others return it.
            let start = now();
            drop(loaded);
            done.elapsed += start.elapsed();
            done.durations = vec![done.elapsed];
        }
        elapsed += done.elapsed;
        measurement.durations.extend(done.durations);
    }
    measurement
        .speeds
        .push((streams.len() as u64 * case.work.operations()) as f64 / elapsed.as_secs_f64());
    if !case.work.only_reads() {
        for stream in &streams {
            measurement.check(case.work, &measurement.subject.load(stream).await?)?;
        }
    }
    Ok(())
}

/// The stream to work on, filled as the work requires.
async fn prepared_stream(
    case: &Case<'_>,
    subject: &dyn Subject,
    round: usize,
    number: usize,
) -> Result<String> {
    if case.work.only_reads() {
        return Ok(stream(case, 0, 0));
    }
    let stream = stream(case, round, number);
    if let Some(events) = case.work.events_before() {
        subject.fill(&stream, &Recorded::first(events), case.work.events_per_commit()).await?;
    }
    Ok(stream)
}

fn stream(case: &Case<'_>, round: usize, number: usize) -> String {
    let name = case.name.replace(|letter: char| !letter.is_ascii_alphanumeric(), "");
    format!("{name}-{round:02}{number:02}")
}

/// The result of the work.
struct WorkResult {
    elapsed: Duration,
    /// The duration of each operation in it.
    durations: Vec<Duration>,
    loaded: Option<Loaded>,
}

async fn work(work: Work, subject: &dyn Subject, stream: &str) -> Result<WorkResult> {
    let (given, next) = match work {
        Work::Append(events) => (Recorded::first(events), Recorded::of(0)),
        Work::Command(events) => (vec![], Recorded::of(events as u64 + 1)),
        Work::Load(_) | Work::LoadTens(_) | Work::Race => (vec![], Recorded::of(0)),
    };
    let start = now();
    let mut loaded = None;
    let mut durations = Vec::new();
    match work {
        Work::Append(_) => subject.append(stream, &given).await?,
        Work::Command(_) => {
            let outcome = subject.command(stream, &next).await?;
            anyhow::ensure!(
                outcome == CommandOutcome::Appended,
                "a conflict without another writer on {stream}"
            );
        }
        Work::Load(_) | Work::LoadTens(_) => loaded = Some(subject.load(stream).await?),
        Work::Race => durations = race(subject, stream).await?,
    }
    let elapsed = start.elapsed();
    if durations.is_empty() {
        durations.push(elapsed);
    }
    Ok(WorkResult { elapsed, durations, loaded })
}

/// Runs all writers concurrently. Returns the duration of each command.
#[expect(clippy::disallowed_methods, reason = "all writers run at once")]
async fn race(subject: &dyn Subject, stream: &str) -> Result<Vec<Duration>> {
    let writers = (0..WRITERS).map(async |writer| {
        let mut durations = Vec::new();
        for number in 1..=COMMANDS {
            let entry = Recorded::of(writer * COMMANDS + number);
            let start = now();
            while subject.command(stream, &entry).await? == CommandOutcome::Conflict {}
            durations.push(start.elapsed());
        }
        anyhow::Ok(durations)
    });
    Ok(try_join_all(writers).await?.concat())
}

#[expect(clippy::disallowed_methods, reason = "this is a clock")]
fn now() -> Instant {
    Instant::now()
}

impl Measurement<'_> {
    /// Records the loaded state if it is not the expected one.
    fn check(&mut self, work: Work, loaded: &Loaded) -> Result<()> {
        let total = loaded.total()?;
        if total != work.total() {
            self.wrong = Some(total);
        }
        Ok(())
    }
}

fn row(case: &Case<'_>, mut measurement: Measurement<'_>, bare: &[f64]) -> Row {
    let operations = (WARM_UP as u64 * case.work.operations()) as f64;
    let Bill { requests, read_units, write_units, index_units, failed_conditions } =
        measurement.bill;
    let mut row = Row {
        case: case.name,
        subject: measurement.subject.name(),
        family: measurement.subject.family(),
        snapshot_every: measurement.subject.every(),
        requests: requests as f64 / operations,
        write_units: write_units / operations,
        read_units: read_units / operations,
        index_write_units: index_units / operations,
        failed_conditions: (case.work == Work::Race).then(|| failed_conditions as f64 / operations),
        ops_per_s: None,
        p50_us: None,
        p99_us: None,
        ratio_to_bare: None,
        wrong: None,
    };
    if let Some(Total { entries, .. }) = measurement.wrong {
        row.wrong = Some(format!("{entries} of {} events", case.work.total().entries));
        return row;
    }
    let mut durations: Vec<u64> =
        measurement.durations.iter().map(|duration| duration.as_micros() as u64).collect();
    let mut ratios: Vec<f64> =
        measurement.speeds.iter().zip(bare).map(|(speed, bare)| speed / bare).collect();
    row.ops_per_s = median(&mut measurement.speeds);
    row.p50_us = percentile(&mut durations, 50);
    row.p99_us = percentile(&mut durations, 99);
    row.ratio_to_bare = median(&mut ratios);
    row
}
