//! The routes of the API: what is said of a call that is none of them.

use skald_lambda::http::Problem;

/// Every route, and the methods it takes. The test below holds it against the template.
const ROUTES: [(&str, &[&str]); 12] = [
    ("/health", &["GET"]),
    ("/products/{sku}", &["PUT", "DELETE"]),
    ("/stock/{sku}", &["GET"]),
    ("/stock/{sku}/receipts", &["POST"]),
    ("/customers/{id}", &["PUT", "DELETE"]),
    ("/customers/{id}/orders", &["GET"]),
    ("/orders", &["POST"]),
    ("/orders/{id}", &["GET"]),
    ("/orders/{id}/events", &["GET"]),
    ("/orders/{id}/saga", &["GET"]),
    ("/orders/{id}/cancel", &["POST"]),
    ("/orders/{id}/resume", &["POST"]),
];

/// 405 if the path takes other methods, else 404.
pub(crate) fn refuse(method: &str, segments: &[&str]) -> Problem {
    let methods = ROUTES.iter().find(|(path, _)| matches(path, segments)).map_or(&[][..], |(_, methods)| methods);
    if methods.is_empty() || methods.contains(&method) {
        return Problem::not_found("There is nothing at this path.");
    }
    let head = methods.contains(&"GET").then_some("HEAD");
    Problem::method_not_allowed(&methods.iter().copied().chain(head).collect::<Vec<_>>())
}

fn matches(path: &str, segments: &[&str]) -> bool {
    let mut parts = path.split('/').skip(1);
    segments.iter().all(|segment| parts.next().is_some_and(|part| part.starts_with('{') || part == *segment))
        && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn these_are_the_routes_of_the_template() {
        let template = include_str!("../../../infra/template.yaml");
        let keys = template.lines().filter_map(|line| line.split_once("RouteKey: \"")?.1.split('"').next());
        let deployed: BTreeSet<String> = keys.map(str::to_owned).collect();
        let known =
            ROUTES.iter().flat_map(|(path, methods)| methods.iter().map(move |method| format!("{method} {path}")));
        assert_eq!(deployed, known.collect());
    }
}
