//! The function `loans-view`: maintains the view of loans, from the queue of the loans' commits.

use skald_guide::loans::Loans;
use skald_lambda::{Error, config, start_logging};
use skald_lambda_dynamodb::serve_view;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_logging();
    serve_view::<Loans>(&config::aws().await, "LOANS_TABLE").await
}
