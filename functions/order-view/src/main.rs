//! Maintains the order view, one row per order, from the queue of the order streams' commits.

use ordering::views::OrderView;
use skald_lambda::{Error, config, start_logging};
use skald_lambda_dynamodb::serve_view;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_logging();
    serve_view::<OrderView>(&config::aws().await, "ORDER_VIEW_TABLE").await
}
