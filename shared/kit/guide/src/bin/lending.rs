//! The function `lending`: answers the library's HTTP API.

use skald::personal::Sealing;
use skald_guide::api::Api;
use skald_lambda::{Error, config, http, start_logging};
use skald_lambda_dynamodb::Stores;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_logging();
    let stores = Stores::new(&config::aws().await);
    let events = Sealing::new(stores.events()?, stores.person_keys()?);
    let api = &Api::new(events, stores.view("LOANS_TABLE")?);
    http::serve(move |call| async move { api.respond(&call).await }).await
}
