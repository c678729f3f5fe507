//! The saga's steps on an order's shipment: create and cancel.

use ordering::ports::{Disclosing, TimeLimited};
use ordering::saga::{ORDER_SAGA, StepInput};
use ordering::sandbox::StoredSandbox;
use ordering::steps::{StepError, shipment};
use skald_lambda::clock::RandomPause;
use skald_lambda::{Error, config, start_logging, steps};
use skald_lambda_dynamodb::Stores;
use tokio::time::sleep;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_logging();
    let stores = Stores::new(&config::aws().await);
    let (events, keys) = (&stores.events()?, &stores.person_keys()?);
    let ledger = &stores.view("SANDBOX_CARRIER_TABLE")?;
    steps::serve(StepError::name, move |input: StepInput, at| async move {
        let sandbox = StoredSandbox::new(ledger.clone(), input.tenant.clone());
        let carrier = Disclosing::new(sandbox, keys, input.tenant.clone());
        let carrier = TimeLimited::new(carrier, ORDER_SAGA.limits.call(), sleep);
        shipment::perform(events, &RandomPause, &carrier, &input, at).await
    })
    .await
}
