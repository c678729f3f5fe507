//! A text is rejected, or it is the token of a position, which prints as the same token.

#![no_main]

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use skald::index::{IndexKey, Position, SlicePosition};
use skald::stream::{StreamId, Tenant, Version};
use skald::time::Timestamp;
use skald_fuzz::Edit;
use uuid::Uuid;

/// The namespace of the checksum of a position.
const KIND: Uuid = Uuid::from_u128(0x5ca1_d000_0001_5000_8000_706f_7369_7431);

#[derive(Debug, Arbitrary)]
enum Input {
    /// Any text.
    Text(String),
    /// Any content with a valid checksum.
    Sealed(Vec<u8>),
    /// A valid token.
    Real(Vec<Slice>),
    /// A valid token with edited content and a valid checksum.
    Changed(Vec<Slice>, Vec<Edit>),
}

#[derive(Debug, Arbitrary)]
enum Slice {
    Before(i64),
    Through(i64),
    After { millis: i64, stream: u8, version: u64 },
    Same,
}

fuzz_target!(|input: Input| {
    match input {
        Input::Text(text) => parse(&text),
        Input::Sealed(content) => parse(&sealed(content)),
        Input::Real(slices) => {
            let position = position(&slices);
            assert_eq!(position.to_string().parse(), Ok(position));
        }
        Input::Changed(slices, edits) => {
            let mut content =
                BASE64.decode(position(&slices).to_string()).expect("a token is base64");
            content.truncate(content.len() - 8);
            parse(&sealed(Edit::all(&edits, content)));
        }
    }
});

fn parse(text: &str) {
    if let Ok(position) = text.parse::<Position>() {
        assert_eq!(position.to_string(), text);
    }
}

fn sealed(mut content: Vec<u8>) -> String {
    content.extend(&Uuid::new_v5(&KIND, &content).as_bytes()[..8]);
    BASE64.encode(content)
}

fn position(slices: &[Slice]) -> Position {
    let mut result: Vec<SlicePosition> = Vec::new();
    // An index has at most 255 slices.
    for slice in slices.iter().take(255) {
        result.push(match slice {
            Slice::Before(millis) => SlicePosition::Before(Timestamp::EPOCH.plus_millis(*millis)),
            Slice::Through(millis) => SlicePosition::Through(Timestamp::EPOCH.plus_millis(*millis)),
            Slice::After { millis, stream, version } => {
                let stream = StreamId::new(&Tenant::default(), "order", &stream.to_string())
                    .expect("a stream's name");
                let at = Timestamp::EPOCH.plus_millis(*millis);
                SlicePosition::After(IndexKey::new(at, stream, Version::new((*version).max(1))))
            }
            Slice::Same => result.last().cloned().unwrap_or(SlicePosition::START),
        });
    }
    Position::new(result)
}
