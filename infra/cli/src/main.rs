//! What operators do with a system: `skald tail`, `skald verify`. `skald help` says how.

mod arguments;
mod catalogue;
mod clock;
mod json;
mod line;
mod paper;
mod system;
mod tail;
mod verify;

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use skald::with_causes;

use arguments::{Arguments, Command};
use paper::Unwritten;

/// The status of a command that was not understood.
const USAGE: u8 = 2;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let done = tokio::select! {
        done = run() => done,
        () = paper::closed() => Ok(ExitCode::SUCCESS),
    };
    done.unwrap_or_else(|error| {
        if matches!(error.downcast_ref(), Some(Unwritten::Closed)) {
            return ExitCode::SUCCESS;
        }
        paper::complain(&with_causes(&*error));
        ExitCode::FAILURE
    })
}

async fn run() -> Result<ExitCode, Box<dyn Error>> {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) if error.use_stderr() => {
            paper::note(error.to_string().trim_end());
            return Ok(ExitCode::from(USAGE));
        }
        // Help, or the version.
        Err(asked) => {
            paper::write(&asked.to_string())?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    let is_well = match arguments.command {
        Command::Tail(arguments) => tail::run(&arguments).await.map(|()| true),
        Command::Verify(arguments) => verify::run(&arguments).await,
    }?;
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
