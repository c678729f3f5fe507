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
use crate::meter::{Bill, Meter};
use crate::report::Row;
use crate::statistics::{median, percentile};
use crate::subjects::{CommandOutcome, Loaded, Subject};

/// How often the work is done before it is timed.
const WARM_UP: usize = 8;

/// The measurements of one subject.
struct Course<'a> {
    subject: &'a dyn Subject,
    bill: Bill,
    /// How long each operation took.
    spent: Vec<Duration>,
    /// Operations per second in each round.
    speeds: Vec<f64>,
    /// The state at the end, if it is wrong.
    wrong: Option<Total>,
}

/// Measures a case.
pub(crate) async fn measure(case: &Case<'_>, meter: &Meter) -> Result<Vec<Row>> {
    let mut courses = Vec::new();
    for subject in &case.subjects {
        let course = warm_up(case, *subject, meter).await;
        courses.push(course.with_context(|| format!("{}: {}", case.name, subject.name()))?);
    }
    for round in 0..case.rounds {
        for turn in 0..courses.len() {
            let course = &mut courses[place(turn, round, case.subjects.len())];
            let name = course.subject.name();
            run(case, course, round).await.with_context(|| format!("{}: {name}", case.name))?;
        }
    }
    let bare = courses.first().map(|course| course.speeds.clone()).unwrap_or_default();
    Ok(courses.into_iter().map(|course| row(case, course, &bare)).collect())
}

/// The subject of this turn. The order changes, so no subject is always first or always follows the
/// same one.
const fn place(turn: usize, round: usize, count: usize) -> usize {
    let turn = if round.is_multiple_of(2) { turn } else { count - 1 - turn };
    (turn + round) % count
}

async fn warm_up<'a>(
    case: &Case<'_>,
    subject: &'a dyn Subject,
    meter: &Meter,
) -> Result<Course<'a>> {
    let mut course =
        Course { subject, bill: Bill::default(), spent: vec![], speeds: vec![], wrong: None };
    if let (true, Some(events)) = (case.work.only_reads(), case.work.events_before()) {
        subject
            .fill(&stream(case, 0, 0), &Recorded::first(events), case.work.concurrently())
            .await?;
    }
    for number in 0..WARM_UP {
        let stream = made(case, subject, 0, number).await?;
        meter.start();
        let done = work(case.work, subject, &stream).await;
        course.bill.add(&meter.stop());
        let loaded = match done?.loaded {
            Some(loaded) => loaded,
            None => subject.load(&stream).await?,
        };
        course.check(case.work, &loaded)?;
    }
    Ok(course)
}

/// One turn. Streams are made before and checked after it.
async fn run(case: &Case<'_>, course: &mut Course<'_>, round: usize) -> Result<()> {
    if course.wrong.is_some() {
        return Ok(());
    }
    let mut streams = Vec::new();
    for number in 0..case.times {
        streams.push(made(case, course.subject, round + 1, number).await?);
    }
    let mut elapsed = Duration::ZERO;
    for stream in &streams {
        let mut done = work(case.work, course.subject, stream).await?;
        if let Some(loaded) = done.loaded {
            course.check(case.work, &loaded)?;
            // Some give what they read, some have thrown it away by now: that is part of reading.
            let begun = now();
            drop(loaded);
            done.elapsed += begun.elapsed();
            done.spent = vec![done.elapsed];
        }
        elapsed += done.elapsed;
        course.spent.extend(done.spent);
    }
    course
        .speeds
        .push((streams.len() as u64 * case.work.operations()) as f64 / elapsed.as_secs_f64());
    if !case.work.only_reads() {
        for stream in &streams {
            course.check(case.work, &course.subject.load(stream).await?)?;
        }
    }
    Ok(())
}

/// The stream to work on, as it is to be before.
async fn made(
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
        subject.fill(&stream, &Recorded::first(events), case.work.concurrently()).await?;
    }
    Ok(stream)
}

fn stream(case: &Case<'_>, round: usize, number: usize) -> String {
    let name = case.name.replace(|letter: char| !letter.is_ascii_alphanumeric(), "");
    format!("{name}-{round:02}{number:02}")
}

/// Work that was done.
struct Done {
    elapsed: Duration,
    /// How long each operation in it took.
    spent: Vec<Duration>,
    loaded: Option<Loaded>,
}

async fn work(work: Work, subject: &dyn Subject, stream: &str) -> Result<Done> {
    let (given, next) = match work {
        Work::Append(events) => (Recorded::first(events), Recorded::of(0)),
        Work::Command(events) => (vec![], Recorded::of(events as u64 + 1)),
        Work::Load(_) | Work::LoadTens(_) | Work::Race => (vec![], Recorded::of(0)),
    };
    let begun = now();
    let mut loaded = None;
    let mut spent = Vec::new();
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
        Work::Race => spent = race(subject, stream).await?,
    }
    let elapsed = begun.elapsed();
    if spent.is_empty() {
        spent.push(elapsed);
    }
    Ok(Done { elapsed, spent, loaded })
}

/// All writers at once; how long each command took.
async fn race(subject: &dyn Subject, stream: &str) -> Result<Vec<Duration>> {
    let writers = (0..WRITERS).map(async |writer| {
        let mut spent = Vec::new();
        for number in 1..=COMMANDS {
            let entry = Recorded::of(writer * COMMANDS + number);
            let begun = now();
            while subject.command(stream, &entry).await? == CommandOutcome::Conflict {}
            spent.push(begun.elapsed());
        }
        anyhow::Ok(spent)
    });
    Ok(try_join_all(writers).await?.concat())
}

#[expect(clippy::disallowed_methods, reason = "this is a clock")]
fn now() -> Instant {
    Instant::now()
}

impl Course<'_> {
    /// Whether this is the state that the work ends in.
    fn check(&mut self, work: Work, loaded: &Loaded) -> Result<()> {
        let total = loaded.total()?;
        if total != work.total() {
            self.wrong = Some(total);
        }
        Ok(())
    }
}

fn row(case: &Case<'_>, mut course: Course<'_>, bare: &[f64]) -> Row {
    let operations = (WARM_UP as u64 * case.work.operations()) as f64;
    let Bill { requests, read_units, write_units, index_units, failed_conditions } = course.bill;
    let mut row = Row {
        case: case.name,
        subject: course.subject.name(),
        family: course.subject.family(),
        snapshot_every: course.subject.every(),
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
    if let Some(Total { entries, .. }) = course.wrong {
        row.wrong = Some(format!("{entries} of {} events", case.work.total().entries));
        return row;
    }
    let mut spent: Vec<u64> = course.spent.iter().map(|spent| spent.as_micros() as u64).collect();
    let mut ratios: Vec<f64> =
        course.speeds.iter().zip(bare).map(|(speed, bare)| speed / bare).collect();
    row.ops_per_s = median(&mut course.speeds);
    row.p50_us = percentile(&mut spent, 50);
    row.p99_us = percentile(&mut spent, 99);
    row.ratio_to_bare = median(&mut ratios);
    row
}
