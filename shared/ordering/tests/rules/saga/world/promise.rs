//! The promise of the saga for every order, checked against the complete state at its end.

use std::collections::BTreeSet;

use events::Money;
use ordering::order::Phase;
use ordering::payment::PaymentState;
use ordering::reservation::ReservationState;
use ordering::saga::{ORDER_SAGA, SagaState};
use ordering::sandbox::GatewayEntry;
use ordering::shipment::ShipmentState;
use ordering::stock::{Stock, StockState};
use ordering::streams;
use skald::decider::fold;
use skald_saga::StepName;

use super::{Goods, World, tenant};

impl World {
    /// Asserts the promise. Either the order is confirmed, and perhaps dispatched, and all of it
    /// happened, or it is cancelled and nothing of it is left, or it is parked in a scenario that
    /// may park there. In each case the ledgers agree with the streams, and the events are in the
    /// right order.
    ///
    /// # Panics
    /// If the promise is broken, with the reason.
    #[track_caller]
    pub(crate) fn assert_clean(&self, what: &str) {
        let state = self.state();
        let order = state.order.placed().unwrap_or_else(|| panic!("{what}: no order"));
        let log = self.log();
        let story = || {
            format!(
                "{what}\n{}\n{:?}\n{:?}",
                log.join("\n"),
                self.gateway.entries(),
                self.carrier.entries()
            )
        };
        self.assert_direction(&story);
        self.assert_agreement(&state, &story);
        let confirmed = match order.phase {
            Phase::Confirmed | Phase::Dispatched | Phase::Delivered => true,
            Phase::Cancelled(_) => false,
            Phase::Open | Phase::Committed | Phase::Undoing(_) => {
                let parked = order.parked.as_ref();
                let parked = parked.unwrap_or_else(|| {
                    panic!("the order is neither final nor parked: {}", story())
                });
                let forward = ORDER_SAGA.forward().any(|step| step.name() == parked.step);
                let undoing = matches!(order.phase, Phase::Undoing(_));
                // Undoing a parked order also resumes it.
                assert!(
                    !(undoing && forward),
                    "the order is being undone but parked at a forward step: {}",
                    story()
                );
                let may_park = self.scenario.may_park_at().contains(&parked.step.as_str());
                assert!(
                    may_park,
                    "an order whose scenario has no faults is parked at {}, {}: {}",
                    parked.step,
                    parked.error,
                    story()
                );
                return;
            }
        };
        let dispatched = matches!(order.phase, Phase::Dispatched | Phase::Delivered);
        for goods in &self.goods {
            // Goods leave the stock with the parcel, or an earlier release took them before.
            let expected = match (confirmed, dispatched || (confirmed && self.shipped_early)) {
                (_, true) => (goods.all().saturating_sub(goods.ordered), 0),
                (true, false) => (goods.all(), goods.ordered),
                (false, false) => (goods.all(), 0),
            };
            assert_eq!(
                self.stock_of(goods),
                expected,
                "on hand and reserved of {}: {}",
                goods.sku,
                story()
            );
        }
        let payments = self.gateway.entries();
        assert_eq!(
            payments.values().find_map(|entry| entry.open()),
            None,
            "money is still held: {}",
            story()
        );
        let captured: Vec<_> = payments.values().filter_map(|entry| entry.captured()).collect();
        let due = if confirmed { vec![self.total] } else { Vec::new() };
        assert_eq!(captured, due, "captured money: {}", story());
        let parcels = self.carrier.entries().values().filter(|entry| entry.has_parcel()).count();
        assert_eq!(parcels, usize::from(confirmed), "parcels at the carrier: {}", story());
    }

