//! The saga's steps on an order's stock: reserve and release.

use ordering::saga::OrderSaga;
use ordering::steps::reservation::ReservationWorker;
use skald_lambda::clock::RandomPause;
use skald_lambda::{Error, config, start_logging, steps};
use skald_lambda_dynamodb::Stores;
use skald_saga::{StepError, StepInput, perform};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_logging();
    let events = &Stores::new(&config::aws().await).events()?;
    steps::serve(StepError::name, move |input: StepInput<_>, at| async move {
        perform::<OrderSaga, _, _, _>(&ReservationWorker, events, &RandomPause, &input, at).await
    })
    .await
}
