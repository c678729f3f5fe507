//! The ports to the outside world: the payment gateway and the carrier.
//!
//! Both are asked by attempt key, and both keep two promises that the saga rests on; an adapter
//! that cannot get them from its provider must make them up.
//!
//! - **The same key is the same thing.** Whatever is asked again under a key changes nothing and is
//!   answered as before.
//! - **Undoing closes the key.** Once a key is voided or cancelled, nothing is held under it and
//!   nothing ever will be, even if it was not known before and the call that would have made it
//!   known is still on its way. (A provider whose payments are made first and confirmed then has
//!   this: make it under the key, and cancel it. One that has not: authorize and void.) Otherwise a
//!   call that was delayed, by somebody who then died, would hold money for a cancelled order for
//!   ever.
//!
//! A call answers what there is under its key afterwards. The functions put a [`TimeLimited`] around
//! every adapter, so a call never takes longer than the saga allows.

mod disclosing;
mod time_limited;

use std::future::Future;

use events::{Address, AttemptKey, AuthorizationId, Money, ParcelId};
use serde::{Deserialize, Serialize};
use skald::personal::Personal;

pub use disclosing::Disclosing;
pub use time_limited::TimeLimited;

/// The payment gateway.
pub trait Gateway: Sync {
    /// Asks it.
    ///
    /// # Errors
    /// [`PortError`] if there is no answer, or a firm no.
    fn ask(
        &self,
        call: &GatewayCall,
    ) -> impl Future<Output = Result<PaymentAtGateway, PortError>> + Send;
}

/// What the gateway can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GatewayCall {
    /// Hold this much for us.
    Authorize {
        /// What it is asked under.
        key: AttemptKey,
        /// What it charges.
        token: Personal<String>,
        /// How much.
        amount: Money,
    },
    /// What is there? Changes nothing.
    Find {
        /// Under which key.
        key: AttemptKey,
    },
    /// Give us the money.
    Capture {
        /// Under which key.
        key: AttemptKey,
    },
    /// Hold no money for us, now or ever. Of captured money it asks nothing.
    Void {
        /// Under which key.
        key: AttemptKey,
    },
    /// Give the money back.
    Refund {
        /// Under which key.
        key: AttemptKey,
    },
}

impl GatewayCall {
    /// What it is asked under.
    #[must_use]
    pub const fn key(&self) -> &AttemptKey {
        match self {
            Self::Authorize { key, .. }
            | Self::Find { key }
            | Self::Capture { key }
            | Self::Void { key }
            | Self::Refund { key } => key,
        }
    }
}

/// What the gateway has under a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "status")]
pub enum PaymentAtGateway {
    /// It knows nothing of it.
    Absent,
    /// It refused to hold money.
    Declined {
        /// Why. No personal data.
        reason: String,
    },
    /// It holds the money for us.
    Authorized {
        /// What it calls it.
        authorization: AuthorizationId,
    },
    /// The money is ours.
    Captured,
    /// It holds no money, and never will.
    Voided,
    /// It gave the money back.
    Refunded,
}

/// The carrier.
pub trait Carrier: Sync {
    /// Asks it.
    ///
    /// # Errors
    /// [`PortError`] if there is no answer, or a firm no.
    fn ask(
        &self,
        call: &CarrierCall,
    ) -> impl Future<Output = Result<ParcelAtCarrier, PortError>> + Send;
}

/// What the carrier can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CarrierCall {
    /// Take a parcel.
    Create {
        /// What it is asked under.
        key: AttemptKey,
        /// Where the parcel goes.
        address: Personal<Address>,
    },
    /// What is there? Changes nothing.
    Find {
        /// Under which key.
        key: AttemptKey,
    },
    /// Take no parcel, now or ever.
    Cancel {
        /// Under which key.
        key: AttemptKey,
    },
}

impl CarrierCall {
    /// What it is asked under.
    #[must_use]
    pub const fn key(&self) -> &AttemptKey {
        match self {
            Self::Create { key, .. } | Self::Find { key } | Self::Cancel { key } => key,
        }
    }
}

/// What the carrier has under a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "status")]
pub enum ParcelAtCarrier {
    /// It knows nothing of it.
    Absent,
    /// It refused the parcel.
    Refused {
        /// Why. No personal data.
        reason: String,
    },
    /// It will take, or has taken, the parcel.
    Created {
        /// What it calls it.
        parcel: ParcelId,
    },
    /// It has no parcel, and never will.
    Cancelled,
}

/// Why a call told nothing. No personal data: it ends in logs and in the order's stream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PortError {
    /// It did not answer, in time or at all, or does not know itself: the call may have had its
    /// effect. *Transient.*
    #[error("no answer: {0}")]
    NoAnswer(String),
    /// What it must be told is about a person who was erased: it was not asked.
    #[error("the person was erased")]
    PersonErased,
    /// It says no, and asking again will not change that: the call had no effect. *Permanent.*
    #[error("refused: {0}")]
    Refused(String),
}
