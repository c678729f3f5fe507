//! Compares the ledgers with each other: the events, the payment gateway's and the carrier's.
//!
//! All sums are computed from raw items. This module shares nothing with the code under test,
//! neither its folds nor the types of its events.

mod agreement;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::LocalCloud;
use crate::tables::{Item, commit_body, number, scan, text};

/// Sums by name: goods by product, money (in minor units) by currency. A sum of zero has no entry.
pub type Sums = BTreeMap<String, i64>;

/// The goods, money and parcels of an order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holdings {
    /// Goods that are reserved for the order.
    pub reserved: Sums,
    /// Goods that were shipped for the order.
    pub shipped: Sums,
    /// Money that the gateway has authorized and not captured.
    pub authorized: Sums,
    /// Money that the gateway has captured.
    pub captured: Sums,
    /// Parcels that the carrier has for the order.
    pub parcels: usize,
}

/// Everything that the ledgers record about an order.
#[derive(Debug, Clone, Default)]
pub struct Account {
    /// The names of the events of its four streams (order, reservation, payment, shipment), stream
    /// by stream.
    pub events: Vec<String>,
    /// The ordered goods.
    pub ordered: Sums,
    /// The total price.
    pub total: Sums,
    /// Its holdings according to stock, gateway and carrier.
    pub holdings: Holdings,
    /// Its reserved and shipped goods according to its reservation.
    reservation: Holdings,
}

/// The ledgers of a cloud at one moment. Read them when no order is in progress.
#[derive(Debug, Clone, Default)]
pub struct Ledgers {
    /// By order id. An id without an order stream has an entry if a ledger has holdings for it.
    accounts: BTreeMap<String, Account>,
    /// Goods received, by product.
    received: Sums,
    /// Goods that were moved out of one stock shard and not into another, by product.
    in_transfer: Sums,
    /// Streams with a gap or an overlap.
    broken_streams: BTreeSet<String>,
}

impl Account {
    /// Whether the last event of its stream is `order.confirmed`, or a later one of its parcel.
    #[must_use]
    pub fn is_confirmed(&self) -> bool {
        let completed = ["order.confirmed", "order.dispatched", "order.delivered"];
        self.last("order.").is_some_and(|last| completed.contains(&last))
    }

    /// Whether its parcel left.
    #[must_use]
    pub fn is_dispatched(&self) -> bool {
        self.events.iter().any(|event| event == "order.dispatched")
    }

    /// Whether the last event of its stream is `order.cancelled`.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.last("order.") == Some("order.cancelled")
    }

    /// The last event whose name begins with this prefix.
    fn last(&self, prefix: &str) -> Option<&str> {
        self.events.iter().rfind(|event| event.starts_with(prefix)).map(String::as_str)
    }
}

impl Ledgers {
    /// Reads every ledger of this cloud.
    ///
    /// # Panics
    /// If one cannot be read.
    pub async fn read(cloud: &LocalCloud) -> Self {
        let mut ledgers = Self::default();
        let mut commits = scan(cloud, "EventsTable").await;
        commits.sort_by_key(|commit| (text(commit, "pk"), number(commit, "sk")));
        let mut next = (String::new(), 1);
        for commit in &commits {
            let (stream, version) = (text(commit, "pk"), number(commit, "sk"));
            if version != if stream == next.0 { next.1 } else { 1 } {
                ledgers.broken_streams.insert(stream.clone());
            }
            let body = commit_body(commit);
            let events = body["events"].as_array().expect("a list");
            for event in events {
                let event_type = event["type"].as_str().expect("text");
                ledgers.add_event(&stream, event_type, &event["data"]);
            }
            next = (stream, version + events.len() as u64);
        }
        for row in scan(cloud, "SandboxGatewayTable").await {
            ledgers.add_payment(&text(&row, "pk"), &json(&row));
        }
        for row in scan(cloud, "SandboxCarrierTable").await {
            ledgers.add_parcel(&text(&row, "pk"), &json(&row));
        }
        ledgers
    }

    /// The account of this order.
    ///
    /// # Panics
    /// If no ledger has anything about it.
    #[must_use]
    pub fn order(&self, order_id: &str) -> &Account {
        self.accounts.get(order_id).unwrap_or_else(|| panic!("no ledger has order {order_id}"))
    }

