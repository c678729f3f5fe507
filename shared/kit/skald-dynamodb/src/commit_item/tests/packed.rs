//! Large bodies are packed if that saves a write unit, and a fault in a packed body is named.

use super::*;

/// A commit of similar events, such as those of orders with many lines.
fn large() -> Commit {
    let event = |number: u32| EventData {
        event_type: "order.placed".to_owned(),
        schema: number,
        data: serde_json::to_vec(&vec![json!({ "a": 1.5 }); number as usize * 100]).unwrap(),
    };
    Commit { events: (0..4).map(event).collect(), ..commit() }
}

#[test]
fn a_large_commit_is_packed_and_read_again() {
    let item = written(&large());
    assert_eq!(item.get("encoding"), Some(&AttributeValue::S("json+zstd".to_owned())));
    let AttributeValue::B(packed) = &item["body"] else { panic!("{:?}", item["body"]) };
    assert!(packed.len() < 500, "{} bytes", packed.len());
    let text = zstd::stream::decode_all(packed.as_slice()).unwrap();
    assert!(
        text.starts_with(br#"{"commit":"3b241101-"#),
        "the packed text is the body of an unpacked item"
    );
    assert_eq!(read_stream_item(&item), StreamItem::Commit(large()));
}

/// The size of an item as the service counts it: names and text in UTF-8, bytes, and numbers by
/// their digits.
fn service_bytes(item: &Item) -> usize {
    let value = |name: &str| match item.attribute(name) {
        Some(Attribute::Text(text)) => text.len(),
        Some(Attribute::Bytes(bytes)) => bytes.len(),
        Some(Attribute::Number(digits)) => 1 + usize::midpoint(digits.len(), 1),
        Some(Attribute::Other) | None => panic!("{name} is not in the layout"),
    };
    item.keys().map(|name| name.len() + value(name)).sum()
}

/// The limit is exact: an unnecessary write unit would be paid for with every commit.
#[test]
fn a_commit_is_packed_if_and_only_if_that_saves_a_write_unit() {
    let (mut longest_plain, mut shortest_packed) = (0, usize::MAX);
    for length in 1..2_500 {
        let mut commit = Commit { snapshot: None, ..commit() };
        commit.events.truncate(1);
        commit.events[0].data = format!("\"{}\"", "x".repeat(length)).into();
        let item = written(&commit);
        let text = super::super::body::write(&commit).unwrap();
        let plain = if item.get("encoding").is_some() {
            let AttributeValue::B(frame) = &item["body"] else { panic!("{:?}", item["body"]) };
            assert!(service_bytes(&item) <= 1024, "a packed repetitive commit needs one unit");
            shortest_packed = shortest_packed.min(length);
            service_bytes(&item) - frame.len() - "encoding".len() - "json+zstd".len() + text.len()
        } else {
            longest_plain = length;
            service_bytes(&item)
        };
        assert_eq!(item.get("encoding").is_some(), plain > 1024, "{plain} bytes");
        assert_eq!(read_stream_item(&item), StreamItem::Commit(commit));
    }
    assert_eq!(longest_plain + 1, shortest_packed);
}

#[test]
fn a_commit_that_packing_does_not_make_a_unit_smaller_is_not_packed() {
    let mut seed = 1_u64;
    let mut digit = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'#' + (seed >> 33) as u8 % 57)
    };
    let noise: String = (0..1_150).map(|_| digit()).collect();
    // A quarter of the units can be saved.
    let (mut packed, mut plain) = (0, 0);
    for length in 700..noise.len() {
        let mut commit = Commit { snapshot: None, ..commit() };
        commit.events.truncate(1);
        commit.events[0].data = serde_json::to_vec(&noise[..length]).unwrap();
        let item = written(&commit);
        let bytes = service_bytes(&item);
        if item.contains_key("encoding") {
            assert!(bytes <= 1024, "{bytes} bytes");
            packed += 1;
        } else {
            let text = super::super::body::write(&commit).unwrap();
            let frame = zstd::bulk::compress(text.as_bytes(), 3).unwrap();
            let would_be = bytes - text.len() + frame.len() + "encoding".len() + "json+zstd".len();
            assert!(
                (1025..=2048).contains(&bytes) && would_be > 1024,
                "{bytes} bytes, and {would_be} packed"
            );
            plain += 1;
        }
        assert_eq!(read_stream_item(&item), StreamItem::Commit(commit));
    }
    assert!(packed > 100 && plain > 100, "{packed} packed, {plain} plain");
}

#[test]
fn the_command_is_known_in_both_encodings() {
    for commit in [commit(), large()] {
        assert_eq!(commit_id(&written(&commit)), Some(commit.id));
    }
    assert_eq!(commit_id(&from_image(json!({ "body": { "S": "{}" } }))), None);
    assert_eq!(
        commit_id(&from_image(json!({ "encoding": { "S": "later" }, "body": { "S": BODY } }))),
        None
    );
}

#[test]
fn whatever_is_wrong_with_a_packed_body_is_named() {
    let image = serde_json::to_value(written(&large())).unwrap();
    let fault = |body: serde_json::Value| {
        let mut image = image.clone();
        image["body"] = body;
        fault_in(image)
    };
    let packed = |text: &[u8]| {
        let frame = zstd::bulk::compress(text, 3).unwrap();
        serde_json::to_value(AttributeValue::B(frame)).unwrap()
    };
    assert_eq!(fault(json!({ "S": BODY })), "`body` is invalid");
    assert_eq!(
        fault(json!({ "B": "AAAA" })),
        "`body` is not a Zstandard frame with a content size"
    );
    assert_eq!(fault(json!({ "B": "" })), "`body` is not a Zstandard frame with a content size");
    assert_eq!(fault(packed(b"\"\xe9\"")), "`body` is not UTF-8");
    assert_eq!(fault(packed(b"{}")), "`body`: missing field `commit`");
    let most = 400 * 1024;
    assert_eq!(fault(packed(&vec![b' '; most])), "`body` is not JSON");
    assert_eq!(
        fault(packed(&vec![b' '; most + 1])),
        "`body` decompresses to more than an item can contain"
    );
    let frame = zstd::bulk::compress(&vec![b' '; most], 3).unwrap();
    let cut = serde_json::to_value(AttributeValue::B(frame[..frame.len() - 1].to_vec())).unwrap();
    assert_eq!(fault(cut), "`body` cannot be decompressed");
    // The frame declares a small size, and its content is larger.
    let mut liar = zstd::bulk::compress(&vec![b' '; most], 3).unwrap();
    liar[5..9].copy_from_slice(&100_u32.to_le_bytes());
    let liar = serde_json::to_value(AttributeValue::B(liar)).unwrap();
    assert_eq!(fault(liar), "`body` cannot be decompressed");
}
