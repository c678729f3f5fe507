//! Any commit is read back unchanged, and no content of an item makes the reader panic.

use proptest::collection::{btree_map, hash_map, vec};
use proptest::prelude::*;
use skald::commit::Draft;
use skald::time::Timestamp;

use super::*;

/// A JSON text in forms that no serializer writes.
fn any_json() -> impl Strategy<Value = Vec<u8>> {
    let string = any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap());
    let number = "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?";
    let leaf =
        prop_oneof![string, number, "null|true|false", Just(r#""\ud83d\/\u0041""#.to_owned())];
    let json = leaf.prop_recursive(3, 20, 4, |inner| {
        let field = ("[a-c]", "[ \n\r\t]{0,2}", inner.clone())
            .prop_map(|(name, space, value)| format!("\"{name}\"{space}:{space}{value}{space}"));
        prop_oneof![
            vec(inner, 0..4).prop_map(|items| format!("[{}]", items.join(", "))),
            vec(field, 0..4).prop_map(|fields| format!("{{{}}}", fields.join(","))),
        ]
    });
    json.prop_map(String::into_bytes)
}

fn any_commit() -> impl Strategy<Value = Commit> {
    let event = (any::<String>(), any::<u32>(), any_json());
    let events = vec(
        event.prop_map(|(event_type, schema, data)| EventData { event_type, schema, data }),
        1..6,
    );
    let identifier = "[A-Za-z0-9._-]{1,64}";
    let id = "[A-Za-z0-9._~-]{1,80}";
    let name = "[A-Za-z0-9._:-]{1,128}";
    let context = (
        any::<String>(),
        name,
        name,
        proptest::option::of(any::<u128>()),
        btree_map(".{1,9}", any::<String>(), 0..4),
    );
    let snapshot =
        (any::<u32>(), any_json()).prop_map(|(schema, state)| Snapshot { schema, state });
    let place = (identifier, "[a-z]{1,12}", id, 1..u64::MAX / 2, 0..253_402_300_799_999_i64);
    (place, any::<u128>(), context, events, proptest::option::of(snapshot)).prop_map(|parts| {
        let (place, commit, context, events, snapshot) = parts;
        let (tenant, category, id, first, millis) = place;
        let (source, correlation, actor, causation, metadata) = context;
        Commit {
            id: CommitId::new(Uuid::from_u128(commit)),
            stream: StreamId::new(&Tenant::new(tenant).unwrap(), &category, &id).unwrap(),
            first: Version::new(first),
            at: Timestamp::from_millis(millis).unwrap(),
            context: Context {
                source,
                correlation_id: CorrelationId::new(correlation).unwrap(),
                causation_id: causation.map(|id| cause(Uuid::from_u128(id))),
                actor: Actor::new(actor).unwrap(),
                metadata,
            },
            events,
            snapshot,
        }
    })
}

/// An attribute of any type and depth.
fn any_value() -> impl Strategy<Value = AttributeValue> {
    let leaf = prop_oneof![
        any::<String>().prop_map(AttributeValue::S),
        any::<f64>().prop_map(|number| AttributeValue::N(number.to_string())),
        any::<String>().prop_map(AttributeValue::N),
        vec(any::<u8>(), 0..9).prop_map(AttributeValue::B),
        any::<bool>().prop_map(AttributeValue::Bool),
        Just(AttributeValue::Null(true)),
        vec(any::<String>(), 0..3).prop_map(AttributeValue::Ss),
        vec(any::<String>(), 0..3).prop_map(AttributeValue::Ns),
        vec(vec(any::<u8>(), 0..3), 0..3).prop_map(AttributeValue::Bs),
    ];
    leaf.prop_recursive(3, 20, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(AttributeValue::L),
            hash_map(any::<String>(), inner, 0..6).prop_map(AttributeValue::M),
        ]
    })
}

proptest! {
    #[test]
    fn any_commit_survives_a_round_trip(commit in any_commit()) {
        prop_assert_eq!(read_stream_item(&written(&commit)), StreamItem::Commit(commit));
    }

    /// An item of 400 KB has room for the 350 KB that `size_bytes` may count, and for this
    /// overhead.
    #[test]
    fn an_item_is_hardly_larger_than_its_draft(commit in any_commit()) {
        let Commit { id, at, context, events, snapshot, .. } = commit.clone();
        let draft = Draft { commit_id: id, at, context, events, snapshot };
        let text = super::super::body::write(&commit).unwrap();
        let item = text.len() + types(&commit.events).len();
        let limit = draft.size_bytes() + 700;
        prop_assert!(item <= limit, "{item} bytes exceed {limit}");
    }

    #[test]
    fn no_item_makes_the_reader_panic(
        malformed in hash_map("pk|sk|at|encoding|body|types", any_value(), 1..4),
    ) {
        let mut item = from_image(image());
        for (name, value) in malformed {
            item.insert(name, value);
        }
        check_read(read_stream_item(&item))?;
    }

    #[test]
    fn no_text_makes_the_reader_panic(
        at in 0..BODY.len(),
        cut in 0..40_usize,
        malformed in "[ -~]{0,9}",
    ) {
        let rest = &BODY[(at + cut).min(BODY.len())..];
        let mut image = image();
        image["body"] = json!({ "S": format!("{}{malformed}{rest}", &BODY[..at]) });
        check_read(read_stream_item(&from_image(image)))?;
    }

    #[test]
    fn no_bytes_make_the_reader_panic(
        packed in vec(any::<u8>(), 0..200),
        is_frame in any::<bool>(),
    ) {
        let magic: &[u8] = if is_frame { &[0x28, 0xb5, 0x2f, 0xfd] } else { &[] };
        let mut item = from_image(image());
        item.insert("encoding".to_owned(), AttributeValue::S("json+zstd".to_owned()));
        item.insert("body".to_owned(), AttributeValue::B([magic, &packed].concat()));
        check_read(read_stream_item(&item))?;
    }
}

fn check_read(read: StreamItem) -> Result<(), TestCaseError> {
    match read {
        StreamItem::Commit(read) => prop_assert_eq!(read.stream, commit().stream),
        StreamItem::Unread { fault, .. } => prop_assert!(!fault.to_string().is_empty()),
        StreamItem::Foreign { fault } => prop_assert!(!fault.is_empty()),
    }
    Ok(())
}
