//! The saga's steps on the order itself: commit, confirm, cancel and park.

use ordering::saga::OrderSaga;
use skald_lambda::clock::RandomPause;
use skald_lambda::{Error, config, start_logging, steps};
use skald_lambda_dynamodb::Stores;
use skald_saga::{StepError, StepInput, perform_on_arbiter};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_logging();
    let events = &Stores::new(&config::aws().await).events()?;
    steps::serve(StepError::name, move |input: StepInput<_>, at| async move {
        perform_on_arbiter::<OrderSaga, _, _>(events, &RandomPause, &input, at).await
    })
    .await
}
