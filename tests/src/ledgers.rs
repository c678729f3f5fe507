//! The ledgers, held against each other: what the events say, what the payment gateway has, what
//! the carrier has.
//!
//! All of it is counted again from raw items. It shares nothing with the code under test, neither
//! its folds nor the shapes of its events.

mod agreement;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::LocalCloud;
use crate::tables::{Item, commit_body, number, scan, text};

/// How much of each thing: goods by product, money (in minor units) by currency. What there is none
/// of is not there.
pub type Sums = BTreeMap<String, i64>;

/// All that is held, taken and sent for an order, whoever says so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holdings {
    /// Goods that are held for it in stock.
    pub reserved: Sums,
    /// Goods that left the stock for it.
    pub shipped: Sums,
    /// Money that the gateway holds for it, and that is not ours yet.
    pub authorized: Sums,
    /// Money that the gateway gave us for it.
    pub captured: Sums,
    /// Parcels that the carrier has for it.
    pub parcels: usize,
}

/// What there is to know of an order.
#[derive(Debug, Clone, Default)]
pub struct Account {
    /// The names of the events of its four streams (order, reservation, payment, shipment), stream
    /// by stream.
    pub events: Vec<String>,
    /// What was ordered.
    pub ordered: Sums,
    /// What it costs.
    pub total: Sums,
    /// What is held for it, as stock, gateway and carrier say.
    pub holdings: Holdings,
    /// The goods that are held for it or have left, as its reservation says.
    reservation: Holdings,
}

/// The ledgers of a cloud at one moment. Read them when nobody is at work any more.
#[derive(Debug, Clone, Default)]
pub struct Ledgers {
    /// By order. An id that is in no stream of an order is here if something is held under it.
    accounts: BTreeMap<String, Account>,
    /// Goods that came in, by product.
    received: Sums,
    /// Goods that left one shard for another and did not come there, by product.
    between: Sums,
    /// Streams with a gap or an overlap.
    torn: BTreeSet<String>,
}

impl Account {
    /// Whether its stream says that it was confirmed, and nothing after that.
    #[must_use]
    pub fn is_confirmed(&self) -> bool {
        self.last("order.") == Some("order.confirmed")
    }

    /// Whether its stream says that it was cancelled, and nothing after that.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.last("order.") == Some("order.cancelled")
    }

    /// Whether its stream says that it was parked, and nothing after that.
    #[must_use]
    pub fn is_parked(&self) -> bool {
        self.last("order.") == Some("order.parked")
    }

    /// The last event of one of its streams, by the beginning of its events' names.
    fn last(&self, category: &str) -> Option<&str> {
        self.events.iter().rfind(|event| event.starts_with(category)).map(String::as_str)
    }
}

impl Ledgers {
    /// Reads every ledger of this cloud.
    ///
    /// # Panics
    /// If one cannot be read.
    pub async fn read(cloud: &LocalCloud) -> Self {
        let mut ledgers = Self::default();
        let mut commits = scan(cloud, "EventsTableName").await;
        commits.sort_by_key(|commit| (text(commit, "pk"), number(commit, "sk")));
        let mut next = (String::new(), 1);
        for commit in &commits {
            let (stream, version) = (text(commit, "pk"), number(commit, "sk"));
            if version != if stream == next.0 { next.1 } else { 1 } {
                ledgers.torn.insert(stream.clone());
            }
            let body = commit_body(commit);
            let events = body["events"].as_array().expect("a list");
            for event in events {
                ledgers.happened(&stream, event["type"].as_str().expect("text"), &event["data"]);
            }
            next = (stream, version + events.len() as u64);
        }
        for row in scan(cloud, "SandboxGatewayTableName").await {
            ledgers.at_the_gateway(&text(&row, "pk"), &json(&row));
        }
        for row in scan(cloud, "SandboxCarrierTableName").await {
            ledgers.at_the_carrier(&text(&row, "pk"), &json(&row));
        }
        ledgers
    }

    /// What there is to know of this order.
    ///
    /// # Panics
    /// If there is nothing.
    #[must_use]
    pub fn order(&self, order_id: &str) -> &Account {
        self.accounts
            .get(order_id)
            .unwrap_or_else(|| panic!("nothing is known of order {order_id}"))
    }

    /// Everything that is known of orders, by order.
    pub fn orders(&self) -> impl Iterator<Item = (&str, &Account)> {
        self.accounts.iter().map(|(order_id, account)| (order_id.as_str(), account))
    }

    /// How many of a product there are, held or not.
    #[must_use]
    pub fn on_hand(&self, sku: &str) -> i64 {
        let shipped =
            self.accounts.values().filter_map(|account| account.holdings.shipped.get(sku));
        self.received.get(sku).unwrap_or(&0) - shipped.sum::<i64>()
    }

    /// Every order is final, and the ledgers agree on it, see
    /// [`assert_equal_but_for`](Self::assert_equal_but_for).
    ///
    /// # Panics
    /// With all that is wrong.
    #[track_caller]
    pub fn assert_equal(&self) {
        self.assert_equal_but_for(&[]);
    }

