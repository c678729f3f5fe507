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
    let time_limit_s: u32 = config::variable("ORDER_DEADLINE_SECONDS")?.parse()?;
    let time_limit_ms = time_limit_s.saturating_mul(1_000);
    let events = Sealing::new(stores.events()?, keys);
    let commands = &OrderCommands::new(events, keys, time_limit_ms);
    http::serve(move |call| async move { commands.respond(&call).await }).await
}
