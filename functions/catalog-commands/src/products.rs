//! `PUT` and `DELETE /products/{sku}`.

use events::Sku;
use ordering::product::{Product, ProductCommand, ProductRejection};
use ordering::requests::ProductRequest;
use ordering::streams;
use serde_json::json;
use skald::commit::CommitId;
use skald::decider::decide_in_turn;
use skald::handle::{Handler, One};
use skald::personal::PersonKeys;
use skald::store::EventStore;
use skald_lambda::clock::{RandomPause, new_id};
use skald_lambda::http::{Call, Problem, Reply, StatusCode};

use crate::{CatalogCommands, SOURCE, malformed, operator};

impl<S: EventStore, K: PersonKeys> CatalogCommands<S, K> {
    /// `PUT /products/{sku}`: lists a product, or changes the fields that differ, in one commit.
    pub(crate) async fn put_product(&self, call: &Call, sku: &str) -> Result<Reply, Problem> {
        let sku = Sku::new(sku)
            .map_err(|rule| Problem::invalid(format!("The SKU in the path {rule}.")))?;
        let commands = ProductRequest::validate(&call.json()?).map_err(malformed)?.commands();
        let stream = One::<Product>::new(streams::product(&self.tenant, &sku));
        let request = call.request(CommitId::new(new_id()), SOURCE, operator()?);
        let decide = |product: &skald::decider::Folded<_>| {
            decide_in_turn::<Product>(&product.state, &commands)
        };
        let handled =
            Handler::new(&self.events, RandomPause).handle_all(&stream, &request, decide).await;
        let handled = handled.map_err(|error| {
            Problem::from_handle(error, |rejection| Problem::internal(&rejection))
        })?;

        let status = if handled.created() { StatusCode::CREATED } else { StatusCode::OK };
        let product = handled.states.state.listed().ok_or_else(no_such_product)?;
        let body = json!({
            "sku": sku, "name": product.name, "unit_price": product.unit_price,
            "stock_shards": product.stock_shards, "on_sale": product.on_sale,
            "version": handled.states.version,
        });
        Ok(Reply::json(status, body))
    }

    /// `DELETE /products/{sku}`: withdraws a product from sale.
    pub(crate) async fn withdraw_product(&self, call: &Call, sku: &str) -> Result<Reply, Problem> {
        let sku = Sku::new(sku).or(Err(no_such_product()))?;
        let stream = streams::product(&self.tenant, &sku);
        let request = call.request(CommitId::new(new_id()), SOURCE, operator()?);
        let handled = Handler::new(&self.events, RandomPause)
            .handle::<Product>(&stream, &ProductCommand::Withdraw, &request)
            .await;
        handled.map_err(|error| Problem::from_handle(error, product_problem))?;
        Ok(Reply::empty(StatusCode::NO_CONTENT))
    }
}

fn product_problem(rejection: ProductRejection) -> Problem {
    match rejection {
        ProductRejection::NotListed => no_such_product(),
        ProductRejection::Withdrawn => Problem::conflict("The product is already withdrawn."),
    }
}

pub(crate) fn no_such_product() -> Problem {
    Problem::not_found("The product does not exist.")
}
