//! Faults of items, in words that quote no value.

pub(super) fn invalid(place: &str) -> String {
    format!("`{place}` is invalid")
}

/// A parser's message about a field or attribute, without the quoted value.
pub(super) fn fault(place: &str, message: &str) -> String {
    // Of serde's messages, this one names a field of the layout. The others quote the value.
    let missing = message.strip_prefix("missing field `").and_then(|rest| rest.split_once('`'));
    match missing {
        Some((field, _)) if place == "." => format!("missing field `{field}`"),
        Some((field, _)) => format!("`{place}`: missing field `{field}`"),
        None => invalid(place),
    }
}
