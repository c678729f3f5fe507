//! What is to be held for an order, by its own streams: of final orders and of parked ones.

use std::collections::BTreeSet;

use super::{Account, Holdings, Sums};

impl Account {
    /// What is to be held for it now that it is final; nothing is said of one that is not.
    pub(super) fn due(&self) -> Option<Holdings> {
        if self.is_confirmed() {
            let (shipped, captured) = (self.ordered.clone(), self.total.clone());
            return Some(Holdings { shipped, captured, parcels: 1, ..Holdings::default() });
        }
        self.is_cancelled().then(Holdings::default)
    }

    /// Events that are there twice, though they can happen to an order once only.
    pub(super) fn doubled(&self) -> BTreeSet<&str> {
        let once = self.events.iter().map(String::as_str).filter(|event| {
            !matches!(*event, "order.parked" | "order.resumed") // as often as it takes
        });
        let mut seen = BTreeSet::new();
        once.filter(|event| !seen.insert(*event)).collect()
    }

    /// Where stock, gateway and carrier have something else for the order than its streams say.
    /// Where a call was asked for and its answer is not written yet, it may have had its effect or
    /// not.
    pub(super) fn disagreements(&self) -> Vec<String> {
        let Holdings { reserved, shipped, authorized, captured, parcels } = &self.holdings;
        let mut faults = Vec::new();
        if (reserved, shipped) != (&self.reservation.reserved, &self.reservation.shipped) {
            let stream = &self.reservation;
            faults.push(format!("its reservation says {stream:?}, but the stock holds {reserved:?}, gave {shipped:?}"));
        }
        let money = (authorized, captured);
        if !self.money().contains(&money) {
            faults.push(format!(
                "after {:?} the gateway holds and gave {money:?}",
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

    /// What the gateway may hold and may have given, after the last event of the payment.
    fn money(&self) -> Vec<(&Sums, &Sums)> {
        static NOTHING: Sums = Sums::new();
        let (nothing, total) = (&NOTHING, &self.total);
        match self.last("payment.") {
            None | Some("payment.declined" | "payment.voided") => vec![(nothing, nothing)],
            Some("payment.authorization_requested" | "payment.void_requested") => {
                vec![(nothing, nothing), (total, nothing)]
            }
            Some("payment.authorized") => vec![(total, nothing)],
            Some("payment.capture_requested") => vec![(total, nothing), (nothing, total)],
            Some("payment.captured") => vec![(nothing, total)],
            Some(other) => panic!("{other} of a payment: say here where the money is"),
        }
    }

    /// How many parcels there may be, after the last event of the shipment.
    fn parcels(&self) -> &'static [usize] {
        match self.last("shipment.") {
            None | Some("shipment.refused" | "shipment.cancelled") => &[0],
            Some("shipment.requested" | "shipment.cancel_requested") => &[0, 1],
            Some("shipment.created") => &[1],
            Some(other) => panic!("{other} of a shipment: say here where the parcel is"),
        }
    }
}
