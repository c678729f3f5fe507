//! A world that an earlier release left behind, from stored text.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicI64;

use events::{AttemptKey, OrderEvent};
use ordering::sandbox::{CarrierEntry, GatewayEntry};
use serde::Deserialize;
use serde_json::Value;
use skald::commit::{Actor, Commit, CommitId, Context, CorrelationId, EventId};
use skald::event::{DomainEvent, EventData};
use skald::handle::Request;
use skald::personal::Sealing;
use skald::store::EventStore;
use skald::stream::{StreamId, Version};
use skald::time::Timestamp;

use super::{Goods, ORDER_SAGA, Scenario, World, finish, tenant};

/// A moment in the history of an order: what happened since the moment before it.
#[derive(Debug, Deserialize)]
pub(crate) struct Moment {
    /// The number of the moment before it; `None` if the order was just placed.
    pub(crate) after: Option<usize>,
    /// Of the order that was just placed: token, postal code, and whether the goods are enough.
    pub(crate) scenario: Option<(String, String, bool)>,
    /// What was appended, in one transaction. Personal data is not sealed. Empty if only a ledger
    /// changed: an answer is in flight.
    pub(crate) commits: Vec<StoredCommit>,
    /// The gateway's ledger, if it changed.
    gateway: Option<BTreeMap<AttemptKey, GatewayEntry>>,
    /// The carrier's ledger, if it changed.
    carrier: Option<BTreeMap<AttemptKey, CarrierEntry>>,
}

/// A commit as it was stored.
#[derive(Debug, Deserialize)]
pub(crate) struct StoredCommit {
    stream: String,
    first: u64,
    id: CommitId,
    at: i64,
    source: String,
    correlation_id: CorrelationId,
    causation_id: Option<EventId>,
    actor: Actor,
    metadata: BTreeMap<String, String>,
    /// Type, schema and data of each event.
    pub(crate) events: Vec<(String, u32, Value)>,
}

impl StoredCommit {
    fn commit(&self) -> Commit {
        let event = |(event_type, schema, data): &(String, u32, Value)| EventData {
            event_type: event_type.clone(),
            schema: *schema,
            data: data.to_string().into_bytes(),
        };
        Commit {
            id: self.id,
            stream: StreamId::named(&tenant(), &self.stream).unwrap(),
            first: Version::new(self.first),
            at: Timestamp::from_millis(self.at).unwrap(),
            context: Context {
                source: self.source.clone(),
                correlation_id: self.correlation_id.clone(),
                causation_id: self.causation_id,
                actor: self.actor.clone(),
                metadata: self.metadata.clone(),
            },
            events: self.events.iter().map(event).collect(),
            snapshot: None,
        }
    }
}

impl World {
    /// The world after these moments, the order's placing first. Steps are retried as long as the
    /// saga says.
    pub(crate) fn stored(moments: &[&Moment]) -> Self {
        let [placing, ..] = moments else { panic!("a history begins with the placing") };
        let (token, postal_code, enough) = placing.scenario.clone().unwrap();
        let scenario = Scenario { token: token.leak(), postal_code: postal_code.leak(), enough };
        let [order] = &placing.commits[..] else { panic!("the order is placed alone") };
        let order = order.commit();
        let OrderEvent::Placed(placed) = OrderEvent::decode(&order.events[0]).unwrap() else {
            panic!("the first event places the order")
        };
        let mut world = Self::unplaced(scenario, &placed, Goods::of(scenario));
        world.patience = ORDER_SAGA.patience;

        let request = Request { commit_id: order.id, at: order.at, context: order.context.clone() };
        let draft = request.draft(order.events.clone(), None);
        let sealing = Sealing::new(world.store.clone(), &world.keys);
        finish(sealing.append(&world.store.start(order.stream), draft)).unwrap();

        let mut at = order.at.as_millis();
        for moment in moments {
            let events = moment.commits.iter().flat_map(|commit| &commit.events);
            let names: Vec<String> = events.map(|(event_type, ..)| event_type.clone()).collect();
            world.shipped_early |= names.contains(&"reservation.shipped".to_owned());
            if !names.is_empty() {
                world.log.lock().unwrap().push(names);
            }
            for commit in &moment.commits {
                at = at.max(commit.at);
                if moment.after.is_some() {
                    world.store.plant(commit.commit());
                }
            }
            for (key, entry) in moment.gateway.iter().flatten() {
                world.gateway.plant(key.clone(), entry.clone());
            }
            for (key, entry) in moment.carrier.iter().flatten() {
                world.carrier.plant(key.clone(), entry.clone());
            }
        }
        world.millis = AtomicI64::new(at + 1);
        world
    }
}
