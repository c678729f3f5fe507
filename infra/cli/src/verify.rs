//! `skald verify`: looks for faults in the event store, and names each.

use std::cell::Cell;
use std::error::Error;

use skald::with_causes;
use skald_dynamodb::{Finding, Verified, Verifier};

use crate::arguments::VerifyArguments;
use crate::catalogue::check;
use crate::clock::now;
use crate::paper::{self, Paper};
use crate::system::System;

/// Verifies all streams, or one; gives whether nothing is wrong. Faults go to standard output, all else beside it.
///
/// # Errors
/// What went wrong, and what to do.
pub(crate) async fn run(arguments: &VerifyArguments) -> Result<bool, Box<dyn Error>> {
    let System { client, table } = System::find(&arguments.place).await?;
    let (paper, is_watched) = (Paper::new(), paper::is_watched());
    let unwritten = Cell::new(false);
    let tell = |finding: Finding<'_>| match finding {
        Finding::Fault(fault) => {
            if is_watched {
                paper::in_place("");
            }
            if paper::write(&format!("{} {fault}\n", paper.red("✗"))).is_err() {
                unwritten.set(true);
            }
        }
        Finding::Progress(verified) if is_watched => paper::in_place(&told(verified)),
        Finding::Progress(_) => {}
    };
    let verifier = Verifier::new(client, table, now(), check, tell);
    let done = match &arguments.stream {
        Some(stream) => verifier.stream(stream).await,
        None => verifier.all(arguments.parallel).await,
    };
    if is_watched {
        paper::in_place("");
    }
    let verified = done.map_err(|error| {
        format!("{}; does the system still run, and may you read its events table?", with_causes(&error))
    })?;
    if let Some(stream) = arguments.stream.as_ref().filter(|_| verified.items == 0) {
        return Err(format!("there is no stream {stream}: say it as `skald tail` shows it").into());
    }
    if unwritten.get() {
        return Err("not all faults could be written".into());
    }
    let is_sound = verified.faults == 0;
    let mark = if is_sound { paper.green("✓") } else { paper.red("✗") };
    paper::write(&format!("{mark} {}\n", told(verified)))?;
    Ok(is_sound)
}

fn told(verified: Verified) -> String {
    let Verified { items, events, entries, faults } = verified;
    let plural = if faults == 1 { "" } else { "s" };
    format!("{items} commits, {events} events, {entries} index entries: {faults} fault{plural}")
}
