//! The maker of the locks, an external system.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

#[derive(Debug, Clone)]
pub(crate) enum LockCall {
    Issue(String),
    Revoke(String),
}

/// Whether the code of a key is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AtLock {
    Valid,
    Revoked,
}

/// The maker of the locks.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lock {
    /// Whether revoking a code that was never issued has no effect.
    pub(crate) is_forgetful: bool,
    pub(crate) keys: Arc<Mutex<BTreeMap<String, AtLock>>>,
}

impl Lock {
    pub(crate) async fn ask(self, call: LockCall) -> AtLock {
        let mut keys = self.keys.lock().unwrap();
        match call {
            LockCall::Issue(key) => *keys.entry(key).or_insert(AtLock::Valid),
            LockCall::Revoke(key) => {
                if keys.contains_key(&key) || !self.is_forgetful {
                    keys.insert(key, AtLock::Revoked);
                }
                AtLock::Revoked
            }
        }
    }
}
