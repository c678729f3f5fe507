//! Maintains the stock view, one row per shard of a product, from the queue of the stock streams'
//! commits.

use ordering::views::StockView;
use skald_lambda::{Error, config, start_logging};
use skald_lambda_dynamodb::serve_view;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_logging();
    serve_view::<StockView>(&config::aws().await, "STOCK_VIEW_TABLE").await
}
