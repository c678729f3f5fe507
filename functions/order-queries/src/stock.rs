//! `GET /stock/{sku}`: the quantities of a product, summed over all shards of its stock.

use events::Sku;
use ordering::product::Product;
use ordering::streams;
use ordering::views::StockView;
use serde_json::json;
use skald::handle::{One, states};
use skald::personal::PersonKeys;
use skald::store::EventStore;
use skald::stream::StreamId;
use skald::view::ViewStore;
use skald_lambda::http::{Call, Problem, Reply, StatusCode};

use crate::{Queries, stored};

impl<S: EventStore, V: ViewStore, K: PersonKeys> Queries<S, V, K> {
    /// `GET /stock/{sku}`.
    pub(crate) async fn stock(&self, call: &Call, sku: &str) -> Result<Reply, Problem> {
        call.query(&[])?;
        let no_such_product = || Problem::not_found("The product does not exist.");
        let sku = Sku::new(sku).or(Err(no_such_product()))?;
        let product =
            states(&self.events, &One::<Product>::new(streams::product(&self.tenant, &sku)))
                .await?;
        let product = product.state.listed().ok_or_else(no_such_product)?;
        // Every shard that was ever in use may still hold stock.
        let shards = product
            .max_stock_shards
            .numbers()
            .map(|shard| streams::stock(&self.tenant, &sku, shard));
        let shards: Vec<StreamId> = shards.collect();
        let (mut on_hand, mut reserved) = (0_u64, 0_u64);
        for (stream, stored) in stored(&self.stock, &shards).await? {
            if let Some(row) = self.row::<StockView>(&stream, stored.as_ref()).await? {
                on_hand += row.on_hand;
                reserved += row.reserved;
            }
        }
        let available = on_hand.saturating_sub(reserved);
        let body =
            json!({ "sku": sku, "on_hand": on_hand, "reserved": reserved, "available": available });
        Ok(Reply::json(StatusCode::OK, body))
    }
}
