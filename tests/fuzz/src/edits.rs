//! Edits of bytes.

use libfuzzer_sys::arbitrary::{self, Arbitrary};

/// Replaces some bytes with others.
#[derive(Debug, Clone, Arbitrary)]
pub struct Edit {
    position: u16,
    removed: u8,
    inserted: Vec<u8>,
}

impl Edit {
    /// The bytes after these edits. A position behind the end wraps around to the beginning.
    #[must_use]
    pub fn all(edits: &[Self], mut bytes: Vec<u8>) -> Vec<u8> {
        for Self { position, removed, inserted } in edits {
            let start = usize::from(*position) % (bytes.len() + 1);
            let end = bytes.len().min(start + usize::from(*removed));
            bytes.splice(start..end, inserted.iter().copied());
        }
        bytes
    }
}
