//! `librarian`: the command line of the library's operators.

use std::process::ExitCode;

use skald_cli::Operator;
use skald_guide::book::Book;
use skald_guide::booking::Booking;
use skald_guide::deposit::Deposit;
use skald_guide::loan::Loan;
use skald_guide::reader::Reader;
use skald_guide::room::Room;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    Operator::new("librarian", env!("CARGO_PKG_VERSION"))
        .decider::<Book>()
        .decider::<Loan>()
        .decider::<Reader>()
        .decider::<Booking>()
        .decider::<Room>()
        .decider::<Deposit>()
        .run()
        .await
}
