//! The holdings of an order that its streams imply.

use std::collections::BTreeSet;

use super::{Account, Holdings, Sums};

impl Account {
    /// The holdings that a final order must have. `None` if the order is not final.
    pub(super) fn expected_holdings(&self) -> Option<Holdings> {
        if self.is_confirmed() {
            let (ordered, captured) = (self.ordered.clone(), self.total.clone());
            let confirmed = Holdings { captured, parcels: 1, ..Holdings::default() };
            // Goods leave the stock with the parcel.
            return Some(if self.is_dispatched() {
                Holdings { shipped: ordered, ..confirmed }
            } else {
                Holdings { reserved: ordered, ..confirmed }
            });
        }
        self.is_cancelled().then(Holdings::default)
    }

    /// Events that occur twice in the order's streams, although they may occur only once.
    pub(super) fn duplicates(&self) -> BTreeSet<&str> {
        let once = self.events.iter().map(String::as_str).filter(|event| {
            !matches!(*event, "order.parked" | "order.resumed") // these may repeat
        });
        let mut seen = BTreeSet::new();
        once.filter(|event| !seen.insert(*event)).collect()
    }

    /// The differences between stock, gateway and carrier on one side and the order's streams on
    /// the other. If a call is requested and its answer is not recorded yet, both results are
    /// accepted.
    pub(super) fn disagreements(&self) -> Vec<String> {
        let Holdings { reserved, shipped, authorized, captured, parcels } = &self.holdings;
        let mut faults = Vec::new();
        if (reserved, shipped) != (&self.reservation.reserved, &self.reservation.shipped) {
            let stream = &self.reservation;
            faults.push(format!(
                "its reservation has {stream:?}, but the stock has reserved \
                 {reserved:?} and shipped {shipped:?}"
            ));
        }
        let money = (authorized, captured);
        if !self.money().contains(&money) {
            faults.push(format!(
                "after {:?} the gateway has authorized and captured {money:?}",
                self.last("payment.")
            ));
        }
        if !self.parcels().contains(parcels) {
            faults.push(format!(
                "after {:?} the carrier has {parcels} parcels",
                self.last("shipment.")
            ));
        }
        faults
    }

    /// The sums that the gateway may have authorized and captured after the payment's last event.
    fn money(&self) -> Vec<(&Sums, &Sums)> {
        static NOTHING: Sums = Sums::new();
        let (nothing, total) = (&NOTHING, &self.total);
        match self.last("payment.") {
            None | Some("payment.declined" | "payment.voided" | "payment.refunded") => {
                vec![(nothing, nothing)]
            }
            Some("payment.authorization_requested") => vec![(nothing, nothing), (total, nothing)],
            // A capture may have been in flight.
            Some("payment.void_requested") => {
                vec![(nothing, nothing), (total, nothing), (nothing, total)]
            }
            Some("payment.refund_requested") => vec![(nothing, total), (nothing, nothing)],
            Some("payment.authorized" | "payment.capture_refused") => vec![(total, nothing)],
            Some("payment.capture_requested") => vec![(total, nothing), (nothing, total)],
            Some("payment.captured") => vec![(nothing, total)],
            Some(other) => panic!("extend this function: {other} may move money"),
        }
    }

    /// How many parcels the carrier may have after the shipment's last event.
    fn parcels(&self) -> &'static [usize] {
        match self.last("shipment.") {
            None | Some("shipment.refused" | "shipment.cancelled") => &[0],
            Some("shipment.requested" | "shipment.cancel_requested") => &[0, 1],
            Some("shipment.created" | "shipment.dispatched" | "shipment.delivered") => &[1],
            Some(other) => panic!("extend this function: {other} may create or cancel a parcel"),
        }
    }
}
