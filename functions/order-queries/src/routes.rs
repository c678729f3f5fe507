//! The routes of the API, and the answers to calls that match none of them.

use skald_lambda::http::Problem;

/// Every route and its methods. A test below compares them with the template.
const ROUTES: [(&str, &[&str]); 14] = [
    ("/health", &["GET"]),
    ("/products/{sku}", &["PUT", "DELETE"]),
    ("/stock/{sku}", &["GET"]),
    ("/stock/{sku}/receipts", &["POST"]),
    ("/customers/{id}", &["PUT", "DELETE"]),
    ("/customers/{id}/orders", &["GET"]),
    ("/orders", &["GET", "POST"]),
    ("/orders/{id}", &["GET"]),
    ("/orders/{id}/events", &["GET"]),
    ("/orders/{id}/saga", &["GET"]),
    ("/orders/{id}/cancel", &["POST"]),
    ("/orders/{id}/resume", &["POST"]),
    ("/shipments/{order_id}/dispatch", &["POST"]),
    ("/shipments/{order_id}/deliver", &["POST"]),
];

/// The part of the path that belongs to the API: the longest suffix of the path that is a route, or
/// else the whole path. A call to `$default` may have a base path in front, from the mapping of a
/// domain, and has no route key that shows where the base path ends.
pub(crate) fn end<'a, 'b>(segments: &'b [&'a str]) -> &'b [&'a str] {
    let mut ends = (0..segments.len()).map(|start| &segments[start..]);
    ends.find(|end| methods(end).is_some()).unwrap_or(segments)
}

/// The problem for a call that matches no route: 405 if the path has other methods, else 404. A
/// `GET` that did not match its own route always gets 404, even if the end of its path is a route.
pub(crate) fn no_route(method: &str, segments: &[&str]) -> Problem {
    let methods = methods(end(segments)).unwrap_or_default();
    if methods.is_empty() || methods.contains(&method) {
        return Problem::not_found("No resource exists at this path.");
    }
    let head = methods.contains(&"GET").then_some("HEAD");
    Problem::method_not_allowed(&methods.iter().copied().chain(head).collect::<Vec<_>>())
}

/// The methods of this path, if it is a route.
fn methods(segments: &[&str]) -> Option<&'static [&'static str]> {
    ROUTES.iter().find(|(path, _)| matches(path, segments)).map(|&(_, methods)| methods)
}

fn matches(path: &str, segments: &[&str]) -> bool {
    let mut parts = path.split('/').skip(1);
    segments
        .iter()
        .all(|segment| parts.next().is_some_and(|part| part.starts_with('{') || part == *segment))
        && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};
    use skald::memory::{InMemoryEventStore, InMemoryPersonKeys, InMemoryViewStore};
    use skald::time::Timestamp;
    use skald_lambda::http::answer;

    use super::*;
    use crate::{Queries, Views};

    /// The status and the `Allow` header of the answer to a call to `$default`.
    async fn answered(method: &str, path: &str) -> (u16, Value) {
        let views = Views::<InMemoryViewStore>::default();
        let (events, keys) = (InMemoryEventStore::default(), InMemoryPersonKeys::default());
        let queries = Queries::new(events, views, keys, "0.0.0".to_owned());
        let event = json!({
            "routeKey": "$default", "rawPath": path,
            "requestContext": { "http": { "method": method }, "stage": "$default" },
        });
        let event = event.to_string();
        let answer =
            answer(event.as_bytes(), Timestamp::EPOCH, async |call| queries.respond(&call).await)
                .await;
        (answer.status_code, json!(answer.headers.get("allow")))
    }

    /// A call to `$default` has no route key that shows where the API's part of the path begins.
    #[tokio::test]
    async fn a_base_path_does_not_change_the_answer_to_an_unmatched_call() {
        for base in ["", "/shop", "/shop/v1", "/orders", "/customers/c-1"] {
            for (method, path, status, allow) in [
                ("HEAD", "/health", 200, Value::Null),
                ("HEAD", "/stock/MUG-01", 404, Value::Null),
                ("DELETE", "/health", 405, json!("GET, HEAD")),
                ("PATCH", "/customers/c-1/orders", 405, json!("GET, HEAD")),
                ("HEAD", "/customers/c-1", 405, json!("PUT, DELETE")),
                ("HEAD", "/nothing", 404, Value::Null),
                ("POST", "/nothing/at/all", 404, Value::Null),
            ] {
                // These are whole paths of other routes.
                let is_other = matches!((base, path), ("/orders", "/health" | "/nothing"));
                if !is_other {
                    assert_eq!(
                        answered(method, &format!("{base}{path}")).await,
                        (status, allow),
                        "{method} {base}{path}"
                    );
                }
            }
        }
        assert_eq!(
            answered("DELETE", "/orders/health").await,
            (405, json!("GET, HEAD")),
            "the path of an order"
        );
        assert_eq!(
            answered("GET", "/shop/health").await,
            (404, Value::Null),
            "the gateway found no route"
        );
    }

    #[test]
    fn the_routes_are_those_of_the_template() {
        let template = include_str!("../../../infra/template.yaml");
        let keys = template
            .lines()
            .filter_map(|line| line.split_once("RouteKey: \"")?.1.split('"').next());
        let deployed: BTreeSet<String> = keys.map(str::to_owned).collect();
        let known = ROUTES.iter().flat_map(|(path, methods)| {
            methods.iter().map(move |method| format!("{method} {path}"))
        });
        assert_eq!(deployed, known.collect());
    }
}
