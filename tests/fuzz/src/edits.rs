//! Changes of bytes.

use libfuzzer_sys::arbitrary::{self, Arbitrary};

/// Some bytes go, others come in their place.
#[derive(Debug, Clone, Arbitrary)]
pub struct Edit {
    place: u16,
    removed: u8,
    inserted: Vec<u8>,
}

impl Edit {
    /// The bytes after these edits. A place behind the end counts on from the beginning.
    #[must_use]
    pub fn all(edits: &[Self], mut bytes: Vec<u8>) -> Vec<u8> {
        for Self { place, removed, inserted } in edits {
            let start = usize::from(*place) % (bytes.len() + 1);
            let end = bytes.len().min(start + usize::from(*removed));
            bytes.splice(start..end, inserted.iter().copied());
        }
        bytes
    }
}
