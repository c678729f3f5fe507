//! Handles commands on orders over HTTP.

use order_commands::OrderCommands;
use skald::personal::Sealing;
use skald_lambda::{Error, config, http, start_logging};
use skald_lambda_dynamodb::Stores;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_logging();
    let stores = Stores::new(&config::aws().await);
    let keys = &stores.person_keys()?;
    let commands = &OrderCommands::new(Sealing::new(stores.events()?, keys), keys);
    http::serve(move |call| async move { commands.respond(&call).await }).await
}
