//! The bank, an external system.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// What the bank knows under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AtBank {
    Absent,
    Declined,
    Held,
    Collected,
    /// The money was returned, and the key is closed.
    Returned,
}

#[derive(Debug, Clone)]
pub(crate) enum BankCall {
    Find(String),
    Take(String),
    Collect(String),
    Return(String),
}

/// The bank.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bank {
    pub(crate) declines: bool,
    pub(crate) keys: Arc<Mutex<BTreeMap<String, AtBank>>>,
}

impl Bank {
    pub(crate) async fn ask(self, call: BankCall) -> AtBank {
        let mut keys = self.keys.lock().unwrap();
        let (BankCall::Find(key)
        | BankCall::Take(key)
        | BankCall::Collect(key)
        | BankCall::Return(key)) = &call;
        let known = keys.get(key).copied().unwrap_or(AtBank::Absent);
        let next = match (&call, known) {
            (BankCall::Take(_), AtBank::Absent) if self.declines => AtBank::Declined,
            (BankCall::Take(_), AtBank::Absent) => AtBank::Held,
            (BankCall::Collect(_), AtBank::Held) => AtBank::Collected,
            (BankCall::Return(_), AtBank::Absent | AtBank::Held | AtBank::Collected) => {
                AtBank::Returned
            }
            (_, known) => known,
        };
        if next != AtBank::Absent {
            keys.insert(key.clone(), next);
        }
        next
    }
}
