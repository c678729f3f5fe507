//! The data of a commit's events in one piece, compressed: where that saves money.

use skald::{EventData, MAX_COMMIT_BYTES};

/// Write units are charged for each of so many bytes.
const WRITE_UNIT_BYTES: usize = 1024;
/// Zstandard's own default: more costs time, and JSON of this size gains little from it.
const LEVEL: i32 = 3;

/// The data of these events one after the other, compressed; none if that does not save a write unit.
pub(crate) fn pack(events: &[EventData]) -> Option<Vec<u8>> {
    let size: usize = events.iter().map(|event| event.data.len()).sum();
    if size < WRITE_UNIT_BYTES {
        return None;
    }
    let all: Vec<u8> = events.iter().flat_map(|event| event.data.iter().copied()).collect();
    let packed = zstd::bulk::compress(&all, LEVEL).ok()?;
    (packed.len() + WRITE_UNIT_BYTES <= size).then_some(packed)
}

/// The data of events of these sizes, in bytes, out of what was packed.
pub(crate) fn unpack(packed: &[u8], sizes: &[usize]) -> Result<Vec<Vec<u8>>, &'static str> {
    // Whoever wrote it, it never unfolds into more than a commit can be.
    let size =
        sizes.iter().try_fold(0_usize, |sum, size| sum.checked_add(*size)).filter(|size| *size <= MAX_COMMIT_BYTES);
    let size = size.ok_or("the sizes of `events` are more than fit a commit")?;
    let all = zstd::bulk::decompress(packed, size).or(Err("`data` cannot be decompressed into `events`"))?;
    let mut rest = all.as_slice();
    let mut data = Vec::with_capacity(sizes.len());
    for &size in sizes {
        let (one, more) = rest.split_at_checked(size).ok_or("`data` is shorter than `events`")?;
        data.push(one.to_vec());
        rest = more;
    }
    Ok(data)
}
