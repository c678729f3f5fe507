//! `skald verify`: finds the faults in the event store and prints each.

use std::cell::Cell;
use std::error::Error;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use skald::check::StreamCheck;
use skald::stream::StreamId;
use skald::text::with_causes;
use skald::time::Timestamp;
use skald_dynamodb::{Finding, SETTLED_MS, Verified, Verifier};

use crate::arguments::VerifyArguments;
use crate::clock;
use crate::system::System;
use crate::terminal::{self, Terminal};

/// Verifies all streams, or one. Returns whether there are no faults. Faults are printed to
/// standard output, everything else to standard error.
///
/// # Errors
/// What went wrong, and what to do.
pub(crate) async fn run(
    arguments: &VerifyArguments,
    check: impl Fn(&StreamId) -> Option<Box<dyn StreamCheck>>,
) -> Result<bool, Box<dyn Error>> {
    let System { client, table } = System::find(&arguments.place).await?;
    let (terminal, is_watched, now) = (Terminal::new(), terminal::is_watched(), clock::now());
    let output_error = Cell::new(None);
    let report = |finding: Finding<'_>| match finding {
        Finding::Fault(fault) => {
            if is_watched {
                terminal::in_place("");
            }
            if let Err(error) = terminal::write(&format!("{} {fault}\n", terminal.red("✗"))) {
                output_error.set(Some(error));
            }
        }
        Finding::Progress(verified) if is_watched => terminal::in_place(&summary(verified, now)),
        Finding::Progress(_) => {}
    };
    let verifier = Verifier::new(client, table, now, check, report);
    let verifying = async {
        match &arguments.stream {
            Some(stream) => verifier.stream(stream).await,
            None => verifier.all(arguments.parallel).await,
        }
    };
    let done = until(verifying, || output_error.take()).await;
    if is_watched {
        terminal::in_place("");
    }
    let verified = done?.map_err(|error| {
        format!(
            "{}: check that the system is running and that you may read its events table",
            with_causes(&error)
        )
    })?;
    if let Some(stream) = arguments.stream.as_ref().filter(|_| verified.items == 0) {
        return Err(
            format!("the stream {stream} does not exist: use a name as shown by `tail`").into()
        );
    }
    let is_sound = verified.faults == 0;
    let mark = if is_sound { terminal.green("✓") } else { terminal.red("✗") };
    terminal::write(&format!("{mark} {}\n", summary(verified, now)))?;
    Ok(is_sound)
}

/// The result of the future, or the first error from `error`, which cancels the future.
async fn until<T, E>(
    future: impl Future<Output = T>,
    error: impl Fn() -> Option<E>,
) -> Result<T, E> {
    let mut future = pin!(future);
    poll_fn(|context| {
        let polled = future.as_mut().poll(context);
        error().map_or(polled.map(Ok), |error| Poll::Ready(Err(error)))
    })
    .await
}

fn summary(verified: Verified, now: Timestamp) -> String {
    let Verified { items, events, entries, recent, faults } = verified;
    let plural = if faults == 1 { "" } else { "s" };
    let recent = match recent {
        0 => String::new(),
        _ => format!(
            ", {recent} commits since {} too recent to compare",
            now.plus_millis(-SETTLED_MS)
        ),
    };
    format!(
        "{items} commits, {events} events, {entries} index entries{recent}: {faults} fault{plural}"
    )
}
