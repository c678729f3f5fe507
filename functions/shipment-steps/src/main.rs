//! The saga's steps on an order's shipment: create and cancel.

use ordering::ports::{Disclosing, TimeLimited};
use ordering::saga::{ORDER_SAGA, OrderSaga};
use ordering::sandbox::StoredSandbox;
use ordering::steps::shipment::ShipmentWorker;
use skald_lambda::clock::RandomPause;
use skald_lambda::{Error, config, start_logging, steps};
use skald_lambda_dynamodb::Stores;
use skald_saga::{StepError, StepInput, perform};
use tokio::time::sleep;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_logging();
    let stores = Stores::new(&config::aws().await);
    let (events, keys) = (&stores.events()?, &stores.person_keys()?);
    let ledger = &stores.view("SANDBOX_CARRIER_TABLE")?;
    steps::serve(StepError::name, move |input: StepInput<_>, at| async move {
        let tenant = &input.instance().tenant;
        let sandbox = StoredSandbox::new(ledger.clone(), tenant.clone());
        let carrier = Disclosing::new(sandbox, keys, tenant.clone());
        let carrier = TimeLimited::new(carrier, ORDER_SAGA.limits.call(), sleep);
        let worker = ShipmentWorker::new(&carrier);
        perform::<OrderSaga, _, _, _>(&worker, events, &RandomPause, &input, at).await
    })
    .await
}
