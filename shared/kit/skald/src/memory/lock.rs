//! Locking the shared maps of the stores.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A panic in another thread leaves the map consistent: every change to it is one insertion.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
