//! The body of a commit, compressed: where that saves money.

use std::cell::RefCell;

use zstd::zstd_safe::{CCtx, DCtx, compress_bound, get_frame_content_size};

/// Write units are charged for each of so many bytes.
const WRITE_UNIT_BYTES: usize = 1024;
/// Shorter than this nothing loses a whole write unit, so it is not tried.
const WORTH_TRYING_BYTES: usize = 3 * WRITE_UNIT_BYTES / 2;
/// No item is larger, so no text was before it was packed.
const MAX_TEXT_BYTES: usize = 400 * 1024;
/// Zstandard's own default: more costs time, and JSON of this size gains little from it.
const LEVEL: i32 = 3;

// What Zstandard works in costs more to make than a commit to unpack.
thread_local! {
    static PACKING: RefCell<CCtx<'static>> = RefCell::new(CCtx::create());
    static UNPACKING: RefCell<DCtx<'static>> = RefCell::new(DCtx::create());
}

/// This text, compressed; none if that does not save a write unit.
pub(crate) fn pack(text: &str) -> Option<Vec<u8>> {
    if text.len() < WORTH_TRYING_BYTES {
        return None;
    }
    let mut packed = Vec::with_capacity(compress_bound(text.len()));
    PACKING.with_borrow_mut(|context| context.compress(&mut packed, text.as_bytes(), LEVEL)).ok()?;
    (packed.len() + WRITE_UNIT_BYTES <= text.len()).then_some(packed)
}

/// The text out of what was packed.
pub(crate) fn unpack(packed: &[u8]) -> Result<String, &'static str> {
    // Whoever wrote it, it never unfolds into more than an item can be.
    let size = get_frame_content_size(packed).ok().flatten().and_then(|size| usize::try_from(size).ok());
    let size = size.ok_or("`body` is no frame of Zstandard that says its size")?;
    if size > MAX_TEXT_BYTES {
        return Err("`body` unfolds into more than fits an item");
    }
    let mut text = Vec::with_capacity(size);
    let unpacked = UNPACKING.with_borrow_mut(|context| context.decompress(&mut text, packed));
    unpacked.or(Err("`body` cannot be decompressed"))?;
    String::from_utf8(text).or(Err("`body` is not UTF-8"))
}