    /// All accounts, by order id.
    pub fn orders(&self) -> impl Iterator<Item = (&str, &Account)> {
        self.accounts.iter().map(|(order_id, account)| (order_id.as_str(), account))
    }

    /// The quantity of a product on hand, reserved or not.
    #[must_use]
    pub fn on_hand(&self, sku: &str) -> i64 {
        let shipped =
            self.accounts.values().filter_map(|account| account.holdings.shipped.get(sku));
        self.received.get(sku).unwrap_or(&0) - shipped.sum::<i64>()
    }

    /// Asserts that every order is final and that the ledgers agree on it. See
    /// [`assert_equal_except_open`](Self::assert_equal_except_open).
    ///
    /// # Panics
    /// With a list of all disagreements.
    #[track_caller]
    pub fn assert_equal(&self) {
        self.assert_equal_except_open(&[]);
    }

    /// Asserts that stock, gateway and carrier agree with the streams of every order, and that the
    /// orders in `open` are neither confirmed nor cancelled. Every other order must be one of both:
    ///
    /// - For a confirmed order, exactly the ordered goods are reserved, or shipped once its parcel
    ///   has left; exactly its total is captured, and there is one parcel.
    /// - For a cancelled order, no goods are reserved or shipped, no money is captured, and there is
    ///   no parcel.
    /// - For both, no money is authorized any more.
    ///
    /// No ledger has holdings for an id without an order. So the sums agree as well: the captured
    /// money is the total of the confirmed orders in each currency, the goods on hand are the
    /// received goods minus the goods of the dispatched orders, and there are as many parcels as
    /// confirmed orders.
    ///
    /// # Panics
    /// With a list of all disagreements.
    #[track_caller]
    pub fn assert_equal_except_open(&self, open: &[&str]) {
        let broken = self.broken_streams.iter();
        let mut faults: Vec<String> =
            broken.map(|stream| format!("a gap or an overlap in {stream}")).collect();
        for (order_id, account) in self.orders() {
            let Account { events, holdings, .. } = account;
            faults.extend(
                account
                    .disagreements()
                    .into_iter()
                    .map(|fault| format!("{order_id}: {fault}: {events:?}")),
            );
            if open.contains(&order_id) {
                if account.is_confirmed() || account.is_cancelled() {
                    faults.push(format!("{order_id} is not open: {events:?}"));
                }
                continue;
            }
            let ever = |name: &str| events.iter().any(|event| event == name);
            if ever("order.undo_started") && ever("order.dispatched") {
                faults.push(format!("{order_id} was undone and dispatched: {events:?}"));
            }
            if (ever("order.dispatched"), ever("order.delivered"))
                != (ever("shipment.dispatched"), ever("shipment.delivered"))
            {
                faults.push(format!("{order_id} and its parcel do not agree: {events:?}"));
            }
            match account.expected_holdings() {
                None => faults.push(format!("{order_id} is not final: {events:?}")),
                Some(expected) if expected != *holdings => {
                    faults.push(format!(
                        "{order_id}\n  should have {expected:?}\n  but has {holdings:?}\n  \
                         after {events:?}"
                    ));
                }
                Some(_) => {}
            }
            let duplicates = account.duplicates();
            if !duplicates.is_empty() {
                faults.push(format!("{order_id} has {duplicates:?} twice in {events:?}"));
            }
        }
        if !self.in_transfer.is_empty() {
            faults.push(format!("goods between two stock shards: {:?}", self.in_transfer));
        }
        let unknown = open.iter().filter(|order_id| !self.accounts.contains_key(**order_id));
        faults.extend(unknown.map(|order_id| format!("no ledger has order {order_id}")));
        assert!(faults.is_empty(), "the ledgers do not agree:\n{}", faults.join("\n"));
    }

    fn account(&mut self, order_id: &str) -> &mut Account {
        self.accounts.entry(order_id.to_owned()).or_default()
    }

