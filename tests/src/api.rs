//! A client of the system's HTTP API.

use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::eventually;

/// Calls the API.
#[derive(Debug, Clone)]
pub struct Api {
    client: reqwest::Client,
    url: String,
}

/// An answer of the API.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, or null if it is empty.
    pub body: Value,
}

impl Answer {
    /// The text of a header, or an empty text if there is no such header.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Asserts that the answer has this status, and returns the answer.
    ///
    /// # Panics
    /// If it has another status.
    #[must_use]
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{:#}", self.body);
        self
    }

    /// Asserts what holds for every answer, and returns the answer: it has a correlation id, and
    /// its body is empty, JSON or a problem document.
    ///
    /// # Panics
    /// If a rule is broken.
    #[must_use]
    pub(crate) fn checked(self) -> Self {
        let Self { status, body, .. } = &self;
        assert!(
            !self.header("x-correlation-id").is_empty(),
            "{status} without a correlation id: {body:#}"
        );
        if !body.is_null() {
            let media_type =
                if *status >= 400 { "application/problem+json" } else { "application/json" };
            assert_eq!(self.header("content-type"), media_type, "{status}: {body:#}");
        }
        self
    }

    /// The JSON pointers of a problem's errors.
    #[must_use]
    pub fn pointers(&self) -> Vec<&str> {
        let errors = self.body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        errors.iter().filter_map(|error| error["pointer"].as_str()).collect()
    }
}

/// The body of an order with one line. The sandbox gateway approves its payment token.
#[must_use]
pub fn order_body(customer: &str, sku: &str, quantity: u32) -> Value {
    json!({
        "customer_id": customer,
        "items": [{ "sku": sku, "quantity": quantity }],
        "payment_token": "tok_approved",
        "shipping_address": {
            "name": "Jane Doe", "line1": "Am Ufer 1", "city": "Berlin",
            "postal_code": "10115", "country": "DE",
        },
    })
}

impl Api {
    pub(crate) fn new(url: &str) -> Self {
        Self { client: reqwest::Client::new(), url: url.to_owned() }
    }

    /// The API's address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Calls `path` with these headers and this body, as JSON unless the headers name another
    /// type.
    ///
    /// # Panics
    /// If there is no answer, or the answer breaks a rule for all answers: it has a correlation id,
    /// and its body is empty, JSON or a problem document.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Answer {
        let method: Method = method.parse().expect("a method");
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            if !headers.iter().any(|(name, _)| *name == "content-type") {
                request = request.header("content-type", "application/json");
            }
            request = request.body(body);
        }
        let response = request.send().await.expect("the API answers");
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.expect("the answer is text");
        let body = match text.as_str() {
            "" => Value::Null,
            text => serde_json::from_str(text)
                .unwrap_or_else(|error| panic!("{status}: {error}: {text}")),
        };
        Answer { status: status.as_u16(), headers, body }.checked()
    }

    /// `GET path`.
    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], None).await
    }

    /// Calls `path` as a client does: repeats the call with the same headers while the answer is
    /// 503. A healthy system answers 503 if a stream is contended or the machine is busy.
    async fn call_with_retries(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> Answer {
        eventually(
            &format!("{method} {path} is answered with something other than 503"),
            || async {
                let answer = self.send(method, path, headers, Some(body.to_string())).await;
                if answer.status != StatusCode::SERVICE_UNAVAILABLE {
                    return Some(answer);
                }
                let after_s = answer.header("retry-after").parse();
                let after_s = after_s.expect("a 503 has the header Retry-After");
                tokio::time::sleep(Duration::from_secs(after_s)).await;
                None
            },
        )
        .await
    }

    /// `PUT path` with this body, repeated while the answer is 503.
    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.call_with_retries("PUT", path, &[], body).await
    }

    /// `POST path` with this body, repeated while the answer is 503.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.call_with_retries("POST", path, &[], body).await
    }

    /// Places an order with this idempotency key, repeated while the answer is 503.
    pub async fn place(&self, key: &str, body: &Value) -> Answer {
        self.call_with_retries("POST", "/orders", &[("idempotency-key", key)], body).await
    }

    /// Places an order with this idempotency key, without retries.
    pub async fn place_once(&self, key: &str, body: &Value) -> Answer {
        self.send("POST", "/orders", &[("idempotency-key", key)], Some(body.to_string())).await
    }

    /// Lists a product at 12.50 EUR.
    pub async fn list(&self, sku: &str) {
        let price = json!({ "amount_minor": 1250, "currency": "EUR" });
        let product = json!({ "name": format!("Product {sku}"), "unit_price": price });
        let listed = self.put(&format!("/products/{sku}"), &product).await;
        assert!(
            listed.status == StatusCode::CREATED || listed.status == StatusCode::OK,
            "{:#}",
            listed.body
        );
    }

    /// Lists a product at 12.50 EUR, receives stock of it, and registers a customer.
    pub async fn set_up(&self, customer: &str, sku: &str, stock: u32) {
        self.list(sku).await;
        let receipt = json!({ "quantity": stock, "reference": customer });
        let _received = self.post(&format!("/stock/{sku}/receipts"), &receipt).await.expect(201);
        let person = json!({ "name": "Jane Doe", "email": "jane@example.com" });
        let registered = self.put(&format!("/customers/{customer}"), &person).await;
        assert!(
            registered.status == StatusCode::CREATED || registered.status == StatusCode::OK,
            "{:#}",
            registered.body
        );
    }

    /// The parcel of this order leaves.
    pub async fn dispatch(&self, order_id: &str) -> Answer {
        let code = json!({ "tracking_code": "JD-0146" });
        self.post(&format!("/shipments/{order_id}/dispatch"), &code).await
    }

    /// Waits until no step of the order is left or it is parked, and returns it.
    pub async fn ended(&self, order_id: &str) -> Value {
        eventually(&format!("order {order_id} has no step left or is parked"), || {
            self.if_ended(order_id)
        })
        .await
    }

    /// The order. `None` if a step is left and it is not parked.
    pub async fn if_ended(&self, order_id: &str) -> Option<Value> {
        let answer = self.get(&format!("/orders/{order_id}")).await;
        // A busy machine may answer 503.
        if answer.status == 503 {
            return None;
        }
        let order = answer.expect(200).body;
        let is_moving = ["pending", "cancelling"].iter().any(|status| order["status"] == *status);
        (!is_moving || order["parked"].is_object()).then_some(order)
    }

    /// Waits until the order view has the order at this version or a later one, and returns its
    /// row. It reads the customer's list, which is never answered from the event store.
    pub async fn in_view(&self, customer: &str, order_id: &str, version: u64) -> Value {
        eventually(&format!("order {order_id} is at version {version} in the view"), || async {
            let mut path = format!("/customers/{customer}/orders?limit=100");
            loop {
                let page = self.get(&path).await;
                let orders = page.body["orders"].as_array()?;
                let found = orders.iter().find(|order| order["order_id"] == order_id);
                if let Some(order) = found {
                    return order["version"]
                        .as_u64()
                        .is_some_and(|at| at >= version)
                        .then(|| order.clone());
                }
                let cursor = page.body["next_cursor"].as_str()?;
                path = format!("/customers/{customer}/orders?limit=100&cursor={cursor}");
            }
        })
        .await
    }
}
