//! `skald resume`: resumes orders, by their ids or all of a kind.

use std::error::Error;
use std::io::{IsTerminal, stdin};

use serde_json::json;
use skald::time::Timestamp;
use skald_cli::terminal;

use crate::api::Api;
use crate::arguments::{Print, ResumeArguments};
use crate::order::Order;
use crate::orders::{all, encoded};
use crate::table;

/// Resumes the orders. Returns whether each of them was resumed. Orders that were chosen by kind
/// are listed first, and `confirm` decides whether to go on.
///
/// # Errors
/// What went wrong before the first order was resumed, and what to do.
pub(crate) async fn run(
    api: &Api,
    arguments: &ResumeArguments,
    now: Timestamp,
    print: Print<'_>,
    confirm: impl FnOnce(&str) -> Result<bool, Box<dyn Error>>,
) -> Result<bool, Box<dyn Error>> {
    let ResumeArguments { orders, parked_at, overdue, extend, yes, .. } = arguments;
    let mut chosen = Vec::new();
    for order_id in orders {
        let order = api.get(&format!("/orders/{}", encoded(order_id))).await;
        let order = order.map_err(|error| format!("order {order_id}: {error}"))?;
        chosen.push(serde_json::from_value::<Order>(order)?);
    }
    if orders.is_empty() {
        let filter = if *overdue { "overdue=true" } else { "parked=true" };
        for order in all(api, filter, usize::MAX).await?.0 {
            let order: Order = serde_json::from_value(order)?;
            let step = order.parked.as_ref().map(|parked| &parked.step);
            if parked_at.as_ref().is_none_or(|wanted| step == Some(wanted)) {
                chosen.push(order);
            }
        }
        if chosen.is_empty() {
            print("There is no such order.\n")?;
            return Ok(true);
        }
        print(&table::of(&chosen, now))?;
        let with = extend.map_or(String::new(), |seconds| format!(", with {seconds} s more time"));
        if !yes && !confirm(&format!("Resume these {} orders{with}?", chosen.len()))? {
            print("Nothing was resumed.\n")?;
            return Ok(false);
        }
    }
    let mut failed = 0;
    for order in &chosen {
        match resumed(api, order, *extend).await {
            Ok(status) => print(&format!("resumed  {}  {status}\n", order.order_id))?,
            Err(error) => {
                failed += 1;
                print(&format!("failed   {}  {error}\n", order.order_id))?;
            }
        }
    }
    if failed > 0 {
        print(&format!("{failed} of {} orders were not resumed.\n", chosen.len()))?;
    }
    Ok(failed == 0)
}

/// Resumes the order, and returns its status. The same order, parked since the same time, has the
/// same key, so a repeat of a command whose answer was lost begins no second attempt.
async fn resumed(api: &Api, order: &Order, extend: Option<u64>) -> Result<String, Box<dyn Error>> {
    let since = order.parked.as_ref().map_or(order.updated_at, |parked| parked.since);
    let key = format!("resume-{}-{since}", order.order_id);
    let body = extend.map_or_else(|| json!({}), |seconds| json!({ "extend_by_s": seconds }));
    let path = format!("/orders/{}/resume", encoded(&order.order_id));
    let answer = api.post(&path, Some(&key), &body).await?;
    if answer.is_success() {
        Ok(answer.body["status"].as_str().unwrap_or_default().to_owned())
    } else {
        Err(answer.problem().into())
    }
}

/// Asks on the terminal.
///
/// # Errors
/// If there is no terminal.
pub(crate) fn confirmed(question: &str) -> Result<bool, Box<dyn Error>> {
    if !stdin().is_terminal() {
        return Err("there is no terminal on which to ask: use --yes".into());
    }
    terminal::note(&format!("{question} [y/N]"));
    let mut answer = String::new();
    stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
