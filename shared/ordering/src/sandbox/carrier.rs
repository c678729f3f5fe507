//! The simulated carrier. The postal code determines the outcome: `00000` is refused, a call with
//! `99999` has no answer and no effect, and any other succeeds.

use events::{AttemptKey, ParcelId};
use serde::{Deserialize, Serialize};
use skald::personal::Personal;

use crate::ports::{CarrierCall, ParcelAtCarrier, PortError};

/// The entry of the carrier's ledger under a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarrierEntry {
    /// The parcel's address; `None` if the parcel was cancelled before it was requested.
    pub postal_code: Option<Personal<String>>,
    /// The parcel's status.
    pub parcel: ParcelAtCarrier,
}

impl CarrierEntry {
    /// Whether a parcel exists.
    #[must_use]
    pub const fn has_parcel(&self) -> bool {
        matches!(self.parcel, ParcelAtCarrier::Created { .. })
    }

    fn times_out(&self) -> bool {
        self.postal_code
            .as_ref()
            .is_some_and(|code| code.reveal().is_ok_and(|code| code == "99999"))
    }
}

/// The carrier's reaction to a call, given the entry of its ledger under the call's key: the entry
/// to store, if it changes, and the answer.
pub fn ask_carrier(
    entry: Option<&CarrierEntry>,
    call: &CarrierCall,
) -> (Option<CarrierEntry>, Result<ParcelAtCarrier, PortError>) {
    let absent = CarrierEntry { postal_code: None, parcel: ParcelAtCarrier::Absent };
    let before = entry.cloned().unwrap_or(absent);
    let mut after = before.clone();
    match (call, &before.parcel) {
        (CarrierCall::Create { key, address }, ParcelAtCarrier::Absent) => {
            let code = match address.reveal() {
                Ok(address) => &address.fields().postal_code,
                Err(hidden) => return (None, Err(PortError::Refused(hidden.to_string()))),
            };
            after.postal_code = Some(Personal::of(address.person().clone(), code.clone()));
            after.parcel = match code.as_str() {
                "00000" => ParcelAtCarrier::Refused { reason: "address_not_served".to_owned() },
                "99999" => ParcelAtCarrier::Absent,
                _ => ParcelAtCarrier::Created { parcel: parcel(key) },
            };
        }
        (CarrierCall::Cancel { .. }, ParcelAtCarrier::Absent | ParcelAtCarrier::Created { .. })
            if !before.times_out() =>
        {
            after.parcel = ParcelAtCarrier::Cancelled;
        }
        (_, _) => {}
    }
    let answer = if after.times_out() {
        Err(PortError::NoAnswer("the carrier timed out".to_owned()))
    } else {
        Ok(after.parcel.clone())
    };
    ((after != before).then_some(after), answer)
}

/// Derived from the key, so that it is always the same.
fn parcel(key: &AttemptKey) -> ParcelId {
    let key = key.as_str();
    ParcelId::new(format!("parcel_{}", &key[..key.len().min(240)]))
        .expect("the text is visible ASCII and within the length limit")
}