    /// Goods, money and parcel agree with the order's streams. A recorded request without a
    /// recorded answer may or may not have had its effect.
    #[track_caller]
    fn assert_agreement(&self, state: &SagaState, story: &dyn Fn() -> String) {
        for goods in &self.goods {
            let lines = state.reservation.held().iter().filter(|line| line.sku == goods.sku);
            let held: u64 = lines.map(|line| u64::from(line.quantity)).sum();
            let has_left = matches!(state.reservation, ReservationState::Shipped(_));
            let left = if has_left { goods.ordered } else { 0 };
            let expected = (goods.all().saturating_sub(left), held);
            assert_eq!(
                self.stock_of(goods),
                expected,
                "on hand and reserved of {}: {}",
                goods.sku,
                story()
            );
            assert!(
                held == 0 || held == goods.ordered,
                "quantity held of {}: {}",
                goods.sku,
                story()
            );
        }

        let entries = self.gateway.entries();
        let sum = |money: fn(&GatewayEntry) -> Option<Money>| -> i64 {
            entries.values().filter_map(money).map(|money| money.amount_minor()).sum()
        };
        let (none, total) = (0, self.total.amount_minor());
        // The amounts that may be held and captured.
        let allowed: &[(i64, i64)] = match &state.payment {
            PaymentState::Unrequested
            | PaymentState::Declined { .. }
            | PaymentState::Voided
            | PaymentState::Refunded => &[(none, none)],
            PaymentState::AuthorizationRequested => &[(none, none), (total, none)],
            // A capture may have been in flight.
            PaymentState::VoidRequested => &[(none, none), (total, none), (none, total)],
            PaymentState::Authorized | PaymentState::CaptureRefused { .. } => &[(total, none)],
            PaymentState::CaptureRequested => &[(total, none), (none, total)],
            PaymentState::Captured => &[(none, total)],
            PaymentState::RefundRequested => &[(none, total), (none, none)],
        };
        let money = (sum(GatewayEntry::open), sum(GatewayEntry::captured));
        assert!(
            allowed.contains(&money),
            "money held and captured {money:?}, after {:?}: {}",
            state.payment,
            story()
        );

        let allowed: &[usize] = match &state.shipment {
            ShipmentState::Unrequested
            | ShipmentState::Refused { .. }
            | ShipmentState::Cancelled => &[0],
            ShipmentState::Requested | ShipmentState::CancelRequested => &[0, 1],
            ShipmentState::Created(_) | ShipmentState::Dispatched | ShipmentState::Delivered => {
                &[1]
            }
        };
        let parcels = self.carrier.entries().values().filter(|entry| entry.has_parcel()).count();
        assert!(
            allowed.contains(&parcels),
            "{parcels} parcels, after {:?}: {}",
            state.shipment,
            story()
        );
    }

    /// The order goes in one direction. Steps are undone in reverse order, the last step first, and
    /// only after undoing started.
    #[track_caller]
    fn assert_direction(&self, story: &dyn Fn() -> String) {
        let log = self.log();
        let at = |name: &str| log.iter().position(|written| written == name);
        let ever = |name: &str| at(name).is_some();
        assert!(
            !(ever("order.dispatched") && ever("order.undo_started")),
            "the order went in both directions: {}",
            story()
        );
        assert_eq!(
            (ever("order.dispatched"), ever("order.delivered")),
            (ever("shipment.dispatched"), ever("shipment.delivered")),
            "the order and its parcel do not agree: {}",
            story()
        );
        let money = [ever("payment.captured"), ever("payment.voided"), ever("payment.refunded")];
        assert!(
            !matches!(money, [true, true, _] | [_, true, true] | [false, _, true]),
            "money was given back in a way that does not fit: {}",
            story()
        );
        let often = |name: &&String| {
            name.starts_with("stock.") || ["order.parked", "order.resumed"].contains(&name.as_str())
        };
        let once: Vec<&String> = log.iter().filter(|name| !often(name)).collect();
        assert_eq!(
            once.iter().collect::<BTreeSet<_>>().len(),
            once.len(),
            "an event was written twice: {}",
            story()
        );

        let paid_back = at("payment.voided").or_else(|| at("payment.refunded"));
        let released = ["reservation.released", "reservation.returned", "reservation.abandoned"];
        let released = released.into_iter().find_map(at);
        let undoing = [at("order.undo_started"), at("shipment.cancelled"), paid_back, released];
        let undoing: Vec<usize> =
            undoing.into_iter().chain([at("order.cancelled")]).flatten().collect();
        assert!(undoing.is_sorted(), "the steps were undone in a wrong order: {}", story());
        assert!(
            undoing.is_empty() || ever("order.undo_started"),
            "a step was undone before undoing started: {}",
            story()
        );
        let done = [
            at("reservation.made"),
            at("payment.authorized"),
            at("shipment.created"),
            at("order.committed"),
        ];
        let after = [at("payment.captured"), at("order.confirmed"), at("order.dispatched")];
        let done: Vec<usize> = done.into_iter().chain(after).flatten().collect();
        assert!(done.is_sorted(), "the steps were done in a wrong order: {}", story());
    }

    /// The quantities of a product on hand and reserved, over all shards. No shard may have more
    /// reserved than on hand.
    #[track_caller]
    fn stock_of(&self, goods: &Goods) -> (u64, u64) {
        let shards = (0..).zip(&goods.received).map(|(shard, _)| {
            let stream = streams::stock(&tenant(), &goods.sku, shard);
            let StockState { on_hand, reserved } =
                fold::<Stock>(&self.commits(&stream)).unwrap().state;
            assert!(reserved <= on_hand, "{stream} is oversold: {reserved} of {on_hand}");
            (on_hand, reserved)
        });
        shards.fold((0, 0), |sum, shard| (sum.0 + shard.0, sum.1 + shard.1))
    }
}