    fn add_event(&mut self, stream: &str, event: &str, data: &Value) {
        let (_, name) = stream.split_once('/').expect("tenant and stream");
        let (category, id) = name.split_once('-').expect("category and id");
        match category {
            "order" | "reservation" | "payment" | "shipment" => {
                self.account(id).events.push(event.to_owned())
            }
            "stock" => return self.add_stock_event(id, event, data),
            _ => return, // the other categories change no holdings
        }
        let account = self.account(id);
        match event {
            "order.placed" => {
                for line in data["lines"].as_array().expect("lines") {
                    let (quantity, price) = (whole(&line["quantity"]), &line["unit_price"]);
                    add(&mut account.ordered, &line["sku"], quantity);
                    add(
                        &mut account.total,
                        &price["currency"],
                        quantity * whole(&price["amount_minor"]),
                    );
                }
            }
            "reservation.made" => {
                for line in data["lines"].as_array().expect("lines") {
                    add(&mut account.reservation.reserved, &line["sku"], whole(&line["quantity"]));
                }
            }
            "reservation.released" => account.reservation.reserved.clear(),
            "reservation.shipped" => {
                account.reservation.shipped = std::mem::take(&mut account.reservation.reserved)
            }
            "reservation.returned" => account.reservation.shipped.clear(),
            _ => {} // the other events change no holdings
        }
    }

    /// Adds an event of a shard of a product's stock.
    fn add_stock_event(&mut self, shard: &str, event: &str, data: &Value) {
        let (sku, _) = shard.rsplit_once('~').expect("product and shard");
        let sku = Value::from(sku);
        if event == "stock.moved_in" {
            let from = data["from"].as_array().expect("shards");
            return from
                .iter()
                .for_each(|part| add(&mut self.in_transfer, &sku, -whole(&part["quantity"])));
        }
        let quantity = whole(&data["quantity"]);
        match event {
            "stock.received" => return add(&mut self.received, &sku, quantity),
            "stock.moved_out" => return add(&mut self.in_transfer, &sku, quantity),
            _ => {} // the other events belong to an order
        }
        let holdings = &mut self.account(data["order_id"].as_str().expect("an order")).holdings;
        match event {
            "stock.reserved" => add(&mut holdings.reserved, &sku, quantity),
            "stock.released" => add(&mut holdings.reserved, &sku, -quantity),
            "stock.shipped" => {
                add(&mut holdings.reserved, &sku, -quantity);
                add(&mut holdings.shipped, &sku, quantity);
            }
            "stock.returned" => add(&mut holdings.shipped, &sku, -quantity),
            other => panic!("extend this function: {other} may change holdings"),
        }
    }

    fn add_payment(&mut self, key: &str, entry: &Value) {
        let holdings = &mut self.account(order_of(key)).holdings;
        let amount = &entry["asked"]["amount"];
        match entry["payment"]["status"].as_str().expect("a status") {
            "authorized" => {
                add(&mut holdings.authorized, &amount["currency"], whole(&amount["amount_minor"]))
            }
            "captured" => {
                add(&mut holdings.captured, &amount["currency"], whole(&amount["amount_minor"]))
            }
            "absent" | "declined" | "voided" | "refunded" => {}
            other => panic!("extend this function: the gateway has the unknown status {other}"),
        }
    }

    fn add_parcel(&mut self, key: &str, entry: &Value) {
        let holdings = &mut self.account(order_of(key)).holdings;
        match entry["parcel"]["status"].as_str().expect("a status") {
            "created" => holdings.parcels += 1,
            "absent" | "refused" | "cancelled" => {}
            other => panic!("extend this function: the carrier has the unknown status {other}"),
        }
    }
}

/// The order id in the key of a sandbox's row, `default/ledger-<order>.<operation>`.
fn order_of(key: &str) -> &str {
    let key = key.split_once("/ledger-").map(|(_, key)| key).expect("a key");
    key.split_once('.').map_or(key, |(order_id, _)| order_id)
}

/// Adds a number to a sum. A sum of zero is removed, so that equal sums compare as equal.
fn add(sums: &mut Sums, name: &Value, number: i64) {
    let name = name.as_str().expect("a name");
    let sum = sums.remove(name).unwrap_or(0) + number;
    if sum != 0 {
        sums.insert(name.to_owned(), sum);
    }
}

fn whole(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| panic!("{value} is not a whole number"))
}

/// The entry in a row of a sandbox's ledger.
fn json(row: &Item) -> Value {
    serde_json::from_str(&text(row, "row")).expect("JSON")
}
