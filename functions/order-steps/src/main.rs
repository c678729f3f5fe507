//! The saga's steps on the order itself: commit, confirm, undo and park.

use ordering::saga::StepInput;
use ordering::steps::{StepError, order};
use skald_lambda::clock::RandomPause;
use skald_lambda::{Error, config, start_logging, steps};
use skald_lambda_dynamodb::Stores;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_logging();
    let events = &Stores::new(&config::aws().await).events()?;
    steps::serve(StepError::name, move |input: StepInput, at| async move {
        order::perform(events, &RandomPause, &input, at).await
    })
    .await
}