    /// For every order, stock, gateway and carrier have what its streams say. These orders are
    /// parked. Every other one has one end, and for it
    ///
    /// - if it is confirmed, exactly what was ordered left the stock, exactly its total was
    ///   captured, and there is a parcel;
    /// - if it is cancelled, there is none of that;
    /// - no goods and no money are held any more.
    ///
    /// Nothing is held for anything that is no order. So all sums agree, too: money captured is the
    /// total of the confirmed orders, in each currency; goods on hand are what was received but for
    /// what they ordered; parcels are as many as they.
    ///
    /// # Panics
    /// With all that is wrong.
    #[track_caller]
    pub fn assert_equal_but_for(&self, parked: &[&str]) {
        let mut faults: Vec<String> =
            self.torn.iter().map(|stream| format!("a gap or an overlap in {stream}")).collect();
        for (order_id, account) in self.orders() {
            let Account { events, holdings, .. } = account;
            faults.extend(
                account
                    .disagreements()
                    .into_iter()
                    .map(|fault| format!("{order_id}: {fault}: {events:?}")),
            );
            if parked.contains(&order_id) {
                if !account.is_parked() {
                    faults.push(format!("{order_id} is not parked: {events:?}"));
                }
                continue;
            }
            let ends = events
                .iter()
                .filter(|event| matches!(event.as_str(), "order.confirmed" | "order.cancelled"));
            if ends.count() != 1 {
                faults.push(format!("{order_id} has no end, or more than one: {events:?}"));
            }
            match account.due() {
                None => faults.push(format!("{order_id} is not final: {events:?}")),
                Some(due) if due != *holdings => {
                    faults.push(format!(
                        "{order_id}\n  is due {due:?}\n  but has {holdings:?}\n  after {events:?}"
                    ));
                }
                Some(_) => {}
            }
            let doubled = account.doubled();
            if !doubled.is_empty() {
                faults.push(format!("{order_id}: {doubled:?} twice in {events:?}"));
            }
        }
        if !self.between.is_empty() {
            faults.push(format!("between two shards: {:?}", self.between));
        }
        let strangers = parked.iter().filter(|order_id| !self.accounts.contains_key(**order_id));
        faults.extend(strangers.map(|order_id| format!("nothing is known of {order_id}")));
        assert!(faults.is_empty(), "the ledgers do not agree:\n{}", faults.join("\n"));
    }

    fn account(&mut self, order_id: &str) -> &mut Account {
        self.accounts.entry(order_id.to_owned()).or_default()
    }

    fn happened(&mut self, stream: &str, event: &str, data: &Value) {
        let (_, name) = stream.split_once('/').expect("tenant and stream");
        let (category, id) = name.split_once('-').expect("category and id");
        match category {
            "order" | "reservation" | "payment" | "shipment" => {
                self.account(id).events.push(event.to_owned())
            }
            "stock" => return self.moved(id, event, data),
            _ => return, // products, customers and receipts hold nothing
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
            _ => {} // the others hold nothing
        }
    }

    /// Goods moved in a shard of a product's stock.
    fn moved(&mut self, shard: &str, event: &str, data: &Value) {
        let (sku, _) = shard.rsplit_once('~').expect("product and shard");
        let sku = Value::from(sku);
        if event == "stock.moved_in" {
            let from = data["from"].as_array().expect("shards");
            return from
                .iter()
                .for_each(|part| add(&mut self.between, &sku, -whole(&part["quantity"])));
        }
        let quantity = whole(&data["quantity"]);
        match event {
            "stock.received" => return add(&mut self.received, &sku, quantity),
            "stock.moved_out" => return add(&mut self.between, &sku, quantity),
            _ => {} // of an order
        }
        let holdings = &mut self.account(data["order_id"].as_str().expect("an order")).holdings;
        match event {
            "stock.reserved" => add(&mut holdings.reserved, &sku, quantity),
            "stock.released" => add(&mut holdings.reserved, &sku, -quantity),
            "stock.shipped" => {
                add(&mut holdings.reserved, &sku, -quantity);
                add(&mut holdings.shipped, &sku, quantity);
            }
            other => panic!("{other} in the stock: say here what it does to it"),
        }
    }

    fn at_the_gateway(&mut self, place: &str, entry: &Value) {
        let holdings = &mut self.account(order_of(place)).holdings;
        let amount = &entry["asked"]["amount"];
        match entry["payment"]["status"].as_str().expect("a status") {
            "authorized" => {
                add(&mut holdings.authorized, &amount["currency"], whole(&amount["amount_minor"]))
            }
            "captured" => {
                add(&mut holdings.captured, &amount["currency"], whole(&amount["amount_minor"]))
            }
            "absent" | "declined" | "voided" | "refunded" => {}
            other => panic!("{other} at the gateway: say here what it holds"),
        }
    }

    fn at_the_carrier(&mut self, place: &str, entry: &Value) {
        let holdings = &mut self.account(order_of(place)).holdings;
        match entry["parcel"]["status"].as_str().expect("a status") {
            "created" => holdings.parcels += 1,
            "absent" | "refused" | "cancelled" => {}
            other => panic!("{other} at the carrier: say here what it holds"),
        }
    }
}

/// The order in an attempt key, `default/ledger-<order>.<what>`.
fn order_of(place: &str) -> &str {
    let key = place.split_once("/ledger-").map(|(_, key)| key).expect("a key");
    key.split_once('.').map_or(key, |(order_id, _)| order_id)
}

/// Adds so many. What there is none of is taken out, so that equal sums are equal.
fn add(sums: &mut Sums, name: &Value, number: i64) {
    let name = name.as_str().expect("a name");
    let sum = sums.remove(name).unwrap_or(0) + number;
    if sum != 0 {
        sums.insert(name.to_owned(), sum);
    }
}

fn whole(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| panic!("a whole number, not {value}"))
}

/// The entry in a row of a sandbox's ledger.
fn json(row: &Item) -> Value {
    serde_json::from_str(&text(row, "row")).expect("JSON")
}
