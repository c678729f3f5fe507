//! The function `room-steps`: performs the saga's steps on rooms.

use skald_guide::room_saga::RoomSaga;
use skald_guide::room_steps::RoomWorker;
use skald_lambda::clock::RandomPause;
use skald_lambda::{Error, config, start_logging, steps};
use skald_lambda_dynamodb::Stores;
use skald_saga::{StepError, StepInput, perform};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_logging();
    let events = &Stores::new(&config::aws().await).events()?;
    steps::serve(StepError::name, move |input: StepInput<_>, at| async move {
        perform::<RoomSaga, _, _, _>(&RoomWorker, events, &RandomPause, &input, at).await
    })
    .await
}
