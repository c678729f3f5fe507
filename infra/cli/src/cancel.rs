//! `skald cancel`: cancels an order.

use std::error::Error;

use serde_json::json;

use crate::api::Api;
use crate::arguments::{CancelArguments, Print};
use crate::orders::encoded;

/// Cancels the order. Returns whether it will end cancelled.
///
/// # Errors
/// If the API does not answer.
pub(crate) async fn run(
    api: &Api,
    arguments: &CancelArguments,
    print: Print<'_>,
) -> Result<bool, Box<dyn Error>> {
    let CancelArguments { order, reason, .. } = arguments;
    let path = format!("/orders/{}/cancel", encoded(order));
    let answer = api.post(&path, None, &json!({ "reason": reason })).await?;
    let is_success = answer.is_success();
    let outcome = if is_success {
        let status = answer.body["status"].as_str().unwrap_or_default();
        format!("cancelling  {order}  {status}\n")
    } else {
        format!("failed      {order}  {}\n", answer.problem())
    };
    print(&outcome)?;
    Ok(is_success)
}
