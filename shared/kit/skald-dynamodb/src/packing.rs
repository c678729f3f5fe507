//! Compression of commit bodies, which saves write units.

use std::cell::RefCell;

use zstd::zstd_safe::{CCtx, DCtx, compress_bound, get_frame_content_size};

/// The bytes of an item per write unit; the last, partial unit is charged in full.
const WRITE_UNIT_BYTES: usize = 1024;
/// The largest text that is unpacked: a text fits in an item before it is packed.
const MAX_TEXT_BYTES: usize = 400 * 1024;
/// Zstandard's own default: a higher level costs time, and JSON of this size gains little from it.
const LEVEL: i32 = 3;

// Creating Zstandard's working memory costs more than unpacking a commit, so it is reused.
thread_local! {
    static PACKING: RefCell<CCtx<'static>> = RefCell::new(CCtx::create());
    static UNPACKING: RefCell<DCtx<'static>> = RefCell::new(DCtx::create());
}

/// The compressed text. `None` if compression does not save a write unit. The item has `beside`
/// bytes besides the text, and `if_packed` further ones if it is compressed.
pub(crate) fn pack(text: &str, beside: usize, if_packed: usize) -> Option<Vec<u8>> {
    let units = |bytes: usize| (bytes + beside).div_ceil(WRITE_UNIT_BYTES);
    if units(text.len()) < 2 {
        return None;
    }
    let mut packed = Vec::with_capacity(compress_bound(text.len()));
    PACKING
        .with_borrow_mut(|context| context.compress(&mut packed, text.as_bytes(), LEVEL))
        .ok()?;
    (units(packed.len() + if_packed) < units(text.len())).then_some(packed)
}

/// The text that was packed.
pub(crate) fn unpack(packed: &[u8]) -> Result<String, &'static str> {
    // Regardless of its writer, a packed text never expands to more than the largest item.
    let size =
        get_frame_content_size(packed).ok().flatten().and_then(|size| usize::try_from(size).ok());
    let size = size.ok_or("`body` is not a Zstandard frame with a content size")?;
    if size > MAX_TEXT_BYTES {
        return Err("`body` decompresses to more than an item can contain");
    }
    let mut text = Vec::with_capacity(size);
    let unpacked = UNPACKING.with_borrow_mut(|context| context.decompress(&mut text, packed));
    unpacked.or(Err("`body` cannot be decompressed"))?;
    String::from_utf8(text).or(Err("`body` is not UTF-8"))
}
