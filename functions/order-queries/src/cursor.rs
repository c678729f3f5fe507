//! Cursors: positions in a list, encoded so that callers return them unchanged.

use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use events::OrderId;
use ordering::streams;
use skald::stream::{Tenant, Version};
use skald::time::Timestamp;
use skald::view::ListEntry;
use skald_lambda::http::Problem;

/// The prefix of a cursor into a stream's events, before the version.
const VERSION: char = 'v';
/// The prefix of a cursor into a customer's orders, before `<time>/<order id>`.
pub(crate) const CUSTOMER_ORDERS: char = 'o';
/// The prefix of a cursor into the worklist, before `<time>/<order id>`.
pub(crate) const WORKLIST: char = 'w';

/// The position after the event with this version.
pub(crate) fn write_version(version: Version) -> String {
    BASE64.encode(format!("{VERSION}{version}"))
}

/// Decodes the result of [`write_version`].
pub(crate) fn read_version(text: &str) -> Result<Version, Problem> {
    let version = decoded(text, VERSION).and_then(|version| version.parse().ok());
    version.map(Version::new).ok_or_else(unknown)
}

/// The position after this entry of a list of orders.
pub(crate) fn write_place(list: char, entry: &ListEntry) -> String {
    BASE64.encode(format!("{list}{}", entry.sort))
}

/// Decodes the result of [`write_place`], and accepts only positions that an order can have.
pub(crate) fn read_place(list: char, tenant: &Tenant, text: &str) -> Result<ListEntry, Problem> {
    let sort = decoded(text, list).ok_or_else(unknown)?;
    let (time, order_id) = sort.split_once('/').ok_or_else(unknown)?;
    let time = Timestamp::from_str(time).ok().filter(|read| read.to_string() == time);
    let order_id = OrderId::from_str(order_id).ok();
    match (time, order_id) {
        (Some(_), Some(order_id)) => {
            Ok(ListEntry { stream: streams::order(tenant, order_id), sort })
        }
        _ => Err(unknown()),
    }
}

fn decoded(text: &str, mark: char) -> Option<String> {
    let place = String::from_utf8(BASE64.decode(text).ok()?).ok()?;
    place.strip_prefix(mark).map(str::to_owned)
}

fn unknown() -> Problem {
    Problem::invalid("cursor must be the next_cursor of an earlier answer to the same call.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        let tenant = Tenant::default();
        let id = OrderId::from_str("8c8bb6e7-14ad-5847-9d2c-0d1ecbd64873").unwrap();
        let entry = ListEntry {
            stream: streams::order(&tenant, id),
            sort: format!("2026-11-21T08:15:30.250Z/{id}"),
        };
        for list in [CUSTOMER_ORDERS, WORKLIST] {
            let written = write_place(list, &entry);
            assert_eq!(read_place(list, &tenant, &written).unwrap(), entry);
        }
        let of_worklist = write_place(WORKLIST, &entry);
        assert!(read_place(CUSTOMER_ORDERS, &tenant, &of_worklist).is_err(), "of another list");
        assert_eq!(read_version(&write_version(Version::new(7))).unwrap(), Version::new(7));
    }

    #[test]
    fn an_invalid_position_is_rejected_before_the_store_is_read() {
        let id = "8c8bb6e7-14ad-5847-9d2c-0d1ecbd64873";
        let long = "x".repeat(2_000);
        let times = ["", "now", "2026-11-21T08:15:30Z", long.as_str()];
        let forged = times.map(|time| format!("o{time}/{id}"));
        for place in
            forged.iter().map(String::as_str).chain(["", "o", "v7", "o2026-11-21T08:15:30.250Z/17"])
        {
            assert!(
                read_place(CUSTOMER_ORDERS, &Tenant::default(), &BASE64.encode(place)).is_err(),
                "{place}"
            );
        }
        for place in ["", "v", "v-1", "vx", "o1"] {
            assert!(read_version(&BASE64.encode(place)).is_err(), "{place}");
        }
        assert!(read_version("not base64!").is_err());
    }
}
