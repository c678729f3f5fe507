//! The function `booking-steps`: performs the saga's steps on bookings.

use skald_guide::room_saga::RoomSaga;
use skald_lambda::clock::RandomPause;
use skald_lambda::{Error, config, start_logging, steps};
use skald_lambda_dynamodb::Stores;
use skald_saga::{StepError, StepInput, perform_on_arbiter};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_logging();
    let events = &Stores::new(&config::aws().await).events()?;
    steps::serve(StepError::name, move |input: StepInput<_>, at| async move {
        perform_on_arbiter::<RoomSaga, _, _>(events, &RandomPause, &input, at).await
    })
    .await
}
