//! `POST /stock/{sku}/receipts`.

use events::{Sku, StockShards};
use ordering::product::Product;
use ordering::receipt::{ReceiptRejection, ReceivingRejection, receive};
use ordering::requests::{IdempotencyKey, ReceiptRequest};
use ordering::streams;
use serde_json::json;
use skald::commit::CommitId;
use skald::handle::{HandleError, Handler, One, Outcome, Request, states};
use skald::personal::PersonKeys;
use skald::store::EventStore;
use skald_lambda::clock::{RandomPause, new_id};
use skald_lambda::http::{Call, IDEMPOTENT_REPLAYED, Problem, Reply, StatusCode};

use crate::products::no_such_product;
use crate::{CatalogCommands, SOURCE, malformed, operator};

/// How often booking is attempted while the number of the product's shards keeps changing.
const BOOKING_ATTEMPTS: u32 = 3;

impl<S: EventStore, K: PersonKeys> CatalogCommands<S, K> {
    /// `POST /stock/{sku}/receipts`: books a delivery and adds it to the stock, in one transaction.
    ///
    /// Product and reference name the receipt's stream, so the same delivery of a product counts
    /// once, even if it is sent under another idempotency key.
    pub(crate) async fn receive_stock(&self, call: &Call, sku: &str) -> Result<Reply, Problem> {
        if let Some(key) = call.single_header("Idempotency-Key")? {
            IdempotencyKey::new(key)
                .map_err(|rule| Problem::invalid(format!("The header Idempotency-Key {rule}.")))?;
        }
        let receipt = ReceiptRequest::validate(&call.json()?).map_err(malformed)?;
        let sku = Sku::new(sku).or(Err(no_such_product()))?;
        let request = call.request(CommitId::new(new_id()), SOURCE, operator()?);
        let outcome = self.book(&receipt, &sku, &request).await?;
        let body =
            json!({ "sku": sku, "quantity": receipt.quantity, "reference": receipt.reference });
        let reply = Reply::json(StatusCode::CREATED, body);
        Ok(match outcome {
            // Every call has a new commit id, so only the store's client can have repeated the
            // append: to the caller, `Repeated` means the same as `Appended`.
            Outcome::Appended(_) | Outcome::Repeated(_) => reply,
            Outcome::Unchanged => reply.with_header(IDEMPOTENT_REPLAYED, "true"),
        })
    }

    /// Books a delivery to the shards that the product has when it is booked.
    async fn book(
        &self,
        receipt: &ReceiptRequest,
        sku: &Sku,
        request: &Request,
    ) -> Result<Outcome, Problem> {
        for _ in 0..BOOKING_ATTEMPTS {
            let book = receipt.book(sku.clone(), self.stock_shards(sku).await?);
            let handled = Handler::new(&self.events, RandomPause)
                .handle_all(&book.streams(&self.tenant), request, |states| receive(states, &book))
                .await;
            match handled {
                Err(HandleError::Rejected(ReceivingRejection::Changed)) => {}
                handled => {
                    let handled =
                        handled.map_err(|error| Problem::from_handle(error, not_received))?;
                    return Ok(handled.outcome);
                }
            }
        }
        Err(Problem::unavailable())
    }

    /// The number of shards that the product's stock is spread over now.
    async fn stock_shards(&self, sku: &Sku) -> Result<StockShards, Problem> {
        let product =
            states(&self.events, &One::<Product>::new(streams::product(&self.tenant, sku))).await?;
        product.state.listed().map(|product| product.stock_shards).ok_or_else(no_such_product)
    }
}

fn not_received(rejection: ReceivingRejection) -> Problem {
    match rejection {
        ReceivingRejection::Receipt(ReceiptRejection::ReferenceReused) => {
            let detail = "was already used for a different quantity of this product: \
                          use another reference for another delivery";
            Problem::unprocessable("The reference was already used for a delivery of this product.")
                .with_errors([("/reference".to_owned(), detail.to_owned())])
        }
        ReceivingRejection::Stock(rejection) => {
            Problem::conflict(format!("The delivery was not added to the stock: {rejection}."))
        }
        ReceivingRejection::Changed => Problem::unavailable(),
    }
}
