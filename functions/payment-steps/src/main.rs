//! The saga's steps on an order's payment: authorize, capture, and void or refund.

use ordering::ports::{Disclosing, TimeLimited};
use ordering::saga::{ORDER_SAGA, OrderSaga};
use ordering::sandbox::StoredSandbox;
use ordering::steps::payment::PaymentWorker;
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
    let ledger = &stores.view("SANDBOX_GATEWAY_TABLE")?;
    steps::serve(StepError::name, move |input: StepInput<_>, at| async move {
        let tenant = &input.instance().tenant;
        let sandbox = StoredSandbox::new(ledger.clone(), tenant.clone());
        let gateway = Disclosing::new(sandbox, keys, tenant.clone());
        let gateway = TimeLimited::new(gateway, ORDER_SAGA.limits.call(), sleep);
        let worker = PaymentWorker::new(&gateway);
        perform::<OrderSaga, _, _, _>(&worker, events, &RandomPause, &input, at).await
    })
    .await
}
