//! Answers queries over HTTP, and every call that matches no route of the API.

use order_queries::{Queries, Views};
use skald_lambda::{Error, config, http, start_logging};
use skald_lambda_dynamodb::Stores;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_logging();
    let stores = Stores::new(&config::aws().await);
    let (events, keys) = (stores.events()?, &stores.person_keys()?);
    let views =
        Views { orders: stores.view("ORDER_VIEW_TABLE")?, stock: stores.view("STOCK_VIEW_TABLE")? };
    let build =
        config::optional("BUILD_VERSION").unwrap_or_else(|| env!("CARGO_PKG_VERSION").to_owned());
    let queries = &Queries::new(events, views, keys, build);
    http::serve(move |call| async move { queries.respond(&call).await }).await
}
