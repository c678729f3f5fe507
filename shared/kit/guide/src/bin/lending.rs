//! The function `lending`: answers the library's HTTP API.

use skald_guide::api::Api;
use skald_lambda::{Error, config, http, start_logging};
use skald_lambda_dynamodb::Stores;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_logging();
    let stores = Stores::new(&config::aws().await);
    let api = &Api::new(stores.events()?);
    http::serve(move |call| async move { api.respond(&call).await }).await
}
