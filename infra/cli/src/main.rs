//! What operators do with a system: `skald tail`, `skald verify`. `skald help` says how.

mod arguments;
mod catalogue;
mod clock;
mod line;
mod paper;
mod system;
mod tail;
mod verify;

use std::process::ExitCode;

use clap::Parser;
use skald::with_causes;

use arguments::{Arguments, Command};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Tail(arguments) => tail::run(&arguments).await.map(|()| true),
        Command::Verify(arguments) => verify::run(&arguments).await,
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            paper::complain(&with_causes(&*error));
            ExitCode::FAILURE
        }
    }
}
