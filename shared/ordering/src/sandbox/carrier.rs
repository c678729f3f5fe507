//! The sandbox of the carrier. The postal code says what happens: `00000` is refused, with `99999`
//! no call has an answer or an effect, and any other goes well.

use events::{AttemptKey, ParcelId};
use serde::{Deserialize, Serialize};
use skald::personal::Personal;

use crate::ports::{CarrierCall, ParcelAtCarrier, PortError};

/// What the carrier's ledger has under a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarrierEntry {
    /// Where the parcel goes; nothing if it was cancelled before it was asked for.
    pub postal_code: Option<Personal<String>>,
    /// What has become of it.
    pub parcel: ParcelAtCarrier,
}

impl CarrierEntry {
    /// Whether there is a parcel.
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

/// What the carrier does with this call, given what its ledger has under the call's key: the entry
/// to store, if it changes, and the answer.
pub fn ask_carrier(
    entry: Option<&CarrierEntry>,
    call: &CarrierCall,
) -> (Option<CarrierEntry>, Result<ParcelAtCarrier, PortError>) {
    let nothing = CarrierEntry { postal_code: None, parcel: ParcelAtCarrier::Absent };
    let before = entry.cloned().unwrap_or(nothing);
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

/// Made from the key, so that it is the same every time.
fn parcel(key: &AttemptKey) -> ParcelId {
    let key = key.as_str();
    ParcelId::new(format!("parcel_{}", &key[..key.len().min(240)]))
        .expect("visible ASCII, and not too long")
}
